//! Nothing that keeps a sign-in.

use super::super::person::Person;
use super::super::searched::Search;
use super::super::{Checked, Rig, so};
use super::is_whole;

/// There is no keyring.
pub async fn no_keyring(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let person = rig.person_without_keyring()?;
    rig.joins(&person).await?;
    unkept(rig, &person, "no keyring").await
}

/// It was locked after somebody signed in, and nobody is there to unlock it.
pub async fn locked_keyring(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let person = rig.signed_in().await?;
    is_whole(person.run(&["board", "--json"]).await?)?;
    if let Some(keyring) = &person.keyring {
        keyring.lock().await?;
    }
    unkept(rig, &person, "locked").await
}

async fn unkept(rig: &Rig, person: &Person, why: &str) -> Checked<String> {
    let unsigned = person.run(&["board"]).await?.ends(3)?;
    let unsigned = unsigned.says("--sign-in")?;
    let is_said = unsigned.err.contains(why);
    so("it says why nothing is kept", is_said, unsigned.whole())?;
    let (said, _) = person.signs_in(rig, &["sign-in"]).await?;
    let said = said.ends(0)?.says("It ends with this command")?;
    let times = said.err.matches(why).count();
    so("it says once why", times == 1, said.whole())?;
    let (board, _) = person
        .signs_in(rig, &["board", "--json", "--sign-in"])
        .await?;
    is_whole(board)?;
    person.run(&["board"]).await?.ends(3)?;
    let search = Search::of(&rig.issuer.secrets()?);
    let found = search.through(std::slice::from_ref(&person.home))?;
    so(
        "nothing on disk holds a token",
        found.hits.is_empty(),
        found.said(),
    )?;
    let mut lines = said.err.lines();
    let reason = lines.find(|line| line.contains("ends with this command"));
    Ok(format!(
        "\"{}\"; a board with --sign-in; {} files searched, 0 hits",
        reason.unwrap_or_default(),
        found.files
    ))
}
