//! What other programs may do at the address that the browser is sent back to.

use super::super::person::MIA;
use super::super::{Checked, Rig, Wrong, so};
use super::is_whole;
use crate::ports::LOCAL;

/// What another program may try before the browser comes, each with what it is answered.
const WRONG: &[(&str, u16)] = &[
    ("", 400),
    ("code=stolen", 400),
    ("code=stolen&state=guessed", 400),
    ("error=access_denied&state=guessed", 400),
];

/// Another program asks first, and again when it is over.
pub async fn other_hits(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let person = rig.joined().await?;
    let (running, address) = person.until_opened(&["sign-in"]).await?;
    let redirect = redirect(&address)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    for (query, wanted) in WRONG {
        let answer = http.get(format!("{redirect}?{query}")).send().await?;
        let status = answer.status().as_u16();
        so(
            &format!("{query:?} is answered {wanted}"),
            status == *wanted,
            status,
        )?;
    }
    // A page elsewhere whose name was made to point here.
    let state = query(&address, "state")?;
    let theirs = format!("{redirect}?code=stolen&state={state}");
    let answer = http
        .get(&theirs)
        .header("host", "evil.example")
        .send()
        .await?;
    so(
        "another name is forbidden",
        answer.status() == 403,
        answer.status(),
    )?;
    rig.chromium.sign_in(&address, MIA).await?;
    let again = http.get(&theirs).send().await;
    let again = again.map(|answer| answer.status().as_u16());
    let is_over = again.as_ref().map_or(true, |status| *status == 410);
    so("a second hit is not heard", is_over, format!("{again:?}"))?;
    running.end().await?.ends(0)?.says(MIA)?;
    is_whole(person.run(&["board", "--json"]).await?)?;
    Ok(format!(
        "{} foreign requests before it and one after: refused, signed in all the same",
        WRONG.len() + 1
    ))
}

/// The first port is taken, then all are.
pub async fn port_taken(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let person = rig.joined().await?;
    let ports = &rig.issuer.ports;
    let mut taken = vec![std::net::TcpListener::bind((LOCAL, ports[0]))?];
    let (running, address) = person.until_opened(&["sign-in"]).await?;
    let wanted = format!("http://{LOCAL}:{}/", ports[1]);
    let redirect = redirect(&address)?;
    so(
        "the next port is used",
        redirect.starts_with(&wanted),
        &redirect,
    )?;
    rig.chromium.sign_in(&address, MIA).await?;
    running.end().await?.ends(0)?;
    is_whole(person.run(&["board", "--json"]).await?)?;

    person.run(&["sign-out"]).await?.ends(0)?;
    for port in &ports[1..] {
        taken.push(std::net::TcpListener::bind((LOCAL, *port))?);
    }
    let opened = person.opened()?.len();
    let said = person.run(&["sign-in"]).await?.ends(3)?;
    let said = said.says("is free")?;
    let browsers = person.opened()?.len() - opened;
    so("no browser opens for nothing", browsers == 0, browsers)?;
    Ok(format!(
        "signed in by port {} of {ports:?}; all taken: \"{}\"",
        ports[1],
        said.err.lines().next().unwrap_or_default()
    ))
}

fn redirect(address: &str) -> Checked<String> {
    query(address, "redirect_uri")
}

fn query(address: &str, name: &str) -> Checked<String> {
    let not = || Wrong::Not {
        what: format!("the address that is opened has to have a {name}"),
        said: address.to_owned(),
    };
    let url = url::Url::parse(address).map_err(|_| not())?;
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).ok_or_else(not)
}
