//! Random histories, the same ones for the same seed.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A small generator (SplitMix64): good enough to shape histories, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A history of commits with up to three parents, several roots and clocks that are wrong, on some branches.
pub fn history(random: &mut Random, commits: u64, branches: u64) -> String {
    let mut text = String::new();
    for commit in 1..=commits {
        // A branch has to begin anew to get other parents than its last commit.
        text.push_str(&format!("commit refs/heads/work\nmark :{commit}\n"));
        let skew = random.below(20_000);
        let at = 1_700_000_000 + commit * 60 - skew;
        text.push_str(&format!("committer Ada <ada@shop.example> {at} +0000\n"));
        text.push_str(&format!("data {}\n{commit}\n", commit.to_string().len()));
        let parents = if commit == 1 || random.below(60) == 0 {
            Vec::new()
        } else {
            let mut parents = Vec::new();
            for _ in 0..=[0, 0, 0, 1, 1, 2][random.below(6) as usize] {
                // Mostly recent ones: that makes criss-crosses.
                let reach = if random.below(4) == 0 {
                    commit - 1
                } else {
                    (commit - 1).min(12)
                };
                let parent = commit - 1 - random.below(reach);
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
            parents
        };
        if parents.is_empty() {
            text = text.replace(
                &format!("commit refs/heads/work\nmark :{commit}\n"),
                &format!("reset refs/heads/work\n\ncommit refs/heads/work\nmark :{commit}\n"),
            );
        }
        for (number, parent) in parents.iter().enumerate() {
            let word = if number == 0 { "from" } else { "merge" };
            text.push_str(&format!("{word} :{parent}\n"));
        }
        text.push('\n');
    }
    for branch in 0..branches {
        let at = commits - random.below(commits / 2);
        text.push_str(&format!("reset refs/heads/b{branch}\nfrom :{at}\n\n"));
    }
    text.push_str(&format!("reset refs/heads/main\nfrom :{commits}\n\n"));
    text
}

/// Feeds `git fast-import`.
pub fn import(bare: &Path, text: &str) {
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(bare)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}
