//! Leave that is given, and each reason for which it is not.

use serde_json::json;

use super::*;
use crate::action::{On, Step, TargetKind, Undo};
use crate::call::{Call, Change, ObjectCall};
use crate::plan::PlannedStep;

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);
const WAYS: [Way; 3] = [Way::Window, Way::Terminal, Way::Resume];

/// One change of a Deployment that is in production.
pub(crate) fn plan() -> Plan {
    let object = api::ObjectRef::new("prod", "Deployment", "shop", "checkout");
    let call = ObjectCall {
        object: object.clone(),
        path: "/apis/apps/v1/namespaces/shop/deployments/checkout".to_owned(),
        change: Change::Merge(json!({"spec": {"replicas": 3}})),
        only_if: None,
        stamps: Vec::new(),
        right: right(),
    };
    Plan {
        action: "restart".to_owned(),
        action_hash: "file".to_owned(),
        target: Target {
            object: object.clone(),
            uid: "u".to_owned(),
            cluster_uid: "c".to_owned(),
            app: "shop".to_owned(),
            environment: "production".to_owned(),
            production: true,
        },
        inputs: BTreeMap::new(),
        reason: "OPS-7".to_owned(),
        steps: vec![PlannedStep {
            step: Step::Suspend {},
            on: object,
            says: "Suspends it.".to_owned(),
            calls: vec![call.into()],
            changes: Vec::new(),
        }],
        confirm: Confirm::Typed,
        undo: Undo::Not("it has ended".to_owned()),
        touches: Vec::new(),
        cautions: Vec::new(),
        made_at: NOW,
    }
}

fn right() -> Right {
    Right {
        verb: "patch".to_owned(),
        group: "apps".to_owned(),
        resource: "deployments".to_owned(),
        subresource: String::new(),
        namespace: "shop".to_owned(),
    }
}

/// All that an answer depends on, so that one thing at a time can be wrong.
#[derive(Clone)]
struct Case {
    run: RunId,
    plan: Plan,
    confirmed: Option<String>,
    confirmation: Confirmation,
    action: Action,
    action_hash: String,
    roles: Option<Vec<String>>,
    rights: BTreeMap<Right, Option<bool>>,
    freezes: Vec<FreezeWindow>,
    despite_freeze: Option<String>,
    records: Vec<Record>,
    way: Way,
    now: Timestamp,
}

impl Case {
    /// All is well.
    fn good() -> Self {
        Self {
            run: RunId::new("ours"),
            plan: plan(),
            confirmed: None,
            confirmation: Confirmation::Typed("checkout".to_owned()),
            action: Action {
                version: 1,
                id: "restart".to_owned(),
                title: "Restart".to_owned(),
                about: String::new(),
                roles: vec!["support".to_owned(), "sre".to_owned()],
                on: On {
                    kinds: vec![TargetKind::Deployment],
                    environments: Vec::new(),
                    apps: Vec::new(),
                },
                inputs: Vec::new(),
                steps: Vec::new(),
                confirm: Confirm::Typed,
                reason: true,
                per_hour: Some(2),
                undo: Undo::Not(String::new()),
            },
            action_hash: "file".to_owned(),
            roles: Some(vec!["support".to_owned()]),
            rights: BTreeMap::from([(right(), Some(true))]),
            freezes: Vec::new(),
            despite_freeze: None,
            records: Vec::new(),
            way: Way::Window,
            now: NOW,
        }
    }

    fn ask(&self) -> Result<Permit, Refusal> {
        let hash = self.plan.hash();
        authorise(&Request {
            run: self.run.clone(),
            plan: &self.plan,
            confirmed: self.confirmed.as_deref().unwrap_or(&hash),
            confirmation: self.confirmation.clone(),
            action: &self.action,
            action_hash: &self.action_hash,
            by: "ada",
            roles: self.roles.as_deref(),
            rights: &self.rights,
            freezes: &self.freezes,
            despite_freeze: self.despite_freeze.as_deref(),
            records: &self.records,
            way: self.way,
            now: self.now,
        })
    }

