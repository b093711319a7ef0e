//! `landfall diagnose`: all that is known of why an app or an object stands as it does, as one report to be passed on.
//!
//! Owns how the object is named here. What is read, and what is hidden, is the console's.

use std::process::ExitCode;
use std::time::Duration;

use api::error::Code;
use api::{Error, ObjectRef};

use super::{say, show, show_json};
use crate::arguments::Diagnose;
use crate::print::foreign;
use crate::{exit, open, target};

/// Runs the command.
pub async fn run(diagnose: Diagnose) -> Result<ExitCode, Error> {
    let open = open::systems(&diagnose.systems).await?;
    let object = find(&open, &diagnose).await?;
    let patience = Duration::from_secs(diagnose.systems.patience);
    let found = open.console.diagnose(&object, patience).await?;
    if let Some(file) = &diagnose.save {
        let written = open.console.save_diagnosis(&found.id, Some(file))?;
        say(&format!(
            "Written to {}. What looks like a secret is left out of it; read it before you pass it on.",
            written.display()
        ));
    } else if diagnose.json {
        show_json(&found)?;
    } else {
        // Every line of it is without control characters already.
        show(&found.markdown);
    }
    Ok(match found.is_read {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(exit::UNKNOWN),
    })
}

/// The object that is meant: of an app what runs it, else one by its kind and name.
async fn find(open: &open::Open, diagnose: &Diagnose) -> Result<ObjectRef, Error> {
    let (console, place) = (&open.console, &diagnose.place);
    let text = diagnose.target.as_str();
    let namespace = diagnose.namespace.as_deref();
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [app] if namespace.is_none() => target::find(console, app, place, open.patience).await,
        [kind, name] => {
            let kind = kind_of(kind)?;
            let system = target::cluster(console, text, place).await?;
            let namespace = match (namespace, kind) {
                (Some(namespace), _) => namespace,
                (None, "Node" | "Namespace") => "",
                (None, _) => return Err(lacks_namespace(text)),
            };
            Ok(ObjectRef::new(system, kind, namespace, *name))
        }
        [kind, namespace, name] if diagnose.namespace.is_none() => {
            let system = target::cluster(console, text, place).await?;
            Ok(ObjectRef::new(system, kind_of(kind)?, *namespace, *name))
        }
        _ => Err(Error::new(
            Code::Usage,
            format!(
                "'{}' is neither an app's name nor an object",
                foreign(text, 200)
            ),
        )
        .hint("An object is named as Kind/namespace/name, or as Kind/name with -n.")),
    }
}

fn lacks_namespace(text: &str) -> Error {
    let message = format!("the namespace of {} is not said", foreign(text, 200));
    Error::new(Code::Usage, message).hint("Say it with -n, or as Kind/namespace/name.")
}

/// A kind as objects spell it; people leave out capitals.
fn kind_of(text: &str) -> Result<&'static str, Error> {
    let mut kinds = console::diagnosed_kinds();
    let found = kinds.find(|kind| kind.eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let kinds: Vec<_> = console::diagnosed_kinds().collect();
        Error::new(
            Code::UnknownName,
            format!("a '{}' cannot be diagnosed", foreign(text, 100)),
        )
        .hint(format!("These can: {}.", kinds.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_without_capitals_and_secrets_are_none() {
        assert_eq!(kind_of("deployment").ok(), Some("Deployment"));
        assert_eq!(kind_of("helmrelease").ok(), Some("HelmRelease"));
        assert_eq!(kind_of("cronJob").ok(), Some("CronJob"));
        for kind in ["Secret", "ConfigMap", "ECS task", ""] {
            assert_eq!(
                kind_of(kind).map_err(|why| why.code),
                Err(Code::UnknownName)
            );
        }
    }
}
