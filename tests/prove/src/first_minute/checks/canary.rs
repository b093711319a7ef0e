//! Every secret of the run, looked for everywhere.

use super::super::person::{MIA, Person};
use super::super::searched::Search;
use super::super::{Checked, Rig, so};
use super::is_whole;

/// Does everything once more with the most that the product logs, and searches what this and every check before it left.
pub async fn nowhere(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 15").await?;
    let mut person = rig.person().await?;
    person.log = Some("trace");
    rig.joins(&person).await?;
    person
        .signs_in(rig, &["sign-in"])
        .await?
        .0
        .ends(0)?
        .says(MIA)?;
    is_whole(person.run(&["board", "--json"]).await?)?;
    person
        .run(&["why", "checkout", "--app", "checkout", "--verbose"])
        .await?;
    person.run(&["doctor"]).await?.says("prod")?;
    let held = holds(rig, &person).await?;
    errors(rig, &person).await?;
    person.run(&["sign-out"]).await?;
    rig.issuer.becomes("seconds 60").await?;

    let secrets = rig.secrets()?;
    let search = Search::of(&secrets);
    // What was never found anywhere could be looked for in a wrong way.
    let control = rig.folder().join("control");
    std::fs::create_dir_all(&control)?;
    for (at, secret) in secrets.iter().enumerate() {
        let planted = format!("{at}: {{\"authorization\":\"Bearer {}\"}}\n", secret.value);
        std::fs::write(control.join(at.to_string()), planted)?;
    }
    let planted = search.through(std::slice::from_ref(&control))?;
    let is_found = search.secrets() > 0 && planted.hits.len() >= search.secrets();
    so("what is planted is found", is_found, planted.hits.len())?;

    let logs = std::fs::read_dir(rig.said())?.filter_map(Result::ok);
    let logs = logs.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let logged = logs.filter(|log| log.contains("TRACE")).count();
    so("the product logs as much as it can", logged > 4, logged)?;

    let found = search.through(&[rig.people(), rig.said().to_owned()])?;
    so(
        "nothing holds a secret",
        found.hits.is_empty(),
        found.said(),
    )?;
    Ok(format!(
        "{} secrets in every form, {} files of {:.1} MiB that {} runs left (home, output, {logged} logs of RUST_LOG=trace, environment, words, the keyring's own files): 0 hits; the keyring's service {held}",
        search.secrets(),
        found.files,
        found.bytes as f64 / 1_048_576.0,
        rig.runs(),
    ))
}

/// Whether the keyring holds the newest refresh token, and nothing else that was given.
async fn holds(rig: &Rig, person: &Person) -> Checked<String> {
    let Some(keyring) = &person.keyring else {
        return Ok("is not there".to_owned());
    };
    let held = keyring.holds().await?;
    let secrets = rig.issuer.secrets()?;
    let there: Vec<_> = secrets
        .iter()
        .filter(|secret| held.contains(&secret.value))
        .collect();
    let is_one = there.len() == 1 && there.iter().all(|secret| secret.is == "refresh_token");
    let said = there
        .iter()
        .map(|secret| secret.is.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    so(
        "the keyring holds one refresh token",
        is_one,
        format!("it holds: {said}"),
    )?;
    Ok("held one refresh token".to_owned())
}

/// What goes wrong is said, too, and may hold what it went wrong with.
async fn errors(rig: &Rig, person: &Person) -> Checked {
    rig.issuer.becomes("busy").await?;
    let busy = person.run(&["board", "--patience", "5"]).await;
    rig.issuer.becomes("well").await?;
    busy?.ends(3)?;
    rig.issuer.becomes("revoke").await?;
    person.run(&["board"]).await?.ends(3)?;
    Ok(())
}
