//! moto: AWS' APIs on loopback, written by others. It checks no signatures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PeersError;
use super::fetch::Fetched;
use crate::ports::LOCAL;
use crate::process::{NotReady, Process, until};

pub(crate) const NAME: &str = "moto";

const MOTO: Fetched = Fetched {
    name: NAME,
    files: &["requirements.txt"],
    hint: "It needs Python 3.10 or newer with venv (python3-venv) and PyPI, once",
};

/// The Python that has it, fetched into the cache if it is not there.
pub(crate) async fn get(cache: &Path, say: &dyn Fn(&str)) -> Result<PathBuf, PeersError> {
    let kept = MOTO
        .get(cache, say, async |folder, files| {
            let venv = folder.join(NAME);
            let arguments = ["-m".as_ref(), "venv".as_ref(), venv.as_os_str()];
            MOTO.run(&MOTO.program("python3")?, &arguments, folder)
                .await?;
            let mut pip = ["-m", "pip", "install", "--quiet", "--no-deps"]
                .map(AsRef::as_ref)
                .to_vec();
            for file in files {
                pip.extend(["-r".as_ref(), file.as_os_str()]);
            }
            MOTO.run(&python(&venv), &pip, folder).await
        })
        .await?;
    Ok(python(&kept))
}

/// A venv may be moved as long as nothing but its Python is started: scripts beside it name their old place.
fn python(venv: &Path) -> PathBuf {
    venv.join("bin/python")
}

pub(crate) fn url(port: u16) -> String {
    format!("http://{LOCAL}:{port}")
}

pub(crate) fn start(python: &Path, url: &str, folder: &Path) -> std::io::Result<Process> {
    let port = url.rsplit(':').next().unwrap_or_default();
    let arguments = ["-m", "moto.server", "-H", LOCAL, "-p", port].map(str::to_owned);
    Process::start(NAME, python, folder, &arguments, &[])
}

pub(crate) async fn until_ready(
    process: &mut Process,
    http: &reqwest::Client,
    url: &str,
) -> Result<Duration, NotReady> {
    let url = format!("{url}/moto-api/data.json");
    let ready = async || {
        let answer = http.get(&url).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    until(process, ready).await
}
