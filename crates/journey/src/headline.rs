//! The whole answer in one sentence: what is not where, because of what, since when, and who acts next.
//!
//! Owns the words around a finding. The finding's own sentence comes from the stage that made it.

use api::journey::{NextAttempt, StageKind};
use api::{ObjectRef, Sentence, State};
use facts::code::Relation;
use jiff::Timestamp;

use crate::finding::{Finding, ended};
use crate::stages::pods::Proof;
use crate::view::Gap;

/// What the sentence is about.
pub struct Subject<'a> {
    /// The app.
    pub app: &'a str,
    /// The repository's key and the commit, if it is known.
    pub commit: Option<(&'a str, &'a str)>,
    /// The environment.
    pub environment: &'a str,
    /// The cluster, if the app lives on several in this environment.
    pub cluster: Option<&'a str>,
    /// The workload, if the app has several in this environment and cluster.
    pub workload: Option<&'a str>,
    /// What it runs in there: pods, or tasks.
    pub pods: &'static str,
    /// Since when the cluster does not answer.
    pub stale_since: Option<Timestamp>,
}

impl Subject<'_> {
    fn what(&self) -> Sentence {
        let sentence = match self.stale_since {
            Some(since) => Sentence::default()
                .words("As last seen ")
                .instant(since)
                .words(", "),
            None => Sentence::default(),
        };
        self.named(sentence)
    }

    fn named(&self, sentence: Sentence) -> Sentence {
        let sentence = sentence.name(self.app);
        match self.commit {
            Some((key, sha)) => sentence.words(" ").commit(key, sha),
            None => sentence,
        }
    }

    fn place(&self, sentence: Sentence) -> Sentence {
        let sentence = sentence.name(self.environment);
        let sentence = match self.cluster {
            Some(cluster) => sentence.words(" on ").name(cluster),
            None => sentence,
        };
        match self.workload {
            Some(workload) => sentence.words(" (").name(workload).words(")"),
            None => sentence,
        }
    }

    /// It runs there, and the pods prove it.
    pub fn deployed(&self, proof: &Proof, wanted: u32, started: Option<Timestamp>) -> Sentence {
        let mut sentence = self.place(self.what().words(" is in "));
        if proof.relation != Relation::Same
            && let Some((key, _)) = self.commit
        {
            sentence = sentence
                .words(" as part of the newer ")
                .commit(key, &proof.revision);
        }
        sentence = sentence.words(format!(
            ", on {} of {wanted} {}",
            proof.pods.min(wanted as usize),
            self.pods
        ));
        if let Some(at) = started {
            let words = if proof.pods == 1 {
                ", started "
            } else {
                ", the oldest started "
            };
            sentence = sentence.words(words).instant(at);
        }
        ended(sentence)
    }

    /// A configuration commit that is in effect.
    pub fn in_effect(&self, applied: Option<(&str, &str)>, at: Option<Timestamp>) -> Sentence {
        let mut sentence = match applied {
            None => self.place(self.what().words(" is in effect in ")),
            // Not that it still has its effect: what is newer may have changed the same lines.
            Some((key, sha)) => self.place(
                self.what()
                    .words(" is part of the newer ")
                    .commit(key, sha)
                    .words(", which is in effect in "),
            ),
        };
        if let Some(at) = at {
            sentence = sentence.words(", applied ").instant(at);
        }
        ended(sentence)
    }

    /// It changes nothing there.
    pub fn not_affected(&self, why: Sentence) -> Sentence {
        let sentence = self.place(self.what().words(" changes nothing in "));
        ended(sentence.words(": ").then(why))
    }

    /// It could not be found out.
    pub fn unknown(&self, gap: &Gap) -> Sentence {
        let begin = match self.stale_since {
            Some(since) => Sentence::default()
                .words("As last seen ")
                .instant(since)
                .words(", whether "),
            None => Sentence::default().words("Whether "),
        };
        let sentence = self.place(self.named(begin).words(" is in "));
        ended(sentence.words(" cannot be said: ").quote(&gap.why))
    }

    /// Something stops it, or it is on its way.
    pub fn found(
        &self,
        finding: &Finding,
        stage: StageKind,
        runs: Option<(&str, &str)>,
    ) -> Sentence {
        let what = self.what();
        let mut sentence = match (finding.turn, stage) {
            (State::Reverted, _) => what.words(" is reverted: "),
            (State::RolledBack, _) => self.place(what.words(" was rolled back in ")).words(": "),
            (_, StageKind::Serving) => self
                .place(what.words(" is in "))
                .words(", but no traffic reaches it: "),
            (State::Moving | State::Waiting, _) => {
                self.place(what.words(" is not in ")).words(" yet: ")
            }
            _ => self.place(what.words(" is not in ")).words(": "),
        };
        sentence = sentence.then(finding.sentence.clone());
        if matches!(finding.turn, State::Moving | State::Waiting)
            && let Some(next) = &finding.next
        {
            sentence = acts(sentence, next, &finding.object);
        }
        if finding.turn == State::Reverted
            && let Some((key, sha)) = runs
        {
            sentence = self
                .place(sentence.words("; "))
                .words(" runs ")
                .commit(key, sha);
        }
        ended(sentence)
    }
}

/// Who acts next, and when.
fn acts(sentence: Sentence, next: &NextAttempt, object: &ObjectRef) -> Sentence {
    let sentence = if next.who == *object {
        sentence.words("; it ")
    } else {
        sentence.words("; ").object(&next.who).words(" ")
    };
    let sentence = sentence.words(&next.what);
    match next.at {
        Some(at) => sentence.words(" ").instant(at),
        None => sentence,
    }
}
