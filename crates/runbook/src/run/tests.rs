//! Runs over hands that lose answers, refuse and move on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use api::ObjectRef;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::*;
use crate::action::Step;
use crate::call::{Call, Change, Right, Version, run_stamp};
use crate::journal::Answer;
use crate::permit::tests::{permit, plan};
use crate::plan::{Plan, PlannedStep};

mod commits;
mod ecs;

/// What a stand-in server does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Does it, and says so.
    It,
    /// Says that it did, and did not.
    Pretends,
    /// Refuses.
    Refuses,
    /// Does it, and the answer is lost.
    LosesAnswer,
    /// The call is lost.
    LosesCall,
    /// Does it, and never answers.
    Hangs,
}

/// A stand-in cluster.
struct Lab {
    objects: Mutex<BTreeMap<ObjectRef, Json>>,
    sent: Mutex<Vec<ObjectRef>>,
    does: Mutex<VecDeque<Does>>,
    uid: Option<&'static str>,
    /// Reads of these fail once something was sent.
    blind: bool,
}

impl Lab {
    fn new(plan: &Plan, does: &[Does]) -> Self {
        let object = |step: &PlannedStep| {
            let object = json!({
                "kind": step.on.kind,
                "metadata": {"name": step.on.name, "namespace": step.on.namespace, "uid": "u", "resourceVersion": "7"},
                "spec": {"suspend": false},
            });
            (step.on.clone(), object)
        };
        Self {
            objects: Mutex::new(plan.steps.iter().map(object).collect()),
            sent: Mutex::default(),
            does: Mutex::new(does.iter().copied().collect()),
            uid: Some("c"),
            blind: false,
        }
    }

    fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    fn does_it(&self, call: &Call, run: &RunId) {
        let call = call.object().unwrap();
        let mut objects = self.objects.lock().unwrap();
        let object = objects.get_mut(&call.object).unwrap();
        merge(object, call.body(run));
        object["metadata"]["resourceVersion"] = json!("8");
    }
}

fn merge(object: &mut Json, patch: Json) {
    match (object, patch) {
        (Json::Object(object), Json::Object(patch)) => {
            for (name, value) in patch {
                merge(object.entry(name).or_insert(Json::Null), value);
            }
        }
        (object, patch) => *object = patch,
    }
}

#[async_trait]
impl Hands for Lab {
    async fn read(&self, look: &Look) -> Read {
        if self.blind && self.sent() > 0 {
            return Read::Unknown("no route to host".to_owned());
        }
        let Look::Object(object) = look else {
            return Read::All(Vec::new());
        };
        let objects = self.objects.lock().unwrap();
        objects
            .get(object)
            .map_or(Read::Absent, |found| Read::Object(found.clone()))
    }

    async fn try_out(&self, _: &Call, _: &RunId) -> Answer {
        panic!("a run tries nothing out")
    }

    async fn send(&self, call: &Call, run: &RunId) -> Answer {
        self.sent
            .lock()
            .unwrap()
            .push(call.object().unwrap().object.clone());
        let does = self.does.lock().unwrap().pop_front().unwrap_or(Does::It);
        if matches!(does, Does::It | Does::LosesAnswer | Does::Hangs) {
            self.does_it(call, run);
        }
        match does {
            Does::It | Does::Pretends => Answer::Done {
                version: "8".to_owned(),
            },
            Does::Refuses => Answer::Refused {
                why: "admission says no".to_owned(),
                moved: false,
            },
            Does::LosesAnswer | Does::LosesCall => Answer::Unknown {
                why: "the connection broke".to_owned(),
            },
            Does::Hangs => std::future::pending().await,
        }
    }

    async fn may(&self, _: &str, _: &Right) -> Option<bool> {
        panic!("that is asked before leave is given")
    }

    async fn cluster_uid(&self, _: &str) -> Option<String> {
        self.uid.map(str::to_owned)
    }

    async fn identity(&self, _: &str) -> Option<String> {
        Some("ada@shop".to_owned())
    }
}

/// A clock that goes as fast as it is waited for.
struct Fast(Mutex<Timestamp>);

#[async_trait]
impl Pace for Fast {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, length: Duration) {
        *self.0.lock().unwrap() += length;
        task::yield_now().await;
    }
}

