//! Patches that `git apply` takes.

use super::hunks::{Side, TextHunk, compare};
use super::quote::quote;
use crate::domain::{FileMode, RepoPath};

/// One side of a patch.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Where the file is.
    pub path: &'a RepoPath,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Its mode.
    pub mode: FileMode,
}

/// Writes the change between two versions as a git patch; empty when there is none. A side that is not there is
/// `None`.
///
/// Binary content is named but not carried: `git apply` refuses such a patch.
pub fn unified(old: Option<Version<'_>>, new: Option<Version<'_>>) -> Vec<u8> {
    match (old, new) {
        (None, None) => Vec::new(),
        // git has no patch that makes a link of a file: one goes, the other comes.
        (Some(before), Some(after)) if (before.mode == FileMode::Symlink) != (after.mode == FileMode::Symlink) => {
            [unified(old, None), unified(None, new)].concat()
        }
        (Some(before), Some(after)) => {
            let same = before.path == after.path && before.bytes == after.bytes && before.mode == after.mode;
            if same { Vec::new() } else { Patch::new(before, after).write(old, new) }
        }
        (Some(only), None) | (None, Some(only)) => Patch::new(only, only).write(old, new),
    }
}

struct Patch<'a> {
    before: Version<'a>,
    after: Version<'a>,
    out: Vec<u8>,
}

impl<'a> Patch<'a> {
    fn new(before: Version<'a>, after: Version<'a>) -> Self {
        Self { before, after, out: Vec::new() }
    }

    fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'\n');
    }

    fn write(mut self, old: Option<Version<'_>>, new: Option<Version<'_>>) -> Vec<u8> {
        let (old_name, new_name) = (quote("a/", self.before.path.as_str()), quote("b/", self.after.path.as_str()));
        self.line(&format!("diff --git {old_name} {new_name}"));
        self.extended(old.is_some(), new.is_some());
        let bytes = |side: Option<Version<'_>>| side.map_or_else(Vec::new, |side| side.bytes.to_vec());
        let comparison = compare(self.after.path, &bytes(old), &bytes(new));
        let name = |side: Option<Version<'_>>, name: String| if side.is_some() { name } else { "/dev/null".to_owned() };
        let (old_name, new_name) = (name(old, old_name), name(new, new_name));
        if comparison.binary {
            self.line(&format!("Binary files {old_name} and {new_name} differ"));
        } else if !comparison.hunks.is_empty() {
            self.line(&format!("--- {}", ended(&old_name)));
            self.line(&format!("+++ {}", ended(&new_name)));
            comparison.hunks.iter().for_each(|hunk| self.hunk(hunk));
        }
        self.out
    }

    fn extended(&mut self, old: bool, new: bool) {
        let (before, after) = (self.before, self.after);
        match (old, new) {
            (false, _) => self.line(&format!("new file mode {}", after.mode.octal())),
            (_, false) => self.line(&format!("deleted file mode {}", before.mode.octal())),
            _ => {
                if before.mode != after.mode {
                    self.line(&format!("old mode {}", before.mode.octal()));
                    self.line(&format!("new mode {}", after.mode.octal()));
                }
                if before.path != after.path {
                    self.line(&format!("rename from {}", quote("", before.path.as_str())));
                    self.line(&format!("rename to {}", quote("", after.path.as_str())));
                }
            }
        }
    }

    fn hunk(&mut self, hunk: &TextHunk) {
        self.line(&format!("@@ -{} +{} @@", range(hunk.hunk.old), range(hunk.hunk.new)));
        for line in &hunk.lines {
            self.out.push(match line.side {
                Side::Context => b' ',
                Side::Removed => b'-',
                Side::Added => b'+',
            });
            self.out.extend_from_slice(&line.bytes);
            if !line.bytes.ends_with(b"\n") {
                self.out.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
}

/// A name with a space ends with a tab, so that readers that cut at white space see where it ends.
fn ended(name: &str) -> String {
    if name.contains(' ') && !name.starts_with('"') { format!("{name}\t") } else { name.to_owned() }
}

fn range([start, lines]: [usize; 2]) -> String {
    if lines == 1 { start.to_string() } else { format!("{start},{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_git_writes() {
        let path = RepoPath::parse("a b.txt").unwrap();
        let side = |bytes: &'static str, mode| Some(Version { path: &path, bytes: bytes.as_bytes(), mode });
        let text = |old, new| String::from_utf8(unified(old, new)).unwrap();
        assert_eq!(
            text(side("one\n", FileMode::Regular), side("two", FileMode::Executable)),
            "diff --git a/a b.txt b/a b.txt\nold mode 100644\nnew mode 100755\n--- a/a b.txt\t\n+++ b/a b.txt\t\n\
             @@ -1 +1 @@\n-one\n+two\n\\ No newline at end of file\n"
        );
        assert_eq!(text(None, side("", FileMode::Regular)), "diff --git a/a b.txt b/a b.txt\nnew file mode 100644\n");
        assert_eq!(text(side("same", FileMode::Regular), side("same", FileMode::Regular)), "");
        let typed = text(side("one\n", FileMode::Regular), side("target", FileMode::Symlink));
        assert!(typed.contains("deleted file mode 100644") && typed.contains("new file mode 120000"), "{typed}");
    }
}
