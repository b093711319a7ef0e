//! Semantic versions and their ranges, as Flux's sources and policies take them: forgiving in the version (`v1.2`),
//! with spaces or commas between the parts of a range.

use semver::{Version, VersionReq};

/// A version, forgiving: a leading `v` and missing parts are fine.
pub fn parse(text: &str) -> Option<Version> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    if let Ok(version) = Version::parse(bare) {
        return Some(version);
    }
    let end = bare
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(bare.len());
    let (numbers, rest) = bare.split_at(end);
    let padded = match numbers.split('.').filter(|part| !part.is_empty()).count() {
        1 => format!("{numbers}.0.0{rest}"),
        2 => format!("{numbers}.0{rest}"),
        _ => return None,
    };
    Version::parse(&padded).ok()
}

/// Ranges joined by `||`: one of them has to hold.
#[derive(Clone, Debug)]
pub struct Range(Vec<VersionReq>);

impl Range {
    /// Reads a range; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.split("||")
            .map(|part| {
                let part = part.trim();
                if part.is_empty() || matches!(part, "*" | "x") {
                    return VersionReq::parse("*").ok();
                }
                let pieces: Vec<String> = part
                    .replace(',', " ")
                    .split_whitespace()
                    .fold(Vec::new(), |mut pieces: Vec<String>, piece| {
                        match pieces.last_mut() {
                            // `>= 1.0` is one piece.
                            Some(last) if last.chars().all(|c| !c.is_ascii_digit()) => {
                                last.push_str(piece)
                            }
                            _ => pieces.push(piece.to_owned()),
                        }
                        pieces
                    })
                    .into_iter()
                    .map(|piece| {
                        let bare = piece.replace('v', "");
                        // Without an operator a full version means just that one; `1.2` and `1.x` mean what they begin.
                        if bare.starts_with(|c: char| c.is_ascii_digit()) {
                            if bare.split('.').count() == 3 && !bare.contains(['x', 'X', '*']) {
                                format!("={bare}")
                            } else {
                                let stem: Vec<&str> = bare
                                    .split('.')
                                    .take_while(|part| !matches!(*part, "x" | "X" | "*"))
                                    .collect();
                                format!("{}.*", stem.join("."))
                            }
                        } else {
                            bare
                        }
                    })
                    .collect();
                VersionReq::parse(&pieces.join(", ")).ok()
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// Whether a version is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().any(|range| range.matches(version))
    }
}

/// The newest of some texts in a range, as it was written.
pub fn newest<'a>(texts: impl IntoIterator<Item = &'a str>, range: &Range) -> Option<&'a str> {
    texts
        .into_iter()
        .filter_map(|text| Some((parse(text)?, text)))
        .filter(|(version, _)| range.contains(version))
        .max_by(|(left, _), (right, _)| left.cmp(right))
        .map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_flux_reads_them() {
        let all = [
            "1.0.0",
            "v1.2.3",
            "1.10.0",
            "2.0.0-rc.1",
            "2.0.0",
            "9.1.0",
            "nightly",
            "3.1",
        ];
        for (range, expected) in [
            (">=1.0.0", Some("9.1.0")),
            (">=1.0.0 <2.0.0", Some("1.10.0")),
            (">= 1.0, < 1.5", Some("v1.2.3")),
            ("1.x", Some("1.10.0")),
            ("1.2", Some("v1.2.3")),
            ("~1.2.0", Some("v1.2.3")),
            ("^1.2", Some("1.10.0")),
            ("2.0.0", Some("2.0.0")),
            ("*", Some("9.1.0")),
            ("1.x || 3.x", Some("3.1")),
            ("8.x", None),
        ] {
            assert_eq!(
                newest(all, &Range::parse(range).unwrap()),
                expected,
                "{range}"
            );
        }
        assert!(Range::parse("newest please").is_none());
    }
}
