//! Another person's approval and the lock of a target, kept by the real API server: what `landfall cluster manifest` prints,
//! held against whoever may do everything else there.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::operator::{Operator, Wish};
use super::rig::CLUSTER;
use super::world::{Thing, text, until};
use super::{Checked, Rig, so};
use crate::api::{Api, ApiError};

const RBAC: &str = "rbac.authorization.k8s.io";
/// What is shared.
const SHARED: &str = "landfall";
const RUN: &str = "ActionRun";
/// The policy, as the API server names it in what it refuses.
const POLICY: &str = "landfall-actionruns";
/// An action of the team's own that takes two.
const TOGETHER: &str = "version: 1\nid: together\ntitle: Restart together\nabout: Restarts it once two agree.\nroles: [sre]\n\
                        reason: true\nconfirm: second-person\non: {kinds: [Deployment]}\nsteps: [restart: {}]\n\
                        undo: {not: The pods that were replaced are gone.}\n";

/// Somebody, as the API server knows them.
struct Person {
    name: String,
    token: String,
    api: Api,
}

/// Applies the manifest that the product prints, and waits until the policy is in force.
async fn set_up(rig: &Rig) -> Checked {
    let operator = rig.operator()?;
    let words = [
        "cluster",
        "manifest",
        "--requesters",
        "x",
        "--approvers",
        "y",
    ];
    let manifest = operator.says(&words).await?.ends(0)?;
    for document in serde_yaml_ng::Deserializer::from_str(&manifest.out()) {
        let object = Value::deserialize(document)?;
        rig.api().apply(&object).await?;
    }
    until("the kind has to be served", async || {
        let is_served = rig.api().discovers("landfall.dev/v1alpha1", "actionruns");
        Ok(match is_served.await {
            true => Ok(()),
            false => Err("it is not".to_owned()),
        })
    })
    .await?;
    let mut tries = 0;
    until("the policy has to be in force", async || {
        tries += 1;
        let name = format!("early-{tries}-{}", Timestamp::now().as_millisecond());
        let forged = run(&name, "somebody-else", "early");
        Ok(match rig.api().apply(&forged).await {
            Err(ApiError::Refused { message, .. }) if message.contains(POLICY) => Ok(()),
            said => Err(format!("{said:?}")),
        })
    })
    .await
}

/// Somebody who may do everything: only the policy can stop them.
async fn person(rig: &Rig, namespace: &str, name: &str) -> Checked<Person> {
    rig.namespace(namespace).await?;
    let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}});
    let binding = json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("{namespace}-{name}")},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": [subject]});
    for object in [account, binding] {
        rig.api().apply(&object).await?;
    }
    let token = rig.api().token(namespace, name).await?;
    Ok(Person {
        name: format!("system:serviceaccount:{namespace}:{name}"),
        api: rig.api().somebody(&token),
        token,
    })
}

