//! Reading unified patches, as git and as plain `diff -u` write them.

use super::hunks::Side;
use super::quote::unquote;
use crate::domain::{ChangeKind, FileMode, RepoPath};

/// Why a patch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct PatchError {
    /// 1-based line of the patch.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// What a patch does to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// The file before; `None` when the patch adds it.
    pub old_path: Option<RepoPath>,
    /// The file after; `None` when the patch deletes it.
    pub new_path: Option<RepoPath>,
    /// The mode before, where the patch says so.
    pub old_mode: Option<FileMode>,
    /// The mode after, where the patch says so.
    pub new_mode: Option<FileMode>,
    /// The file before stays: the patch copies it.
    pub copy: bool,
    /// The id of the content before, whole or shortened, where git wrote it down.
    pub old_id: Option<String>,
    /// The names are as plain `diff` wrote them: they may start with a folder that is none of the repository.
    pub plain: bool,
    /// The content is binary: what the patch says about it from `GIT binary patch` on; empty when it says only that it
    /// differs.
    pub binary: Option<Vec<u8>>,
    /// The hunks in order.
    pub hunks: Vec<PatchHunk>,
}

impl PatchFile {
    /// What happens to the file.
    pub fn kind(&self) -> ChangeKind {
        match (&self.old_path, &self.new_path) {
            (None, _) => ChangeKind::Add,
            (_, None) => ChangeKind::Delete,
            (Some(old), Some(new)) if old != new => {
                if self.copy {
                    ChangeKind::Add
                } else {
                    ChangeKind::Rename
                }
            }
            _ => ChangeKind::Edit,
        }
    }
}

/// One hunk of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchHunk {
    /// `[start, lines]` before.
    pub old: [usize; 2],
    /// `[start, lines]` after.
    pub new: [usize; 2],
    /// 1-based line of the patch where the hunk starts.
    pub line: usize,
    /// Its lines with their line ends.
    pub lines: Vec<(Side, Vec<u8>)>,
}

/// Reads a patch. Text around the files (a mail, a commit message) is skipped.
///
/// # Errors
/// With the line where the patch stops making sense, or when there is no change in it at all.
pub fn parse_patch(bytes: &[u8]) -> Result<Vec<PatchFile>, PatchError> {
    let mut reader = Reader { lines: bytes.split_inclusive(|byte| *byte == b'\n').collect(), at: 0 };
    let mut files = Vec::new();
    while let Some(line) = reader.peek() {
        if line.starts_with(b"diff --git ") {
            files.push(reader.git_file()?);
        } else if line.starts_with(b"--- ") && reader.follows(1, b"+++ ") {
            files.push(reader.plain_file()?);
        } else if line.starts_with(b"@@ -") {
            return Err(reader.error("a hunk without the file it belongs to: `---` and `+++` lines are missing"));
        } else {
            reader.at += 1;
        }
    }
    if files.is_empty() {
        return Err(PatchError { line: 1, message: "no change found; expected a unified diff".to_owned() });
    }
    Ok(files)
}

struct Reader<'a> {
    lines: Vec<&'a [u8]>,
    at: usize,
}

/// What the header lines of a file say.
#[derive(Default)]
struct Header {
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
    old_mode: Option<FileMode>,
    new_mode: Option<FileMode>,
    added: bool,
    deleted: bool,
    copy: bool,
    old_id: Option<String>,
    plain: bool,
    binary: Option<Vec<u8>>,
}

