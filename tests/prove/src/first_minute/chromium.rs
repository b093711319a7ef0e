//! A real browser without a display: chromedriver and headless Chromium, which fills in the provider's pages as a person does.
//!
//! Owns one visit: a profile that knows nobody, from an address to the page at its end. The provider's key is pinned; any
//! other certificate that the system does not trust is refused, as in anybody's browser.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Checked, Wrong};
use crate::ports::LOCAL;
use crate::process::{Process, end_all, until};

/// How long the pages may take.
const LONGEST: Duration = Duration::from_secs(60);

/// What is said of a page that is not there any more.
const PASSING: [&str; 3] = [
    "no such element",
    "stale element",
    "element not interactable",
];

/// The driver.
pub(super) struct Chromium {
    url: String,
    program: PathBuf,
    pin: String,
    profiles: PathBuf,
    http: reqwest::Client,
    /// Told to end, and waited for: it takes its browsers with it.
    process: Vec<Process>,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        end_all(std::mem::take(&mut self.process));
    }
}

/// What a page wants of who looks at it.
enum Page {
    Login,
    Consent,
    /// Nothing more: its text.
    End(String),
    /// It is still on its way.
    NotYet,
}

impl Chromium {
    pub(super) async fn start(
        driver: &Path,
        program: &Path,
        folder: &Path,
        port: u16,
        pin: &str,
    ) -> Checked<Self> {
        let arguments = [format!("--port={port}")];
        let mut process = Process::start("chromedriver", driver, folder, &arguments, &[])?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{LOCAL}:{port}");
        let status = format!("{url}/status");
        let ready = async || {
            let answer = http.get(&status).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        until(&mut process, ready).await?;
        let profiles = folder.join("profiles");
        std::fs::create_dir_all(&profiles)?;
        Ok(Self {
            url,
            program: program.to_owned(),
            pin: pin.to_owned(),
            profiles,
            http,
            process: vec![process],
        })
    }

    /// Opens an address in a browser that knows nobody, signs in as `login` wherever it is asked, and says the last page's
    /// text.
    pub(super) async fn sign_in(&self, address: &str, login: &str) -> Checked<String> {
        let profile = tempfile::tempdir_in(&self.profiles)?;
        let session = self.open(profile.path()).await?;
        let path = format!("/session/{session}");
        let page = self.walk(&path, address, login).await;
        // The browser ends with its session, and before its profile is removed.
        let _gone = self.ask(reqwest::Method::DELETE, &path, None).await;
        page
    }

    async fn open(&self, profile: &Path) -> Checked<String> {
        let mut arguments = [
            "--headless=new",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            // It ends with the pipe, also where the driver was killed.
            "--remote-debugging-pipe",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        arguments.push(format!(
            "--ignore-certificate-errors-spki-list={}",
            self.pin
        ));
        // Root has no user namespace to put its pages into.
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            arguments.push("--no-sandbox".to_owned());
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": self.program, "args": arguments},
        }}});
        let opened = self
            .ask(reqwest::Method::POST, "/session", Some(wanted))
            .await?;
        Ok(opened["sessionId"].as_str().unwrap_or_default().to_owned())
    }

    async fn walk(&self, path: &str, address: &str, login: &str) -> Checked<String> {
        self.ask(
            reqwest::Method::POST,
            &format!("{path}/url"),
            Some(json!({"url": address})),
        )
        .await?;
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            match self.step(path, login).await {
                Ok(Some(text)) => return Ok(text),
                Ok(None) => {}
                // The page went while it was looked at.
                Err(Wrong::Not { said, .. }) if PASSING.iter().any(|one| said.starts_with(one)) => {
                }
                Err(wrong) => return Err(wrong),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let at = self
            .ask(reqwest::Method::GET, &format!("{path}/url"), None)
            .await?;
        Err(Wrong::Not {
            what: "the provider's pages have to lead back to Landfall".to_owned(),
            said: at.to_string(),
        })
    }

    /// Does what the page wants; its text where it wants nothing more.
    async fn step(&self, path: &str, login: &str) -> Checked<Option<String>> {
        match self.page(path).await? {
            Page::Login => {
                self.write(path, "input[name=login]", login).await?;
                self.write(path, "input[name=password]", "any").await?;
                self.click(path).await?;
            }
            Page::Consent => self.click(path).await?,
            Page::End(text) => return Ok(Some(text)),
            Page::NotYet => {}
        }
        Ok(None)
    }

    async fn page(&self, path: &str) -> Checked<Page> {
        let source = self
            .ask(reqwest::Method::GET, &format!("{path}/source"), None)
            .await?;
        let source = source.as_str().unwrap_or_default();
        Ok(if source.contains(r#"name="prompt" value="login""#) {
            Page::Login
        } else if source.contains(r#"name="prompt" value="consent""#) {
            Page::Consent
        } else if source.contains("<h1>Landfall</h1>") {
            let words = json!({"script": "return document.body.innerText", "args": []});
            let path = format!("{path}/execute/sync");
            let text = self.ask(reqwest::Method::POST, &path, Some(words)).await?;
            Page::End(text.as_str().unwrap_or_default().trim().to_owned())
        } else {
            Page::NotYet
        })
    }

    async fn write(&self, path: &str, selector: &str, text: &str) -> Checked {
        let element = self.element(path, selector).await?;
        let path = format!("{path}/element/{element}/value");
        self.ask(reqwest::Method::POST, &path, Some(json!({"text": text})))
            .await?;
        Ok(())
    }

    async fn click(&self, path: &str) -> Checked {
        let element = self.element(path, "button[type=submit]").await?;
        let path = format!("{path}/element/{element}/click");
        self.ask(reqwest::Method::POST, &path, Some(json!({})))
            .await?;
        Ok(())
    }

    async fn element(&self, path: &str, selector: &str) -> Checked<String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let path = format!("{path}/element");
        let found = self.ask(reqwest::Method::POST, &path, Some(wanted)).await?;
        let element = found.as_object().and_then(|found| found.values().next());
        Ok(element
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Checked<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut answer: Value = request.send().await?.json().await?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(Wrong::Not {
                what: format!("Chromium has to do {path}"),
                said: format!("{error}: {}", value["message"].as_str().unwrap_or_default()),
            }),
            None => Ok(value),
        }
    }
}
