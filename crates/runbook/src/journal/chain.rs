//! The chain: how a record is written as a line, and whether lines that are read are the ones that were written.
//!
//! Owns the line's form and the check of many. A hash is of the line's own bytes and not of what they mean: of two ways to
//! write the same record only one fits.

use std::io::{self, BufRead};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, Record, RunId};

/// What stands between a record's hashed part and its hash.
const SEAM: &str = ",\"hash\":\"";
/// A SHA-256 in hexadecimal digits.
const DIGITS: usize = 64;

/// The last record that is known: what tells that a file's end was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// What a journal is in which every record fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// The last of them; absent where there is none.
    pub head: Option<Head>,
    /// How many bytes of a line stand after them that was never finished: this program ended while writing it, and
    /// nothing followed from it.
    pub torn: u64,
}

/// What is wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// A record does not fit.
    #[error("record {number} does not fit: {why}")]
    Broken {
        /// The number of the first that does not, which is its line.
        number: u64,
        /// Why.
        why: String,
    },
    /// The last record does not fit.
    #[error("its last record does not fit: {0}")]
    Last(&'static str),
    /// The head does not fit.
    #[error("its head, which tells whether the end was cut off, {0}")]
    Head(String),
    /// A record is whole, and means nothing to this version.
    #[error("record {number} is of a kind that this version of Landfall does not know: {why}")]
    Unreadable {
        /// Its number.
        number: u64,
        /// Why.
        why: String,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A record's hashed part.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    number: u64,
    at: Timestamp,
    run: &'a RunId,
    event: &'a Event,
    before: &'a str,
}

/// What of a record makes the chain.
#[derive(Deserialize)]
struct Link {
    number: u64,
    before: String,
    hash: String,
}

/// The record that follows a head, and its line without the line's end.
pub(super) fn follow(
    head: Option<&Head>,
    at: Timestamp,
    run: &RunId,
    event: &Event,
) -> serde_json::Result<(Record, String)> {
    let (number, before) = head.map_or((1, ""), |head| (head.number + 1, head.hash.as_str()));
    let mut line = serde_json::to_string(&Body {
        number,
        at,
        run,
        event,
        before,
    })?;
    let hash = hash(line.as_bytes());
    line.pop();
    line.push_str(SEAM);
    line.push_str(&hash);
    line.push_str("\"}");
    let record = Record {
        number,
        at,
        run: run.clone(),
        event: event.clone(),
        before: before.to_owned(),
        hash,
    };
    Ok((record, line))
}

pub(super) fn hash(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line's place in the chain, and the hash of the record before it.
///
/// # Errors
/// Why it does not fit.
pub(super) fn link(line: &[u8]) -> Result<(Head, String), &'static str> {
    let link: Link = serde_json::from_slice(line).map_err(|_| "it is no record")?;
    let body = line
        .len()
        .checked_sub(SEAM.len() + DIGITS + 2)
        .and_then(|length| line.split_at_checked(length))
        .filter(|(_, end)| *end == format!("{SEAM}{}\"}}", link.hash).as_bytes())
        .map(|(body, _)| [body, b"}"].concat())
        .ok_or("it does not end with its hash")?;
    if hash(&body) != link.hash {
        return Err("it is not what it was when it was written");
    }
    let head = Head {
        number: link.number,
        hash: link.hash,
    };
    Ok((head, link.before))
}

/// A journal lacks this record, and its head names a later one.
pub(super) fn cut(number: u64, head: &Head) -> Flaw {
    Flaw::Broken {
        number,
        why: format!(
            "it is not there, and the last one was record {}: the journal's end was cut off",
            head.number
        ),
    }
}

/// Why a record does not fit that stands where the head names another.
pub(super) const ANEW: &str = "its head names another: it was written anew";

/// Whether a journal is what was written, record by record; with a head, also whether its end is there.
///
/// # Errors
/// The first record that does not fit, or why that cannot be told.
pub fn verify(reader: impl BufRead, head: Option<&Head>) -> Result<Verified, Flaw> {
    walk(reader, head, |_, _| Ok(()))
}

/// All records of a journal in which each fits.
pub(super) fn records(
    reader: impl BufRead,
    head: Option<&Head>,
) -> Result<(Vec<Record>, Verified), Flaw> {
    let mut records = Vec::new();
    let verified = walk(reader, head, |number, line| {
        let read = serde_json::from_slice(line);
        let why = |error: serde_json::Error| Flaw::Unreadable {
            number,
            why: error.to_string(),
        };
        records.push(read.map_err(why)?);
        Ok(())
    })?;
    Ok((records, verified))
}

fn walk(
    mut reader: impl BufRead,
    head: Option<&Head>,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), Flaw>,
) -> Result<Verified, Flaw> {
    let mut verified = Verified::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            verified.torn = line.len() as u64;
            break;
        }
        let number = verified.records + 1;
        let broken = |why| Err(Flaw::Broken { number, why });
        let (read, before) = match link(&line) {
            Ok(link) => link,
            Err(why) => return broken(why.to_owned()),
        };
        if read.number != number {
            return broken(format!("record {} stands in its place", read.number));
        }
        let last = verified.head.as_ref().map_or("", |last| last.hash.as_str());
        if before != last {
            return broken("it does not follow the record before it".to_owned());
        }
        if head.is_some_and(|head| head.number == number && head.hash != read.hash) {
            return broken(ANEW.to_owned());
        }
        each(number, &line)?;
        verified.records = number;
        verified.head = Some(read);
    }
    match head {
        Some(head) if head.number > verified.records => Err(cut(verified.records + 1, head)),
        _ => Ok(verified),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::{Answer, Outcome, Way};

    fn event() -> impl Strategy<Value = Event> {
        let place = (0..4_usize, 0..3_usize);
        prop_oneof![
            place
                .clone()
                .prop_map(|(step, call)| Event::Intent { step, call }),
            (place, any::<String>()).prop_map(|((step, call), why)| Event::Answered {
                step,
                call,
                answer: Answer::Unknown { why },
            }),
            any::<String>().prop_map(|why| Event::Refused {
                action: "restart".to_owned(),
                target: "Deployment shop/checkout".to_owned(),
                by: why.clone(),
                way: Way::Terminal,
                why,
            }),
            any::<String>().prop_map(|says| Event::Ended {
                outcome: Outcome::Failed,
                says,
            }),
        ]
    }

    /// Whole journals, with their last record.
    fn journal() -> impl Strategy<Value = (Vec<String>, Head)> {
        prop::collection::vec((event(), 0..4_u8), 1..12).prop_map(|events| {
            let mut head = None;
            let mut lines = Vec::new();
            for (place, (event, run)) in events.into_iter().enumerate() {
                let at = Timestamp::from_millisecond(1_700_000_000_123 + place as i64).unwrap();
                let run = RunId::new(format!("r{run}"));
                let (record, line) = follow(head.as_ref(), at, &run, &event).unwrap();
                head = Some(Head {
                    number: record.number,
                    hash: record.hash,
                });
                lines.push(line);
            }
            (lines, head.unwrap())
        })
    }

    fn text(lines: &[String]) -> Vec<u8> {
        let ended = lines.iter().map(|line| format!("{line}\n"));
        ended.collect::<String>().into_bytes()
    }

    fn first_broken(text: &[u8], head: &Head) -> Option<u64> {
        match verify(text, Some(head)) {
            Ok(_) => None,
            Err(Flaw::Broken { number, .. }) => Some(number),
            Err(other) => panic!("{other}"),
        }
    }

    proptest! {
        #[test]
        fn what_was_written_fits_and_reads_back((lines, head) in journal()) {
            let (read, verified) = records(&text(&lines)[..], Some(&head)).unwrap();
            prop_assert_eq!(verified.records, lines.len() as u64);
            prop_assert_eq!(verified.head, Some(head));
            for (record, line) in read.iter().zip(&lines) {
                prop_assert_eq!(&serde_json::to_string(record).unwrap(), line);
            }
        }

        #[test]
        fn one_altered_byte_anywhere_is_found_and_its_record_named(
            (lines, head) in journal(),
            place in any::<prop::sample::Index>(),
            by in 1..=255_u8,
        ) {
            let mut text = text(&lines);
            let place = place.index(text.len());
            let number = 1 + text[..place].iter().filter(|byte| **byte == b'\n').count() as u64;
            text[place] ^= by;
            prop_assert_eq!(first_broken(&text, &head), Some(number));
        }

        #[test]
        fn a_line_that_was_taken_out_is_named(
            (mut lines, head) in journal(),
            place in any::<prop::sample::Index>(),
        ) {
            let place = place.index(lines.len());
            lines.remove(place);
            prop_assert_eq!(first_broken(&text(&lines), &head), Some(place as u64 + 1));
        }

        #[test]
        fn lines_that_changed_places_are_named(
            (mut lines, head) in journal(),
            one in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            prop_assume!(one != other);
            lines.swap(one, other);
            prop_assert_eq!(first_broken(&text(&lines), &head), Some(one.min(other) as u64 + 1));
        }

        #[test]
        fn a_journal_that_was_cut_anywhere_lacks_its_first_missing_record(
            (lines, head) in journal(),
            place in any::<prop::sample::Index>(),
        ) {
            let text = text(&lines);
            let cut = &text[..place.index(text.len())];
            let whole = cut.iter().filter(|byte| **byte == b'\n').count() as u64;
            prop_assert_eq!(first_broken(cut, &head), Some(whole + 1));
        }
    }

    #[test]
    fn a_record_that_was_forged_with_a_hash_of_its_own_breaks_the_one_after_it() {
        let at = Timestamp::UNIX_EPOCH;
        let run = RunId::new("r1");
        let event = |call| Event::Intent { step: 0, call };
        let (first, one) = follow(None, at, &run, &event(0)).unwrap();
        let head = Head {
            number: 1,
            hash: first.hash,
        };
        let (second, two) = follow(Some(&head), at, &run, &event(1)).unwrap();
        let (_, forged) = follow(None, at, &run, &event(7)).unwrap();
        let last = Head {
            number: 2,
            hash: second.hash,
        };
        assert_eq!(first_broken(&text(&[one, two.clone()]), &last), None);
        assert_eq!(first_broken(&text(&[forged.clone(), two]), &last), Some(2));
        assert_eq!(first_broken(&text(&[forged]), &head), Some(1));
    }
}
