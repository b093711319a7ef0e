//! No picture of the memory of a process that holds tokens.
//!
//! What a process does to itself is held to what the system does to one that does nothing: a `sleep` under the same limits.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::super::{Checked, Rig, so};
use crate::process::send;
use crate::tool;

/// Takes every limit from cores, then becomes the program. What cannot be raised stays as high as it may be.
const UNLIMITED: &str =
    r#"ulimit -c unlimited 2>/dev/null || ulimit -c "$(ulimit -Hc)"; exec "$@""#;
/// Without these rights also root may look into no process that is not to be dumped.
const RIGHTS: [&str; 2] = [
    "--inh-caps=-sys_ptrace,-perfmon,-sys_admin",
    "--bounding-set=-sys_ptrace,-perfmon,-sys_admin",
];

/// The command for a program whose cores the system would write, and into which only those may look who own it.
pub(in super::super) fn with_cores(program: &Path) -> Command {
    let mut command = limited();
    command
        .args(["--", "/bin/sh", "-c", UNLIMITED, "sh"])
        .arg(program);
    command
}

/// `setpriv` that takes the rights to look into others, where somebody has them.
fn limited() -> Command {
    let mut command = Command::new(tool::find("setpriv").unwrap_or_else(|| "setpriv".into()));
    command.args(["--pdeathsig", "KILL"]);
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.args(RIGHTS);
    }
    command
}

/// Looks at a process that holds tokens, then makes it crash.
pub async fn none(rig: &Rig) -> Checked<String> {
    rig.issuer.becomes("seconds 60").await?;
    let mut person = rig.signed_in().await?;
    person.has_cores = true;
    let running = person.start(&["why", "checkout", "--app", "checkout", "--watch", "--json"])?;
    super::until("it has to answer", async || {
        let said = running.so_far()?;
        Ok(if said.out.is_empty() {
            Err(said.whole())
        } else {
            Ok(())
        })
    })
    .await?;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id))?;
    let limit = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let limit = limit.unwrap_or_default();
    let numbers: Vec<&str> = limit.split_whitespace().skip(4).take(2).collect();
    so(
        "the limit is nought, soft and hard",
        numbers == ["0", "0"],
        limit,
    )?;
    let is_open = can_be_looked_into(running.id)?;
    so(
        "nobody of the same person's looks into its memory",
        !is_open,
        "its environment and maps can be read",
    )?;
    send("ABRT", &running.id.to_string());
    let said = running.end().await?;
    so(
        "it is ended by the signal",
        said.status.signal() == Some(6),
        said.whole(),
    )?;
    so(
        "no core is written",
        !said.status.core_dumped(),
        said.status,
    )?;
    let cores = cores_in(&person.home)?;
    so("no core is there", cores == 0, cores)?;
    let (open, left) = one_that_does_nothing(rig).await?;
    so(
        "another program can be looked into",
        open,
        "the check sees nothing",
    )?;
    let left = match left.core_dumped() {
        true => "of a program that does nothing about it there was a core",
        false => "this system writes none of other programs either",
    };
    Ok(format!(
        "limit {} soft, {} hard; not dumpable; SIGABRT left no core; {left}",
        numbers[0], numbers[1]
    ))
}

/// A program that does nothing about it, under the same limits: whether it can be looked into, and how it ended.
async fn one_that_does_nothing(rig: &Rig) -> Checked<(bool, ExitStatus)> {
    let sleep = tool::find("sleep").unwrap_or_else(|| "sleep".into());
    let folder = tempfile::tempdir_in(rig.folder())?;
    let mut command = tokio::process::Command::from(with_cores(&sleep));
    command
        .arg("600")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let id = child.id().unwrap_or_default();
    super::until("the program has to be there", async || {
        let name = std::fs::read_to_string(format!("/proc/{id}/comm"))?;
        Ok(if name.trim() == "sleep" {
            Ok(())
        } else {
            Err(name)
        })
    })
    .await?;
    let open = can_be_looked_into(id)?;
    send("ABRT", &id.to_string());
    Ok((open, child.wait().await?))
}

/// Whether a program of the same person may look into a process.
fn can_be_looked_into(id: u32) -> Checked<bool> {
    let cat = tool::find("cat").unwrap_or_else(|| "cat".into());
    let mut command = limited();
    command.arg("--").arg(cat).arg(format!("/proc/{id}/maps"));
    Ok(command.stdin(Stdio::null()).output()?.status.success())
}

fn cores_in(folder: &Path) -> Checked<usize> {
    let files = std::fs::read_dir(folder)?.filter_map(Result::ok);
    Ok(files
        .filter(|file| file.file_name().to_string_lossy().contains("core"))
        .count())
}
