//! moto, AWS' APIs as others wrote them, on a free port of loopback; cloud's and sandbox's tests both start it here.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Ends with its standard input: whatever becomes of the test, nothing is left behind.
const PROGRAM: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
";

/// Ends when it is dropped.
pub struct Moto {
    process: Child,
    /// Its address.
    pub url: String,
}

impl Moto {
    pub fn start() -> Self {
        Self::start_after("")
    }

    /// Runs some Python before it.
    pub fn start_after(first: &str) -> Self {
        let python = std::env::var_os("LANDFALL_MOTO")
            .expect("LANDFALL_MOTO names a Python that has moto; ./dev test fetches it");
        let mut process = Command::new(python)
            .args(["-u", "-c", &format!("{first}{PROGRAM}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()))
            .expect("moto says where it answers");
        // Whoever does not read on stops it once the pipe is full.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, url }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
