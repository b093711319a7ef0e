//! `landfall allow`: shows the command that a context wants to run for signing in, and allows exactly that one.

use std::process::ExitCode;

use api::Error;
use api::error::Code;
use console::{Command, Sources};

use super::{is_confirmed, show};
use crate::arguments::Allow;
use crate::print::{bold, styled};

/// Runs the command.
pub fn run(allow: &Allow) -> Result<ExitCode, Error> {
    let sources = Sources {
        kubeconfig: allow.kubeconfig.clone(),
        ..Sources::default()
    };
    let Some(command) = console::plugin(&sources, &allow.context)? else {
        show("This context runs no command for signing in: there is nothing to allow.\n");
        return Ok(ExitCode::SUCCESS);
    };
    show(&said(&command));
    let folder = console::data_folder().ok_or_else(|| {
        Error::new(Code::Usage, "there is no folder to remember it in")
            .hint("Set HOME, or XDG_DATA_HOME.")
    })?;
    let digest = command.digest();
    let is_allowed = match &allow.digest {
        Some(given) => *given == digest,
        None => is_confirmed("May Landfall run exactly this on this machine?"),
    };
    if !is_allowed {
        let hint = match allow.digest {
            Some(_) => {
                "Its digest is another than the one that was given: has the kubeconfig changed?"
            }
            None => "Without a terminal give the digest that you read above: --digest.",
        };
        return Err(Error::new(Code::Usage, "the command was not allowed").hint(hint));
    }
    console::allow_plugin(&folder, &digest)?;
    show(
        "Allowed. With another program, argument, variable or server it has to be allowed anew; what the program's own file \
         holds is not looked at.\n",
    );
    Ok(ExitCode::SUCCESS)
}

/// All of it, each argument on a line of its own: none can hide in another.
fn said(command: &Command) -> String {
    let mut page = match command.program() {
        Some(program) => format!("{}\n", styled(bold(), program)),
        None => "There is no such program on this machine.\n".to_owned(),
    };
    for argument in command.arguments() {
        page.push_str(&format!("  {argument}\n"));
    }
    for (name, value) in command.variables() {
        page.push_str(&format!("  with {name}={value}\n"));
    }
    page.push_str(&format!("  for {}\n", command.server()));
    page.push_str(&format!("  digest {}\n", command.digest()));
    page
}