fn hash(of: &str) -> String {
    of.bytes()
        .cycle()
        .take(32)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn run(name: &str, requester: &str, plan: &str) -> Value {
    json!({"apiVersion": "landfall.dev/v1alpha1", "kind": RUN,
        "metadata": {"name": name, "namespace": SHARED},
        "spec": {"planHash": hash(plan), "action": "together", "inputs": {}, "reason": "OPS-7", "requester": requester,
            "target": {"kind": "Deployment", "namespace": "shop", "name": "cart", "uid": "u", "cluster": "ground", "clusterUid": "c"},
            "approvals": []}})
}

fn approvals(all: &[(&str, &str)]) -> Value {
    let all: Vec<Value> = all
        .iter()
        .map(|(by, plan)| json!({"by": by, "planHash": hash(plan)}))
        .collect();
    json!({"spec": {"approvals": all}})
}

/// Wants the policy, and nothing else, to have refused it.
fn refused(what: &str, answer: Result<Value, ApiError>) -> Checked {
    match answer {
        Err(ApiError::Refused { message, .. }) => so(
            &format!("{what} has to be refused by the policy"),
            message.contains(POLICY),
            message,
        ),
        Err(other) => Err(other.into()),
        Ok(taken) => so(&format!("{what} has to be refused"), false, taken),
    }
}

/// Turns red where a rule of `cluster_side/policy.rs` is left out.
pub(super) async fn forged(rig: &Rig) -> Checked<String> {
    set_up(rig).await?;
    let (ada, bo) = (
        person(rig, "act-forged", "ada").await?,
        person(rig, "act-forged", "bo").await?,
    );
    let name = format!("forged-{}", Timestamp::now().as_millisecond());
    let (us, them) = (ada.name.as_str(), bo.name.as_str());
    refused(
        "a request in another's name",
        ada.api.apply(&run(&name, them, "p")).await,
    )?;
    let mut early = run(&name, us, "p");
    early["spec"]["approvals"] = approvals(&[(them, "p")])["spec"]["approvals"].clone();
    refused("a request that comes approved", ada.api.apply(&early).await)?;
    ada.api.apply(&run(&name, us, "p")).await?;

    let as_is = |by: &Person, patch: Value| {
        let (api, name) = (by.api.clone(), name.clone());
        async move { api.merge(RUN, SHARED, &name, &patch, None).await }
    };
    let begun = json!({"status": {"begun": {"at": "2026-12-01T10:00:00Z"}}});
    let status = |by: &Person, patch: &Value| {
        let (api, name, patch) = (by.api.clone(), name.clone(), patch.clone());
        async move { api.merge_status(RUN, SHARED, &name, &patch).await }
    };
    refused(
        "one's own approval",
        as_is(&ada, approvals(&[(us, "p")])).await,
    )?;
    refused(
        "an approval in another's name",
        as_is(&ada, approvals(&[(them, "p")])).await,
    )?;
    refused(
        "an approval of another plan",
        as_is(&bo, approvals(&[(them, "q")])).await,
    )?;
    refused(
        "two approvals at once",
        as_is(&bo, approvals(&[(them, "p"), ("cy", "p")])).await,
    )?;
    refused(
        "another hash",
        as_is(&ada, json!({"spec": {"planHash": hash("q")}})).await,
    )?;
    refused(
        "another requester",
        as_is(&bo, json!({"spec": {"requester": "cy"}})).await,
    )?;
    refused(
        "another target",
        as_is(&ada, json!({"spec": {"target": {"name": "pay"}}})).await,
    )?;
    refused(
        "another input",
        as_is(&ada, json!({"spec": {"inputs": {"to": "9"}}})).await,
    )?;
    refused(
        "another reason",
        as_is(&ada, json!({"spec": {"reason": ""}})).await,
    )?;
    refused(
        "a beginning before it is approved",
        status(&ada, &begun).await,
    )?;

    as_is(&bo, approvals(&[(them, "p")])).await?;
    refused("an approval taken back", as_is(&bo, approvals(&[])).await)?;
    refused(
        "another's approval made one's own",
        as_is(&ada, approvals(&[(us, "p")])).await,
    )?;
    refused(
        "a hash that changes with its approval",
        as_is(
            &bo,
            json!({"spec": {"planHash": hash("q"),
        "approvals": [{"by": them, "planHash": hash("q")}]}}),
        )
        .await,
    )?;
    refused("a beginning by another", status(&bo, &begun).await)?;
    status(&ada, &begun).await?;
    refused(
        "a beginning undone",
        status(&ada, &json!({"status": {"begun": null}})).await,
    )?;
    let again = json!({"status": {"begun": {"at": "2026-12-01T11:00:00Z"}}});
    refused("a second beginning", status(&ada, &again).await)?;
    let kept = rig.get(&Thing::new(RUN, SHARED, &name)).await?;
    so(
        "what is kept has to be the honest way",
        kept["spec"]["approvals"] == approvals(&[(them, "p")])["spec"]["approvals"]
            && kept["spec"]["planHash"] == hash("p"),
        &kept,
    )?;
    Ok(format!(
        "approved by {them}, and 15 forgeries were refused by {POLICY}"
    ))
}

/// Somebody at a terminal, with the action that takes two.
fn at_terminal(rig: &Rig, person: &Person) -> Checked<Operator> {
    let operator = rig.somebody(&person.token)?;
    let folder = operator.home().join("actions");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("together.yaml"), TOGETHER)?;
    Ok(operator)
}

