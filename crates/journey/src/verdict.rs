//! From nine outcomes to one state: the first unmet stage decides, unless a later one proves it behind us.
//!
//! Owns the order of the verdict and the making of a journey. The stages are walked in `walk` and `configuration`.

use api::journey::{Answer, Ask, Journey, NextAttempt};
use api::{Sentence, StageKind, State};
use facts::Reach;
use facts::code::Relation;
use jiff::Timestamp;

use crate::ask::{self, Meaning};
use crate::discover::{Roll, Target, Targets};
use crate::environment::same;
use crate::finding::{Finding, Outcome, ended};
use crate::headline::{Runs, Subject};
use crate::images;
use crate::missing::{gone, reaches, unfollowed, unread};
use crate::reverts;
use crate::route::{Route, route};
use crate::running;
use crate::stages::commit;
use crate::stages::pods::{self, Crew};
use crate::view::{Gap, Learned, Place, View};
use crate::{configuration, usual, walk};

/// Answers an ask.
pub fn answer(view: &View<'_>, ask: &Ask) -> Result<Answer, api::Error> {
    let roll = Roll::of(view, ask.app.as_deref(), ask.text.trim());
    let all = Targets::new(view, &roll);
    let list: Vec<Target<'_>> = all.all().collect();
    let question = ask::question(view, &list, ask)?;
    let chosen = ask::narrow(view, &list, ask, &question)?;
    let mut answer = Answer {
        version: api::JSON_VERSION,
        ask: ask.clone(),
        commit: None,
        journeys: Vec::new(),
        pending: 0,
        unread: unread(view, roll.in_order(), home(view, ask)),
        at: view.now,
    };
    match ask::meaning(view, &list, &question)? {
        Err(gap) => answer.unread.push(
            Sentence::default()
                .words("Not known yet: ")
                .quote(gap.why)
                .words("."),
        ),
        Ok(Meaning::Newest) => {
            answer.journeys = chosen
                .iter()
                .map(|target| newest(view, &all, target))
                .collect();
            let concerns = |name: &str, environment: &str| {
                question.app().is_none_or(|app| app == name) && meant(ask, environment)
            };
            let gone = gone(view, &all, &answer.journeys, concerns);
            answer.unread.extend(gone);
            if answer.journeys.is_empty() && answer.unread.is_empty() {
                answer.unread.push(
                    Sentence::default()
                        .words("Nothing of what was asked for runs there, as far as can be read."),
                );
            }
        }
        Ok(Meaning::Commit { key, sha }) => {
            answer.commit = running::commit(view, &key, &sha);
            answer.journeys = of_commit(view, &all, &chosen, &key, &sha);
            answer.unread.extend(unfollowed(view, &all, &chosen, &key));
            let concerns = |name: &str, environment: &str| {
                let is_asked = match question.app() {
                    Some(app) => app == name,
                    None => reaches(view, &all, (&key, &sha), (name, environment)),
                };
                is_asked && meant(ask, environment)
            };
            let gone = gone(view, &all, &answer.journeys, concerns);
            answer.unread.extend(gone);
            if answer.journeys.is_empty() && answer.unread.is_empty() {
                return nowhere(view, &all, &key, &sha, answer);
            }
        }
    }
    Ok(answer)
}

/// Whether an ask means an environment.
fn meant(ask: &Ask, environment: &str) -> bool {
    ask.environment
        .as_deref()
        .is_none_or(|wanted| same(wanted, environment))
}

/// The journeys of one commit: to what is built from it, and to what it configures.
fn of_commit<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    chosen: &[Target<'a>],
    key: &str,
    sha: &str,
) -> Vec<Journey> {
    let mut journeys = Vec::new();
    for target in chosen {
        let is_source = matches!(&target.source, Ok(Some(source)) if source == key);
        let place = configured_by(view, target, key);
        match place {
            Some(path) if !is_source || path.is_about(view, key, sha) => {
                journeys.push(configuration::journey(view, all, target, &path, key, sha));
            }
            _ if is_source => journeys.push(walk::journey(view, all, target, key, sha)),
            _ => {}
        }
    }
    journeys
}

