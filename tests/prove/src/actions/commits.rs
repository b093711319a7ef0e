//! Versions set through Git: one commit at a code host, Flux that fetches and applies it, and what runs then; or none at all.
//!
//! Owns the ends of that way: the repository before and after, and what Flux made of it. Flux's sources look every half an
//! hour here: whoever pushes tells them, as a webhook does.

use std::pin::pin;
use std::time::Duration;

use contract::Trust;
use contract::proxy::{Fault, Proxy, Rule};
use reqwest::Method;
use sandbox::git::Repository;
use serde_json::{Value, json};

use super::meant::planned;
use super::operator::{Operator, Said, Wish};
use super::world::{Thing, is_marked, is_steady, text, until};
use super::{Checked, Rig, Wrong, so};
use crate::play::Play;

/// An app whose second version is built, and declared nowhere.
const BUILT: &str = "[live: {}, commit: {}]";
/// What names the image's version.
const DECLARED: &str = "deploy/kustomization.yaml";
/// How long Flux has for what it must not do.
const QUIET: Duration = Duration::from_secs(5);

/// An app that image automation has brought its second version.
const AUTOMATED: &str = r#"
  - live: { marked: true }
  - automate: {}
  - until: { object: "ImagePolicy {name}", field: { at: /status/latestRef/tag, contains: "{tag1}" } }
  - commit: {}
  - reconcile: { object: "ImageRepository {name}" }
  - until: { object: "ImagePolicy {name}", field: { at: /status/latestRef/tag, contains: "{tag2}" } }
  - until: { object: "ImageUpdateAutomation {name}", field: { at: /status/lastPushCommit, contains: "{head}" } }
  - reconcile: { object: "GitRepository {name}" }
  - until: { object: "Kustomization {name}", condition: { type: Ready, status: "True" }, field: { at: /status/lastAppliedRevision, contains: "{head}" } }
"#;

/// The GitOps repository of an app.
struct Fleet(Repository);

impl Fleet {
    fn of(rig: &Rig, name: &str) -> Checked<Self> {
        let path = format!("fleet/{name}");
        let found = rig.ground.code.repository(&path);
        found.map(Self).ok_or_else(|| Wrong::Not {
            what: format!("the repository {path} has to be there"),
            said: "it is not".to_owned(),
        })
    }

    fn head(&self) -> String {
        self.0.head("main").unwrap_or_default()
    }

    fn declares(&self, at: &str) -> String {
        self.0.read(at, DECLARED).unwrap_or_default()
    }

    /// The commits on main whose message bears a run of Landfall's.
    fn ours(&self) -> usize {
        let log = self.0.log("main", 50);
        let ours = log
            .iter()
            .filter(|one| one.message.contains("Landfall-Run: "));
        ours.count()
    }

    /// Wants the head to be one commit on top of another, of this run, that changes one version and not one byte beside it.
    fn is_changed(&self, before: &str, run: &str, from: &str, to: &str) -> Checked {
        let head = self.0.show("main");
        let (parents, message) = head
            .map(|head| (head.parents, head.message))
            .unwrap_or_default();
        so(
            "one commit has to be on top",
            parents == [before],
            format!("{parents:?}"),
        )?;
        let ends = format!("\n\nLandfall-Run: {run}");
        so("it has to bear the run", message.ends_with(&ends), &message)?;
        let files = self.0.changes(Some(before), "main");
        so(
            "it has to change one file",
            files.len() == 1,
            format!("{files:?}"),
        )?;
        let (was, is) = (self.declares(before), self.declares("main"));
        let is_one = was != is && was.replacen(from, to, 1) == is;
        so(
            "it has to change one version and nothing else",
            is_one,
            format!("{was}\n{is}"),
        )
    }
}

/// Means a plan, and tells Flux's source of the commit as soon as it is there.
async fn means(rig: &Rig, operator: &Operator, wish: &Wish<'_>, plan: &Value) -> Checked<Said> {
    let name = &wish.on.namespace;
    let fleet = Fleet::of(rig, name)?;
    let before = fleet.head();
    let mut ending = pin!(operator.means(wish, plan)?.end());
    let told = pin!(async {
        until("the branch has to have another head", async || {
            let head = fleet.head();
            Ok(if head == before { Err(head) } else { Ok(()) })
        })
        .await?;
        asks(rig, "GitRepository", name).await
    });
    tokio::select! {
        said = &mut ending => said,
        told = told => {
            told?;
            ending.await
        }
    }
}

/// Asks Flux to look at an object now.
async fn asks(rig: &Rig, kind: &str, name: &str) -> Checked {
    let now = jiff::Timestamp::now().to_string();
    let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now}}});
    rig.api().merge(kind, name, name, &ask, None).await?;
    Ok(())
}

/// What a run says of itself: its id, and its words at the end.
fn told(said: &Said) -> Checked<(String, String)> {
    let document = said.json()?;
    let word = |at: &str| text(&document, at).to_owned();
    Ok((word("/run/run"), word("/run/stands/says")))
}

