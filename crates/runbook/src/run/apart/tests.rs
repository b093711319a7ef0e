//! Two machines on one target, over an API server that keeps leases as the real one does.

use std::sync::Mutex as Plain;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::*;
use crate::call::{Change, Right};
use crate::hands::Hands;
use crate::journal::{Event, Journal, Way};
use crate::permit::tests::{permit, plan};
use crate::run::{Pace, Progress};

/// What the server does with what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Well,
    LosesAnswers,
    Forbids,
}

/// A server with at most one lease, and a namespace for it or none.
struct Shop {
    lease: Plain<Option<Json>>,
    version: Plain<u64>,
    has_namespace: bool,
    does: Plain<Server>,
    sent: Plain<usize>,
}

impl Shop {
    fn new() -> Self {
        Self {
            lease: Plain::default(),
            version: Plain::new(1),
            has_namespace: true,
            does: Plain::new(Server::Well),
            sent: Plain::default(),
        }
    }

    fn sent(&self) -> usize {
        *self.sent.lock().unwrap()
    }

    fn holder(&self) -> Option<String> {
        let lease = self.lease.lock().unwrap();
        let holder = lease.as_ref()?["spec"]["holderIdentity"].as_str()?;
        Some(holder.to_owned())
    }

    fn does(&self, does: Server) {
        *self.does.lock().unwrap() = does;
    }

    fn change(&self, call: &ObjectCall, run: &RunId) -> Answer {
        let mut lease = self.lease.lock().unwrap();
        let body = call.body(run);
        let moved = |why: &str| Answer::Refused {
            why: why.to_owned(),
            moved: true,
        };
        let mut version = self.version.lock().unwrap();
        match (&call.change, lease.as_mut()) {
            (Change::Create(_), Some(_)) => return moved("already exists"),
            (Change::Create(_), None) => {
                let mut made = body;
                made["metadata"]["uid"] = json!("u-lease");
                *lease = Some(made);
            }
            (_, None) => return moved("not found"),
            (Change::Merge(_), Some(found)) => {
                if body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"] {
                    return moved("the object has been modified");
                }
                for part in ["spec", "annotations"] {
                    let (from, to) = match part {
                        "spec" => (&body["spec"], &mut found["spec"]),
                        _ => (
                            &body["metadata"]["annotations"],
                            &mut found["metadata"]["annotations"],
                        ),
                    };
                    for (name, value) in from.as_object().into_iter().flatten() {
                        to[name] = value.clone();
                    }
                }
            }
            (Change::Delete, Some(found)) => {
                let wanted = &body["preconditions"]["resourceVersion"];
                if *wanted != found["metadata"]["resourceVersion"] {
                    return moved("the object has been modified");
                }
                *lease = None;
            }
        }
        *version += 1;
        if let Some(lease) = lease.as_mut() {
            lease["metadata"]["resourceVersion"] = json!(version.to_string());
        }
        Answer::Done {
            version: version.to_string(),
        }
    }
}

#[async_trait]
impl Hands for Shop {
    async fn read(&self, look: &Look) -> Read {
        match look {
            Look::Object(object) if object.kind == "Namespace" => match self.has_namespace {
                true => Read::Object(json!({"kind": "Namespace"})),
                false => Read::Absent,
            },
            _ => self
                .lease
                .lock()
                .unwrap()
                .clone()
                .map_or(Read::Absent, Read::Object),
        }
    }

    async fn try_out(&self, _: &Call, _: &RunId) -> Answer {
        panic!("a lock is taken, not tried")
    }

    async fn send(&self, call: &Call, run: &RunId) -> Answer {
        *self.sent.lock().unwrap() += 1;
        let does = *self.does.lock().unwrap();
        if does == Server::Forbids {
            return Answer::Refused {
                why: "leases is forbidden".to_owned(),
                moved: false,
            };
        }
        let answer = self.change(call.object().unwrap(), run);
        match does {
            Server::LosesAnswers => Answer::Unknown {
                why: "the connection broke".to_owned(),
            },
            _ => answer,
        }
    }

    async fn may(&self, _: &str, _: &Right) -> Option<bool> {
        None
    }

    async fn cluster_uid(&self, _: &str) -> Option<String> {
        None
    }

    async fn identity(&self, _: &str) -> Option<String> {
        None
    }

    fn keeps_apart(&self) -> bool {
        true
    }
}

/// A clock that goes as fast as it is waited for; what is waited for may be somebody else's doing.
struct Fast<'a> {
    now: Plain<Timestamp>,
    shop: &'a Shop,
    renews_meanwhile: bool,
}

impl Fast<'_> {
    fn pass(&self, length: Duration) {
        *self.now.lock().unwrap() += length;
    }
}

#[async_trait]
impl Pace for Fast<'_> {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, length: Duration) {
        self.pass(length);
        if self.renews_meanwhile
            && let Some(lease) = self.shop.lease.lock().unwrap().as_mut()
        {
            lease["metadata"]["resourceVersion"] = json!("renewed");
        }
        tokio::task::yield_now().await;
    }
}

struct Room<'a> {
    _folder: tempfile::TempDir,
    journal: Journal,
    pace: Fast<'a>,
    shop: &'a Shop,
}

