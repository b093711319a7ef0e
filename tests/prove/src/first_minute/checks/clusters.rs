//! Two clusters, of which one does not take this provider's tokens.

use super::super::api_server::{Cluster, Trusts};
use super::super::{Checked, Rig, is, so};

/// The other cluster trusts another issuer.
pub async fn untrusting(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let trusts = Trusts::Issuer {
        url: "https://127.0.0.1:1",
        authority: &rig.issuer.authority,
    };
    let port = crate::ports::Ports::find(1)?.take();
    let parts = &rig.programs.parts;
    let other = Cluster::start(parts, &rig.store, rig.folder(), "other", port, trusts).await?;
    let person = rig.person().await?;
    let clusters = [("prod", &rig.cluster), ("other", &other)];
    let fingerprint = person.make_team(rig, &rig.issuer.ports, &clusters).await?;
    person.join(&fingerprint).await?.ends(0)?;
    person.signs_in(rig, &["sign-in"]).await?.0.ends(0)?;

    let before = rig.issuer.count().await?;
    let board = person.run(&["board", "--json"]).await?;
    let found = board.json()?;
    let rows = found["rows"].to_string();
    so(
        "what the one has is shown",
        rows.contains("checkout"),
        board.whole(),
    )?;
    let unread = super::gaps(&found).join("\n");
    so(
        "what the other does not show is said",
        unread.contains("other"),
        board.whole(),
    )?;
    so(
        "of the one nothing is unread",
        !unread.contains("prod"),
        board.whole(),
    )?;
    let doctor = person.run(&["doctor", "--json"]).await?.ends(3)?;
    let connections = doctor.json()?;
    let connections = connections["connections"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let state = |name: &str| {
        let mut all = connections.iter();
        let found = all.find(|connection| connection["name"] == name);
        found
            .map(|connection| connection["state"].clone())
            .unwrap_or_default()
    };
    let (prod, refused) = (state("prod"), state("other"));
    // Flux is not there, and all else is read.
    let is_read = matches!(prod["state"].as_str(), Some("live" | "absent"));
    so("the one answers", is_read, &prod)?;
    is("what the other's is", &refused["state"], "denied")?;
    let after = rig.issuer.count().await?;
    let asked = after.tokens - before.tokens;
    so(
        "a cluster's no does not ask the provider again and again",
        asked <= 4,
        asked,
    )?;
    let text = person.run(&["doctor"]).await?;
    let line = text.out.lines().find(|line| line.contains("other"));
    let no = other
        .answered()?
        .iter()
        .filter(|one| one.status == 401)
        .count();
    so("the other did refuse", no > 0, no)?;
    Ok(format!(
        "prod is read; \"{}\"",
        line.unwrap_or_default().trim()
    ))
}