/// Suspends so many Kustomizations, one after the other.
fn suspends(count: usize) -> Plan {
    let mut plan = plan();
    let like = plan.steps.remove(0);
    plan.steps = (0..count)
        .map(|number| {
            let on = ObjectRef::new(
                "prod",
                "Kustomization",
                "flux-system",
                format!("app-{number}"),
            );
            let mut step = like.clone();
            step.on.clone_from(&on);
            step.step = Step::Suspend {};
            let Call::Object(call) = &mut step.calls[0] else {
                panic!("a change of an object")
            };
            call.path = format!(
                "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/{}",
                on.name
            );
            call.object = on;
            call.change = Change::Merge(json!({"spec": {"suspend": true}}));
            call.stamps = vec![run_stamp()];
            call.only_if = Some(Version {
                uid: "u".to_owned(),
                resource_version: Some("7".to_owned()),
            });
            step
        })
        .collect();
    plan.target.object = plan.steps[0].on.clone();
    plan
}

struct Room {
    _folder: tempfile::TempDir,
    journal: Journal,
    pace: Fast,
    plan: Plan,
    lab: Lab,
}

impl Room {
    fn new(count: usize, does: &[Does]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = suspends(count);
        Self {
            journal: Journal::open(folder.path().join("journal")).unwrap(),
            _folder: folder,
            pace: Fast(Mutex::new(plan.made_at)),
            lab: Lab::new(&plan, does),
            plan,
        }
    }

    fn world<'a>(&'a self, tell: &'a (dyn Fn(&Progress<'_>) + Send + Sync)) -> World<'a> {
        World {
            hands: &self.lab,
            journal: &self.journal,
            pace: &self.pace,
            tell,
        }
    }

    fn permit(&self, run: &str, way: Way) -> Permit {
        permit(&self.plan, &RunId::new(run), way)
    }

    async fn go(&self, run: &str, way: Way) -> Result<Ended, Broke> {
        super::run(self.permit(run, way), self.world(&|_| ()), nobody()).await
    }

    /// A run whose process ends while it waits for an answer.
    async fn break_off(&self) {
        let tell = |_: &Progress<'_>| ();
        let run = super::run(self.permit("r1", Way::Window), self.world(&tell), nobody());
        let broke = tokio::time::timeout(Duration::from_millis(300), run).await;
        assert!(broke.is_err(), "it should hang");
    }

    fn events(&self) -> Vec<String> {
        let records = self.journal.records().unwrap();
        let event = |record: &crate::journal::Record| {
            let event = serde_json::to_value(&record.event).unwrap();
            let part = |name: &str, within: &str| {
                let text = event[name][within].as_str().or(event[name].as_str());
                text.map(|text| format!(" {text}")).unwrap_or_default()
            };
            let step = event["step"].as_u64();
            let step = step.map(|step| format!(" {step}")).unwrap_or_default();
            format!(
                "{}{step}{}{}{}",
                event["what"].as_str().unwrap(),
                part("answer", "came"),
                part("effect", "is"),
                part("outcome", "")
            )
        };
        records.iter().map(event).collect()
    }

    fn refusal(&self) -> String {
        let records = self.journal.records().unwrap();
        let why = |record: &crate::journal::Record| match &record.event {
            Event::Refused { why, .. } => Some(why.clone()),
            _ => None,
        };
        let refusal = records.iter().rev().find_map(why);
        refusal.expect("a refusal is written down")
    }
}

fn nobody() -> watch::Receiver<bool> {
    watch::channel(false).1
}

#[tokio::test]
async fn each_call_is_written_down_before_it_is_sent_and_ends_when_it_is_seen() {
    let room = Room::new(2, &[]);
    let told = Mutex::new(Vec::new());
    let tell = |progress: &Progress<'_>| {
        if let Progress::Written(Event::Intent { .. } | Event::Answered { .. }) = progress {
            told.lock().unwrap().push(room.lab.sent());
        }
    };
    let permit = room.permit("r1", Way::Terminal);
    let ended = super::run(permit, room.world(&tell), nobody())
        .await
        .unwrap();
    assert_eq!(ended.outcome, Outcome::Worked);
    // How many were sent when each of the two was meant, and answered.
    assert_eq!(*told.lock().unwrap(), [0, 1, 1, 2]);
    assert_eq!(
        room.events(),
        [
            "begun",
            "intent 0",
            "answered 0 done",
            "seen 0 worked",
            "intent 1",
            "answered 1 done",
            "seen 1 worked",
            "ended worked",
        ]
    );
    let run = room.journal.runs().unwrap().remove(0);
    assert!(matches!(
        run.standing,
        Standing::Ended {
            outcome: Outcome::Worked,
            ..
        }
    ));
}