    /// As if other runs had begun: each so many minutes ago, of a plan made a second before.
    fn ran(&mut self, run: &str, minutes_ago: i64) {
        let at = self.now - SignedDuration::from_mins(minutes_ago);
        let mut plan = self.plan.clone();
        plan.made_at = at - SignedDuration::from_secs(1);
        self.record(run, at, plan);
    }

    fn record(&mut self, run: &str, at: Timestamp, plan: Plan) {
        let event = Event::Begun {
            plan_hash: plan.hash(),
            plan: Box::new(plan),
            by: "bob".to_owned(),
            identity: String::new(),
            way: Way::Terminal,
            despite_freeze: None,
            approved_by: None,
        };
        self.records.push(Record {
            number: 0,
            at,
            run: RunId::new(run),
            event,
            before: String::new(),
            hash: String::new(),
        });
    }
}

/// Leave for a plan, with all that it takes.
pub(crate) fn permit(plan: &Plan, run: &RunId, way: Way) -> Permit {
    let mut case = Case::good();
    case.plan = plan.clone();
    case.way = way;
    case.run = run.clone();
    case.action.per_hour = None;
    case.action.on.kinds = TargetKind::of(&plan.target.object.kind)
        .into_iter()
        .collect();
    case.confirmation = Confirmation::Typed(plan.target.object.name.clone());
    case.now = plan.made_at;
    case.ask().unwrap()
}

fn freeze(environments: &[&str]) -> FreezeWindow {
    FreezeWindow {
        environments: environments.iter().map(|&name| name.to_owned()).collect(),
        from: NOW - SignedDuration::from_mins(1),
        until: NOW + SignedDuration::from_mins(1),
        reason: "the sale".to_owned(),
    }
}

fn approved(by: &str, plan_hash: String) -> Confirmation {
    Confirmation::Approved(Approval {
        by: by.to_owned(),
        plan_hash,
        requester: "okta:ada".to_owned(),
        identity: "okta:ada".to_owned(),
    })
}

type Spoil = fn(&mut Case);

