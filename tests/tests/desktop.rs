//! The real window, driven through tauri-driver and WebKitWebDriver under Xvfb: what a person sees is what the terminal
//! says. Screenshots are written to `LANDFALL_SCREENSHOTS` where that is set.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[cfg(unix)]
#[path = "desktop/visitor.rs"]
mod visitor;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use product_tests::{Company, Owned, json, landfall_desktop, own_ports, program};
use serde_json::{Value, json};

/// How long a person would wait for anything here before calling it broken; generous, because machines are noisy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A window on a company. Dropping it ends the driver, the program and the display.
struct Window {
    client: Client,
    _driver: Owned,
    _display: Owned,
    /// What the window keeps of what it saw: not the person's own.
    _data: tempfile::TempDir,
}

impl Window {
    async fn open(arguments: &[String]) -> Self {
        Self::open_with(arguments, &[]).await
    }

    /// The same with variables in the program's environment.
    async fn open_with(arguments: &[String], variables: &[(&str, &std::path::Path)]) -> Self {
        let (display, name) = start_display();
        let (port, native_port) = (own_ports(), own_ports());
        let data = tempfile::tempdir().expect("a temporary folder");
        let driver = Command::new(program("LANDFALL_TAURI_DRIVER"))
            .args([
                "--port",
                &port.to_string(),
                "--native-port",
                &native_port.to_string(),
            ])
            .env("DISPLAY", name)
            .env("XDG_DATA_HOME", data.path())
            // A desktop without a bus has no tray and no notifications, and everything else works.
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env_remove("WAYLAND_DISPLAY")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tauri-driver starts");
        let driver = Owned(driver);
        wait_for_port(port);
        // tauri-driver answers before the driver behind it does, and drops what comes too early.
        wait_for_port(native_port);
        let capabilities =
            json!({ "tauri:options": { "application": landfall_desktop(), "args": arguments } });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("an object").clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session in the real window");
        Self {
            client,
            _driver: driver,
            _display: display,
            _data: data,
        }
    }

    /// Waits until an element is there.
    async fn see(&self, css: &str) {
        let element = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await;
        element.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Waits until what `css` selects says something that `fits`.
    async fn text_that(&self, css: &str, fits: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = match self.client.find(Locator::Css(css)).await {
                // The whole text, also of what an ellipsis cuts or scrolling hides.
                Ok(element) => element
                    .prop("textContent")
                    .await
                    .ok()
                    .flatten()
                    .unwrap_or_default(),
                Err(_) => String::new(),
            };
            if fits(&text) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "{css} still says {text:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn click(&self, css: &str) {
        let element = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await;
        element
            .unwrap_or_else(|error| panic!("{css}: {error}"))
            .click()
            .await
            .expect("clicked");
    }

    async fn ask(&self, ask: &str) {
        let element = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css("#ask"))
            .await
            .expect("the ask box");
        element
            .send_keys(&format!("{ask}\u{e007}"))
            .await
            .expect("typed");
    }

    /// The line "Still reading…" went as somebody pressed Follow, the page moved up, and the press was lost.
    async fn has_a_follow_that_stays(&self) {
        let script = "const line = document.querySelector('.pending'), was = line.className;\
            const top = () => document.querySelector('#follow').parentElement.getBoundingClientRect().top;\
            const tops = ['pending', 'pending gone'].map(one => { line.className = one; return top(); });\
            line.className = was; return tops";
        let tops = self.client.execute(script, vec![]).await.expect("tops");
        assert_eq!(tops[0], tops[1], "with and without the line");
    }

