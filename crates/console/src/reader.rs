//! One reader's own view of the facts: what it has a claim on, and nothing else.
//!
//! Owns the claims. The engine says what it lacks and not what it uses; a reader's facts hold only what the reader
//! itself came to want, so its claims are what its answer rests on, and the end of the reader is the end of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Sentence;
use facts::{ClusterFacts, CodeFacts, Coverage, Facts, Found, HistoryFacts, ImageFacts, Want};
use jiff::Timestamp;

use crate::wants::WantBook;

/// How often claims are gathered anew, so that what an answer once rested on is not read for ever.
const TIDY: Duration = Duration::from_secs(60);
/// The longest chain of wants that are answered already; more is a loop.
const MAX_STEPS: usize = 64;

/// What one reader knows and wants.
pub struct Reader {
    facts: Facts,
    claimed: BTreeSet<Want>,
    /// What each repository's own want found.
    heads: BTreeMap<String, Coverage>,
    /// Wants of a repository that could not be read, for which the facts have no place of their own.
    gaps: BTreeMap<Want, Coverage>,
    /// The wants whose answers have changed since the last evaluation.
    changed: Vec<Want>,
    tidied: Instant,
    /// Claims since then.
    grown: bool,
    /// Its claims are others than when they were last asked for.
    reclaimed: bool,
}

/// What an evaluation wants.
pub trait Evaluated {
    /// The wants.
    fn wants(&self) -> &BTreeSet<Want>;
}

impl Evaluated for journey::Evaluation {
    fn wants(&self) -> &BTreeSet<Want> {
        &self.wants
    }
}

impl Evaluated for journey::BoardEvaluation {
    fn wants(&self) -> &BTreeSet<Want> {
        &self.wants
    }
}

impl Evaluated for journey::AppEvaluation {
    fn wants(&self) -> &BTreeSet<Want> {
        &self.wants
    }
}

impl Evaluated for journey::PastEvaluation {
    fn wants(&self) -> &BTreeSet<Want> {
        &self.wants
    }
}

impl Reader {
    /// A reader that knows what nobody has to want: the clusters, what is usual there, where images came from.
    pub fn new(facts: Facts, now: Instant) -> Self {
        Self {
            facts,
            claimed: BTreeSet::new(),
            heads: BTreeMap::new(),
            gaps: BTreeMap::new(),
            changed: Vec::new(),
            tidied: now,
            grown: false,
            reclaimed: true,
        }
    }

    /// Takes a cluster's news in.
    pub fn cluster(&mut self, name: &str, facts: &Arc<ClusterFacts>) {
        self.facts
            .clusters
            .insert(name.to_owned(), Arc::clone(facts));
    }

    /// Takes in what is usual.
    pub fn history(&mut self, history: &Arc<HistoryFacts>) {
        self.facts.history = Arc::clone(history);
    }

    /// Looks at what is known, and wants nothing.
    pub fn look<T>(&self, judge: impl FnOnce(&Facts) -> T) -> T {
        judge(&self.facts)
    }

    /// Its claims.
    pub fn claimed(&self) -> &BTreeSet<Want> {
        &self.claimed
    }

    /// Whether its claims are others than when this was last asked.
    pub fn take_reclaimed(&mut self) -> bool {
        std::mem::take(&mut self.reclaimed)
    }

    /// Takes an answer in, if it is to a want of this reader's.
    pub fn take(&mut self, want: &Want, found: &Found) {
        if self.claimed.contains(want) {
            self.place(want, found.clone());
        }
    }

    /// Evaluates, as often as what is wanted is known already. `judge` is told the wants whose answers have changed since
    /// it last judged.
    pub fn evaluate<E: Evaluated>(
        &mut self,
        book: &mut WantBook,
        now: Instant,
        mut judge: impl FnMut(&Facts, &[Want]) -> E,
    ) -> E {
        let is_tidying = self.grown && self.tidied + TIDY <= now;
        if is_tidying {
            self.forget(now);
        }
        let mut steps = 0;
        loop {
            let evaluated = judge(&self.facts, &std::mem::take(&mut self.changed));
            let mut is_more_known = false;
            for want in evaluated.wants() {
                if !self.claimed.insert(want.clone()) {
                    continue;
                }
                self.grown = true;
                self.reclaimed = true;
                if let Some(found) = book.claim(want, now) {
                    self.place(want, found);
                    is_more_known = true;
                }
            }
            steps += 1;
            if !is_more_known || steps == MAX_STEPS {
                self.grown &= !is_tidying;
                return evaluated;
            }
        }
    }