/// Each thing that can be missing, and how its refusal begins.
const MISSING: &[(&str, Spoil)] = &[
    ("this is a plan of the action", |case| {
        case.action.id = "scale".to_owned()
    }),
    ("the action restart was changed", |case| {
        case.action_hash = "edited".to_owned()
    }),
    ("the plan is not the one", |case| {
        case.confirmed = Some("other".to_owned())
    }),
    ("the plan was made more than ten", |case| {
        case.now = NOW + FRESH + SignedDuration::from_secs(1);
    }),
    ("the plan was made at", |case| {
        case.now = NOW - FRESH - SignedDuration::from_secs(1)
    }),
    (
        "the plan of Deployment shop/checkout on prod sends something to other",
        |case| {
            if let Call::Object(call) = &mut case.plan.steps[0].calls[0] {
                "other".clone_into(&mut call.object.system);
            }
        },
    ),
    // An offer is made once, and leave is asked for by whoever likes.
    ("Restart is not for Deployment shop/checkout", |case| {
        case.action.on.kinds = vec![TargetKind::Pod];
    }),
    ("Restart is not for Deployment shop/checkout", |case| {
        case.action.on.apps = vec!["cart".to_owned()];
    }),
    (
        "Restart is offered only in staging, and Deployment shop/checkout is in production",
        |case| case.action.on.environments = vec!["staging".to_owned()],
    ),
    (
        "Restart is offered only in production, and Deployment shop/checkout is in no environment",
        |case| {
            case.action.on.environments = vec!["production".to_owned()];
            case.plan.target.environment.clear();
        },
    ),
    (
        "the action restart is for the roles support and sre",
        |case| case.roles = Some(Vec::new()),
    ),
    (
        "the action restart is for the roles support and sre",
        |case| {
            case.roles = Some(vec!["guest".to_owned()]);
        },
    ),
    (
        "Deployment shop/checkout on prod takes its name, typed",
        |case| {
            case.confirmation = Confirmation::Clicked;
        },
    ),
    (
        "Deployment shop/checkout on prod takes its name, typed",
        |case| {
            case.confirmation = Confirmation::Named;
        },
    ),
    // The plan says less than the action does.
    (
        "Deployment shop/checkout on prod takes its name, typed",
        |case| {
            case.plan.confirm = Confirm::Click;
            case.confirmation = Confirmation::Named;
        },
    ),
    // Both say that a click will do, and it is production.
    (
        "Deployment shop/checkout on prod takes a confirmation that names it",
        |case| {
            case.plan.confirm = Confirm::Click;
            case.action.confirm = Confirm::Click;
            case.confirmation = Confirmation::Clicked;
        },
    ),
    (
        "Deployment shop/checkout on prod takes another person's approval",
        |case| {
            case.action.confirm = Confirm::SecondPerson;
        },
    ),
    ("what was typed is not the name checkout", |case| {
        case.confirmation = Confirmation::Typed("Checkout".to_owned());
    }),
    ("the approval is not another person's", |case| {
        case.confirmation = approved("Ada ", case.plan.hash());
    }),
    ("the approval is not another person's", |case| {
        case.confirmation = approved("", case.plan.hash());
    }),
    ("the approval is not another person's", |case| {
        case.confirmation = approved("okta:Ada", case.plan.hash());
    }),
    (
        "what was approved was asked for by okta:cy, and here you are okta:ada",
        |case| {
            case.confirmation = Confirmation::Approved(Approval {
                by: "okta:bo".to_owned(),
                plan_hash: case.plan.hash(),
                requester: "okta:cy".to_owned(),
                identity: "okta:ada".to_owned(),
            });
        },
    ),
    ("what bob approved is another plan", |case| {
        case.confirmation = approved("bob", "other".to_owned());
    }),
    ("the action restart takes a reason", |case| {
        case.plan.reason = " \n".to_owned()
    }),
    ("production is frozen until", |case| {
        case.freezes = vec![freeze(&["production"])]
    }),
    ("production is frozen until", |case| {
        case.freezes = vec![freeze(&[])];
        case.despite_freeze = Some("  ".to_owned());
    }),
    // Another freeze is over sooner, and ends nothing but itself.
    ("production is frozen until 2023-11-14T22:15:20Z", |case| {
        case.freezes = vec![
            freeze(&["production"]),
            freeze(&["PRODUCTION"]),
            freeze(&[]),
        ];
        case.freezes[1].until = NOW + SignedDuration::from_mins(2);
    }),
    (
        "production is frozen until 2023-11-14T22:14:20Z, and why this cannot wait cannot be written",
        |case| {
            case.freezes = vec![freeze(&["production"])];
            case.despite_freeze = Some("curl https://jo:hunter2@h.example".to_owned());
        },
    ),
    (
        "production is frozen until 2023-11-14T22:14:20Z, and why this cannot wait cannot be written",
        |case| {
            case.freezes = vec![freeze(&["production"])];
            case.despite_freeze = Some("it is down\u{1b}[2J".to_owned());
        },
    ),
    // Nobody can tell which environment it is: it may be the frozen one.
    ("Deployment shop/checkout on prod is frozen until", |case| {
        case.plan.target.environment.clear();
        case.freezes = vec![freeze(&["production"])];
    }),
    ("production is frozen until", |case| {
        case.freezes = vec![freeze(&["production"])];
        case.despite_freeze = Some("OPS-7".to_owned());
        case.plan.confirm = Confirm::Click;
        case.action.confirm = Confirm::Click;
        case.confirmation = Confirmation::Named;
    }),
    (
        "the action restart ran on Deployment shop/checkout on prod 2 times",
        |case| {
            case.ran("one", 59);
            case.ran("two", 1);
        },
    ),
    // By another name of the same cluster.
    (
        "the action restart ran on Deployment shop/checkout on prod 2 times",
        |case| {
            let name = std::mem::replace(&mut case.plan.target.object.system, "alias".to_owned());
            case.ran("one", 59);
            case.ran("two", 1);
            case.plan.target.object.system = name;
        },
    ),
    ("this plan was run already, as one", |case| {
        let plan = case.plan.clone();
        case.record("one", NOW, plan);
    }),
    ("ada may not patch deployments in shop, on prod", |case| {
        case.rights.insert(right(), Some(false));
    }),
];

