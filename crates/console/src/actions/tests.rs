//! Plans, leave and runs through the console, over hands that count what is sent.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use runbook::call::Call;
use runbook::permit::freeze::When;
use serde_json::json;

use super::*;

const HOLD: &str = "version: 1\nid: hold\ntitle: Hold\nabout: Stops Flux there.\nroles: [sre]\nreason: true\n\
                    on: {kinds: [Kustomization]}\nsteps: [suspend: {}]\nundo: {by: resume}\n";

/// A cluster with one Kustomization, in which everybody may do everything.
#[derive(Default)]
struct OneKustomization {
    sent: AtomicUsize,
}

#[async_trait]
impl Hands for OneKustomization {
    async fn read(&self, look: &Look) -> Read {
        match look {
            Look::Object(object) if *object == shop() => Read::Object(json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {
                    "namespace": "flux-system", "name": "shop", "uid": "u-ks",
                    "resourceVersion": "70", "generation": 2,
                },
                "spec": {"sourceRef": {"kind": "GitRepository", "name": "deploy"}},
                "status": {"inventory": {"entries": []}},
            })),
            Look::All { .. } => Read::All(Vec::new()),
            _ => Read::Absent,
        }
    }

    async fn try_out(&self, _call: &Call, _run: &RunId) -> Answer {
        Answer::Done {
            version: String::new(),
        }
    }

    async fn send(&self, _call: &Call, _run: &RunId) -> Answer {
        self.sent.fetch_add(1, Ordering::SeqCst);
        Answer::Done {
            version: "71".to_owned(),
        }
    }

    async fn may(&self, _system: &str, _right: &Right) -> Option<bool> {
        Some(true)
    }

    async fn cluster_uid(&self, _system: &str) -> Option<String> {
        Some("c".to_owned())
    }

    async fn identity(&self, _system: &str) -> Option<String> {
        None
    }
}

fn shop() -> ObjectRef {
    ObjectRef::new("prod", "Kustomization", "flux-system", "shop")
}

fn wish() -> Wish {
    Wish {
        action: "hold".to_owned(),
        object: shop(),
        said: BTreeMap::new(),
        reason: "OPS-7".to_owned(),
    }
}

fn production() -> Whereabouts {
    Whereabouts {
        app: String::new(),
        environment: "production".to_owned(),
        production: true,
    }
}

/// The actions of somebody who tries a folder, with its journal in it.
fn trying(folder: &Path, hands: &Arc<OneKustomization>, freezes: Vec<Freeze>) -> Actions {
    let hands: Arc<dyn Hands> = Arc::<OneKustomization>::clone(hands);
    let journal = folder.join("journal");
    let actions = Actions::new(hands, None, Some(journal), Clock::default());
    actions.of_team(Shelf::of_folders(vec![folder.to_owned()]), freezes)
}

async fn refusal(actions: &Actions, hash: &str, meant: Meant, despite: Option<&str>) -> String {
    let despite = despite.map(str::to_owned);
    let ran = actions.run(hash, meant, despite, Way::Window).await;
    let why = ran.expect_err("no leave");
    assert_eq!(why.code, Code::Denied, "{why}");
    why.message
}

#[tokio::test]
async fn an_action_that_was_edited_or_deleted_was_run_by_the_plan_of_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hold.yaml");
    std::fs::write(&file, HOLD).expect("written");
    let hands = Arc::new(OneKustomization::default());
    let actions = trying(folder.path(), &hands, Vec::new());
    let plan = actions.plan(&wish(), &production()).await.expect("a plan");
    assert_eq!(plan.frozen, None);

    let edited = HOLD.replace("roles: [sre]", "roles: [sre, support]");
    std::fs::write(&file, &edited).expect("written");
    let why = refusal(&actions, &plan.hash, Meant::Named {}, None).await;
    assert_eq!(why, "the action hold was changed after this plan was made");

    let plan = actions.plan(&wish(), &production()).await.expect("a plan");
    std::fs::remove_file(&file).expect("removed");
    let why = refusal(&actions, &plan.hash, Meant::Named {}, None).await;
    assert_eq!(why, "the action hold is not there any more");
    assert_eq!(hands.sent.load(Ordering::SeqCst), 0);

    let journal = Journal::open(folder.path().join("journal")).expect("a journal");
    let records = journal.records().expect("records");
    let refused = records
        .iter()
        .filter(|one| matches!(one.event, Event::Refused { .. }));
    assert_eq!((refused.count(), records.len()), (2, 2));
    std::fs::write(&file, edited).expect("written");
    let ran = actions
        .run(&plan.hash, Meant::Named {}, None, Way::Window)
        .await;
    ran.expect("as it was planned, it may");
}