/// The route to a target, if it leads through this repository.
pub fn configured_by<'a>(
    view: &View<'a>,
    target: &Target<'a>,
    key: &str,
) -> Option<configuration::Way<'a>> {
    let Ok(Route::Flux(path)) = route(view, target) else {
        return None;
    };
    let place = path.configuration.clone().ok().flatten()?;
    (place.repository == key).then_some(configuration::Way { path, place })
}

/// No target has to do with the commit: said as an error, so that nobody reads an empty answer as good news.
fn nowhere(
    view: &View<'_>,
    all: &Targets<'_>,
    key: &str,
    sha: &str,
    answer: Answer,
) -> Result<Answer, api::Error> {
    let list: Vec<Target<'_>> = all.all().collect();
    let known = ask::repositories(view, &list);
    let unsure = known.gaps.iter().any(|gap| gap.pending) || ask::is_connecting(view);
    if unsure {
        return Ok(answer);
    }
    let here: Vec<String> = all
        .built_from(key)
        .map(|target| format!("{} in {}", target.app, target.environment))
        .collect();
    let message = if here.is_empty() {
        format!(
            "{} is a commit of {key}, and no app that could be read is built from it.",
            api::headline::short(sha)
        )
    } else {
        format!(
            "{} is a commit of {key}, which reaches {}, and nothing that was asked for.",
            api::headline::short(sha),
            here.join(", ")
        )
    };
    let error = api::Error::new(api::error::Code::UnknownAsk, message);
    Err(ask::unsure(view, &list, error))
}

/// How many commits that change nothing in a target, or are taken back, are passed over to find one that counts. Each is
/// read after the one before: more would cost a board of a large repository more than they tell.
const PASSED_OVER: usize = 4;

/// The journey of the newest commit that changes a target: behind one that does not, another may be stuck. Where none of
/// the newest does, it is the newest commit's.
fn newest_of_concern<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    target: &Target<'a>,
    (key, head): (&'a str, &'a str),
) -> Journey {
    let mut newest = walk::journey(view, all, target, key, head);
    if newest.state != State::NotAffected {
        return newest;
    }
    let mut sha = head;
    for passed in 1..=PASSED_OVER {
        sha = match view.commit(key, sha) {
            Ok(known) => match known.and_then(|known| known.parents.first()) {
                Some(parent) => parent,
                None => return newest,
            },
            Err(gap) if gap.pending => return unlinked(view, all, target, &gap),
            Err(_) => return newest,
        };
        let mut journey = walk::journey(view, all, target, key, sha);
        match journey.state {
            State::NotAffected | State::Reverted => continue,
            State::Unknown if !journey.pending => return newest,
            _ => {}
        }
        let (it, no_effect) = match passed {
            1 => ("The newest commit, ", ", does not affect it."),
            _ => ("The newest commits, up to ", ", do not affect it."),
        };
        let note = Sentence::default().words(it).commit(key, head);
        journey.notes.push(note.words(no_effect));
        return journey;
    }
    newest.notes.push(Sentence::default().words(format!(
        "Neither do the {PASSED_OVER} commits before it, or they are taken back; older ones were not looked at."
    )));
    newest
}

/// The journey of the newest commit of a target's app.
pub fn newest<'a>(view: &View<'a>, all: &Targets<'a>, target: &Target<'a>) -> Journey {
    match &target.source {
        Ok(Some(key)) => match view.head(key) {
            Ok(head) => newest_of_concern(view, all, target, (key, head)),
            Err(gap) => unlinked(view, all, target, &gap),
        },
        Ok(None) => unlinked(
            view,
            all,
            target,
            &images::unsaid(
                view,
                target.running.first().unwrap_or(&target.image),
                &format!("image {}", target.container.image),
                "org.opencontainers.image.source",
            ),
        ),
        Err(gap) => unlinked(view, all, target, gap),
    }
}