/// Turns red where `console/src/actions/approvals.rs` does not look for an approval, or does not use it up.
pub(super) async fn approved(rig: &Rig) -> Checked<String> {
    set_up(rig).await?;
    let name = "act-approved";
    let thing = rig.workload("Deployment", name, &json!({})).await?;
    let (ada, bo) = (
        person(rig, name, "ada").await?,
        person(rig, name, "bo").await?,
    );
    let (at_ada, at_bo) = (at_terminal(rig, &ada)?, at_terminal(rig, &bo)?);
    let target = thing.to_string();
    let asks = async |how: &[&str]| {
        let mut words = vec![
            "run",
            "together",
            &target,
            "--cluster",
            CLUSTER,
            "--reason",
            "OPS-7",
        ];
        words.extend(["--actions", "actions", "--json"]);
        words.extend(how);
        at_ada.asks_for(&words).await
    };
    rig.at_rest(std::slice::from_ref(&thing)).await?;
    let plan = asks(&["--plan"]).await?.ends(0)?.json()?["plan"].clone();
    so(
        "it has to take two",
        plan["confirm"] == "second-person",
        &plan,
    )?;
    let hash = text(&plan, "/hash").to_owned();

    let asked = asks(&["--confirm", &hash]).await?.ends(0)?.json()?;
    let request = text(&asked, "/request/name").to_owned();
    so(
        "it has to be asked for, and held by the API server",
        !request.is_empty() && asked["held"]["is"] == "by-server" && asked["run"].is_null(),
        &asked,
    )?;
    let again = asks(&["--confirm", &hash]).await?.ends(0)?.json()?;
    so(
        "it has to be asked for once",
        again["request"]["name"] == request.as_str(),
        &again,
    )?;

    let approve = [
        "approve",
        &request,
        "--actions",
        "actions",
        "--confirm",
        &hash,
    ];
    at_ada.asks_for(&approve).await?.ends(3)?.says("yourself")?;
    let heard = rig.heard(name)?;
    so(
        "nothing may be sent before it is approved",
        heard.is_empty(),
        format!("{heard:?}"),
    )?;
    let other = [
        "approve",
        &request,
        "--actions",
        "actions",
        "--confirm",
        "00",
    ];
    at_bo
        .asks_for(&other)
        .await?
        .ends(3)?
        .says("not the plan")?;
    at_bo.asks_for(&approve).await?.ends(0)?.says("Approved")?;

    let said = asks(&["--confirm", &hash]).await?.ends(0)?;
    so(
        "it has to have worked",
        said.outcome()?.as_deref() == Some("worked"),
        said.whole(),
    )?;
    let run = said.json()?["run"].clone();
    so(
        "the run has to be called as the request is",
        run["run"] == request.as_str(),
        &run,
    )?;
    let kept = Thing::new(RUN, SHARED, &request);
    let has_ended = |found: &Value| found["status"]["ended"]["outcome"] == "worked";
    let kept = rig.until(&kept, "its end is kept", has_ended).await?;
    so(
        "it has to be used up",
        kept["status"]["begun"].is_object(),
        &kept,
    )?;
    let heard = rig.heard(name)?;
    so(
        "it has to be sent once",
        heard.len() == 1,
        format!("{heard:?}"),
    )?;
    at_ada.recorded(&format!("approved by {}", bo.name)).await?;
    at_ada.has_a_whole_record().await?;
    Ok(format!("{} was approved by {}", request, bo.name))
}

fn lease(name: &str, renewed: Timestamp) -> Value {
    let at = renewed.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": SHARED, "annotations": {"landfall.dev/by": "bo"}},
        "spec": {"holderIdentity": "another", "leaseDurationSeconds": 60, "acquireTime": at, "renewTime": at}})
}

/// Turns red where `run/apart.rs` takes no lock, does not look whose it is, or does not let go of it.
pub(super) async fn apart(rig: &Rig) -> Checked<String> {
    set_up(rig).await?;
    let name = "act-apart";
    let thing = rig.workload("Deployment", name, &json!({})).await?;
    let operator = rig.operator()?;
    let wish = Wish::new("restart", &thing);
    let uid = text(&rig.get(&thing).await?, "/metadata/uid").to_owned();
    rig.at_rest(std::slice::from_ref(&thing)).await?;

    rig.api().apply(&lease(&uid, Timestamp::now())).await?;
    let plan = operator.plans(&wish).await?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(3)?;
    said.says("is held by the run another of bo")?;
    let heard = rig.heard(name)?;
    so(
        "nothing may be sent",
        heard.is_empty(),
        format!("{heard:?}"),
    )?;

    // As a run leaves it that broke off an hour ago.
    let old = Timestamp::now() - SignedDuration::from_hours(1);
    rig.api().apply(&lease(&uid, old)).await?;
    let plan = operator.plans(&wish).await?;
    let said = operator.means(&wish, &plan)?.end().await?.ends(0)?;
    so(
        "it has to have worked",
        said.outcome()?.as_deref() == Some("worked"),
        said.whole(),
    )?;
    let left = rig.api().get("Lease", SHARED, &uid).await?;
    so(
        "the lock has to be let go of",
        left.is_none(),
        format!("{left:?}"),
    )?;
    Ok(format!(
        "{thing} was held by another, and then by one that had run out"
    ))
}
