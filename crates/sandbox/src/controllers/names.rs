//! Names and digests that real controllers draw at random or hash: drawn here from the company's seed, so that every
//! run of the same history gives the same names.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The letters of Kubernetes' generated names: no vowels, so that no words arise.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Numbers drawn from a seed and what the name is for: FNV-1a over the parts, then SplitMix64. Nothing secret hangs on
/// them, and a cryptographic hash would cost more than all else in a debug build.
fn draw(seed: u64, parts: &[&str]) -> impl Iterator<Item = u64> {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for part in parts {
        for byte in part.bytes().chain([0]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// A generated suffix of Kubernetes' letters.
pub fn suffix(seed: u64, parts: &[&str], length: usize) -> String {
    let letters = LETTERS.len() as u64;
    draw(seed, parts)
        .take(length)
        .map(|drawn| char::from(LETTERS[usize::try_from(drawn % letters).unwrap_or(0)]))
        .collect()
}

/// A number below `below`, drawn from the seed.
pub fn number(seed: u64, parts: &[&str], below: u64) -> u64 {
    draw(seed, parts).next().unwrap_or(0) % below.max(1)
}

/// `sha256:<hex>` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `pod-template-hash` and `controller-revision-hash`: of the template alone, so that an unchanged template keeps it.
pub fn template_hash(template: &Value) -> String {
    let mut text = String::new();
    canonical(template, &mut text);
    suffix(0, &[&text], 10)
}

/// A value as text, with the keys of mappings in order: merging may have put them in another.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            for key in keys {
                text.push_str(key);
                text.push('=');
                canonical(&map[key], text);
                text.push(';');
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push('-');
                canonical(item, text);
            }
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_follow_from_the_seed() {
        assert_eq!(suffix(1, &["a", "b"], 5), suffix(1, &["a", "b"], 5));
        assert_ne!(suffix(1, &["a", "b"], 5), suffix(2, &["a", "b"], 5));
        assert_ne!(suffix(1, &["ab", ""], 5), suffix(1, &["a", "b"], 5));
        assert!(number(1, &["x"], 10) < 10);
    }

    #[test]
    fn a_template_hash_depends_on_the_template_alone() {
        let one = template_hash(&json!({"spec": {"containers": []}}));
        assert_eq!(one, template_hash(&json!({"spec": {"containers": []}})));
        assert_ne!(one, template_hash(&json!({"spec": {}})));
        assert_eq!(one.len(), 10);
    }

    #[test]
    fn a_digest_is_sha256_in_hexadecimal() {
        assert_eq!(
            digest(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
