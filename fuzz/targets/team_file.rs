//! A team file is read or refused, without a panic.
#![no_main]
#![expect(dead_code, reason = "the console uses more of the file")]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

#[path = "../../crates/console/src/team_file.rs"]
mod team_file;

fuzz_target!(|text: &str| {
    static FILE: OnceLock<NamedTempFile> = OnceLock::new();
    let file = FILE.get_or_init(|| NamedTempFile::new().expect("a file"));
    std::fs::write(file.path(), text).expect("written");
    match team_file::TeamFile::read(file.path()) {
        Ok(read) => drop(read.team()),
        Err(error) => assert!(!error.message.is_empty()),
    }
});