impl<'a> Reader<'a> {
    /// The line without its end.
    fn peek(&self) -> Option<&'a [u8]> {
        self.lines.get(self.at).map(|line| trimmed(line))
    }

    fn follows(&self, distance: usize, start: &[u8]) -> bool {
        self.lines.get(self.at + distance).is_some_and(|line| line.starts_with(start))
    }

    fn error(&self, message: impl Into<String>) -> PatchError {
        PatchError { line: (self.at + 1).min(self.lines.len().max(1)), message: message.into() }
    }

    fn git_file(&mut self) -> Result<PatchFile, PatchError> {
        let mut header = Header::default();
        if let Some((old, new)) = self.peek().and_then(|line| git_names(&line[b"diff --git ".len()..])) {
            (header.old, header.new) = (Some(old), Some(new));
        }
        let first = self.at;
        self.at += 1;
        while let Some(line) = self.peek() {
            if line.starts_with(b"--- ") && self.follows(1, b"+++ ") {
                self.names(&mut header)?;
                break;
            }
            if !self.extended(line, &mut header)? {
                break;
            }
            self.at += 1;
        }
        let hunks = self.hunks()?;
        self.file(header, hunks, first)
    }

    fn plain_file(&mut self) -> Result<PatchFile, PatchError> {
        let first = self.at;
        let mut header = Header { plain: true, ..Header::default() };
        self.names(&mut header)?;
        let hunks = self.hunks()?;
        if hunks.is_empty() {
            return Err(self.error("expected a hunk: `@@ -1,2 +1,3 @@`"));
        }
        self.file(header, hunks, first)
    }

    /// Reads the `---` and `+++` lines. Prefixes go only when both sides have theirs.
    fn names(&mut self, header: &mut Header) -> Result<(), PatchError> {
        let mut names = Vec::new();
        for _ in 0..2 {
            let rest = self.peek().and_then(|line| line.get(4..)).unwrap_or_default();
            if is_absent(rest) {
                names.push(b"/dev/null".to_vec());
                self.at += 1;
                continue;
            }
            names.push(name(rest).ok_or_else(|| self.error("the quoted name does not end"))?);
            self.at += 1;
        }
        let new = names.pop().unwrap_or_default();
        let old = names.pop().unwrap_or_default();
        let absent = |name: &[u8]| name == b"/dev/null";
        header.added |= absent(&old);
        header.deleted |= absent(&new);
        let prefixed = (absent(&old) || old.starts_with(b"a/")) && (absent(&new) || new.starts_with(b"b/"));
        header.plain &= !prefixed;
        let stripped = |name: Vec<u8>| if prefixed { name[2..].to_vec() } else { name };
        if !absent(&old) {
            header.old = Some(stripped(old));
        }
        if !absent(&new) {
            header.new = Some(stripped(new));
        }
        Ok(())
    }

    /// Reads one of git's extended header lines; `false` when it is none.
    fn extended(&mut self, line: &[u8], header: &mut Header) -> Result<bool, PatchError> {
        let after = |start: &str| line.strip_prefix(start.as_bytes());
        let path = |rest: &[u8]| name(rest).ok_or_else(|| self.error("the quoted name does not end"));
        if let Some(rest) = after("old mode ") {
            header.old_mode = Some(self.mode(rest)?);
        } else if let Some(rest) = after("new mode ") {
            header.new_mode = Some(self.mode(rest)?);
        } else if let Some(rest) = after("new file mode ") {
            header.added = true;
            header.new_mode = Some(self.mode(rest)?);
        } else if let Some(rest) = after("deleted file mode ") {
            header.deleted = true;
            header.old_mode = Some(self.mode(rest)?);
        } else if let Some(rest) = after("rename from ").or_else(|| after("copy from ")) {
            header.copy = line.starts_with(b"copy");
            header.old = Some(path(rest)?);
        } else if let Some(rest) = after("rename to ").or_else(|| after("copy to ")) {
            header.new = Some(path(rest)?);
        } else if line == b"GIT binary patch" {
            header.binary = Some(self.binary());
        } else if line.starts_with(b"Binary files ") {
            header.binary = Some(Vec::new());
        } else if let Some(ids) = after("index ") {
            let old = ids.split(|byte| *byte == b'.').next().unwrap_or_default();
            header.old_id = String::from_utf8(old.to_vec()).ok().filter(|id| id.bytes().any(|digit| digit != b'0'));
        } else {
            return Ok(["similarity index ", "dissimilarity index "].iter().any(|start| after(start).is_some()));
        }
        Ok(true)
    }

    /// Reads a binary part: two blocks, forward and back, each ended by an empty line. Stops at its last line.
    fn binary(&mut self) -> Vec<u8> {
        let first = self.at;
        let mut blocks = 0;
        while blocks < 2 && self.at + 1 < self.lines.len() && !self.follows(1, b"diff --git ") {
            self.at += 1;
            blocks += usize::from(self.peek() == Some(b""));
        }
        self.lines[first..=self.at].concat()
    }

    fn mode(&self, digits: &[u8]) -> Result<FileMode, PatchError> {
        match digits {
            b"100644" | b"100664" => Ok(FileMode::Regular),
            b"100755" => Ok(FileMode::Executable),
            b"120000" => Ok(FileMode::Symlink),
            b"160000" => Err(self.error("submodules cannot be changed by a patch here")),
            _ => Err(self.error("unknown file mode")),
        }
    }

    fn file(&self, header: Header, hunks: Vec<PatchHunk>, first: usize) -> Result<PatchFile, PatchError> {
        let at = |message: String| PatchError { line: first + 1, message };
        let path = |bytes: Option<Vec<u8>>| -> Result<Option<RepoPath>, PatchError> {
            let Some(bytes) = bytes else { return Ok(None) };
            let text = String::from_utf8(bytes).map_err(|_| at("the file name is no UTF-8".to_owned()))?;
            RepoPath::parse(&text).map(Some).map_err(|error| at(error.to_string()))
        };
        let old_path = if header.added { None } else { path(header.old)? };
        let new_path = if header.deleted { None } else { path(header.new)? };
        if old_path.is_none() && new_path.is_none() {
            return Err(at("the file has no name".to_owned()));
        }
        let Header { old_mode, new_mode, copy, old_id, plain, binary, .. } = header;
        Ok(PatchFile { old_path, new_path, old_mode, new_mode, copy, old_id, plain, binary, hunks })
    }

    fn hunks(&mut self) -> Result<Vec<PatchHunk>, PatchError> {
        let mut hunks = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.starts_with(b"@@ ")) {
            let (old, new) = ranges(line).ok_or_else(|| self.error("not a hunk header; expected `@@ -1,2 +1,3 @@`"))?;
            let start = self.at + 1;
            self.at += 1;
            let lines = self.body(old[1], new[1])?;
            hunks.push(PatchHunk { old, new, line: start, lines });
        }
        Ok(hunks)
    }

    /// Reads as many lines as the header says there are.
    fn body(&mut self, mut old: usize, mut new: usize) -> Result<Vec<(Side, Vec<u8>)>, PatchError> {
        let mut lines: Vec<(Side, Vec<u8>)> = Vec::new();
        while old > 0 || new > 0 {
            let Some(line) = self.lines.get(self.at) else {
                return Err(self.error(format!("the hunk ends early: {old} old and {new} new lines are missing")));
            };
            let (side, bytes) = match line.split_first() {
                Some((b' ', rest)) => (Side::Context, rest),
                Some((b'-', rest)) => (Side::Removed, rest),
                Some((b'+', rest)) => (Side::Added, rest),
                Some((b'\\', _)) => {
                    self.no_newline(&mut lines);
                    continue;
                }
                // Editors and mailers strip the space of an empty context line.
                Some((b'\n', _)) => (Side::Context, *line),
                Some((b'\r', b"\n")) => (Side::Context, *line),
                _ => return Err(self.error("a line of a hunk starts with a space, `+`, `-` or `\\`")),
            };
            let counts = (usize::from(side != Side::Added), usize::from(side != Side::Removed));
            let (Some(old_left), Some(new_left)) = (old.checked_sub(counts.0), new.checked_sub(counts.1)) else {
                return Err(self.error("the hunk has more lines than its header says"));
            };
            (old, new) = (old_left, new_left);
            lines.push((side, bytes.to_vec()));
            self.at += 1;
        }
        if self.follows(0, b"\\ ") {
            self.no_newline(&mut lines);
        }
        Ok(lines)
    }

    fn no_newline(&mut self, lines: &mut [(Side, Vec<u8>)]) {
        if let Some((_, bytes)) = lines.last_mut()
            && bytes.ends_with(b"\n")
        {
            bytes.pop();
        }
        self.at += 1;
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether plain `diff -N` says that there is no such file: by its time, which is when time began.
fn is_absent(rest: &[u8]) -> bool {
    let time = rest.split(|byte| *byte == b'\t').nth(1).unwrap_or_default();
    time.starts_with(b"1970-01-01 ") || time.starts_with(b"1969-12-31 ")
}

/// A name as it stands on a `---` line: quoted, or up to a tab (plain diffs put the time behind it).
fn name(rest: &[u8]) -> Option<Vec<u8>> {
    if rest.starts_with(b"\"") {
        return unquote(rest).map(|(name, _)| name);
    }
    Some(rest.split(|byte| *byte == b'\t').next().unwrap_or_default().to_vec())
}

/// The two names of a `diff --git` line, which matter only when nothing else names the file: then they are equal.
fn git_names(rest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let strip = |name: &[u8], prefix: &[u8]| name.strip_prefix(prefix).unwrap_or(name).to_vec();
    if rest.starts_with(b"\"") {
        let (old, taken) = unquote(rest)?;
        let second = rest.get(taken + 1..)?;
        let new = if second.starts_with(b"\"") { unquote(second)?.0 } else { second.to_vec() };
        return Some((strip(&old, b"a/"), strip(&new, b"b/")));
    }
    let middle = rest.len() / 2;
    let (old, new) = (rest.get(..middle)?, rest.get(middle + 1..)?);
    let (old, new) = (strip(old, b"a/"), strip(new, b"b/"));
    (rest.get(middle) == Some(&b' ') && old == new).then_some((old, new))
}

/// Reads `@@ -1,2 +3 @@ anything`.
fn ranges(line: &[u8]) -> Option<([usize; 2], [usize; 2])> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ').skip(1);
    let old = range(words.next()?.strip_prefix('-')?)?;
    let new = range(words.next()?.strip_prefix('+')?)?;
    (words.next()? == "@@").then_some((old, new))
}

