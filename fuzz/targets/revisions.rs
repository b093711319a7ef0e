//! A revision of Flux's is split without a panic, and what is called a commit or a digest looks like one.
#![no_main]

use facts::flux::Revision;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let revision = Revision::new(text);
    if let Some(commit) = revision.commit() {
        assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(text.ends_with(commit));
    }
    if let Some(digest) = revision.digest() {
        assert!(digest.starts_with("sha256:") && text.ends_with(digest));
    }
    assert!(text.contains(revision.name()));
});
