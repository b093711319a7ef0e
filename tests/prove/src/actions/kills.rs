//! The real terminal program killed at any moment of a run, again and again: no change twice, none that nobody knows of, and
//! what is told afterwards is what happened.
//!
//! The run is the longest that ships: a HelmRelease with all that feeds it, three changes one after another. What happened is
//! the API server's own word (`heard`), and the proxy's count of what was sent. `LANDFALL_KILLS` says how often (50), and
//! `LANDFALL_SEED` repeats the moments of a run that printed it, as far as a machine does the same twice.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::proxy::Proxy;
use serde_json::Value;

use super::heard::Heard;
use super::operator::{Operator, Wish};
use super::world::{Thing, text};
use super::{Checked, Rig, so};
use crate::play::Play;

const NAME: &str = "kills";
const USUALLY: u64 = 50;
/// How often one machine's person may run the action within an hour is 12: then there is somebody new.
const OF_ONE: u64 = 10;
/// The changes of one run, which are also tried first.
const CHANGES: usize = 3;
/// How long a run takes, and some more.
const LONG: u64 = 12_000;
/// How long after a request came, at most, in which the answer is on its way.
const SOON: u64 = 40;
/// What one kill takes at most, with all that is looked at after it.
const EACH: u64 = 60;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn count() -> u64 {
    number("LANDFALL_KILLS").unwrap_or(USUALLY)
}

/// How long all of it may take.
pub(super) fn longest() -> Duration {
    Duration::from_secs(EACH * count())
}

/// When it is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So many milliseconds after its start.
    After(u64),
    /// So many milliseconds after so many changes came to the API server's door, tried ones too.
    Request(usize, u64),
}

impl Moment {
    /// Half of them are anywhere. The others are where a change is on its way, which takes a thousandth of the time.
    fn any(random: &mut fastrand::Rng) -> Self {
        match random.bool() {
            true => Self::After(random.u64(0..LONG)),
            false => Self::Request(random.usize(CHANGES + 1..=2 * CHANGES), random.u64(0..SOON)),
        }
    }

    async fn comes(self, proxy: &Proxy, before: usize) {
        let millis = match self {
            Self::After(millis) => millis,
            Self::Request(number, millis) => {
                proxy.script().counted("PATCH ", before + number).await;
                millis
            }
        };
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

/// How often what happened.
#[derive(Debug, Default)]
struct Tally {
    before: u64,
    interrupted: u64,
    after: u64,
    /// The interrupted ones, by how many of their changes were done.
    done: [u64; CHANGES + 1],
}

/// What is killed, and where.
struct Field<'a> {
    rig: &'a Rig,
    proxy: Proxy,
    things: [Thing; CHANGES],
}

/// Turns red where `run/drive.rs` sends before it writes the intent down, or sends again what may have arrived; where
/// `journal/runs.rs` calls a run whose process is gone a running one; and where `run::verify` takes what is not seen for done.
pub(super) async fn kills(rig: &Rig) -> Checked<String> {
    let scenario = Rig::app(NAME, "[live: { helm: {} }]")?;
    let _play = Play::through(&rig.ground, &scenario).await?;
    let field = Field {
        rig,
        proxy: rig.proxy().await?,
        things: [
            Thing::of("GitRepository", NAME),
            Thing::new("HelmChart", NAME, &format!("{NAME}-{NAME}")),
            Thing::of("HelmRelease", NAME),
        ],
    };
    let seed = number("LANDFALL_SEED").unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut operator = rig.operator_through(&field.proxy)?;
    let mut known = BTreeSet::new();
    let mut all = BTreeSet::new();
    for number in 0..count() {
        if number % OF_ONE == 0 {
            operator = rig.operator_through(&field.proxy)?;
            known.clear();
        }
        let moment = Moment::any(&mut random);
        let killed = field.kill(&operator, moment, &mut known, &mut tally).await;
        killed.map_err(|wrong| super::Wrong::Not {
            what: format!(
                "kill {} of {}, {moment:?}, LANDFALL_SEED={seed}",
                number + 1,
                count()
            ),
            said: wrong.to_string(),
        })?;
        all.extend(known.iter().cloned());
    }
    // What nobody knows of is as bad as what was done twice.
    let heard = rig.heard(NAME)?;
    so(
        "every change has to be of a run that is known",
        heard.iter().all(|one| all.contains(&one.run)),
        format!("{heard:?}"),
    )?;
    so(
        "enough have to be killed in the middle, or nothing is shown",
        tally.interrupted * 5 >= count(),
        format!("{tally:?}"),
    )?;
    Ok(format!(
        "{} kills, seed {seed}: {} before anything was begun, {} in the middle (by how many changes were done: {:?}), {} after the end",
        count(),
        tally.before,
        tally.interrupted,
        tally.done,
        tally.after
    ))
}

impl Field<'_> {
    /// One kill, and all that has to hold after it.
    async fn kill(
        &self,
        operator: &Operator,
        moment: Moment,
        known: &mut BTreeSet<String>,
        tally: &mut Tally,
    ) -> Checked {
        let wish = Wish::new("reconcile", &self.things[CHANGES - 1]);
        self.rig.at_rest(&self.things).await?;
        let plan = operator.plans(&wish).await?;
        let steps = plan["steps"].as_array().map_or(0, Vec::len);
        so("the plan has to have three steps", steps == CHANGES, &plan)?;

        let script = self.proxy.script();
        let (sent_before, heard_before) = (script.requests().len(), self.rig.heard(NAME)?.len());
        let patches = script.count("PATCH ");
        let mut running = operator.means(&wish, &plan)?;
        tokio::select! {
            () = moment.comes(&self.proxy, patches) => {}
            () = running.ended() => {}
        }
        running.kill().await?;

        let new = self.new_run(operator, known).await?;
        // What was on its way has come by the time that nothing changes any more.
        self.rig.at_rest(&self.things).await?;
        let heard = self.rig.heard(NAME)?.split_off(heard_before);
        let requests = script.requests().split_off(sent_before);
        for thing in &self.things {
            let end = format!("/{}", thing.name);
            let kept = requests.iter().filter(|one| {
                let path = one.split('?').next().unwrap_or_default();
                one.starts_with("PATCH ") && !one.contains("dryRun=") && is_of(path, thing, &end)
            });
            let done = heard.iter().filter(|one| is_of(&one.what, thing, &end));
            so(
                &format!("{thing} may be changed once at most"),
                kept.count() <= 1 && done.count() <= 1,
                format!("{requests:?} {heard:?}"),
            )?;
        }
        match new {
            None => {
                tally.before += 1;
                so(
                    "a run that nobody knows of may have sent nothing",
                    heard.is_empty(),
                    format!("{heard:?}"),
                )?;
            }
            Some(run) => self.is_true(operator, &run, &heard, tally).await?,
        }
        operator.has_a_whole_record().await
    }