#[test]
fn whatever_is_missing_is_refused_by_every_way_in_alike() {
    for (says, spoil) in MISSING {
        for way in WAYS {
            let mut case = Case::good();
            spoil(&mut case);
            case.way = way;
            let refusal = case.ask().expect_err(says);
            assert!(
                refusal.to_string().starts_with(says),
                "{way:?}: {refusal} / {says}"
            );
            assert!(!refusal.hint().is_empty());
            let Event::Refused {
                why,
                way: by_way,
                target,
                ..
            } = refusal.event(&case.plan, "ada", way)
            else {
                panic!("another event");
            };
            assert_eq!((why, by_way), (refusal.to_string(), way));
            assert_eq!(
                target,
                format!(
                    "Deployment shop/checkout on {}",
                    case.plan.target.object.system
                )
            );
        }
    }
}

type Allow = fn(&mut Case);

const ENOUGH: &[(&str, Allow)] = &[
    ("all is well", |_| {}),
    ("no roles are known", |case| case.roles = None),
    ("a right cannot be told", |case| {
        case.rights.insert(right(), None);
    }),
    ("a right was not asked for", |case| case.rights.clear()),
    ("another person approved", |case| {
        case.confirmation = approved("bob", case.plan.hash())
    }),
    ("it is just fresh enough", |case| case.now = NOW + FRESH),
    ("a click is enough elsewhere", |case| {
        case.plan.target.production = false;
        case.plan.confirm = Confirm::Click;
        case.action.confirm = Confirm::Click;
        case.confirmation = Confirmation::Clicked;
    }),
    ("no reason is asked for", |case| {
        case.action.reason = false;
        case.plan.reason.clear();
    }),
    ("another environment is frozen", |case| {
        case.freezes = vec![freeze(&["staging"])]
    }),
    ("the freeze is over", |case| {
        case.freezes = vec![freeze(&[])];
        case.freezes[0].until = NOW;
    }),
    ("it is offered for this app, here", |case| {
        case.action.on.apps = vec!["shop".to_owned()];
        case.action.on.environments = vec!["production".to_owned()];
    }),
    ("it ran often, but not within the hour", |case| {
        case.ran("one", 60);
        case.ran("two", 61);
        case.ran("three", 1);
    }),
    ("it ran often, but on another object", |case| {
        let name = std::mem::replace(&mut case.plan.target.object.name, "cart".to_owned());
        case.ran("one", 1);
        case.ran("two", 1);
        case.plan.target.object.name = name;
    }),
    ("the run itself is no other run", |case| {
        case.ran("one", 1);
        let plan = case.plan.clone();
        case.record("ours", NOW, plan);
    }),
];

#[test]
fn what_is_enough_is_enough_by_every_way_in() {
    for (name, allow) in ENOUGH {
        for way in WAYS {
            let mut case = Case::good();
            allow(&mut case);
            case.way = way;
            let permit = case
                .ask()
                .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert_eq!((permit.way(), permit.plan()), (way, &case.plan));
        }
    }
}

#[test]
fn a_freeze_gives_way_to_a_reason_and_that_is_recorded() {
    let mut case = Case::good();
    case.freezes = vec![freeze(&["staging"]), freeze(&["production"])];
    case.despite_freeze = Some(" OPS-7: checkout is down ".to_owned());
    let Event::Begun { despite_freeze, .. } = case.ask().unwrap().begun(String::new()) else {
        panic!("another event");
    };
    assert_eq!(despite_freeze.as_deref(), Some("OPS-7: checkout is down"));
    // A reason that no freeze asked for is none.
    case.freezes.clear();
    let Event::Begun { despite_freeze, .. } = case.ask().unwrap().begun(String::new()) else {
        panic!("another event");
    };
    assert_eq!(despite_freeze, None);
}

#[test]
fn another_permit_for_the_same_plan_is_worth_nothing_once_one_was_used() {
    let mut case = Case::good();
    let second = case.ask().unwrap();
    let plan = case.plan.clone();
    case.record("first", NOW, plan);
    let refusal = second.recheck(&case.records, NOW).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Used {
            run: RunId::new("first")
        }
    );
}
