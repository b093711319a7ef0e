//! `landfall team`: joining a team, and what whoever keeps its file needs.
//!
//! Owns the questions. What a signature proves is the console's to say.

use std::process::ExitCode;
use std::time::Duration;

use api::Error;
use api::error::Code;
use console::checking::{self, Found};
use console::founding::{Founder, propose};
use console::team_file::TeamFile;
use console::team_file::signature::{self, KeyError};
use console::{Membership, Offer, Sources};
use jiff::Timestamp;

use super::sign_in::of_team;
use super::{is_confirmed, show};
use crate::arguments::{Check, Init, Join, Key, Sign, Team};
use crate::print::{bold, foreign, styled};

/// Runs the command.
pub async fn run(team: Team) -> Result<ExitCode, Error> {
    match team {
        Team::Init(init) => found(*init).await?,
        Team::Check(check) => return look(check).await,
        Team::Join(join) => join_team(join).await?,
        Team::Update => {
            let is_new = Membership::here()?.update().await?;
            show(if is_new {
                "The team file is new, and used from now on.\n"
            } else {
                "The team file is the one that is here already.\n"
            });
        }
        Team::Leave => {
            let membership = Membership::here()?;
            if matches!(membership.team_file(), Ok(None)) {
                show("No team was joined here.\n");
                return Ok(ExitCode::SUCCESS);
            }
            // Without the team's file nobody could end the sign-in any more; one that cannot be used never began one.
            if let Ok(Some(signing_in)) = of_team(None) {
                signing_in.sign_out().await?;
            }
            membership.leave()?;
            show("The team is forgotten on this machine, and you are signed out there.\n");
        }
        Team::Key(key) => make_key(&key)?,
        Team::Sign(sign) => sign_file(&sign)?,
        Team::Schema => {
            let schema = serde_json::to_string_pretty(&TeamFile::schema());
            let schema = schema.map_err(|why| Error::new(Code::Internal, why.to_string()))?;
            show(&format!("{schema}\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn found(init: Init) -> Result<(), Error> {
    let folder = init.folder;
    let founder = Founder {
        name: init.name,
        issuer: init.issuer,
        client_id: init.client_id,
        group_prefix: init.group_prefix,
        groups: init.group,
        kubeconfig: init.kubeconfig,
        contexts: init.context,
        regions: init.region,
        profile: init.profile,
        endpoint: init.endpoint,
    };
    let proposal = propose(&founder).await?;
    let failed = |why: std::io::Error| {
        Error::new(
            Code::BadFile,
            format!("{} cannot be written to: {why}", folder.display()),
        )
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let mut page = String::new();
    for file in &proposal.files {
        let path = folder.join(file.name);
        let mut options = std::fs::OpenOptions::new();
        let written = options
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut open| std::io::Write::write_all(&mut open, file.text.as_bytes()));
        match written {
            Ok(()) => page.push_str(&format!("wrote  {}\n", path.display())),
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {
                page.push_str(&format!("left   {}: it is there already\n", path.display()));
            }
            Err(why) => return Err(failed(why)),
        }
    }
    for gap in &proposal.gaps {
        page.push_str(&format!("not seen: {}\n", foreign(gap, 400)));
    }
    page.push_str(
        "Nothing was changed anywhere. Next: read the files, set up what they say, `landfall team key`, put the public key\n\
         into landfall.yaml, `landfall team sign`, and publish landfall.yaml with its signature.\n",
    );
    show(&page);
    Ok(())
}

/// Shows what was looked at, and what to do about what is missing. Fails if anything is, or if something cannot be told.
async fn look(check: Check) -> Result<ExitCode, Error> {
    let sources = Sources {
        team: check.file,
        data: console::data_folder(),
        ..Sources::default()
    };
    let checks = checking::check(&sources, Duration::from_secs(check.patience)).await?;
    let mut page = String::new();
    for check in &checks {
        let mark = match check.found {
            Found::Fine => "\u{2713}",
            Found::Missing => "\u{2717}",
            Found::CannotTell => "?",
            Found::Remark => "!",
        };
        page.push_str(&format!(
            "{mark} {} {}\n",
            styled(bold(), foreign(&check.subject, 100)),
            foreign(&check.says, 1000)
        ));
        if !check.to_do.is_empty() {
            page.push_str(&format!("    {}\n", foreign(&check.to_do, 1000)));
        }
    }
    let count = |found| checks.iter().filter(|check| check.found == found).count();
    let (missing, untold) = (count(Found::Missing), count(Found::CannotTell));
    page.push_str(&match (missing, untold) {
        (0, 0) => "Nothing is missing.\n".to_owned(),
        (0, untold) => format!("Nothing is missing that can be told; {untold} cannot.\n"),
        (missing, 0) => format!("{missing} missing.\n"),
        (missing, untold) => format!("{missing} missing, and {untold} that cannot be told.\n"),
    });
    show(&page);
    Ok(ExitCode::from(match (missing, untold) {
        (0, 0) => 0,
        (0, _) => 3,
        _ => 2,
    }))
}

async fn join_team(join: Join) -> Result<(), Error> {
    let membership = Membership::here()?;
    let offer = Membership::offer(&join.from).await?;
    show(&offered(&offer));
    let fingerprint = match join.fingerprint {
        Some(fingerprint) => fingerprint,
        None if is_confirmed("Is that the fingerprint that your team gave you?") => {
            offer.fingerprint.clone()
        }
        None => {
            return Err(Error::new(Code::Usage, "the team was not joined").hint(
                "Ask whoever sent you the link what their key's fingerprint is; without a terminal give it by --fingerprint.",
            ));
        }
    };
    membership.join(&offer, &fingerprint)?;
    show(&format!(
        "Joined {}. Next: `landfall sign-in`.\n",
        foreign(&offer.name, 100)
    ));
    Ok(())
}

fn offered(offer: &Offer) -> String {
    let mut page = format!(
        "{}\n  from         {}\n",
        styled(bold(), foreign(&offer.name, 100)),
        foreign(&offer.from, 300)
    );
    if let Some(provider) = &offer.provider {
        page.push_str(&format!("  signs in at  {}\n", foreign(provider, 200)));
    }
    if !offer.systems.is_empty() {
        page.push_str(&format!(
            "  opens        {}\n",
            foreign(&offer.systems.join(", "), 300)
        ));
    }
    page.push_str(&format!(
        "  fingerprint  {}\n",
        styled(bold(), &offer.fingerprint)
    ));
    page
}

fn make_key(key: &Key) -> Result<(), Error> {
    let password = password(key.no_password, "A password for the new key: ")?;
    let made = signature::make_key(&key.file, password).map_err(refused)?;
    show(&format!(
        "{} holds the key: keep it where only who may change the team file can read it.\n\
         Into the team file:\n  signedBy: {}\n\
         For whoever joins, by another way than the link:\n  {}\n",
        key.file.display(),
        made.text(),
        made.fingerprint()
    ));
    Ok(())
}

fn sign_file(sign: &Sign) -> Result<(), Error> {
    // What nobody could join by is not signed.
    let file = TeamFile::read(&sign.file)?;
    let from = sign.file.display().to_string();
    let text = std::fs::read_to_string(&sign.file)
        .map_err(|why| Error::new(Code::BadFile, format!("{from} cannot be read: {why}")))?;
    let Some(key) = file.signed_by.as_deref() else {
        return Err(Error::new(
            Code::BadFile,
            format!("nobody could join by {from}: signedBy is absent, which says what key signs it"),
        )
        .hint("Put the public half of this key under signedBy: `landfall team key` printed it when it made the key."));
    };
    let password = password(sign.no_password, "The key's password: ")?;
    let now = Timestamp::now();
    let signed = signature::sign(&text, &sign.key, password, now).map_err(refused)?;
    signature::Key::parse(key)
        .and_then(|key| key.signed_at(&text, &signed))
        .map_err(|why| {
            Error::new(
                Code::BadFile,
                format!("nobody could join by {from} with this signature: {why}"),
            )
            .hint("signedBy in the file must be the public half of this key.")
        })?;
    let beside = format!("{from}.minisig");
    std::fs::write(&beside, signed)
        .map_err(|why| Error::new(Code::BadFile, format!("{beside} cannot be written: {why}")))?;
    show(&format!("Signed: {beside}\n"));
    Ok(())
}

fn password(none: bool, question: &str) -> Result<Option<String>, Error> {
    if none {
        return Ok(None);
    }
    rpassword::prompt_password(question)
        .map(Some)
        .map_err(|why| {
            Error::new(
                Code::Usage,
                format!("there is no terminal to ask for a password: {why}"),
            )
            .hint("--no-password is for a key without one.")
        })
}

fn refused(why: KeyError) -> Error {
    Error::new(Code::BadFile, why.to_string())
}