/// A target whose commit is not known.
fn unlinked<'a>(view: &View<'a>, all: &Targets<'a>, target: &Target<'a>, gap: &Gap) -> Journey {
    let crew = pods::crew(target.place, target.workload);
    let outcomes = StageKind::ALL
        .into_iter()
        .map(|kind| match kind {
            StageKind::Commit => Outcome::unknown(kind, gap),
            _ => Outcome::not_reached(kind),
        })
        .collect();
    let verdict = Verdict::unknown(StageKind::Commit, gap.clone());
    Draft {
        view,
        all,
        target,
        commit: None,
        crew: &crew,
        outcomes,
        notes: Vec::new(),
    }
    .journey(verdict)
}

/// What decides a journey.
pub enum Verdict {
    /// The state is reached; the sentence says so, the evidence proves it.
    Settled {
        /// Deployed, Superseded or NotAffected.
        state: State,
        /// The headline.
        headline: Sentence,
        /// The proof.
        evidence: Vec<api::journey::Evidence>,
    },
    /// A stage stops it, or it is on its way through it.
    Found {
        /// The stage.
        stage: StageKind,
        /// Why.
        finding: Box<Finding>,
    },
    /// A stage that decides could not be read.
    Unknown {
        /// The stage.
        stage: StageKind,
        /// Why.
        gap: Gap,
    },
}

impl Verdict {
    /// A stage that could not be read.
    pub fn unknown(stage: StageKind, gap: Gap) -> Self {
        Self::Unknown { stage, gap }
    }
}

/// Lets the first unmet stage decide; `None` if all are met.
pub fn decide(outcomes: &[Outcome]) -> Option<Verdict> {
    let first = outcomes.iter().find(|outcome| !outcome.is_met())?;
    let pods = outcomes
        .iter()
        .find(|outcome| outcome.stage.kind == StageKind::Pods);
    // A rollout that does not end waits for its pods: they know why.
    let deciding = match pods {
        Some(pods) if is_waiting_for_pods(first, pods) => pods,
        _ => first,
    };
    let stage = deciding.stage.kind;
    if let Some(finding) = &deciding.finding {
        return Some(Verdict::Found {
            stage,
            finding: Box::new(finding.clone()),
        });
    }
    let why = match &deciding.stage.state {
        api::StageState::Unknown { why } => why.clone(),
        _ => format!("the {} stage was not reached", stage.name()),
    };
    let pending = deciding.pending;
    Some(Verdict::unknown(stage, Gap { why, pending }))
}

fn is_waiting_for_pods(first: &Outcome, pods: &Outcome) -> bool {
    use crate::causes::CauseCode;
    let Some(rollout) = first
        .finding
        .as_ref()
        .filter(|_| first.stage.kind == StageKind::Rollout)
    else {
        return false;
    };
    let pods_blocked = pods
        .finding
        .as_ref()
        .is_some_and(|finding| finding.turn == State::Blocked);
    match rollout.code {
        CauseCode::RolloutRunning | CauseCode::EcsDeploymentRunning => {
            pods_blocked || pods.is_unknown()
        }
        CauseCode::RolloutDeadline | CauseCode::EcsDeploymentFailed => pods_blocked,
        _ => false,
    }
}

/// Everything a journey is made of but its verdict.
pub struct Draft<'v, 'a> {
    /// The facts.
    pub view: &'v View<'a>,
    /// Every target, to know whether an environment has several clusters.
    pub all: &'v Targets<'a>,
    /// Where to.
    pub target: &'v Target<'a>,
    /// The key of the repository and the commit asked for.
    pub commit: Option<(&'v str, &'v str)>,
    /// The pods.
    pub crew: &'v Learned<Crew<'a>>,
    /// The nine outcomes.
    pub outcomes: Vec<Outcome>,
    /// Said beside the headline.
    pub notes: Vec<Sentence>,
}

