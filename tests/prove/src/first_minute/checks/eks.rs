//! Amazon EKS: a role that the sign-in opens, and a token made of its credentials.

use std::sync::PoisonError;

use serde_json::json;

use super::super::amazon::{Amazon, CLUSTER, REGION};
use super::super::api_server::{Cluster, Trusts};
use super::super::{Checked, Rig, so};

const ROLE: &str = "arn:aws:iam::123456789012:role/landfall";

/// One cluster takes the token; the same server, called another cluster, does not.
pub async fn opened(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let amazon = Amazon::start(&rig.programs.python, rig.folder()).await?;
    let outcome = with(rig, &amazon).await;
    // Also what is given in a check that fails may be found.
    let mut amazons = rig.amazons.lock().unwrap_or_else(PoisonError::into_inner);
    amazons.extend(amazon.secrets());
    outcome
}

async fn with(rig: &Rig, amazon: &Amazon) -> Checked<String> {
    let port = crate::ports::Ports::find(1)?.take();
    let parts = &rig.programs.parts;
    let trusts = Trusts::Webhook(&amazon.webhook);
    let cluster = Cluster::start(parts, &rig.store, rig.folder(), "eks", port, trusts).await?;
    let mut person = rig.person().await?;
    person.log = Some("trace");
    let of = |name: &str, cluster_name: &str| {
        json!({"name": name, "server": cluster.api.url, "authority": cluster.authority,
            "eks": {"account": "tide", "cluster": cluster_name}})
    };
    let more = json!({
        "aws": [{"name": "tide", "region": REGION, "endpoint": amazon.url, "role": ROLE}],
        "clusters": [of("eks-shop", CLUSTER), of("eks-bank", "bank")],
    });
    let fingerprint = person.make_team_of(rig, &rig.issuer.ports, &more).await?;
    person.join(&fingerprint).await?.ends(0)?;
    person.signs_in(rig, &["sign-in"]).await?.0.ends(0)?;
    let board = person.run(&["board", "--json"]).await?;
    let found = board.json()?;
    let rows = found["rows"].to_string();
    so(
        "the cluster is read",
        rows.contains("checkout") && rows.contains("eks-shop"),
        board.whole(),
    )?;
    so(
        "the other is not",
        !rows.contains("eks-bank"),
        board.whole(),
    )?;
    let unread = super::gaps(&found).join("\n");
    so("and it says so", unread.contains("eks-bank"), board.whole())?;
    so(
        "of the one nothing is unread",
        !unread.contains("eks-shop"),
        &unread,
    )?;
    let (let_in, refused) = (amazon.let_in(), amazon.refused());
    let is_hers = let_in
        .iter()
        .all(|arn| arn.contains(":assumed-role/landfall/") && arn.contains("mia"));
    so(
        "the session is named after the person",
        is_hers && !let_in.is_empty(),
        let_in.join(", "),
    )?;
    let is_refused = refused.iter().any(|why| why.contains("not one for shop"));
    so(
        "another cluster's token is refused",
        is_refused,
        refused.join(", "),
    )?;
    let only = refused.iter().all(|why| why.contains("not one for shop"));
    so("nothing else is", only, refused.join(", "))?;
    let doctor = person.run(&["doctor"]).await?.ends(3)?;
    let line = doctor.out.lines().find(|line| line.contains("eks-bank"));
    Ok(format!(
        "let in as {}; \"{}\"",
        let_in.first().map(String::as_str).unwrap_or_default(),
        line.unwrap_or_default().trim()
    ))
}
