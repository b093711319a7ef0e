//! The documents that are generated from tables in the code.
//!
//! Owns which document comes from which table; the tables say what is in them.

use anyhow::{Context, bail};

/// A document's path from the root, and what renders it.
type Document = (&'static str, fn() -> String);

/// Every generated document.
const DOCUMENTS: [Document; 1] = [("docs/CAUSES.md", journey::docs::causes_markdown)];

/// Writes them all, or checks them all.
pub fn write(check: bool) -> anyhow::Result<()> {
    for (path, render) in DOCUMENTS {
        let file = crate::root().join(path);
        let wanted = render();
        if std::fs::read_to_string(&file).is_ok_and(|found| found == wanted) {
            continue;
        }
        if check {
            bail!("{path} differs from its table: run `cargo xtask docs` and commit it");
        }
        std::fs::write(&file, wanted).with_context(|| format!("writing {path}"))?;
    }
    Ok(())
}