    /// Whether everything that it wants has been answered.
    pub fn is_settled(&self, book: &WantBook, wants: &BTreeSet<Want>) -> bool {
        !wants.iter().any(|want| book.is_open(want))
            && !book.reopened().any(|want| self.claimed.contains(want))
    }

    /// What could not be read again and is shown as it was, one sentence a reason.
    pub fn unread(&self, book: &WantBook) -> Vec<Sentence> {
        let mut reasons: BTreeMap<String, Option<Timestamp>> = BTreeMap::new();
        for want in book.failed().filter(|want| self.claimed.contains(want)) {
            let Some(overdue) = book.overdue(want) else {
                continue;
            };
            // The facts say so already where a repository could not be read at all.
            if overdue.read_at.is_none() && !self.is_whole(want) {
                continue;
            }
            let since = reasons.entry(why(&overdue.why)).or_default();
            *since = match (*since, overdue.read_at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        reasons
            .into_iter()
            .map(|(reason, since)| {
                let sentence = Sentence::default().quote(reason);
                match since {
                    Some(at) => sentence
                        .words("; what was read before stands, the oldest of it read ")
                        .instant(at)
                        .words("."),
                    None => sentence.words("."),
                }
            })
            .collect()
    }

    /// Whether the repository of a want without a place for its gap is otherwise known.
    fn is_whole(&self, want: &Want) -> bool {
        let (Want::Resolve { repository, .. } | Want::Relation { repository, .. }) = want else {
            return false;
        };
        self.heads.get(repository).is_some_and(Coverage::is_whole)
    }

    fn forget(&mut self, now: Instant) {
        let facts = std::mem::take(&mut self.facts);
        // What was known is not known any more, until it is claimed again.
        let claimed = std::mem::take(&mut self.claimed);
        // A repository may be known to be unreadable by another want than its own.
        let repositories = facts.code.repositories.keys().cloned();
        let repositories = repositories.map(|repository| Want::Repository { repository });
        let changed = claimed.into_iter().chain(repositories).collect();
        let kept = Facts {
            code: CodeFacts::default(),
            images: ImageFacts::default(),
            ..facts
        };
        *self = Self {
            changed,
            ..Self::new(kept, now)
        };
    }

    fn place(&mut self, want: &Want, found: Found) {
        self.changed.push(want.clone());
        let repository = match &found {
            Found::RepositoryGap {
                repository,
                coverage,
            } => {
                self.gaps.insert(want.clone(), coverage.clone());
                Some(repository.clone())
            }
            Found::Repository { repository, head } => {
                self.heads.insert(repository.clone(), head.coverage.clone());
                self.gaps.remove(want);
                Some(repository.clone())
            }
            _ => self
                .gaps
                .remove(want)
                .and_then(|_| repository_of(want).cloned()),
        };
        self.facts.absorb(found);
        if let Some(repository) = repository {
            self.cover(repository);
        }
    }

    /// How well a repository is known: whatever else could not be read of it, its branches and heads stand if they were.
    fn cover(&mut self, repository: String) {
        let own = self.heads.get(&repository);
        let coverage = match own {
            Some(own) if own.is_whole() => own.clone(),
            _ => {
                let gap = self
                    .gaps
                    .iter()
                    .find(|(want, _)| repository_of(want) == Some(&repository))
                    .map(|(_, coverage)| coverage.clone());
                own.cloned().or(gap).unwrap_or_default()
            }
        };
        self.changed.push(Want::Repository {
            repository: repository.clone(),
        });
        self.facts
            .code
            .repositories
            .entry(repository)
            .or_default()
            .coverage = coverage;
    }
}

/// The repository whose coverage a want's gap takes.
fn repository_of(want: &Want) -> Option<&String> {
    match want {
        Want::Resolve { repository, .. }
        | Want::Relation { repository, .. }
        | Want::Repository { repository } => Some(repository),
        _ => None,
    }
}

/// A gap's reason alone.
fn why(coverage: &Coverage) -> String {
    match coverage {
        Coverage::Denied { message }
        | Coverage::Failed { message }
        | Coverage::Unreachable { message } => message.clone(),
        Coverage::Seen { .. } | Coverage::NotServed { .. } | Coverage::NotAsked => {
            "not read yet".to_owned()
        }
    }
}
