//! A real Git server for the tests: `git http-backend` behind a small HTTP server, over repositories that real `git` makes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use tokio::sync::Semaphore;

/// The server; it ends with the test's runtime.
pub struct Server {
    pub root: tempfile::TempDir,
    pub url: String,
    pub seen: Arc<Seen>,
}

/// What was asked of it, and what it should do about it.
pub struct Seen {
    /// Listings of references: one begins every fetch.
    pub listings: AtomicUsize,
    /// Packs that were asked for.
    pub packs: AtomicUsize,
    /// Answer with this status instead; 0: answer well.
    pub status: AtomicU16,
    /// Answer only addresses that end in `.git` (1), or only those that do not (2); 0: both.
    pub suffix: AtomicU16,
    /// Each request waits for a permit.
    pub gate: Semaphore,
    /// A permit for each request that came.
    pub waiting: Semaphore,
}

const OPEN: usize = 1_000_000;

impl Server {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let seen = Arc::new(Seen {
            listings: AtomicUsize::new(0),
            packs: AtomicUsize::new(0),
            status: AtomicU16::new(0),
            suffix: AtomicU16::new(0),
            gate: Semaphore::new(OPEN),
            waiting: Semaphore::new(0),
        });
        let state = (root.path().to_owned(), Arc::clone(&seen));
        let router = Router::new().fallback(answer).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { root, url, seen }
    }

    /// A bare repository at a path, with a work tree to commit in.
    pub fn repository(&self, path: &str) -> Work {
        let bare = self.root.path().join(format!("{path}.git"));
        git(
            self.root.path(),
            &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()],
        );
        Work {
            folder: tempfile::tempdir().unwrap(),
            bare,
            clock: AtomicUsize::new(1_700_000_000),
        }
        .begun()
    }
}

async fn answer(State((root, seen)): State<(PathBuf, Arc<Seen>)>, request: Request) -> Response {
    seen.waiting.add_permits(1);
    let permit = seen.gate.acquire().await.unwrap();
    drop(permit);
    let status = seen.status.load(Ordering::SeqCst);
    if status != 0 {
        return plain(StatusCode::from_u16(status).unwrap());
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let (repository, service) = match path.split_once("/info/refs") {
        Some((repository, _)) => (repository, "info/refs"),
        None => match path.split_once("/git-upload-pack") {
            Some((repository, _)) => (repository, "git-upload-pack"),
            None => return plain(StatusCode::NOT_FOUND),
        },
    };
    match (
        seen.suffix.load(Ordering::SeqCst),
        repository.ends_with(".git"),
    ) {
        (1, false) | (2, true) => return plain(StatusCode::NOT_FOUND),
        _ => {}
    }
    let repository = repository.trim_end_matches(".git");
    match service {
        "info/refs" => seen.listings.fetch_add(1, Ordering::SeqCst),
        _ => seen.packs.fetch_add(1, Ordering::SeqCst),
    };
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let variables = BTreeMap::from([
        ("GIT_PROJECT_ROOT", root.to_str().unwrap().to_owned()),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("PATH_INFO", format!("{repository}.git/{service}")),
        (
            "QUERY_STRING",
            parts.uri.query().unwrap_or_default().to_owned(),
        ),
        ("REQUEST_METHOD", parts.method.to_string()),
        ("CONTENT_TYPE", header("content-type")),
        ("GIT_PROTOCOL", header("git-protocol")),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
    ]);
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    tokio::task::spawn_blocking(move || backend(&variables, &body))
        .await
        .unwrap()
}

fn backend(variables: &BTreeMap<&str, String>, body: &Bytes) -> Response {
    let mut child = Command::new("git")
        .arg("http-backend")
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = body.clone();
    let writer = std::thread::spawn(move || {
        let _ = input.write_all(&body);
    });
    let output = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in std::str::from_utf8(&output[..end]).unwrap().split("\r\n") {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            let code = value.split(' ').next().unwrap().parse().unwrap();
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
        } else {
            response.headers_mut().insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
    }
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A bare repository on the server, and a work tree of it.
pub struct Work {
    folder: tempfile::TempDir,
    pub bare: PathBuf,
    /// Each commit is a minute later than the one before.
    clock: AtomicUsize,
}

impl Work {
    fn begun(self) -> Self {
        git(
            self.folder.path(),
            &["clone", "-q", self.bare.to_str().unwrap(), "."],
        );
        self.git(&["checkout", "-q", "-B", "main"]);
        self
    }

    /// Runs git in the work tree.
    pub fn git(&self, arguments: &[&str]) -> String {
        let at = self.clock.fetch_add(60, Ordering::SeqCst);
        run(self.folder.path(), arguments, &format!("{at} +0000"))
    }

    /// Writes files, commits them and returns the SHA. An empty content removes the file.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            let file = self.folder.path().join(path);
            if content.is_empty() {
                std::fs::remove_file(&file).unwrap();
                // Git knows no empty folders.
                let mut folder = file.parent();
                while let Some(empty) = folder
                    && std::fs::remove_dir(empty).is_ok()
                {
                    folder = empty.parent();
                }
            } else {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, content).unwrap();
            }
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes all branches and tags, whatever the server has.
    pub fn push(&self) {
        self.git(&[
            "push",
            "-q",
            "--force",
            "--prune",
            "origin",
            "refs/heads/*:refs/heads/*",
            "refs/tags/*:refs/tags/*",
        ]);
    }
}

/// Runs git and returns what it prints.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    run(folder, arguments, "1700000000 +0000")
}

fn run(folder: &Path, arguments: &[&str], at: &str) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@shop.example")
        .env("GIT_COMMITTER_NAME", "Grace")
        .env("GIT_COMMITTER_EMAIL", "grace@shop.example")
        .env("GIT_AUTHOR_DATE", at)
        .env("GIT_COMMITTER_DATE", at)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
