//! Differences between two texts, line by line, as the API shows them.

use gix::diff::blob::unified_diff::{ConsumeBinaryHunk, ContextSize};
use gix::diff::blob::{Algorithm, InternedInput, UnifiedDiff, diff_with_slider_heuristics};

/// A difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Patch {
    /// Lines that came.
    pub additions: u32,
    /// Lines that went.
    pub deletions: u32,
    /// Hunks without a header, and without a newline at the end.
    pub text: String,
}

impl Patch {
    /// What makes `new` of `old`.
    pub fn between(old: &str, new: &str) -> Self {
        let input = InternedInput::new(old, new);
        let diff = diff_with_slider_heuristics(Algorithm::Myers, &input);
        let hunks = ConsumeBinaryHunk::new(String::new(), "\n");
        // Both sides are text, and writing text to memory does not fail.
        let text = UnifiedDiff::new(&diff, &input, hunks, ContextSize::symmetrical(3))
            .consume()
            .unwrap_or_default();
        Self {
            additions: diff.count_additions(),
            deletions: diff.count_removals(),
            text: text.trim_end_matches('\n').to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patch;

    #[test]
    fn a_changed_line_goes_and_comes() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let patch = Patch::between(old, &old.replace("g\n", "G\n"));
        assert_eq!((patch.additions, patch.deletions), (1, 1));
        assert_eq!(patch.text, "@@ -4,5 +4,5 @@\n d\n e\n f\n-g\n+G\n h");
    }

    #[test]
    fn equal_texts_have_no_patch() {
        assert_eq!(Patch::between("a\n", "a\n"), Patch::default());
    }
}
