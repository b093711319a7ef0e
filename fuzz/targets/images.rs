//! An image reference is taken apart without a panic, and taken apart again it is the same.
#![no_main]

use facts::image::{ImageReference, canonical_repository};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let image = ImageReference::parse(text);
    assert_eq!(
        canonical_repository(&image.repository),
        image.repository,
        "{text:?}"
    );
    assert!(image.names_same(&image));
    let mut written = image.repository.clone();
    if let Some(tag) = &image.tag {
        written.push_str(&format!(":{tag}"));
    }
    if let Some(digest) = &image.digest {
        written.push_str(&format!("@{digest}"));
    }
    // Spaces around it are no part of it.
    if written.trim() == written && !image.repository.ends_with(' ') {
        assert_eq!(
            ImageReference::parse(&written),
            image,
            "{text:?} {written:?}"
        );
    }
});