impl<'v, 'a> Draft<'v, 'a> {
    /// What the headline is about.
    pub fn subject(&self) -> Subject<'v> {
        let (target, all) = (self.target, self.all);
        let elsewhere = all.of_app(&target.app).any(|other| {
            other.environment == target.environment && other.place.name != target.place.name
        });
        let beside = all.of_app(&target.app).any(|other| {
            other.environment == target.environment
                && other.place.name == target.place.name
                && other.workload.meta.key() != target.workload.meta.key()
        });
        Subject {
            workload: beside.then_some(target.workload.meta.name.as_str()),
            app: &target.app,
            commit: self.commit,
            environment: &target.environment,
            cluster: elsewhere.then_some(target.place.name),
            pods: target.place.pods(),
            stale_since: stale_since(target.place),
        }
    }

    /// What runs here, if its commit is known.
    fn runs<'r>(&self, running: &'r api::journey::Running) -> Option<Runs<'r>> {
        let commit = running.commit.as_ref()?;
        let (pods, older) = match self.crew {
            Ok(crew) => running::share(self.target, crew, running),
            Err(_) => (0, false),
        };
        let (key, sha) = (commit.repository.as_str(), commit.sha.as_str());
        Some(Runs {
            commit: (key, sha),
            has_it: self.is_in(key, sha),
            pods,
            wanted: running.wanted,
            older,
        })
    }

    /// Whether what is built from a commit has the one asked for, or what a merge made of it, and no revert of it.
    fn is_in(&self, key: &str, sha: &str) -> bool {
        let view = self.view;
        let is_configuration = self.outcomes.iter().any(|one| {
            one.stage.kind == StageKind::Build
                && matches!(one.stage.state, api::StageState::Skipped { .. })
        });
        let Some((_, asked)) = self.commit.filter(|(own, _)| *own == key) else {
            return false;
        };
        let landed = view.quietly(|| commit::landed(view, key, asked));
        let asked = landed.ok().flatten().map_or(asked, |(landed, _)| landed);
        let has = || {
            Ok::<bool, Gap>(
                view.contained(key, asked, sha)?
                    && reverts::in_effect(view, key, asked, sha)?.is_none(),
            )
        };
        !is_configuration && view.for_show(has).unwrap_or(false)
    }

    /// The journey that a verdict makes of it.
    pub fn journey(mut self, verdict: Verdict) -> Journey {
        let view = self.view;
        let running = running::running(view, self.target, self.crew);
        let subject = self.subject();
        let runs = self.runs(&running);
        let mut journey = Journey {
            app: self.target.app.clone(),
            environment: self.target.environment.clone(),
            cluster: self.target.place.name.to_owned(),
            commit: self
                .commit
                .and_then(|(key, sha)| running::commit(view, key, sha)),
            state: State::Unknown,
            headline: Sentence::default(),
            notes: Vec::new(),
            blocking_stage: None,
            cause: None,
            acts: Vec::new(),
            other_causes: Vec::new(),
            chain: Vec::new(),
            evidence: Vec::new(),
            next_attempt: None,
            running: None,
            stages: Vec::new(),
            lead_time: None,
            stale_since: stale_since(self.target.place),
            pending: false,
        };
        let mut qualifiers = Vec::new();
        match verdict {
            Verdict::Settled {
                state,
                headline,
                evidence,
            } => {
                journey.state = state;
                journey.headline = headline;
                journey.evidence = evidence;
            }
            Verdict::Found { stage, finding } => {
                journey.state = finding.turn;
                journey.headline = subject.found(&finding, stage, runs.as_ref());
                journey.blocking_stage = Some(stage);
                journey.cause = Some(finding.cause(stage));
                if finding.chain.len() > 1 {
                    journey.chain = finding.chain;
                }
                journey.evidence = finding.evidence;
                journey.next_attempt = finding.next;
                qualifiers = finding.qualifiers;
            }
            Verdict::Unknown { stage, gap } => {
                journey.headline = subject.unknown(&gap);
                journey.blocking_stage = Some(stage);
                journey.pending = gap.pending;
            }
        }
        let mut notes = qualifiers;
        notes.append(&mut self.notes);
        for outcome in self.outcomes {
            if Some(outcome.stage.kind) != journey.blocking_stage
                && let Some(finding) = &outcome.finding
                && matches!(finding.turn, State::Blocked | State::RolledBack)
                && is_cause(&journey, finding)
            {
                journey.other_causes.push(finding.cause(outcome.stage.kind));
            }
            notes.extend(outcome.notes);
            journey.stages.push(outcome.stage);
        }
        // A verdict that needs no pods must not hide that they were not read.
        if let Err(gap) = self.crew
            && !gap.pending
            && journey.state == State::Reverted
        {
            let unread = Sentence::default().words("What runs there could not be read: ");
            notes.push(ended(unread.quote(&gap.why)));
        }
        let back = self
            .commit
            .and_then(|(key, _)| brought_back(view, key, &journey));
        notes.extend(back);
        let apart = diverged(view, self.commit, &running).filter(|_| !journey.state.is_settled());
        notes.extend(apart);
        for note in notes {
            if !journey.notes.contains(&note) {
                journey.notes.push(note);
            }
        }
        if let Some(NextAttempt { at: Some(at), .. }) = &journey.next_attempt {
            self.target.place.changes_at(*at);
        }
        // What is gone runs nothing, and how many pods it should have went with it.
        journey.running = Some(running).filter(|_| !self.target.is_lost);
        usual::say(view, self.target.place, &mut journey);
        journey
    }
}