    /// What each cell of the board says of delivery, by app: without ages, and without versions, whose commits another
    /// start of the company names anew.
    async fn cells(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('[role=grid] .cell')].map(cell => {\
                const row = cell.closest('[role=row]')?.querySelector('.cell.name');\
                const said = cell.querySelector('.why')?.cloneNode(true);\
                said?.querySelectorAll('.seen').forEach(age => age.remove());\
                return said ? `${row?.textContent ?? ''}: ${said.textContent.trim()}` : '';\
            }).filter(said => said)";
        let said = self.client.execute(script, vec![]).await.expect("cells");
        let said: Vec<String> = serde_json::from_value(said).expect("texts");
        assert!(!said.is_empty());
        said
    }

    /// The sum of red, green and blue of the page's paper, up to 765.
    async fn brightness(&self) -> u32 {
        let script = "return getComputedStyle(document.body).backgroundColor";
        let colour = self.client.execute(script, vec![]).await.expect("a colour");
        let colour = colour.as_str().expect("a text");
        let parts = colour.split(|c: char| !c.is_ascii_digit());
        parts.filter_map(|part| part.parse::<u32>().ok()).sum()
    }

    async fn screenshot(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a screenshot");
        assert!(picture.len() > 10_000, "{name} shows something");
        if let Some(folder) = std::env::var_os("LANDFALL_SCREENSHOTS") {
            let folder = PathBuf::from(folder);
            std::fs::create_dir_all(&folder).expect("the folder");
            std::fs::write(folder.join(format!("{name}.png")), picture).expect("written");
        }
    }
}

fn wait_for_port(port: u16) {
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "nothing answers on port {port}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A display of its own, with a number that Xvfb chooses.
fn start_display() -> (Owned, String) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x800x24",
            "-nolisten",
            "tcp",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb starts");
    let stdout = child.stdout.take().expect("piped");
    let owned = Owned(child);
    let number = BufReader::new(stdout)
        .lines()
        .next()
        .expect("Xvfb says its display")
        .expect("text");
    (owned, format!(":{number}"))
}

fn window_arguments(company: &Company) -> Vec<String> {
    vec![
        "--kubeconfig".to_owned(),
        company.kubeconfig().display().to_string(),
        "--team".to_owned(),
        company.team().display().to_string(),
    ]
}

