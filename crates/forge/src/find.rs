//! One answer for each want: where to look, in which order, and what stays unknown.
//!
//! Owns that nothing fails here: what cannot be read becomes a gap with plain words inside the answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use facts::code::{Change, Named, Relation, Resolved, ResolvedBy};
use facts::found::Head;
use facts::{Coverage, Found, Read, Want};
use jiff::{SignedDuration, Timestamp};

use crate::ask::{Meanings, meanings};
use crate::clock::Holds;
use crate::declared;
use crate::error::Trouble;
use crate::git::history::History;
use crate::git::{Copy, Look, Repository, locked};
use crate::{HostCommit, Inner, RETRY};

/// Histories of paths that are kept, by path: each is walked again from the newest head only.
const MAX_DECLARED: usize = 1_000;
/// How long it holds which commit a pull request or CI run is of: an open one may get another.
const NUMBERED: Duration = Duration::from_secs(60);
/// How long it holds that a repository has no such pull request, run or commit.
const NOT_THERE: Duration = Duration::from_secs(300);
/// A copy younger than this is not fetched anew for a commit that it lacks.
const JUST_FETCHED: SignedDuration = SignedDuration::from_secs(1);

impl Inner {
    /// The answer; `further`: also from code hosts' APIs what the copies of repositories could have said.
    pub(crate) async fn find(&self, want: Want, further: bool) -> Found {
        match want {
            Want::Repository { repository } => {
                let head = self.head(&repository).await;
                Found::Repository { repository, head }
            }
            Want::Resolve { repository, text } => {
                match self.resolve(&repository, &text, further).await {
                    Ok(resolved) => Found::Resolve {
                        repository,
                        text,
                        resolved,
                    },
                    Err(coverage) => Found::RepositoryGap {
                        repository,
                        coverage,
                    },
                }
            }
            Want::Commit { repository, sha } => {
                let commit = self.commit(&repository, &sha).await;
                Found::Commit {
                    repository,
                    sha,
                    commit,
                }
            }
            Want::Relation { repository, a, b } => match self.relation(&repository, &a, &b).await {
                Ok(relation) => Found::Relation {
                    repository,
                    a,
                    b,
                    relation,
                },
                Err(coverage) => Found::RepositoryGap {
                    repository,
                    coverage,
                },
            },
            Want::Touched { repository, sha } => {
                let paths = self.touched(&repository, &sha).await;
                Found::Touched {
                    repository,
                    sha,
                    paths,
                }
            }
            Want::Concern {
                repository,
                sha,
                path,
                objects,
            } => {
                let concern = self.concern(&repository, &sha, &path, &objects).await;
                Found::Concern {
                    repository,
                    sha,
                    path,
                    objects,
                    concern,
                }
            }
            Want::Changes {
                repository,
                sha,
                path,
            } => {
                let changes = self.changes(&repository, &sha, &path).await;
                Found::Changes {
                    repository,
                    sha,
                    path,
                    changes,
                }
            }
            Want::Declared {
                repository,
                branch,
                path,
            } => {
                let history = self.declared(&repository, &branch, &path).await;
                Found::Declared {
                    repository,
                    branch,
                    path,
                    history,
                }
            }
            Want::Ci { repository, sha } => {
                let ask = self.github.ci(&repository, &sha);
                let runs = self
                    .ci
                    .get(key(&repository, &sha), |read| self.holds(read), gap(ask));
                let runs = runs.await;
                Found::Ci {
                    repository,
                    sha,
                    runs,
                }
            }
            Want::Pulls { repository, sha } => {
                let ask = async {
                    match self.github.pulls(&repository, &sha).await {
                        Ok(Some(pulls)) => Read::Known(pulls),
                        Ok(None) => Read::Missing,
                        Err(trouble) => Read::Gap(trouble.coverage()),
                    }
                };
                let pulls = self
                    .pulls
                    .get(key(&repository, &sha), |read| self.holds(read), ask);
                let pulls = pulls.await;
                Found::Pulls {
                    repository,
                    sha,
                    pulls,
                }
            }
            Want::OpenPulls { repository } => {
                let ask = self.github.open_pulls(&repository);
                let pulls = self
                    .pulls
                    .get(key(&repository, ""), |read| self.holds(read), gap(ask));
                let pulls = pulls.await;
                Found::OpenPulls { repository, pulls }
            }
            Want::Tags { repository } => {
                let ask = self.registries.tags(&repository);
                let tags = self
                    .tags
                    .get(repository.clone(), |read| self.holds(read), ask);
                let tags = tags.await;
                Found::Tags { repository, tags }
            }
            Want::Digest { repository, tag } => {
                let ask = self.registries.digest(&repository, &tag);
                let digest = self
                    .digests
                    .get(key(&repository, &tag), |read| self.holds(read), ask);
                let digest = digest.await;
                Found::Digest {
                    repository,
                    tag,
                    digest,
                }
            }
            Want::Image { repository, digest } => {
                let ask = self.registries.image(&repository, &digest);
                // A digest's image never changes: a known one is never asked for again.
                let holds = |read: &Read<_>| match read {
                    Read::Known(_) => Holds::For(Duration::MAX),
                    Read::Missing | Read::Gap(_) => self.holds(read),
                };
                let image = self.images.get(key(&repository, &digest), holds, ask).await;
                Found::Image {
                    repository,
                    digest,
                    image,
                }
            }
        }
    }