/// The plan has one commit, which the code host would take.
fn is_taken(plan: &Value) -> Checked {
    let steps = plan["steps"].as_array().into_iter().flatten();
    let commits = steps.flat_map(|step| step["commits"].as_array().into_iter().flatten());
    so(
        "the plan has to have one commit",
        commits.count() == 1,
        plan,
    )?;
    so("it has to be taken", plan["tried"].is_null(), plan)
}

/// Wants a Deployment to run a version, with all its pods.
async fn runs(rig: &Rig, thing: &Thing, tag: &str) -> Checked {
    let object = rig.get(thing).await?;
    let image = text(&object, "/spec/template/spec/containers/0/image");
    let is_so = image.ends_with(&format!(":{tag}")) && is_steady(thing.kind, &object);
    so(&format!("{thing} has to run {tag}"), is_so, &object)
}

/// Turns red where `hands/git.rs` hands over a file that differs in more than its value, where `step/set_version/proof.rs`
/// believes the commit and does not look at what runs, or where the run writes to the cluster.
pub(super) async fn promote(rig: &Rig) -> Checked<String> {
    let name = "act-promote";
    let scenario = Rig::app(name, BUILT)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let (from, to) = (play.filled("{tag1}"), play.filled("{tag2}"));
    let (fleet, thing) = (Fleet::of(rig, name)?, Thing::of("Deployment", name));
    let (operator, _keyring) = rig.signed_in(None).await?;
    let input = format!("to={to}");
    let wish = Wish {
        input: Some(&input),
        ..Wish::new("promote", &thing)
    };
    let before = fleet.head();
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    so(
        "a plan commits nothing",
        fleet.head() == before,
        fleet.head(),
    )?;
    is_taken(&plan)?;
    let said = means(rig, &operator, &wish, &plan).await?.ends(0)?;
    let (run, says) = told(&said)?;
    so(
        "it has to be seen to have worked",
        said.outcome()?.as_deref() == Some("worked"),
        said.whole(),
    )?;
    fleet.is_changed(&before, &run, &from, &to)?;
    runs(rig, &thing, &to).await?;
    let heard = rig.heard(name)?;
    let ours = heard.iter().any(|one| one.manager == "landfall");
    so(
        "nothing is written to the cluster",
        !ours,
        format!("{heard:?}"),
    )?;
    operator.has_a_whole_record().await?;
    Ok(says)
}

/// Turns red where `step/set_version/automation.rs` finds no automation, or suspends it after the commit: it sets the version
/// of the policy again.
pub(super) async fn roll_back(rig: &Rig) -> Checked<String> {
    let name = "act-roll-back";
    let scenario = Rig::app(name, AUTOMATED)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let (new, old) = (play.filled("{tag2}"), play.filled("{tag1}"));
    let fleet = Fleet::of(rig, name)?;
    let thing = Thing::of("Deployment", name);
    let automation = Thing::of("ImageUpdateAutomation", name);
    rig.until(&thing, "the new version runs", |found| {
        is_steady("Deployment", found)
    })
    .await?;
    runs(rig, &thing, &new).await?;
    let (operator, _keyring) = rig.signed_in(None).await?;
    let input = format!("to={old}");
    let wish = Wish {
        input: Some(&input),
        reason: Some("the new version loses orders"),
        ..Wish::new("roll-back", &thing)
    };
    let before = fleet.head();
    let things = [thing.clone(), automation.clone()];
    let plan = planned(rig, &operator, &wish, &things).await?;
    is_taken(&plan)?;
    let said = means(rig, &operator, &wish, &plan).await?.ends(0)?;
    let (run, says) = told(&said)?;
    so(
        "it has to be seen to have worked",
        said.outcome()?.as_deref() == Some("worked"),
        said.whole(),
    )?;
    fleet.is_changed(&before, &run, &new, &old)?;
    let suspended = rig.get(&automation).await?;
    is_marked(&suspended, &run)?;
    so(
        "the automation has to be suspended, and say why",
        suspended["spec"]["suspend"] == true
            && text(
                &suspended,
                "/metadata/annotations/landfall.dev~1suspended-because",
            ) == wish.reason.unwrap_or_default(),
        &suspended,
    )?;
    let head = fleet.head();
    for kind in ["ImageRepository", "ImageUpdateAutomation"] {
        asks(rig, kind, name).await?;
    }
    tokio::time::sleep(QUIET).await;
    so(
        "nobody may set it back",
        fleet.head() == head,
        fleet.declares("main"),
    )?;
    runs(rig, &thing, &old).await?;
    operator.has_a_whole_record().await?;
    Ok(says)
}

