//! A person's browser: `BROWSER` names a script that leaves the address, and the visitor goes there and chooses who to be.
//!
//! Owns the few requests that takes. The pages are the embedded provider's.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The browser of a window.
pub struct Visitor {
    script: PathBuf,
    left: PathBuf,
}

impl Visitor {
    /// A browser whose things lie in a folder.
    pub fn new(folder: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let (script, left) = (folder.join("browser"), folder.join("address"));
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$1\" >'{0}.part' && mv '{0}.part' '{0}'\n",
            left.display()
        );
        std::fs::write(&script, text).expect("a script");
        let runs = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&script, runs).expect("it may run");
        Self { script, left }
    }

    /// What `BROWSER` is.
    pub fn script(&self) -> &Path {
        &self.script
    }

    /// Whether any page was opened that nobody went to.
    pub fn was_asked(&self) -> bool {
        self.left.exists()
    }

    /// Waits for a page, chooses the person of that number there, and goes where that leads. Returns the page's address,
    /// and that of the way back.
    pub fn choose(&self, person: usize) -> (String, String) {
        let begun = Instant::now();
        while !self.was_asked() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "no browser was opened"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        let address = std::fs::read_to_string(&self.left).expect("an address");
        std::fs::remove_file(&self.left).expect("there");
        let address = address.trim().to_owned();
        let page = ask("GET", &address, "");
        let mut form = String::new();
        for field in page.split(r#"<input type="hidden" name=""#).skip(1) {
            let (name, rest) = field.split_once(r#"" value=""#).expect("a value");
            let value = rest.split('"').next().unwrap_or_default();
            form.push_str(&format!(
                "{name}={}&",
                escaped(&value.replace("&amp;", "&"))
            ));
        }
        form.push_str(&format!("person={person}"));
        let (origin, _) = parts(&address);
        let chosen = ask("POST", &format!("http://{origin}/authorize"), &form);
        let back = chosen
            .lines()
            .find_map(|line| line.strip_prefix("location: "))
            .unwrap_or_else(|| panic!("it leads nowhere: {chosen}"))
            .trim()
            .to_owned();
        let landed = ask("GET", &back, "");
        assert!(landed.starts_with("HTTP/1.1 200"), "{landed}");
        (address, back)
    }
}

/// The host with its port, and the rest.
fn parts(address: &str) -> (&str, String) {
    let rest = address
        .strip_prefix("http://")
        .expect("plain, on this machine");
    match rest.split_once('/') {
        Some((origin, path)) => (origin, format!("/{path}")),
        None => (rest, "/".to_owned()),
    }
}

/// The answer, with its head.
fn ask(method: &str, address: &str, form: &str) -> String {
    let (origin, path) = parts(address);
    let mut stream = TcpStream::connect(origin).expect("somebody listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {origin}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn escaped(value: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            (byte as char).to_string()
        }
        other => format!("%{other:02X}"),
    };
    value.bytes().map(escape).collect()
}
