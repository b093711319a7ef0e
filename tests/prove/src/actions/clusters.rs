//! Another cluster behind the same name, with an object of the same name in it: a proxy turns to it.

use std::time::Duration;

use contract::proxy::{Fault, Proxy, Rule};
use reqwest::Method;
use serde_json::json;

use super::meant::planned;
use super::operator::{Operator, Said, Wish};
use super::world::{Thing, text, unfinished};
use super::{Checked, Rig, heard, so};
use crate::ground::Ground;

/// How long the plan's last look is held up: what turns the proxy needs a moment.
const HELD: Duration = Duration::from_secs(2);

/// Both clusters, and somebody who reaches one of them by the name of the other.
struct Clusters {
    proxy: Proxy,
    other: Ground,
    operator: Operator,
    thing: Thing,
}

impl Clusters {
    async fn new(rig: &Rig, name: &str) -> Checked<Self> {
        let other = rig.another().await?;
        let thing = rig.workload("Deployment", name, &json!({})).await?;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        other.api.apply(&namespace).await?;
        let image = rig.image(name, None).await?;
        other.api.apply(&unfinished(&thing, &image)).await?;
        let proxy = rig.proxy().await?;
        let operator = rig.operator_through(&proxy)?;
        Ok(Self {
            proxy,
            other,
            operator,
            thing,
        })
    }

    fn turn(&self) -> Checked {
        let target = self.other.target()?;
        Ok(self.proxy.turn(&target.url, target.trust)?)
    }

    /// Wants a refusal, and neither cluster to have been written to.
    async fn refuses(&self, rig: &Rig, said: Said, version: &str, words: &str) -> Checked<String> {
        let said = said.ends(3)?.says(words)?;
        let name = &self.thing.name;
        let here = rig.heard(name)?;
        let there = heard::in_namespace(&self.other.audit_log(), name)?;
        so(
            "neither cluster may be written to",
            here.is_empty() && there.is_empty(),
            format!("{here:?} {there:?}"),
        )?;
        let now = self.other_version().await?;
        so(
            "the other's object has to be as it was",
            now == version,
            now,
        )?;
        let untouched = rig.get(&self.thing).await?;
        let mark = text(&untouched, "/metadata/annotations/landfall.dev~1run");
        so("the object may carry no mark", mark.is_empty(), mark)?;
        self.operator.has_a_whole_record().await?;
        Ok(text(&said.json()?, "/error/message").to_owned())
    }

    async fn other_version(&self) -> Checked<String> {
        let Thing {
            kind,
            namespace,
            name,
        } = &self.thing;
        let found = self.other.api.get(kind, namespace, name).await?;
        let found = found.unwrap_or_default();
        Ok(text(&found, "/metadata/resourceVersion").to_owned())
    }
}

/// Turns red where `runbook/src/plan.rs` leaves the cluster's and the object's own ids out of the hash.
pub(super) async fn before(rig: &Rig) -> Checked<String> {
    let clusters = Clusters::new(rig, "wrong-cluster").await?;
    let Clusters {
        operator, thing, ..
    } = &clusters;
    let wish = Wish::new("restart", thing);
    let plan = planned(rig, operator, &wish, std::slice::from_ref(thing)).await?;
    clusters.turn()?;
    let version = clusters.other_version().await?;
    let said = operator.means(&wish, &plan)?.end().await?;
    let words = "not the plan that was confirmed";
    clusters.refuses(rig, said, &version, words).await
}

/// Turns red where `runbook/src/run.rs` does not look at the cluster again before it sends: `right_place` is left out.
pub(super) async fn meanwhile(rig: &Rig) -> Checked<String> {
    let clusters = Clusters::new(rig, "cluster-meanwhile").await?;
    let Clusters {
        operator,
        thing,
        proxy,
        ..
    } = &clusters;
    let wish = Wish::new("restart", thing);
    let plan = planned(rig, operator, &wish, std::slice::from_ref(thing)).await?;
    let version = clusters.other_version().await?;
    // What a plan does last is to have the server try it. All that comes after that comes to the other cluster.
    let script = proxy.script();
    let path = format!(
        "/apis/apps/v1/namespaces/{}/deployments/{}",
        thing.namespace, thing.name
    );
    let held = Rule::new(Fault::Slow(HELD));
    script.add(held.method(Method::PATCH).path(&path).query("dryRun="));
    let tried = format!("PATCH {path}");
    let before = script.count(&tried);
    let running = operator.means(&wish, &plan)?;
    let turned = async {
        script.counted(&tried, before + 1).await;
        clusters.turn()
    };
    let (said, turned) = futures::future::join(running.end(), async {
        // A run that never tries anything is over first.
        tokio::time::timeout(Duration::from_secs(120), turned).await
    })
    .await;
    let is_turned = matches!(turned, Ok(Ok(())));
    let said = said?;
    so("the plan has to be tried first", is_turned, said.whole())?;
    let words = "its kube-system namespace has another uid";
    clusters.refuses(rig, said, &version, words).await
}