/// A sentence's spans without the instants, which each viewer renders in its own way.
fn words(headline: &Value) -> Vec<String> {
    let spans = headline.as_array().expect("spans").iter();
    spans
        .filter_map(|span| match span["type"].as_str() {
            Some("words" | "name" | "quote") => {
                span["text"].as_str().map(|text| text.trim().to_owned())
            }
            Some("commit") => span["sha"].as_str().map(|sha| sha[..7].to_owned()),
            Some("object") => span["object"]["name"].as_str().map(str::to_owned),
            _ => None,
        })
        .filter(|text| !text.is_empty())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_commit_reads_in_the_window_as_in_the_terminal() {
    let company = Company::serve(1);
    let situation = company.situation("dependency-chain");
    let ask = situation["ask"].as_str().expect("an ask").to_owned();
    let terminal = company.terminal();
    let answer = json(&terminal.run(&["why", &ask, "--env", "production", "--json"]));
    let expected = words(&answer["journeys"][0]["headline"]);
    assert!(!expected.is_empty());

    let window = Window::open(&window_arguments(&company)).await;
    window.see("[role=grid]").await;
    window.screenshot("board-first").await;
    window.ask(&ask).await;
    let wanted = expected.clone();
    let headline = window
        .text_that("h1#headline", |text| {
            wanted.iter().all(|words| text.contains(words.as_str()))
        })
        .await;
    assert!(headline.contains("is not in production"), "{headline}");

    // Both themes, by their buttons: light paper is lighter than dark paper.
    let mut paper = Vec::new();
    for theme in ["Light", "Dark"] {
        window
            .click(&format!("[role=radiogroup] [aria-label={theme}]"))
            .await;
        window
            .screenshot(&format!("journey-{}", theme.to_lowercase()))
            .await;
        paper.push(window.brightness().await);
    }
    assert!(
        paper[0] > 600 && paper[1] < 200,
        "red, green and blue together: {paper:?}"
    );

    // Open the proof: the object whole, as text.
    window.click(".ev button.line").await;
    let yaml = window
        .text_that("[role=dialog]", |text| text.contains("kind:"))
        .await;
    let proof = &answer["journeys"][0]["evidence"][0]["object"];
    assert!(
        yaml.contains(&format!(
            "kind: {}",
            proof["kind"].as_str().expect("a kind")
        )),
        "{yaml}"
    );
    window.screenshot("evidence").await;
    window
        .client
        .clone()
        .close()
        .await
        .expect("the window closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_when_the_company_dies_and_are_fresh_when_it_returns() {
    let mut company = Company::serve(2);
    let window = Window::open(&window_arguments(&company)).await;
    window.see("[role=grid]").await;
    window
        .text_that("[role=grid]", |text| {
            text.contains("current") && !text.contains("unknown") && !text.contains("reading")
        })
        .await;
    let rows = async || {
        let grid = window
            .client
            .find(Locator::Css("[role=grid]"))
            .await
            .expect("the grid");
        let count = grid
            .attr("aria-rowcount")
            .await
            .expect("an attribute")
            .expect("it is there");
        count.parse::<usize>().expect("a number")
    };
    let before = rows().await;
    assert!(before > 12, "{before}");
    let said = window.cells().await;

    company.kill();
    window
        .client
        .wait()
        .at_most(PATIENCE)
        .for_element(Locator::Css("[role=grid] .cell.stale"))
        .await
        .expect("cells are marked stale");
    assert_eq!(rows().await, before, "rows stay");
    window.screenshot("board-stale").await;

    company.serve_again();
    let returned = Instant::now();
    let mut live = None;
    let mut first_unlike = Vec::new();
    loop {
        let stale = window
            .client
            .find_all(Locator::Css("[role=grid] .cell.stale"))
            .await
            .expect("cells")
            .len();
        let now = window.cells().await;
        // A cell that is not stale any more may still be unknown: that is not fresh.
        let unlike: Vec<String> = said
            .iter()
            .zip(&now)
            .filter(|(said, now)| said != now)
            .map(|(said, now)| format!("{said} / {now}"))
            .collect();
        if stale == 0 && live.is_none() {
            live = Some(returned.elapsed().as_secs_f64());
            first_unlike.clone_from(&unlike);
        }
        if stale == 0 && unlike.is_empty() && now.len() == said.len() {
            break;
        }
        assert!(
            returned.elapsed() < PATIENCE,
            "{stale} cells are still stale, and not as before are:\n{}",
            unlike.join("\n")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Figures for the closing note, not assertions: machines are noisy.
    eprintln!(
        "after its return no row was stale after {:.1} s; all {} cells as before after {:.1} s, the last of them {first_unlike:?}",
        live.unwrap_or_default(),
        said.len(),
        returned.elapsed().as_secs_f64()
    );
    assert_eq!(rows().await, before);
    window
        .client
        .clone()
        .close()
        .await
        .expect("the window closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_what_lacks_its_source_and_one_app_have_pages_of_their_own() {
    let company = Company::serve(1);
    let window = Window::open(&window_arguments(&company)).await;
    window.see("[role=grid]").await;

    window.click("nav a[href^='#/changes']").await;
    window
        .text_that(".happened", |text| text.contains("in place of"))
        .await;
    window.screenshot("changes").await;

    // A line leads to its app's page: every environment side by side.
    window.click(".happened .app-name").await;
    window
        .text_that(".beside", |text| {
            text.contains("Declared image") && text.contains("ready")
        })
        .await;
    window.see(".happened li .says").await;
    window.screenshot("app").await;

    window.click("nav a[href='#/coverage']").await;
    window
        .text_that(".fix", |text| {
            text.contains("LABEL org.opencontainers.image.source")
        })
        .await;
    window.screenshot("coverage").await;

    // Following works where nobody can be told: the window itself says what is followed.
    let ask = company.situation("dependency-chain")["ask"].clone();
    window.ask(ask.as_str().expect("an ask")).await;
    window.see("#follow").await;
    window.has_a_follow_that_stays().await;
    window.click("#follow").await;
    window
        .text_that("#follow", |text| text == "Following")
        .await;
    window
        .text_that(".followed", |text| text.contains("stuck in"))
        .await;
    window.screenshot("followed").await;
    window
        .client
        .clone()
        .close()
        .await
        .expect("the window closes");
}

/// What commands answer the page is kept from now on, to be searched for tokens. What streams tell it goes by Tauri's own
/// object, which is frozen: those are searched where they are made (`console`'s `what_is_told_holds_no_token`).
const LISTEN: &str = "window.heard = [];\
    const fetched = window.fetch;\
    window.fetch = async (...asked) => {\
        const answer = await fetched(...asked);\
        answer.clone().text().then(text => window.heard.push(text), () => {});\
        return answer;\
    };";

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_joined_and_signed_in_to_in_the_window_and_no_token_comes_there() {
    let company = Company::serve(3);
    let own = tempfile::tempdir().expect("a folder");
    let visitor = Arc::new(visitor::Visitor::new(own.path()));
    let nowhere = own.path().join("no-kubeconfig");
    let window = Window::open_with(
        &[],
        &[("BROWSER", visitor.script()), ("KUBECONFIG", &nowhere)],
    )
    .await;
    window.see("#team-link").await;
    window.client.execute(LISTEN, vec![]).await.expect("runs");

    // Join: the file is read, and its key's fingerprint shown before anything is kept.
    let link = window
        .client
        .find(Locator::Css("#team-link"))
        .await
        .expect("there");
    let file = company.folder.path().join("landfall.yaml");
    link.send_keys(&file.display().to_string())
        .await
        .expect("typed");
    window.click("#read-team").await;
    window
        .text_that(".fingerprint", |text| text.len() > 8)
        .await;
    window.click("#join-team").await;

    // Nobody is signed in: no browser opens by itself.
    window.see("#sign-in").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        !visitor.was_asked(),
        "nothing opens a browser but the button"
    );
    window.screenshot("sign-in").await;
    window.click("#sign-in").await;
    // The company's support engineer, who starts with what they may run, and nothing of what they may not.
    let browser = Arc::clone(&visitor);
    let went = tokio::task::spawn_blocking(move || browser.choose(1)).await;
    let (page, back) = went.expect("signed in");
    window.see(".person").await;
    let at = window.client.current_url().await.expect("an address");
    assert!(at.as_str().contains("#/actions"), "{at}");
    window.see(".catalogue [data-action=restart]").await;
    let shown = window.client.source().await.expect("a page");
    for not_theirs in [
        "data-action=\"scale\"",
        "data-action=\"suspend\"",
        "why-not\">Scale",
    ] {
        assert!(
            !shown.contains(not_theirs),
            "support's home has {not_theirs}"
        );
    }
    window.screenshot("signed-in-actions").await;
    go(&window, "#/board").await;
    window.see("[role=grid] .cell").await;
    go(&window, "#/connections").await;
    window
        .text_that(".account", |text| text.contains("support"))
        .await;
    window.screenshot("signed-in-connections").await;

    // What the page heard, has, and keeps: the person's name, and nothing that opens anything.
    let all = "return [window.heard.join('\\n'), document.documentElement.outerHTML, location.href,\
        JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}), document.cookie].join('\\n')";
    let all = window.client.execute(all, vec![]).await.expect("texts");
    let all = all.as_str().expect("a text");
    assert!(all.contains("\"fingerprint\""), "it was listened to");
    for secret in ["eyJ", "refresh_token", "code_verifier"] {
        assert!(!all.contains(secret), "the page has '{secret}'");
    }
    let code = back
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("code="));
    assert!(
        !all.contains(code.expect("a code")),
        "the page has the code"
    );
    // Opaque tokens are 43 letters; what was in the address that was opened is no secret.
    for word in all.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter))
    {
        let is_token = word.len() == 43 && word.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!is_token || page.contains(word), "the page has {word}");
    }

    // Out: what the sign-in opened is gone from the screen.
    window.click("#sign-out").await;
    window.see("#sign-in").await;
    go(&window, "#/board").await;
    window.see("#sign-in").await;
    let cells = window
        .client
        .find_all(Locator::Css("[role=grid] .cell"))
        .await;
    assert!(cells.expect("asked").is_empty(), "nobody is signed in");
    window.client.close().await.expect("closed");
}

