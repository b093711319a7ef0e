//! Tar archives, as layers of images and artifacts are.

use std::io::Write;

use bytes::Bytes;

/// Packs files into an uncompressed tar archive, in their order; each is a path and its content. The same files make
/// the same archive: no owner, no time.
pub fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, content) in files {
        out.extend_from_slice(&header(path, content.len()));
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    // Two empty records end an archive.
    out.resize(out.len() + 1024, 0);
    out
}

/// A ustar header (POSIX.1-1988). Paths of more than 100 bytes are cut into a prefix and a name at a slash.
fn header(path: &str, size: usize) -> [u8; 512] {
    let (prefix, name) = match path.len() {
        0..=100 => ("", path),
        length => {
            let cut = path
                .get(length - 100..)
                .and_then(|end| end.find('/'))
                .map_or(length - 100, |slash| length - 100 + slash);
            (
                path.get(..cut).unwrap_or_default(),
                path.get(cut + 1..).unwrap_or_default(),
            )
        }
    };
    let mut header = [0; 512];
    let mut put = |at: usize, most: usize, text: &str| {
        for (place, byte) in text.bytes().take(most).enumerate() {
            header[at + place] = byte;
        }
    };
    put(0, 100, name);
    put(100, 8, "0000644");
    put(108, 8, "0000000");
    put(116, 8, "0000000");
    put(124, 12, &format!("{size:011o}"));
    put(136, 12, "00000000000");
    // The sum is taken with spaces in its own place.
    put(148, 8, "        ");
    put(156, 1, "0");
    put(257, 8, "ustar\x0000");
    put(345, 155, prefix);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (place, byte) in format!("{sum:06o}\0").bytes().enumerate() {
        header[148 + place] = byte;
    }
    header
}

/// A gzip stream that stores what it is given: real clients unpack layers, but on loopback nothing is gained by making
/// them small.
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = flate2::GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), flate2::Compression::none());
    // Writing to memory does not fail; what were missing would fail the digest's check at the other end.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn tar_lists_and_unpacks_what_was_packed() {
        let long = format!(
            "{}/deployment.yaml",
            "a-long-folder/".repeat(9).trim_end_matches('/')
        );
        let big = vec![b'x'; 1500];
        let files: [(&str, &[u8]); 3] = [
            ("app", b"#!/bin/app\n"),
            (&long, b"kind: Deployment\n"),
            ("big", &big),
        ];
        let archive = gzip(&tar(files));
        let run = |arguments: &[&str]| {
            let mut child = Command::new("tar")
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&archive).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{arguments:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run(&["-tzf", "-"]), format!("app\n{long}\nbig\n"));
        assert_eq!(run(&["-xzOf", "-", &long]), "kind: Deployment\n");
        assert_eq!(run(&["-xzOf", "-", "big"]).len(), 1500);
    }
}