#[tokio::test]
async fn a_freeze_was_no_part_of_the_leave() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("hold.yaml"), HOLD).expect("written");
    let hands = Arc::new(OneKustomization::default());
    let sale = Freeze {
        environments: vec!["production".to_owned()],
        when: When::Once {
            from: Timestamp::MIN,
            until: Timestamp::MAX,
        },
        reason: "the sale".to_owned(),
    };
    let actions = trying(folder.path(), &hands, vec![sale]);
    let plan = actions.plan(&wish(), &production()).await.expect("a plan");
    let frozen = plan.frozen.clone().expect("it is shown");
    assert_eq!(
        (frozen.what.as_str(), frozen.reason.as_str()),
        ("production", "the sale")
    );
    assert_eq!(plan.confirm, api::action::Confirm::Typed);
    let typed = || Meant::Typed {
        text: "shop".to_owned(),
    };
    let why = refusal(&actions, &plan.hash, typed(), None).await;
    assert!(why.starts_with("production is frozen until "), "{why}");
    let why = refusal(&actions, &plan.hash, Meant::Named {}, Some("OPS-7")).await;
    assert!(why.contains("gives way only to a typed name"), "{why}");
    assert_eq!(hands.sent.load(Ordering::SeqCst), 0);

    let despite = Some("OPS-7: it is down".to_owned());
    let run = actions.run(&plan.hash, typed(), despite, Way::Window).await;
    let run = RunId::new(run.expect("it is let through"));
    let journal = Journal::open(folder.path().join("journal")).expect("a journal");
    let records = journal.records().expect("records");
    let why = records.iter().find_map(|record| match &record.event {
        Event::Begun { despite_freeze, .. } if record.run == run => despite_freeze.clone(),
        _ => None,
    });
    assert_eq!(why.as_deref(), Some("OPS-7: it is down"));
}

#[tokio::test]
async fn a_run_broke_off_without_a_word_because_something_else_was_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("hold.yaml"), HOLD).expect("written");
    let hands = Arc::new(OneKustomization::default());
    let actions = trying(folder.path(), &hands, Vec::new());
    let opening = "Opening something else";
    actions.nothing_goes(opening).expect("nothing goes");
    let plan = actions.plan(&wish(), &production()).await.expect("a plan");
    let run = actions
        .run(&plan.hash, Meant::Named {}, None, Way::Window)
        .await
        .expect("it goes: the object never says that it is suspended");
    let why = actions
        .nothing_goes(opening)
        .expect_err("it would break off");
    assert_eq!(
        (why.code, why.message.as_str()),
        (
            Code::Denied,
            "1 run goes: Hold Kustomization flux-system/shop. Opening something else would break it off"
        )
    );
    let mut changed = actions.changed();
    actions.cancel(&run).expect("it goes here");
    while !actions.going().is_empty() {
        changed.changed().await.expect("it is told");
    }
    actions.nothing_goes(opening).expect("it is over");
}

#[test]
fn many_runs_are_counted_and_a_name_is_no_more_than_text() {
    let titles: Vec<String> = (1..=5).map(|n| format!("Restart\nPod shop/{n}")).collect();
    assert_eq!(
        goes(&titles),
        "5 runs go: Restart Pod shop/1, Restart Pod shop/2, Restart Pod shop/3 and 2 more"
    );
}
