//! From nothing to the board.

use std::time::{Duration, Instant};

use super::super::person::{MIA, Person};
use super::super::{Checked, Rig, so};
use super::is_whole;

/// What the first minute has.
const MINUTE: Duration = Duration::from_secs(60);
/// What must not be needed.
const FOREIGN: &[&str] = &[
    "aws", "kubectl", "okta", "git", "gh", "flux", "helm", "saml2aws", "sh",
];

/// Joins, signs in, and looks.
pub async fn from_nothing(rig: &Rig) -> Checked<String> {
    let person = rig.person().await?;
    has_nothing(&person)?;
    let clusters = [("prod", &rig.cluster)];
    let fingerprint = person.make_team(rig, &rig.issuer.ports, &clusters).await?;
    // Before anybody joined there is nothing to look at; before anybody signed in nothing is shown.
    person.run(&["board"]).await?.ends(64)?;
    let begun = Instant::now();
    let joined = person.join(&fingerprint).await?.ends(0)?;
    joined.says("Joined Tidewater")?;
    let unsigned = person.run(&["board"]).await?.ends(3)?;
    unsigned.says("nobody is signed in at 127.0.0.1")?;
    let opened = person.opened()?.len();
    so("a board opens no browser", opened == 0, opened)?;

    let signing_in = Instant::now();
    let (said, page) = person.signs_in(rig, &["sign-in"]).await?;
    let said = said.ends(0)?.says(MIA)?.says("sre, developer")?;
    let is_kept = !said.err.contains("It ends with this command");
    so("the sign-in is kept", is_kept, said.whole())?;
    let words = "You can close this page and go back to Landfall.";
    so("the last page sends back", page.contains(words), &page)?;
    let board = is_whole(person.run(&["board", "--json"]).await?)?;
    let (took, whole) = (signing_in.elapsed(), begun.elapsed());
    so(
        "a minute has to be enough",
        took < MINUTE,
        format!("{took:?}"),
    )?;

    // The cluster itself says who looked.
    let answered = rig.cluster.answered()?;
    let hers = answered
        .iter()
        .filter(|one| one.who == MIA && one.status == 200);
    let hers = hers.count();
    so("the cluster knows who looked", hers > 0, hers)?;
    person
        .run(&["sign-out"])
        .await?
        .ends(0)?
        .says("Signed out.")?;
    person.run(&["board"]).await?.ends(3)?;
    let rows = board["rows"].as_array().map_or(0, Vec::len);
    Ok(format!(
        "{:.1} s from the sign-in to the first answer, {:.1} s from the link; {rows} row of a real API server, which gave {hers} answers to {MIA}",
        took.as_secs_f64(),
        whole.as_secs_f64(),
    ))
}

fn has_nothing(person: &Person) -> Checked {
    for name in FOREIGN {
        let is_there = person.path.join(name).exists();
        so(
            &format!("there is no {name} on PATH"),
            !is_there,
            person.path.display(),
        )?;
    }
    let programs = std::fs::read_dir(&person.path)?.count();
    so("PATH has the browser alone", programs == 1, programs)?;
    let is_empty = !person.home.join(".kube").exists() && !person.home.join(".aws").exists();
    so("there is no kubeconfig", is_empty, person.home.display())
}

/// Tries to join by other files than the one that was confirmed.
pub async fn wrong_fingerprint(rig: &Rig) -> Checked<String> {
    let person = rig.person_without_keyring()?;
    let clusters = [("prod", &rig.cluster)];
    let right = person.make_team(rig, &rig.issuer.ports, &clusters).await?;
    let others = right.replace(['0', '1', '2', '3'], "e");
    let joined = person.join(&others).await?.ends(64)?;
    joined.says("is signed by the key")?;
    let text = std::fs::read_to_string(&person.team)?;
    std::fs::write(&person.team, text.replace("Tidewater", "Ebbwater"))?;
    let altered = person.join(&right).await?.ends(64)?;
    altered.says("is not to be believed")?;
    std::fs::remove_file(person.team.with_extension("yaml.minisig"))?;
    let unsigned = person.join(&right).await?.ends(64)?;
    unsigned.says("no signature")?;
    person.run(&["sign-in"]).await?.ends(64)?;
    Ok("another fingerprint, an altered file and one without a signature: each refused, nothing joined".to_owned())
}