#[tokio::test]
async fn nothing_is_sent_once_the_journal_cannot_be_written() {
    for (broken_at, sent) in [("begun", 0), ("intent", 1), ("answered", 1), ("seen", 1)] {
        let room = Room::new(3, &[]);
        let tell = |progress: &Progress<'_>| {
            let Progress::Written(event) = progress else {
                return;
            };
            let event = serde_json::to_value(event).unwrap();
            if event["what"] == broken_at {
                std::fs::rename(
                    room.journal.folder(),
                    room.journal.folder().with_extension("gone"),
                )
                .unwrap();
            }
        };
        let permit = room.permit("r1", Way::Window);
        let broke = super::run(permit, room.world(&tell), nobody())
            .await
            .unwrap_err();
        assert!(matches!(broke, Broke::Journal(_)), "{broke}");
        assert_eq!(room.lab.sent(), sent, "broken after {broken_at}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_another_cluster_or_another_object() {
    let mut room = Room::new(1, &[]);
    let mut refused = Vec::new();
    for uid in [Some("other"), None] {
        room.lab.uid = uid;
        assert!(matches!(
            room.go("r1", Way::Window).await,
            Err(Broke::Refused(_))
        ));
        refused.push(room.refusal());
    }
    room.lab.uid = Some("c");
    let object = room.plan.target.object.clone();
    room.lab.objects.lock().unwrap().get_mut(&object).unwrap()["metadata"]["uid"] = json!("new");
    assert!(matches!(
        room.go("r1", Way::Window).await,
        Err(Broke::Refused(_))
    ));
    refused.push(room.refusal());
    room.lab.objects.lock().unwrap().clear();
    assert!(matches!(
        room.go("r1", Way::Window).await,
        Err(Broke::Refused(_))
    ));
    refused.push(room.refusal());
    let cluster = "prod is not known to be the cluster that the plan was made on";
    let target = "Kustomization flux-system/app-0 on prod is not known to be the object that the plan was made on";
    assert_eq!(
        refused,
        [
            format!("{cluster}: its kube-system namespace has another uid"),
            format!("{cluster}: the uid of its kube-system namespace cannot be read"),
            format!("{target}: it has another uid"),
            format!("{target}: it is gone"),
        ]
    );
    assert_eq!(room.lab.sent(), 0);
    assert!(room.journal.runs().unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_found_out_by_reading_and_the_call_is_never_sent_again() {
    let room = Room::new(2, &[Does::LosesAnswer]);
    assert_eq!(
        room.go("r1", Way::Window).await.unwrap().outcome,
        Outcome::Worked
    );
    assert_eq!(room.lab.sent(), 2);
    assert_eq!(
        room.events()[1..5],
        [
            "intent 0",
            "answered 0 unknown",
            "answered 0 done",
            "seen 0 worked"
        ]
    );

    let room = Room::new(2, &[Does::LosesCall]);
    let ended = room.go("r1", Way::Window).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Failed, 1));
    assert!(
        ended.says.contains("was read since and does not have it"),
        "{}",
        ended.says
    );
    let waited = room.pace.now().duration_since(room.plan.made_at);
    assert_eq!(waited, SignedDuration::from_secs(18));

    let mut room = Room::new(2, &[Does::LosesAnswer]);
    room.lab.blind = true;
    let ended = room.go("r1", Way::Window).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Unproven, 1));
    assert!(ended.says.contains("cannot be told"), "{}", ended.says);
}

#[tokio::test]
async fn a_refused_call_ends_the_run_and_what_follows_is_not_sent() {
    let room = Room::new(3, &[Does::It, Does::Refuses]);
    let ended = room.go("r1", Way::Window).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Failed, 2));
    assert_eq!(
        ended.says,
        "The server refused the change of Kustomization flux-system/app-1: admission says no"
    );
}

#[tokio::test]
async fn an_answer_alone_is_no_proof() {
    let room = Room::new(2, &[Does::Pretends]);
    let ended = room.go("r1", Way::Window).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Unproven, 1));
    assert!(
        ended
            .says
            .starts_with("It was sent and has not been seen to work in time."),
        "{}",
        ended.says
    );
    assert!(room.pace.now().duration_since(room.plan.made_at) >= SignedDuration::from_mins(1));
}

#[tokio::test]
async fn a_cancelled_run_sends_nothing_more() {
    // Before it began, and between two steps.
    for sent in [0, 1] {
        let room = Room::new(2, &[]);
        let (stop, cancel) = watch::channel(sent == 0);
        let tell = |progress: &Progress<'_>| {
            if matches!(progress, Progress::Written(Event::Seen { .. })) {
                stop.send_replace(true);
            }
        };
        let permit = room.permit("r1", Way::Window);
        let ended = super::run(permit, room.world(&tell), cancel).await.unwrap();
        assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Cancelled, sent));
    }
    // While it waits.
    let room = Room::new(2, &[Does::Pretends]);
    let (stop, cancel) = watch::channel(false);
    let tell = |progress: &Progress<'_>| {
        if matches!(progress, Progress::Waiting { .. }) {
            stop.send_replace(true);
        }
    };
    let permit = room.permit("r1", Way::Window);
    let ended = super::run(permit, room.world(&tell), cancel).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Cancelled, 1));
    assert!(
        ended
            .says
            .starts_with("It was cancelled after it was sent, which stands."),
        "{}",
        ended.says
    );
}