    /// The run that has come to those that are known, if it came so far.
    async fn new_run(
        &self,
        operator: &Operator,
        known: &mut BTreeSet<String>,
    ) -> Checked<Option<Value>> {
        let mut runs = operator.runs().await?;
        runs.retain(|run| known.insert(text(run, "/run").to_owned()));
        so(
            "one run may be begun at most",
            runs.len() <= 1,
            format!("{runs:?}"),
        )?;
        Ok(runs.pop())
    }

    /// What is told of a run right after the kill, and after a look, is what the API server took down.
    async fn is_true(
        &self,
        operator: &Operator,
        told: &Value,
        heard: &[Heard],
        tally: &mut Tally,
    ) -> Checked {
        let run = text(told, "/run");
        let is_done = |thing: &Thing| {
            let end = format!("/{}", thing.name);
            let mut all = heard.iter();
            all.any(|one| one.run == run && one.is_done() && is_of(&one.what, thing, &end))
        };
        let done: Vec<bool> = self.things.iter().map(is_done).collect();
        let number = done.iter().filter(|done| **done).count();
        so(
            "all that was heard has to be this run's",
            number == heard.len(),
            format!("{told} {heard:?}"),
        )?;
        let said = format!("{told}, and the server did {done:?}");
        for (at, done) in done.iter().enumerate() {
            let state = text(told, &format!("/steps/{at}/state"));
            let is_true = match (*done, state) {
                (true, "sending" | "sent" | "worked") => true,
                // It may have been about to be sent.
                (false, "waiting" | "sending") => true,
                _ => false,
            };
            so("each step has to be told truly", is_true, &said)?;
        }
        match text(told, "/stands/is") {
            "ended" => {
                tally.after += 1;
                let is_worked = told["stands"]["outcome"] == "worked" && number == CHANGES;
                so("what has ended has to have worked", is_worked, &said)
            }
            "interrupted" => {
                tally.interrupted += 1;
                tally.done[number] += 1;
                let says = text(told, "/stands/says");
                so(
                    "the last step has to be told truly",
                    is_last(says, number),
                    &said,
                )?;
                self.is_found_out(operator, run, number).await
            }
            _ => so("what was killed does not run", false, &said),
        }
    }

    /// A look at a run that broke off finds out how far it came, and writes nothing anywhere but on record.
    async fn is_found_out(&self, operator: &Operator, run: &str, done: usize) -> Checked {
        let before = self.rig.heard(NAME)?.len();
        let looked = operator.looks(run).await?;
        let sent = self.rig.heard(NAME)?.len() - before;
        so("a look sends nothing", sent == 0, looked.whole())?;
        let runs = operator.runs().await?;
        let told = runs.iter().find(|told| text(told, "/run") == run);
        let stands = told.map(|told| told["stands"].clone()).unwrap_or_default();
        let said = format!(
            "{stands}, and the server did {done} of {CHANGES}; {}",
            looked.whole()
        );
        let release = self.rig.get(&self.things[CHANGES - 1]).await?;
        let handled = text(&release, "/status/lastHandledReconcileAt");
        let is_true = match (
            text(&stands, "/is"),
            text(&stands, "/outcome"),
            looked.code(),
        ) {
            ("ended", "worked", Some(0)) => done == CHANGES && handled == run,
            // What was about to be sent and never came.
            ("ended", "failed", Some(2)) => done < CHANGES,
            ("interrupted", _, Some(3)) => done < CHANGES,
            _ => false,
        };
        so("a look has to find the truth", is_true, said)
    }
}

/// Whether a path is of an object.
fn is_of(path: &str, thing: &Thing, end: &str) -> bool {
    let plural = match thing.kind {
        "GitRepository" => "gitrepositories",
        "HelmChart" => "helmcharts",
        _ => "helmreleases",
    };
    path.ends_with(&format!("/{plural}{end}"))
}

/// Whether a sentence names the last step of which anything is known, given how many changes were done: that step, or the
/// next, which was about to be sent.
fn is_last(says: &str, done: usize) -> bool {
    let names = |step: usize| says.starts_with(&format!("Step {step} of {CHANGES}"));
    match done {
        0 => says.starts_with("It was begun, and nothing was sent") || names(1),
        CHANGES => names(CHANGES),
        done => names(done) || names(done + 1),
    }
}
