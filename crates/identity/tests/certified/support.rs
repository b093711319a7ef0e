//! Tests only: the certified OpenID provider on loopback, and a browser that fills in its pages.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use identity::{Issuer, Provider, Spec};
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use url::Url;

/// Who signs in where nothing else is said.
pub const MIA: &str = "mia+dev+sre@tidewater.example";

/// The provider; it ends with its standard input, which ends with this.
pub struct Certified {
    pub issuer: Url,
    pub authority: String,
    pub redirect: u16,
    _process: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Certified {
    /// Starts one whose tokens live so many seconds.
    pub async fn start(seconds: u32) -> Self {
        let folder = std::env::var("LANDFALL_PROVIDER")
            .expect("LANDFALL_PROVIDER names the provider's folder; ./dev test makes it");
        let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let (port, redirect) = (free_port(), free_port());
        let wanted = json!({
            "port": port,
            "key": key.signing_key.serialize_pem(),
            "certificate": key.cert.pem(),
            "redirects": [format!("http://127.0.0.1:{redirect}/landfall/signed-in")],
            "seconds": seconds,
        });
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .current_dir(folder)
            .env("PROVIDER", wanted.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = lines.next_line().await.unwrap();
        Self {
            issuer: issuer.expect("the provider listens").parse().unwrap(),
            authority: key.cert.pem(),
            redirect,
            stdin: process.stdin.take().unwrap(),
            lines,
            _process: process,
        }
    }

    /// Makes it `busy` or `well`, and waits until it is.
    pub async fn becomes(&mut self, word: &str) {
        let line = format!("{word}\n");
        self.stdin.write_all(line.as_bytes()).await.unwrap();
        while let Some(said) = self.lines.next_line().await.unwrap() {
            if said == word {
                return;
            }
        }
        panic!("the provider ended");
    }

    /// This application in it.
    pub fn spec(&self) -> Spec {
        let scopes = ["email", "profile", "groups", "offline_access"];
        Spec {
            issuer: self.issuer.clone(),
            client_id: "landfall".to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            groups_claim: "groups".to_owned(),
            ports: vec![self.redirect],
            authorities: vec![self.authority.clone()],
        }
    }

    /// The provider as the product sees it, by this machine's clock.
    pub async fn discover(&self) -> Provider {
        let clock = Arc::new(Timestamp::now);
        Provider::discover(self.spec(), clock).await.unwrap()
    }

    /// The provider as a session has it: asked when somebody first needs it.
    pub fn asked_later(&self) -> Arc<Issuer> {
        Arc::new(Issuer::new(self.spec(), Arc::new(Timestamp::now)))
    }

    /// A browser with no cookies yet.
    pub fn browser(&self) -> Browser {
        let authority = reqwest::Certificate::from_pem(self.authority.as_bytes()).unwrap();
        Browser::new(reqwest::Client::builder().tls_certs_only([authority]))
    }
}

/// Follows links and fills in the provider's forms.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    /// Addresses that brought a code back, as a browser's history has them.
    pub history: Arc<Mutex<Vec<Url>>>,
}

impl Browser {
    /// A browser with no cookies yet.
    pub fn new(client: reqwest::ClientBuilder) -> Self {
        let client = client
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Self {
            client: client.unwrap(),
            cookies: Arc::default(),
            history: Arc::default(),
        }
    }

    /// Opens an address and signs in as `login` wherever it leads; the last page.
    pub async fn sign_in(&self, address: &Url, login: &str) -> String {
        let (mut at, mut form) = (address.clone(), None);
        for _ in 0..20 {
            let (next, page) = self.visit(&at, form.take()).await;
            if let Some(next) = next {
                if next.query_pairs().any(|(name, _)| name == "code") {
                    self.history.lock().unwrap().push(next.clone());
                }
                at = next;
                continue;
            }
            if page.contains(r#"name="person""#) {
                // The embedded company's provider: everybody can be anybody.
                let fields = hidden(&page);
                let mut chosen: Vec<(&str, &str)> = fields
                    .iter()
                    .map(|(name, value)| (&**name, &**value))
                    .collect();
                chosen.push(("person", "0"));
                let action = at.join(&action(&page)).unwrap();
                let (next, page) = self.visit(&action, Some(chosen)).await;
                let Some(next) = next else { return page };
                self.history.lock().unwrap().push(next.clone());
                at = next;
                continue;
            }
            if page.contains(r#"name="prompt" value="login""#) {
                at = at.join(&action(&page)).unwrap();
                form = Some(vec![
                    ("prompt", "login"),
                    ("login", login),
                    ("password", "any"),
                ]);
            } else if page.contains(r#"name="prompt" value="consent""#) {
                at = at.join(&action(&page)).unwrap();
                form = Some(vec![("prompt", "consent")]);
            } else {
                return page;
            }
        }
        panic!("the pages lead in a circle");
    }

    /// One page, by its address or by sending a form there.
    pub async fn visit(&self, at: &Url, form: Option<Vec<(&str, &str)>>) -> (Option<Url>, String) {
        let request = match form {
            Some(form) => {
                let mut body = url::form_urlencoded::Serializer::new(String::new());
                body.extend_pairs(form);
                let kind = "application/x-www-form-urlencoded";
                self.client
                    .post(at.clone())
                    .header("content-type", kind)
                    .body(body.finish())
            }
            None => self.client.get(at.clone()),
        };
        let cookies: Vec<String> = {
            let known = self.cookies.lock().unwrap();
            known
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        let answer = request
            .header("cookie", cookies.join("; "))
            .send()
            .await
            .unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut known = self.cookies.lock().unwrap();
            known.insert(name.to_owned(), value.to_owned());
        }
        let next = answer.headers().get("location");
        let next = next.map(|next| at.join(next.to_str().unwrap()).unwrap());
        (next, answer.text().await.unwrap())
    }
}

/// Where the page's first form goes.
fn action(page: &str) -> String {
    let from = page.split(r#"action=""#).nth(1).expect("a form");
    from.split('"').next().unwrap().replace("&amp;", "&")
}

/// The fields of the page's form that nobody fills in.
fn hidden(page: &str) -> Vec<(String, String)> {
    let fields = page.split(r#"<input type="hidden" name=""#).skip(1);
    let field = |field: &str| {
        let (name, rest) = field.split_once(r#"" value=""#).unwrap();
        let value = rest.split('"').next().unwrap();
        (name.to_owned(), value.replace("&amp;", "&"))
    };
    fields.map(field).collect()
}