#[tokio::test]
async fn a_double_click_is_one_run() {
    let room = Room::new(2, &[]);
    let (first, second) = tokio::join!(room.go("r1", Way::Window), room.go("r2", Way::Terminal));
    assert_eq!(first.unwrap().outcome, Outcome::Worked);
    let Err(Broke::Refused(refusal)) = second else {
        panic!("the second ran");
    };
    let says = "the run r1 is going on Kustomization flux-system/app-0 on prod";
    assert_eq!(refusal.to_string(), says);
    assert_eq!(room.refusal(), says);
    // The second click came late: the first run has ended.
    let Err(Broke::Refused(refusal)) = room.go("r3", Way::Window).await else {
        panic!("the third ran");
    };
    assert_eq!(refusal.to_string(), "this plan was run already, as r1");
    assert_eq!(room.lab.sent(), 2);
}

#[tokio::test]
async fn a_plan_with_nothing_to_do_says_so() {
    let mut room = Room::new(1, &[]);
    room.plan.steps[0].calls.clear();
    let ended = room.go("r1", Way::Window).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::NothingToDo, 0));
    assert_eq!(room.events(), ["begun", "ended nothing-to-do"]);
}

#[tokio::test]
async fn a_run_that_broke_off_is_looked_at_gone_on_with_and_closed_but_never_by_itself() {
    let room = Room::new(3, &[Does::It, Does::Hangs]);
    room.break_off().await;
    let standing = || room.journal.runs().unwrap().remove(0).standing;
    let Standing::Interrupted { last } = standing() else {
        panic!("it broke off");
    };
    assert_eq!(
        last,
        "Step 2 of 3, the change of Kustomization flux-system/app-1: it was about to be sent, and whether it was done is not known."
    );

    let looked = verify(&RunId::new("r1"), room.world(&|_| ()))
        .await
        .unwrap();
    let last = "Step 3: the change of Kustomization flux-system/app-2 was not sent.".to_owned();
    assert_eq!(looked, Standing::Interrupted { last });
    assert_eq!(room.lab.sent(), 2, "to look sends nothing");
    assert_eq!(room.events()[5..], ["answered 1 done", "seen 1 worked"]);

    // Not as a new run, nor as another.
    for (run, way) in [
        ("r1", Way::Window),
        ("r2", Way::Window),
        ("r2", Way::Resume),
    ] {
        assert!(
            matches!(room.go(run, way).await, Err(Broke::Refused(_))),
            "{run} {way:?}"
        );
    }
    let ended = room.go("r1", Way::Resume).await.unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Worked, 3));
    for broke in [
        room.go("r1", Way::Resume).await.unwrap_err(),
        verify(&RunId::new("r1"), room.world(&|_| ()))
            .await
            .unwrap_err(),
        close(&RunId::new("r1"), "ada", room.world(&|_| ()))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            broke.to_string(),
            "the run r1 cannot be gone on with: it has ended"
        );
    }

    let room = Room::new(3, &[Does::Hangs]);
    room.break_off().await;
    let ended = close(&RunId::new("r1"), "ada", room.world(&|_| ()))
        .await
        .unwrap();
    assert_eq!((ended.outcome, room.lab.sent()), (Outcome::Closed, 1));
    assert!(
        ended
            .says
            .starts_with("ada closed it, as it was. Step 1 of 3"),
        "{}",
        ended.says
    );
}

#[tokio::test]
async fn a_run_that_goes_is_not_closed_or_gone_on_with_by_others() {
    let room = Room::new(1, &[Does::Hangs]);
    let meddle = async {
        while room.lab.sent() == 0 {
            task::yield_now().await;
        }
        let standing = room.journal.runs().unwrap().remove(0).standing;
        assert!(matches!(standing, Standing::Running { .. }));
        let closed = close(&RunId::new("r1"), "bob", room.world(&|_| ())).await;
        let gone_on = room.go("r1", Way::Resume).await;
        (
            closed.unwrap_err().to_string(),
            gone_on.unwrap_err().to_string(),
        )
    };
    tokio::select! {
        _ = room.go("r1", Way::Window) => panic!("it hangs"),
        (closed, gone_on) = meddle => {
            assert_eq!(closed, "the run r1 cannot be gone on with: it is going");
            assert_eq!(gone_on, "the run r1 is going on Kustomization flux-system/app-0 on prod");
        }
    }
}
