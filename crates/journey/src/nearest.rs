//! What somebody may have meant who mistyped a name.
//!
//! Owns the distance between names. Knows nothing of what is named.

/// Longer texts are no names; comparing them costs the square of their length.
const LONGEST: usize = 64;

/// The candidates nearest to a text, at most three, nearest first; none that is too far to be a slip.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text: Vec<char> = text.to_lowercase().chars().take(LONGEST + 1).collect();
    if text.is_empty() || text.len() > LONGEST {
        return Vec::new();
    }
    let slip = (text.len() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .map(|name| {
            let lower: Vec<char> = name.to_lowercase().chars().collect();
            (distance(&text, &lower), name)
        })
        .filter(|(distance, _)| *distance <= slip)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many letters have to be added, removed, changed or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = last[j] + usize::from(x != y);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y;
            if swapped {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_forgiven() {
        let apps = ["checkout", "catalog", "cart", "search"];
        assert_eq!(nearest("chekcout", apps), ["checkout"]);
        assert_eq!(nearest("Cart", apps), ["cart"]);
        assert_eq!(nearest("zebra", apps), [""; 0]);
    }

    #[test]
    fn a_novel_is_no_name() {
        assert!(nearest(&"x".repeat(1_000_000), ["x"]).is_empty());
    }
}