    /// How long an answer holds: one that failed is asked for again soon.
    fn holds<T>(&self, read: &Read<T>) -> Holds {
        match read {
            Read::Known(_) | Read::Missing => Holds::For(self.fresh_for),
            Read::Gap(_) => Holds::UntilBack(self.fresh_for.min(RETRY)),
        }
    }

    async fn head(&self, key: &str) -> Head {
        let failed = |coverage| Head {
            coverage,
            ..Head::default()
        };
        let (repository, copy) = match self.fresh(key).await {
            Ok(fresh) => fresh,
            Err(coverage) => return failed(coverage),
        };
        let as_of = copy.snapshot.fetched;
        let read = repository
            .read(Arc::clone(&copy), |repository, history| {
                repository.reverts(history)
            })
            .await;
        match read {
            Ok(reverts) => Head {
                coverage: Coverage::Seen { as_of },
                default_branch: copy.snapshot.default_branch.clone(),
                branches: copy.snapshot.branches.clone(),
                reverts,
            },
            Err(trouble) => failed(trouble.coverage()),
        }
    }

    /// A copy that is as fresh as it should be.
    async fn fresh(&self, key: &str) -> Result<(Arc<Repository>, Arc<Copy>), Coverage> {
        let repository = self
            .git
            .repository(key)
            .map_err(|trouble| trouble.coverage())?;
        match repository.fresh().await {
            Look {
                copy: Some(copy),
                trouble: None,
            } => Ok((repository, copy)),
            Look { trouble, .. } => Err(trouble.map_or(Coverage::NotAsked, |one| one.coverage())),
        }
    }