/// Whether what stops another stage is a cause of its own. A commit that changes nothing here is stopped by nothing, and
/// one that has not reached the branch yet need not have been built.
fn is_cause(journey: &Journey, finding: &Finding) -> bool {
    use crate::causes::CauseCode;
    let is_unbuilt = matches!(
        finding.code,
        CauseCode::BuildNone | CauseCode::ImageNeverPushed
    );
    journey.state != State::NotAffected
        && !(is_unbuilt && journey.blocking_stage == Some(StageKind::Commit))
}

/// A revert that runs here and is itself taken back on the branch already: nobody has to revert it again.
fn brought_back(view: &View<'_>, key: &str, journey: &Journey) -> Option<Sentence> {
    let cause = journey.cause.as_ref()?;
    if journey.state != State::Reverted || cause.object.kind != "Commit" {
        return None;
    }
    let head = view.for_show(|| view.head(key)).ok()?;
    let again = view.for_show(|| reverts::in_effect(view, key, &cause.object.name, head));
    let again = again.ok().flatten()?;
    Some(
        Sentence::default()
            .commit(key, &again.by)
            .words(" by ")
            .name(&again.author)
            .words(" took that back ")
            .instant(again.at)
            .words(" already, and has not arrived here yet."),
    )
}

/// What runs may be on a line of its own, such as a hotfix: then arriving means to replace it. A commit of the branch
/// itself is on no line of its own, though a merge brings one beside it.
fn diverged(
    view: &View<'_>,
    asked: Option<(&str, &str)>,
    running: &api::journey::Running,
) -> Option<Sentence> {
    let (key, sha) = asked?;
    let runs = running
        .commit
        .as_ref()
        .filter(|runs| runs.repository == key)?;
    let is_on_branch = || view.contained(key, &runs.sha, view.head(key)?);
    match view.for_show(|| view.relation(key, sha, &runs.sha)).ok()? {
        Relation::Diverged { .. } if view.for_show(is_on_branch) != Ok(false) => None,
        Relation::Diverged { ahead, .. } => Some(
            Sentence::default()
                .words("What runs there, ")
                .commit(key, &runs.sha)
                .words(format!(
                    ", is on a line of its own: it has {ahead} {} that this one does not contain.",
                    if ahead == 1 { "commit" } else { "commits" }
                )),
        ),
        _ => None,
    }
}

fn stale_since(place: Place<'_>) -> Option<Timestamp> {
    match place.reach() {
        Reach::Lost { since, .. } => Some(*since),
        _ => None,
    }
}

/// The one cluster that an ask's environment lives on, if the team file binds it to one: what cannot be read elsewhere
/// does not matter to such an ask.
fn home<'a>(view: &View<'a>, ask: &Ask) -> Option<&'a str> {
    let wanted = ask.environment.as_deref()?;
    let mut homes = view
        .team()
        .environments
        .iter()
        .filter(|one| one.name.eq_ignore_ascii_case(wanted))
        .map(|one| one.cluster.as_deref());
    match (homes.next(), homes.next()) {
        (Some(home), None) => home,
        _ => None,
    }
}