fn range(text: &str) -> Option<[usize; 2]> {
    match text.split_once(',') {
        Some((start, lines)) => Some([start.parse().ok()?, lines.parse().ok()?]),
        None => Some([text.parse().ok()?, 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(patch: &str) -> PatchFile {
        parse_patch(patch.as_bytes()).unwrap().remove(0)
    }

    fn path(text: &str) -> Option<RepoPath> {
        Some(RepoPath::parse(text).unwrap())
    }

    #[test]
    fn reads_the_styles_of_header() {
        let body = "@@ -1 +1 @@ fn x()\n-a\n+b\n";
        for (head, old, new) in [
            ("diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n", path("x"), path("x")),
            ("--- a/x y\t2020-01-01\n+++ b/x y\t2020-01-02\n", path("x y"), path("x y")),
            ("--- x.orig\n+++ x\n", path("x.orig"), path("x")),
            ("Subject: hi\n\n---\n 1 file\n\n--- a/x\r\n+++ b/x\r\n", path("x"), path("x")),
            (
                "diff --git \"a/\\303\\274\" \"b/\\303\\274\"\n--- \"a/\\303\\274\"\n+++ \"b/\\303\\274\"\n",
                path("ü"),
                path("ü"),
            ),
            (
                "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n--- a/x\n+++ b/y\n",
                path("x"),
                path("y"),
            ),
            ("diff --git x x\n--- x\n+++ x\n", path("x"), path("x")),
        ] {
            let file = one(&format!("{head}{body}"));
            assert_eq!((file.old_path, file.new_path), (old, new), "{head}");
            assert_eq!(file.hunks.len(), 1, "{head}");
        }
    }

    #[test]
    fn reads_changes_without_hunks() {
        let added = one("diff --git a/a b b/a b\nnew file mode 100755\nindex 0000000..e69de29\n");
        assert_eq!(
            (added.kind(), added.new_path, added.new_mode),
            (ChangeKind::Add, path("a b"), Some(FileMode::Executable))
        );
        let mode = one("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n");
        assert_eq!((mode.kind(), mode.old_mode), (ChangeKind::Edit, Some(FileMode::Regular)));
        let moved = one("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n");
        assert_eq!((moved.kind(), moved.old_path), (ChangeKind::Rename, path("x")));
        let gone = one("diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
        assert_eq!((gone.kind(), gone.new_path), (ChangeKind::Delete, None));
        assert_eq!(one("diff --git a/x b/x\nBinary files a/x and b/x differ\n").binary, Some(Vec::new()));
        let part = "GIT binary patch\nliteral 1\nIcmZQz\n\nliteral 0\nHcmV?d00001\n\n";
        let found = one(&format!("diff --git a/x b/x\nindex 12ab..34cd 100644\n{part}diff --git a/y b/y\n"));
        assert_eq!(found.binary.as_deref(), Some(part.as_bytes()));
        assert_eq!(found.old_id.as_deref(), Some("12ab"));
    }

    #[test]
    fn lines_keep_their_ends() {
        let file = one(
            "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\r\n\n-c\n\\ No newline at end of file\n+d\n\\ No newline at end of file\n",
        );
        let lines: Vec<&[u8]> = file.hunks[0].lines.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        assert_eq!(lines, [b"a\r\n".as_slice(), b"\n", b"c", b"d"]);
    }

    #[test]
    fn says_where_it_stops_making_sense() {
        for (patch, line) in [
            ("", 1),
            ("just text\n", 1),
            ("@@ -1 +1 @@\n-a\n+b\n", 1),
            ("--- a/x\n+++ b/x\n@@ -1,3 +1 @@\n-a\n", 4),
            ("--- a/x\n+++ b/x\n@@ nonsense\n", 3),
            ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n*b\n", 5),
            ("--- a/x\n+++ b/x\nno hunk\n", 3),
            ("--- a/../../x\n+++ b/../../x\n@@ -1 +1 @@\n-a\n+b\n", 1),
            ("diff --git a/.git/config b/.git/config\n--- a/.git/config\n+++ b/.git/config\n@@ -1 +1 @@\n-a\n+b\n", 1),
        ] {
            assert_eq!(parse_patch(patch.as_bytes()).unwrap_err().line, line, "{patch}");
        }
    }
}