    async fn resolve(
        &self,
        key: &str,
        text: &str,
        further: bool,
    ) -> Result<Vec<Resolved>, Coverage> {
        let Some(meant) = meanings(text, key) else {
            return Ok(Vec::new());
        };
        let repository = self
            .git
            .repository(key)
            .map_err(|trouble| trouble.coverage())?;
        let look = repository.fresh().await;
        let Some(copy) = look.copy else {
            return Err(look
                .trouble
                .map_or(Coverage::NotAsked, |one| one.coverage()));
        };
        let is_head = meant == Meanings::default();
        let mut found = {
            let meant = meant.clone();
            repository
                .read(copy, move |_, history| {
                    let mut found = Vec::new();
                    let mut add = |sha: Option<String>, by: ResolvedBy| {
                        found.extend(sha.map(|sha| Resolved { sha, by }));
                    };
                    let snapshot = history.snapshot;
                    if is_head {
                        let head = history.default_head().map(|id| id.to_string());
                        add(head, ResolvedBy::Branch(snapshot.default_branch.clone()));
                    }
                    if let Some(name) = &meant.name {
                        let by = ResolvedBy::Branch(name.clone());
                        add(snapshot.branches.get(name).cloned(), by);
                        let by = ResolvedBy::Tag(name.clone());
                        add(snapshot.tags.get(name).cloned(), by);
                    }
                    if let Some(sha) = &meant.sha {
                        for id in history.by_prefix(sha)? {
                            add(Some(id.to_string()), ResolvedBy::Sha);
                        }
                    }
                    if let Some(issue) = &meant.issue {
                        found.extend(history.mentioning(issue)?);
                    }
                    Ok(found)
                })
                .await
                .map_err(|trouble| trouble.coverage())?
        };
        // What is known of commits stays true; what branches and messages say may have changed since.
        let is_settled = found.iter().any(|one| one.by == ResolvedBy::Sha);
        if let Some(trouble) = look.trouble
            && !is_settled
        {
            return Err(trouble.coverage());
        }
        // Digits that begin a commit here stand for it: a number of that length would be a rare chance.
        let is_number = meant.certain || !is_settled;
        if let Some(number) = meant.pull.filter(|_| is_number) {
            match self.pull(&repository, key, number).await {
                Ok(sha) => found.extend(sha.map(|sha| Resolved {
                    sha,
                    by: ResolvedBy::PullRequest(number),
                })),
                // A bare number may well be none: only what cannot be anything else is missed.
                Err(trouble) if meant.certain => return Err(trouble.coverage()),
                Err(_) => {}
            }
        }
        if let Some(number) = meant.run.filter(|_| is_number) {
            match self.run(key, number).await {
                Ok(sha) => found.extend(sha.map(|sha| Resolved {
                    sha,
                    by: ResolvedBy::CiRun(number),
                })),
                Err(trouble) if meant.certain => return Err(trouble.coverage()),
                Err(_) => {}
            }
        }
        if further
            && found.is_empty()
            && let Some(sha) = meant.sha.filter(|sha| sha.len() >= 7)
            && self.github.serves(key)
        {
            match self.on_host(key, &sha).await {
                // A commit of a branch that is gone: squashed pull requests leave such.
                Ok(Some((commit, _))) => found.push(Resolved {
                    sha: commit.sha,
                    by: ResolvedBy::Sha,
                }),
                // Nobody has said yet that there is none.
                Err(trouble @ (Trouble::RateLimited { .. } | Trouble::Unreachable { .. })) => {
                    return Err(trouble.coverage());
                }
                Ok(None) | Err(_) => {}
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|one| seen.insert(one.clone()));
        Ok(found)
    }

    /// The commit of a pull request: from the code host, or, where that has no API, from what its landing left in the
    /// message.
    async fn pull(
        &self,
        repository: &Arc<Repository>,
        key: &str,
        number: u64,
    ) -> Result<Option<String>, Trouble> {
        let ask = self.github.pull(key, number);
        let asked = (key.to_owned(), format!("#{number}"));
        let trouble = match self.numbers.get(asked, |said| self.said(said), ask).await {
            Ok(sha) => return Ok(sha),
            Err(trouble) => trouble,
        };
        let look = repository.any().await;
        let Some(copy) = look.copy else {
            return Err(trouble);
        };
        let landed = repository
            .read(copy, move |_, history| history.landed(number))
            .await?;
        landed.map(|id| Some(id.to_string())).ok_or(trouble)
    }

    /// The commit of a CI run.
    async fn run(&self, key: &str, number: u64) -> Result<Option<String>, Trouble> {
        let ask = self.github.run(key, number);
        let asked = (key.to_owned(), format!("run {number}"));
        self.numbers.get(asked, |said| self.said(said), ask).await
    }

    /// A commit that no branch or tag has, from the code host.
    async fn on_host(&self, key: &str, sha: &str) -> Result<Option<HostCommit>, Trouble> {
        let ask = self.github.commit(key, sha);
        let asked = (key.to_owned(), sha.to_owned());
        let holds = |said: &Result<Option<HostCommit>, Trouble>| match said {
            // What a SHA names never changes.
            Ok(Some(_)) => Holds::For(Duration::MAX),
            said => self.said(said),
        };
        self.on_hosts.get(asked, holds, ask).await
    }

    /// How long what a code host said of a number or SHA holds: each answer costs a request that is counted there.
    fn said<T>(&self, said: &Result<Option<T>, Trouble>) -> Holds {
        match said {
            Ok(Some(_)) => Holds::For(self.fresh_for.max(NUMBERED)),
            Ok(None) => Holds::For(self.fresh_for.max(NOT_THERE)),
            Err(_) => Holds::UntilBack(self.fresh_for.min(RETRY)),
        }
    }

    async fn commit(&self, key: &str, sha: &str) -> Read<facts::code::Commit> {
        let repository = match self.git.repository(key) {
            Ok(repository) => repository,
            Err(trouble) => return Read::Gap(trouble.coverage()),
        };
        let look = repository.fresh().await;
        let Some(copy) = look.copy else {
            return Read::Gap(
                look.trouble
                    .map_or(Coverage::NotAsked, |one| one.coverage()),
            );
        };
        let read = {
            let sha = sha.to_owned();
            repository
                .read(copy, move |_, history| history.commit(&sha))
                .await
        };
        match (read, look.trouble) {
            (Ok(Some(commit)), _) => Read::Known(commit),
            (Err(trouble), _) | (Ok(None), Some(trouble)) => Read::Gap(trouble.coverage()),
            (Ok(None), None) if !self.github.serves(key) => Read::Missing,
            // No branch or tag has it; the code host may still know it from a branch that is gone.
            (Ok(None), None) => match self.on_host(key, sha).await {
                Ok(Some((commit, _))) => Read::Known(commit),
                // Git has answered; that the API does not is another matter.
                Ok(None) | Err(_) => Read::Missing,
            },
        }
    }

    async fn relation(&self, key: &str, a: &str, b: &str) -> Result<Relation, Coverage> {
        let repository = self
            .git
            .repository(key)
            .map_err(|trouble| trouble.coverage())?;
        // True for ever: only commits that are not known yet are worth a fetch, and they may have been pushed just now.
        let wanted = self.just_now();
        let mut look = repository.any().await;
        let mut fetched = false;
        loop {
            let Some(copy) = look.copy else {
                return Err(look
                    .trouble
                    .map_or(Coverage::NotAsked, |one| one.coverage()));
            };
            let (a, b) = (a.to_owned(), b.to_owned());
            let relation = repository
                .read(copy, move |_, history| history.relation(&a, &b))
                .await
                .map_err(|trouble| trouble.coverage())?;
            if relation != Relation::NoSuchCommit {
                return Ok(relation);
            }
            if fetched {
                return match look.trouble {
                    Some(trouble) => Err(trouble.coverage()),
                    None => Ok(relation),
                };
            }
            look = repository.newer(wanted).await;
            fetched = true;
        }
    }

    /// Fetches that began before this may lack what is pushed now.
    fn just_now(&self) -> Timestamp {
        self.clock
            .now()
            .checked_sub(JUST_FETCHED)
            .unwrap_or(Timestamp::MIN)
    }

    /// What the copy says of a commit; fetched anew for one that it lacks.
    async fn of_commit<T: Send + 'static>(
        &self,
        key: &str,
        read: impl Fn(&History<'_>) -> Result<Option<T>, Trouble> + Clone + Send + 'static,
    ) -> Read<T> {
        let repository = match self.git.repository(key) {
            Ok(repository) => repository,
            Err(trouble) => return Read::Gap(trouble.coverage()),
        };
        let mut look = repository.any().await;
        let mut fetched = false;
        loop {
            let Some(copy) = look.copy else {
                return Read::Gap(
                    look.trouble
                        .map_or(Coverage::NotAsked, |one| one.coverage()),
                );
            };
            let read = read.clone();
            match repository.read(copy, move |_, history| read(history)).await {
                Ok(Some(found)) => return Read::Known(found),
                Err(trouble) => return Read::Gap(trouble.coverage()),
                Ok(None) if !fetched => {
                    look = repository.newer(self.just_now()).await;
                    fetched = true;
                }
                Ok(None) => break,
            }
        }
        match look.trouble {
            Some(trouble) => Read::Gap(trouble.coverage()),
            None => Read::Missing,
        }
    }

    async fn concern(
        &self,
        key: &str,
        sha: &str,
        path: &str,
        objects: &BTreeSet<Named>,
    ) -> Read<bool> {
        let (repository, sha) = (key.to_owned(), sha.to_owned());
        let (path, objects) = (path.to_owned(), objects.clone());
        self.of_commit(key, move |history| {
            declared::concern(history, (&repository, &sha), &path, &objects)
        })
        .await
    }

    async fn changes(&self, key: &str, sha: &str, path: &str) -> Read<Vec<Change>> {
        let (repository, sha, path) = (key.to_owned(), sha.to_owned(), path.to_owned());
        self.of_commit(key, move |history| {
            declared::changes(history, (&repository, &sha), &path)
        })
        .await
    }

    async fn touched(&self, key: &str, sha: &str) -> Read<Vec<String>> {
        let wanted = sha.to_owned();
        let read = self
            .of_commit(key, move |history| history.touched(&wanted))
            .await;
        if !matches!(read, Read::Missing) || !self.github.serves(key) {
            return read;
        }
        match self.on_host(key, sha).await {
            Ok(Some((_, paths))) => Read::Known(paths),
            Ok(None) => Read::Missing,
            Err(trouble) => Read::Gap(trouble.coverage()),
        }
    }

    async fn declared(
        &self,
        key: &str,
        branch: &str,
        path: &str,
    ) -> Read<facts::code::DeclaredHistory> {
        let (repository, copy) = match self.fresh(key).await {
            Ok(fresh) => fresh,
            Err(coverage) => return Read::Gap(coverage),
        };
        let branch = match branch {
            "" => copy.snapshot.default_branch.clone(),
            branch => branch.to_owned(),
        };
        let path = path.to_owned();
        let read = repository
            .read(copy, move |repository, history| {
                let slot = (branch, path);
                let known = locked(&repository.declared).get(&slot).cloned();
                let head = history.snapshot.branches.get(&slot.0);
                if let Some(known) = &known
                    && Some(&known.head) == head
                {
                    return Ok(Some(known.clone()));
                }
                let found = declared::history(history, &slot.0, &slot.1, known.as_ref())?;
                if let Some(found) = &found {
                    let mut kept = locked(&repository.declared);
                    if kept.len() >= MAX_DECLARED {
                        kept.clear();
                    }
                    kept.insert(slot, found.clone());
                }
                Ok(found)
            })
            .await;
        match read {
            Ok(Some(history)) => Read::Known(history),
            Ok(None) => Read::Missing,
            Err(trouble) => Read::Gap(trouble.coverage()),
        }
    }
}

fn key(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

async fn gap<T>(ask: impl Future<Output = Result<T, Trouble>>) -> Read<T> {
    match ask.await {
        Ok(value) => Read::Known(value),
        Err(trouble) => Read::Gap(trouble.coverage()),
    }
}
