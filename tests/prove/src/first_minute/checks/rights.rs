//! The rights that `landfall team init` proposes for a cluster: with all of them everything is read, and without any one of
//! them exactly what it names is not.

use serde::Deserialize;
use serde_json::Value;

use super::super::api_server::{Cluster, Trusts};
use super::super::{Checked, Rig, so};
use super::until;

/// The role that is proposed.
const ROLE: &str = "landfall-reader";

/// Each rule is left out once.
pub async fn exact(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let trusts = Trusts::Issuer {
        url: &rig.issuer.url,
        authority: &rig.issuer.authority,
    };
    let port = crate::ports::Ports::find(1)?.take();
    let parts = &rig.programs.parts;
    let cluster = Cluster::start(parts, &rig.store, rig.folder(), "narrow", port, trusts).await?;
    // Every kind that is read, and no other right than the proposed ones.
    let defined = crate::parts::Parts::get(&|_| {}).await?;
    for path in &defined.crds {
        let text = std::fs::read_to_string(path)?;
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            cluster.api.apply(&Value::deserialize(document)?).await?;
        }
    }
    cluster
        .api
        .delete("ClusterRoleBinding", "", "readers")
        .await?;
    let person = rig.person().await?;
    let fingerprint = person
        .make_team(rig, &rig.issuer.ports, &[("narrow", &cluster)])
        .await?;
    person.join(&fingerprint).await?.ends(0)?;
    let issuer = rig.issuer.url.as_str();
    let proposed = person.home.join("proposed");
    let folder = proposed.display().to_string();
    let words = [
        "team",
        "init",
        "--issuer",
        issuer,
        "--client-id",
        "landfall",
        "--group",
        "dev",
        "--folder",
        &folder,
    ];
    person.run(&words).await?.ends(0)?;
    let text = std::fs::read_to_string(proposed.join("rbac.yaml"))?;
    let mut role = None;
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let object = Value::deserialize(document)?;
        cluster.api.apply(&object).await?;
        role = role.or(Some(object));
    }
    let whole = role.unwrap_or_default();
    person.signs_in(rig, &["sign-in"]).await?.0.ends(0)?;

    let refused = async || -> Checked<Vec<String>> {
        let doctor = person.run(&["doctor", "--json"]).await?.json()?;
        let connections = doctor["connections"].as_array().into_iter().flatten();
        let mut connections = connections.filter(|connection| connection["name"] == "narrow");
        let refusals = connections
            .next()
            .and_then(|found| found["refusals"].as_array());
        let refusals = refusals.into_iter().flatten();
        Ok(refusals
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect())
    };
    until("with all rules nothing is refused", async || {
        let refusals = refused().await?;
        Ok(match refusals.as_slice() {
            [] => Ok(()),
            refusals => Err(refusals.join("\n")),
        })
    })
    .await?;

    let rules = whole["rules"].as_array().cloned().unwrap_or_default();
    let mut left_out = 0;
    for (number, rule) in rules.iter().enumerate() {
        let resource = rule["resources"][0].as_str().unwrap_or_default();
        // Logs are read only where a container fails, and none is here.
        if resource == "pods/log" {
            continue;
        }
        let mut narrow = whole.clone();
        if let Some(rules) = narrow["rules"].as_array_mut() {
            rules.remove(number);
        }
        cluster.api.apply(&narrow).await?;
        let wanted = format!("list {resource}: forbidden");
        until(
            &format!("without {resource} exactly that is refused"),
            async || {
                let refusals = refused().await?;
                Ok(match refusals.as_slice() {
                    [one] if *one == wanted => Ok(()),
                    refusals => Err(refusals.join("\n")),
                })
            },
        )
        .await?;
        left_out += 1;
    }
    so("rules were left out", left_out > 20, left_out)?;
    Ok(format!(
        "{} rules of {ROLE}, {left_out} left out one at a time: each time exactly one refusal",
        rules.len()
    ))
}