/// Turns red where `hands/git.rs` commits what should wait in a pull request.
pub(super) async fn pull_request(rig: &Rig) -> Checked<String> {
    let name = "act-pull-request";
    let scenario = Rig::app(name, BUILT)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let (from, to) = (play.filled("{tag1}"), play.filled("{tag2}"));
    let (fleet, thing) = (Fleet::of(rig, name)?, Thing::of("Deployment", name));
    let (operator, _keyring) = rig.signed_in(None).await?;
    let input = format!("to={to}");
    let wish = Wish {
        input: Some(&input),
        more: Some("by=pullRequest"),
        ..Wish::new("deploy", &thing)
    };
    let before = fleet.head();
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    is_taken(&plan)?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(0)?;
    let (run, says) = told(&said)?;
    so("main stays as it is", fleet.head() == before, fleet.head())?;
    let pulls = rig.ground.github.pulls(&format!("fleet/{name}"));
    let [pull] = pulls.as_slice() else {
        return Err(Wrong::Not {
            what: "there has to be one pull request".to_owned(),
            said: format!("{pulls:?}"),
        });
    };
    so(
        "it has to be the run's",
        pull.head == format!("landfall/{run}"),
        &pull.head,
    )?;
    so(
        "its address has to be said",
        says.contains(&pull.number.to_string()),
        &says,
    )?;
    runs(rig, &thing, &from).await?;
    Ok(says)
}

/// Turns red where `hands/git.rs` tries a commit without asking who is signed in.
pub(super) async fn not_signed_in(rig: &Rig) -> Checked<String> {
    let name = "act-not-signed-in";
    let scenario = Rig::app(name, BUILT)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let to = play.filled("{tag2}");
    let (fleet, thing) = (Fleet::of(rig, name)?, Thing::of("Deployment", name));
    let (operator, _keyring) = rig.committer(None).await?;
    let input = format!("to={to}");
    let wish = Wish {
        input: Some(&input),
        ..Wish::new("promote", &thing)
    };
    let before = fleet.head();
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    let tried = text(&plan, "/tried");
    let how = format!("landfall sign-in --code-host {}", rig.ground.code_host);
    so(
        "the plan has to say how to sign in",
        tried.contains(&how),
        &plan,
    )?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(2)?;
    so(
        "it has to have failed",
        said.outcome()?.as_deref() == Some("failed"),
        said.whole(),
    )?;
    so(
        "nothing may be committed",
        fleet.head() == before,
        fleet.head(),
    )?;
    Ok(told(&said)?.1)
}

/// What came of a promotion whose commit met this fault at its last request.
struct Came {
    said: Said,
    /// The commits that are ours, and how often one was asked for.
    made: usize,
    asked: usize,
}

async fn meets(rig: &Rig, name: &str, fault: Fault) -> Checked<Came> {
    let scenario = Rig::app(name, BUILT)?;
    let play = Play::through(&rig.ground, &scenario).await?;
    let to = play.filled("{tag2}");
    let thing = Thing::of("Deployment", name);
    let code = format!("http://{}", rig.ground.code_host);
    let proxy = Proxy::start(&code, Trust::Machine).await?;
    let (operator, _keyring) = rig.signed_in(Some(&proxy)).await?;
    let input = format!("to={to}");
    let wish = Wish {
        input: Some(&input),
        ..Wish::new("promote", &thing)
    };
    let plan = planned(rig, &operator, &wish, std::slice::from_ref(&thing)).await?;
    is_taken(&plan)?;
    proxy
        .script()
        .add(Rule::new(fault).method(Method::PATCH).times(1));
    let said = means(rig, &operator, &wish, &plan).await?;
    let faults = proxy.script().faults();
    so(
        "the commit has to meet the fault",
        faults == 1,
        said.whole(),
    )?;
    operator.has_a_whole_record().await?;
    Ok(Came {
        said,
        made: Fleet::of(rig, name)?.ours(),
        asked: proxy.script().count("PATCH "),
    })
}

/// Turns red where `github/writing.rs` of the forge calls a lost answer a refusal, or `run/drive.rs` sends it once more.
pub(super) async fn lost(rig: &Rig) -> Checked<String> {
    let name = "act-lost-commit";
    let came = meets(rig, name, Fault::ResetAfter(0)).await?;
    let (made, asked) = (came.made, came.asked);
    let said = came.said.ends(0)?;
    so(
        "it has to be seen to have worked",
        said.outcome()?.as_deref() == Some("worked"),
        said.whole(),
    )?;
    so(
        "it has to be made once, and asked for once",
        (made, asked) == (1, 1),
        format!("{made} {asked}"),
    )?;
    Ok(told(&said)?.1)
}

/// Turns red where `step/arrived.rs` takes a branch for a proof of the commit, or what has not arrived is sent again.
pub(super) async fn never_arrived(rig: &Rig) -> Checked<String> {
    let name = "act-never-committed";
    let came = meets(rig, name, Fault::Status(502, None)).await?;
    let (made, asked) = (came.made, came.asked);
    let said = came.said.ends(2)?.says("It was not sent again")?;
    so(
        "it has to have failed",
        said.outcome()?.as_deref() == Some("failed"),
        said.whole(),
    )?;
    so(
        "it may not be made, and is asked for once",
        (made, asked) == (0, 1),
        format!("{made} {asked}"),
    )?;
    Ok(told(&said)?.1)
}
