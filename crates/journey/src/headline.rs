//! The whole answer in one sentence: what is not where, because of what, since when, and who acts next.
//!
//! Owns the words around a finding. The finding's own sentence comes from the stage that made it.

use api::journey::{NextAttempt, StageKind};
use api::{ObjectRef, Sentence, State};
use facts::code::Relation;
use jiff::Timestamp;

use crate::causes::CauseCode;
use crate::finding::{Finding, ended, when};
use crate::stages::pods::Proof;
use crate::view::Gap;

/// What runs there now, as far as a headline must not deny it.
pub struct Runs<'a> {
    /// The repository's key and the commit.
    pub commit: (&'a str, &'a str),
    /// Whether the commit asked for is in it, and not taken back in it.
    pub has_it: bool,
    /// How many pods run it and are ready.
    pub pods: usize,
    /// How many pods are wanted.
    pub wanted: u32,
    /// Whether it is certain that these pods are of an older template than the newest.
    pub older: bool,
}

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

    /// A configuration commit that Flux has applied.
    pub fn applied(&self, newer: Option<(&str, &str)>, at: Option<Timestamp>) -> Sentence {
        let applied = if at.is_some() {
            " was applied in "
        } else {
            " is applied in "
        };
        let what = match newer {
            None => self.what().words(applied),
            // Not that it still has its effect: what is newer may have changed the same lines.
            Some((key, sha)) => self
                .what()
                .words(" is part of the newer ")
                .commit(key, sha)
                .words(format!(", which{applied}")),
        };
        ended(when(self.place(what), at))
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
    pub fn found(&self, finding: &Finding, stage: StageKind, runs: Option<&Runs<'_>>) -> Sentence {
        let what = self.what();
        let here = runs.filter(|runs| runs.has_it && runs.pods > 0);
        let mut sentence = match (finding.turn, stage, here) {
            (State::Reverted, ..) => what.words(" is reverted: "),
            (State::RolledBack, ..) => self.place(what.words(" was rolled back in ")).words(": "),
            (_, StageKind::Serving, _) => self
                .place(what.words(" is in "))
                .words(unserved(finding))
                .words(": "),
            (State::Moving | State::Waiting, _, Some(runs)) => {
                self.runs(what, runs).words(", and ")
            }
            (State::Moving | State::Waiting, _, None) => {
                self.place(what.words(" is not in ")).words(" yet: ")
            }
            (_, _, Some(runs)) => self.runs(what, runs).words(", but "),
            _ => self.place(what.words(" is not in ")).words(": "),
        };
        sentence = sentence.then(finding.sentence.clone());
        if matches!(finding.turn, State::Moving | State::Waiting)
            && let Some(next) = &finding.next
        {
            sentence = acts(sentence, next, &finding.object);
        }
        if finding.turn == State::Reverted
            && let Some(runs) = runs
        {
            let (key, sha) = runs.commit;
            sentence = self
                .place(sentence.words("; "))
                .words(" runs ")
                .commit(key, sha);
        }
        if finding.turn == State::RolledBack && here.is_some() {
            sentence = sentence.words("; pods still run it");
        }
        ended(sentence)
    }

    /// It runs there, though it is not deployed: the rollout is not over, or nothing holds it there.
    fn runs(&self, what: Sentence, runs: &Runs<'_>) -> Sentence {
        let (key, sha) = runs.commit;
        let mut sentence = self.place(what.words(" runs in "));
        if self.commit.is_some_and(|(_, asked)| asked != sha) {
            sentence = sentence.words(" as part of ").commit(key, sha);
        }
        if runs.older {
            sentence.words(" on older pods")
        } else if runs.pods < runs.wanted as usize {
            sentence.words(format!(" on {} of {} pods", runs.pods, runs.wanted))
        } else {
            sentence
        }
    }
}

/// What does not reach the pods. Of one way in from outside nothing is said about others, nor about who calls from inside.
fn unserved(finding: &Finding) -> &'static str {
    let is_coming = matches!(finding.turn, State::Moving | State::Waiting);
    match (finding.code, is_coming) {
        (CauseCode::ServingIngressNoAddress, false) => ", but an Ingress to it is not ready",
        (CauseCode::ServingIngressNoAddress, true) => ", and an Ingress to it is not ready yet",
        (CauseCode::ServingCertificateNotReady, false) => {
            ", but the certificate of an Ingress to it is not ready"
        }
        (CauseCode::ServingCertificateNotReady, true) => {
            ", and the certificate of an Ingress to it is not ready yet"
        }
        _ => ", but no traffic reaches it",
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
