//! Migrations that databases have already, and that say something else now.

use super::{Project, Tool};
use crate::domain::{Finding, Severity};
use crate::migration::Sides;
use crate::stack::Files;
use crate::workspace::WorkspaceFiles;

impl Project {
    /// Migrations that are applied somewhere already and are another text now, or gone.
    pub(super) fn edited(&self, sides: &Sides, changed: &[String]) -> Vec<Finding> {
        let (before, after) = (WorkspaceFiles(sides.base.as_ref()), WorkspaceFiles(sides.subject.as_ref()));
        let mut findings = Vec::new();
        for path in changed.iter().filter(|path| self.is_migration(path)) {
            let (Some(old), new) = (before.read(path), after.read(path)) else { continue };
            let (severity, text) = match new {
                None => (Severity::Error, "a migration that base has is gone: databases that have it know no way on".to_owned()),
                Some(new) if code(&old) == code(&new) => continue,
                // Repairing the way back is no danger to what went up.
                Some(new) if self.tool == Tool::Alembic && code(up_part(&old)) == code(up_part(&new)) => {
                    (Severity::Warning, "the way back of a migration that base has is changed".to_owned())
                }
                Some(_) => (Severity::Error, "a migration that base has is changed: databases that have it already never see this; write a new one".to_owned()),
            };
            findings.push(Finding {
                severity,
                path: Some(path.clone()),
                line: Some(1),
                rule: Some("edited".to_owned()),
                message: text,
                old: false,
            });
        }
        findings
    }
}

/// A migration of Alembic up to its way back.
fn up_part(text: &str) -> &str {
    text.split("def downgrade").next().unwrap_or(text)
}

/// Python without comments, docstrings, blank lines and layout.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut docstring: Option<&str> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(mark) = docstring {
            if line.ends_with(mark) {
                docstring = None;
            }
            continue;
        }
        if let Some(mark) = ["\"\"\"", "'''"].into_iter().find(|mark| line.starts_with(mark)) {
            if line.len() < 6 || !line.ends_with(mark) {
                docstring = Some(mark);
            }
            continue;
        }
        if !line.starts_with('#') {
            // A comment behind code, where no text could hold the sign.
            let line = if line.contains(['"', '\'']) { line } else { line.split('#').next().unwrap_or_default() };
            out.extend(line.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '"' { '\'' } else { c }));
        }
    }
    out.replace(",)", ")").replace(",]", "]").replace(",}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_and_comments_are_no_change_of_a_migration() {
        let one = "\"\"\"x\n\"\"\"\ndef upgrade():\n    op.add_column(\"t\", sa.Column('a'))  # why\n";
        let other =
            "'''another'''\n# note\ndef upgrade():\n    op.add_column(\n        't', sa.Column(\"a\"),\n    )\n";
        assert_eq!(code(&one.replace("  # why", "")), code(other));
        assert_ne!(code(one), code(&one.replace("'a'", "'b'")));
    }
}
