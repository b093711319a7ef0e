//! AWS' reasons, as short as a line of text shows them: they begin with a kind of error and end with what is wrong.
//!
//! Owns what of a long one is left out of a sentence. The evidence has it whole.

/// How long a reason may be to be quoted whole: longer ones lose their end where they are shown (`finding`).
const WHOLE: usize = 240;
/// How much of its end is kept then.
const END: usize = 170;
/// What AWS adds to many, and what tells nothing.
const ELSEWHERE: &str = " For more information, see";

/// A reason with its beginning and its end, if it is too long to be quoted whole.
pub fn telling(reason: &str) -> String {
    let reason = reason.split(ELSEWHERE).next().unwrap_or(reason).trim();
    if reason.chars().count() <= WHOLE {
        return reason.to_owned();
    }
    let (kind, rest) = match reason.split_once(": ") {
        Some((kind, rest)) if kind.chars().count() <= END / 2 && rest.chars().count() > END => {
            (kind, rest)
        }
        _ => ("", reason),
    };
    // From the end back to the last colon that still fits; a word's beginning where there is none.
    let fits = |at: &usize| rest[*at..].chars().count() <= END;
    let colons = rest.match_indices(": ").map(|(at, found)| at + found.len());
    let words = rest.match_indices(' ').map(|(at, found)| at + found.len());
    let from = colons
        .into_iter()
        .find(fits)
        .or_else(|| words.into_iter().find(fits));
    let end = match from {
        Some(at) => &rest[at..],
        None => {
            let skipped = rest.chars().count().saturating_sub(END);
            let at = rest.char_indices().nth(skipped).map_or(0, |(at, _)| at);
            &rest[at..]
        }
    };
    match kind {
        "" => format!("… {end}"),
        kind => format!("{kind}: … {end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn the_telling_end_of_a_long_reason_was_cut_off() {
        let long = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
            unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
            arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/pricing-AbCdEf from secrets manager: \
            ResourceNotFoundException: Secrets Manager can't find the specified secret.";
        assert_eq!(
            telling(long),
            "ResourceInitializationError: … ResourceNotFoundException: Secrets Manager can't find the specified secret."
        );
        let short = "Task failed ELB health checks in (target-group arn)";
        assert_eq!(telling(short), short);
        let guide = format!("{short}. For more information, see the Troubleshooting section.");
        assert_eq!(telling(&guide), format!("{short}."));
    }

    #[test]
    fn a_reason_of_any_form_is_cut_between_characters() {
        for long in [
            "é".repeat(900),
            "é ".repeat(900),
            format!("{}: b", "é".repeat(900)),
        ] {
            let said = telling(&long);
            assert!(
                said.chars().count() <= 240 && said.starts_with('…'),
                "{said}"
            );
        }
    }
}