const QUIET: &(dyn Fn(&Progress<'_>) + Send + Sync) = &|_| ();

impl<'a> Room<'a> {
    fn new(shop: &'a Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            journal: Journal::open(folder.path().join("journal")).unwrap(),
            _folder: folder,
            pace: Fast {
                now: Plain::new(plan().made_at),
                shop,
                renews_meanwhile: false,
            },
            shop,
        }
    }

    fn world(&self) -> World<'_> {
        World {
            hands: self.shop,
            journal: &self.journal,
            pace: &self.pace,
            tell: QUIET,
        }
    }
}

fn of(run: &str) -> Permit {
    permit(&plan(), &RunId::new(run), Way::Terminal)
}

#[tokio::test]
async fn a_second_machine_is_refused_with_who_and_since_when_and_goes_once_the_first_has_let_go() {
    let shop = Shop::new();
    let room = Room::new(&shop);
    let (first, second) = (of("r1"), of("r2"));
    let held = take(&first, room.world(), &[]).await.unwrap().unwrap();
    let refused = take(&second, room.world(), &[])
        .await
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        refused,
        "Deployment shop/checkout on prod is held by the run r1 of ada, since 2023-11-14T22:13:20Z"
    );
    held.let_go().await;
    assert_eq!(shop.holder(), None);
    assert!(take(&second, room.world(), &[]).await.unwrap().is_some());
    assert_eq!(shop.holder().as_deref(), Some("r2"));
}

#[tokio::test]
async fn one_that_a_crash_left_is_taken_over_and_one_whose_clock_is_behind_is_not() {
    let shop = Shop::new();
    let mut room = Room::new(&shop);
    let (first, second) = (of("r1"), of("r2"));
    drop(take(&first, room.world(), &[]).await.unwrap());
    room.pace.pass(Duration::from_secs(61));
    room.pace.renews_meanwhile = true;
    assert!(
        take(&second, room.world(), &[]).await.is_err(),
        "it is renewed"
    );
    room.pace.renews_meanwhile = false;
    assert!(take(&second, room.world(), &[]).await.unwrap().is_some());
    assert_eq!(shop.holder().as_deref(), Some("r2"));
}

#[tokio::test]
async fn a_machine_that_slept_finds_out_before_it_sends() {
    let shop = Shop::new();
    let room = Room::new(&shop);
    let (first, second) = (of("r1"), of("r2"));
    let slept = take(&first, room.world(), &[]).await.unwrap().unwrap();
    assert!(slept.is_ours().await);
    room.pace.pass(Duration::from_secs(61));
    let other = take(&second, room.world(), &[]).await.unwrap().unwrap();
    assert!(!slept.is_ours().await);
    assert!(other.is_ours().await);
    slept.let_go().await;
    assert_eq!(
        shop.holder().as_deref(),
        Some("r2"),
        "it was not its to give"
    );
}

#[tokio::test]
async fn it_is_renewed_while_it_is_held() {
    let shop = Shop::new();
    let room = Room::new(&shop);
    let (first, second) = (of("r1"), of("r2"));
    let held = take(&first, room.world(), &[]).await.unwrap().unwrap();
    for _ in 0..10 {
        room.pace.pass(lock::RENEWED);
        assert!(held.is_ours().await);
    }
    assert!(take(&second, room.world(), &[]).await.is_err());
}

#[tokio::test]
async fn a_run_that_is_gone_on_with_finds_its_own() {
    let shop = Shop::new();
    let room = Room::new(&shop);
    let (first, again) = (of("r1"), of("r1"));
    drop(take(&first, room.world(), &[]).await.unwrap());
    assert!(take(&again, room.world(), &[]).await.unwrap().is_some());
}

#[tokio::test]
async fn lost_answers_are_read_and_nothing_is_sent_twice() {
    let shop = Shop::new();
    let room = Room::new(&shop);
    let first = of("r1");
    shop.does(Server::LosesAnswers);
    let held = take(&first, room.world(), &[]).await.unwrap().unwrap();
    assert_eq!(shop.sent(), 1);
    room.pace.pass(lock::RENEWED);
    assert!(held.is_ours().await);
    assert!(held.is_ours().await);
    assert_eq!(shop.sent(), 2);
}

#[tokio::test]
async fn who_may_not_or_has_no_namespace_runs_all_the_same() {
    let mut shop = Shop::new();
    shop.does(Server::Forbids);
    let first = of("r1");
    assert!(
        take(&first, Room::new(&shop).world(), &[])
            .await
            .unwrap()
            .is_none()
    );
    shop.has_namespace = false;
    let before = shop.sent();
    assert!(
        take(&first, Room::new(&shop).world(), &[])
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        shop.sent(),
        before,
        "nothing is sent that can only be refused"
    );
}

#[tokio::test]
async fn what_this_machine_left_when_it_crashed_kept_it_from_its_own_target() {
    let shop = Shop::new();
    let room = Room::new(&shop);
    let (first, second) = (of("r1"), of("r2"));
    drop(take(&first, room.world(), &[]).await.unwrap());
    let begun = Event::Intent { step: 0, call: 0 };
    let now = room.pace.now();
    let record = room.journal.append(now, first.run(), &begun).unwrap();
    let held = take(&second, room.world(), &[record]).await.unwrap();
    assert!(held.is_some());
    assert_eq!(room.pace.now(), now, "nothing is waited for");
    assert_eq!(shop.holder().as_deref(), Some("r2"));
}