/// An app that is well in staging, and its Deployment there.
fn well_in_staging(board: &Value) -> (String, Value) {
    let rows = board["rows"].as_array().expect("rows").iter();
    let cells = rows.flat_map(|row| {
        let cells = row["cells"].as_array().expect("cells").iter();
        cells.map(move |cell| (&row["app"], cell))
    });
    let well = |(_, cell): &(&Value, &Value)| {
        cell["environment"] == "staging"
            && cell["delivery"]["state"] == "deployed"
            && cell["running"]["health"] == "healthy"
            && cell["running"]["workload"]["kind"] == "Deployment"
    };
    let (app, cell) = cells.into_iter().find(well).expect("some app is well");
    let app = app.as_str().expect("a name").to_owned();
    (app, cell["running"]["workload"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_restarted_in_the_window_and_a_double_click_is_one_run() {
    let company = Company::serve(4);
    let board = json(&company.terminal().run(&["board", "--json"]));
    let (app, workload) = well_in_staging(&board);
    let part = |name: &str| workload[name].as_str().expect("a text").to_owned();
    let name = format!("{}/{}", part("namespace"), part("name"));
    let window = Window::open(&window_arguments(&company)).await;
    window.see("[role=grid]").await;

    go(&window, &format!("#/app?name={app}")).await;
    let label = format!("Actions on Deployment {name} on {}", part("system"));
    let button = format!(".acting button:not(.gone)[aria-label='{label}']");
    window.click(&button).await;
    window.see(".act [data-action=restart]").await;
    window.screenshot("offers").await;
    window.click(".act [data-action=restart]").await;

    // Read the plan, then press its button twice before the page can draw it as pressed.
    window.see("#mean:not([disabled])").await;
    let plan = window
        .text_that(".act", |text| text.contains("What is done"))
        .await;
    assert!(
        plan.contains(&format!("Restarts Deployment {name}")) && plan.contains("staging on"),
        "{plan}"
    );
    let pressed = window.text_that("#mean", |text| !text.is_empty()).await;
    assert_eq!(
        pressed,
        format!("Restart Deployment {name} in {}", part("system"))
    );
    window.screenshot("plan").await;
    let twice = "const button = document.querySelector('#mean'); button.click(); button.click();";
    window.client.execute(twice, vec![]).await.expect("pressed");
    window.see(".act .going").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A second press would have been refused, and said so.
    let said = window.text_that(".toast", |_| true).await;
    assert_eq!(said, "", "nothing is begun twice");

    // The proof is what was read, not that it was sent.
    window
        .text_that(".act .outcome", |text| {
            text.contains("worked") && text.contains("of the new template, all ready")
        })
        .await;
    window.screenshot("run").await;
    window.click("#close-act").await;

    window.click("nav a[href='#/actions']").await;
    let line = window
        .text_that(".ran .ran-one summary", |text| text.contains("worked"))
        .await;
    assert!(line.contains(&name) && line.contains("staging"), "{line}");
    let runs = window
        .client
        .find_all(Locator::Css(".ran-one, .broke-off"))
        .await;
    assert_eq!(runs.expect("asked").len(), 1, "exactly one run");
    window.click(".ran .ran-one summary").await;
    window
        .text_that(".ran .ran-one .steps", |text| {
            text.contains("Restarts Deployment")
        })
        .await;
    window.screenshot("actions").await;
    window.client.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_at_a_cause_leads_to_the_plan_of_what_mends_it() {
    let company = Company::serve(1);
    let suspended = company.situation("parent-suspended");
    let ask = suspended["ask"].as_str().expect("an ask");
    let window = Window::open(&window_arguments(&company)).await;
    window.see("[role=grid]").await;

    go(&window, &format!("#/journey?ask={ask}&environment=staging")).await;
    let button = window
        .text_that(".fitting [data-action=resume]", |text| !text.is_empty())
        .await;
    assert!(button.starts_with("Resume "), "{button}");
    window.screenshot("fitting").await;
    window.click(".fitting [data-action=resume]").await;
    let plan = window
        .text_that(".act", |text| text.contains("What is done"))
        .await;
    assert!(
        plan.contains("Resumes Kustomization flux-system/"),
        "{plan}"
    );
    window.click(".act button[aria-label='Close']").await;

    // What has arrived has nothing to be done about it.
    go(&window, &format!("#/journey?ask={ask}&environment=dev")).await;
    window
        .text_that("#headline", |text| text.contains(" in dev"))
        .await;
    let buttons = window
        .client
        .find_all(Locator::Css(".fitting button"))
        .await;
    assert!(buttons.expect("asked").is_empty(), "dev has it");
    window.client.close().await.expect("closed");
}

/// Goes to one of the window's addresses.
async fn go(window: &Window, address: &str) {
    let script = format!("location.hash = '{address}'");
    window
        .client
        .execute(&script, vec![])
        .await
        .expect("gone there");
}
