//! `landfall sandbox`: serves the embedded company to anybody's clients, and lists its situations.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use api::Error;
use api::error::Code;
use console::team_file::signature;
use jiff::Timestamp;
use sandbox::served::Served;
use sandbox::start::{Options, Sandbox};

use super::{show, show_json};
use crate::arguments::{List, Sandbox as Arguments, Serve};
use crate::print::{bold, dim, styled};

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    match arguments {
        Arguments::Serve(serve) => run_serve(serve).await,
        Arguments::List(list) => run_list(&list).await,
    }
}

async fn run_serve(serve: Serve) -> Result<ExitCode, Error> {
    let options = Options {
        seed: serve.seed,
        port: serve.port,
        ..Options::default()
    };
    let served = crate::open::serve(options, serve.folder).await?;
    let mut page = String::new();
    let _ = writeln!(page, "kubeconfig  {}", served.kubeconfig.display());
    let _ = writeln!(page, "team file   {}", served.team.display());
    let (file, fingerprint) = sign(&served)?;
    let _ = writeln!(
        page,
        "to join     landfall team join {} --fingerprint {fingerprint}",
        file.display()
    );
    for (name, address) in served.sandbox.addresses() {
        let _ = writeln!(page, "{name:<11} {address}");
    }
    let _ = writeln!(page, "{}", styled(dim(), "Serving until Ctrl-C."));
    show(&page);
    tokio::signal::ctrl_c().await.map_err(|error| {
        Error::new(
            Code::Internal,
            format!("Ctrl-C cannot be waited for: {error}"),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Signs the file of people who sign in, with a key that nobody keeps: where it is, and the key's fingerprint.
fn sign(served: &Served) -> Result<(PathBuf, String), Error> {
    let failed = |why: &dyn std::fmt::Display| {
        let file = served.sign_in.display();
        Error::new(Code::BadFile, format!("{file} cannot be signed: {why}"))
    };
    let secret = tempfile::tempdir().map_err(|why| failed(&why))?;
    let secret = secret.path().join("key");
    let key = signature::make_key(&secret, None).map_err(|why| failed(&why))?;
    let text = served.sandbox.sign_in_file(Some(key.text()));
    let signed =
        signature::sign(&text, &secret, None, Timestamp::now()).map_err(|why| failed(&why))?;
    let beside = format!("{}.minisig", served.sign_in.display());
    std::fs::write(&served.sign_in, text).map_err(|why| failed(&why))?;
    std::fs::write(beside, signed).map_err(|why| failed(&why))?;
    Ok((served.sign_in.clone(), key.fingerprint()))
}

async fn run_list(list: &List) -> Result<ExitCode, Error> {
    let options = Options {
        seed: list.seed,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.map_err(|error| {
        Error::new(
            Code::Internal,
            format!("the embedded company cannot start: {error}"),
        )
    })?;
    if list.json {
        show_json(
            &serde_json::json!({ "version": api::JSON_VERSION, "situations": sandbox.situations() }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = String::new();
    for situation in sandbox.situations() {
        let _ = writeln!(
            page,
            "{}\n    landfall why {} --sandbox --seed {}\n    {}",
            styled(bold(), &situation.name),
            situation.ask,
            list.seed,
            situation.wrong
        );
    }
    show(&page);
    Ok(ExitCode::SUCCESS)
}
