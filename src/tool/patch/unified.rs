//! A unified diff in place of a patch: what models write that know git better than this format.
//!
//! Line numbers are a hint only, since models count badly; what counts is the lines.

use super::{Chunk, Operation, PatchError, PatchLine};

/// Whether a text without the format's own frame is a unified diff.
pub(super) fn is_one(patch: &str) -> bool {
    let lines: Vec<&str> = patch.lines().collect();
    let framed = lines.iter().any(|line| line.trim() == "*** Begin Patch");
    !framed && lines.windows(3).any(|three| is_names(three) && three[2].starts_with("@@"))
}

fn is_names(lines: &[&str]) -> bool {
    matches!(lines, [old, new, ..] if old.starts_with("--- ") && new.starts_with("+++ "))
}

/// Reads the diff as the operations of a patch.
///
/// # Errors
/// A line that is no part of a hunk, or a file that cannot be told.
pub(super) fn parse(patch: &str) -> Result<Vec<Operation>, PatchError> {
    let lines: Vec<&str> = patch.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut operations = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !is_names(&lines[at..]) {
            at += 1;
            continue;
        }
        let (old, new) = (name(lines[at]), name(lines[at + 1]));
        let line = at + 1;
        let (chunks, next) = hunks(&lines, at + 2, new.or(old))?;
        at = next;
        operations.push(match (old, new) {
            (Some(path), None) => Operation::Delete { line, path: path.to_owned() },
            (None, Some(path)) => Operation::Add { line, path: path.to_owned(), content: added(&chunks) },
            (Some(old), Some(new)) => {
                let move_to = (old != new).then(|| new.to_owned());
                Operation::Update { line, path: old.to_owned(), move_to, chunks }
            }
            (None, None) => return Err(PatchError::new(line, None, "the diff names no file.")),
        });
    }
    Ok(operations)
}

/// The path of a `---` or `+++` line without `a/` or `b/` and the time after a tab; `None` for `/dev/null`.
fn name(line: &str) -> Option<&str> {
    let path = line.get(4..)?.split('\t').next()?.trim();
    let path = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path);
    (path != "/dev/null" && !path.is_empty()).then_some(path)
}

/// The hunks from a line on, and the line after them.
fn hunks(lines: &[&str], mut at: usize, path: Option<&str>) -> Result<(Vec<Chunk>, usize), PatchError> {
    let mut chunks: Vec<Chunk> = Vec::new();
    while let Some(line) = lines.get(at) {
        if line.starts_with("@@") {
            chunks.push(Chunk { line: at + 1, near: old_start(line), ..Chunk::default() });
        } else if is_names(&lines[at..]) || line.starts_with("diff --git ") || line.starts_with("```") {
            break;
        } else if let (Some(chunk), false) = (chunks.last_mut(), line.starts_with("\\ No newline")) {
            let read = match line.chars().next() {
                None => Some(PatchLine::Blank),
                Some(' ') => Some(PatchLine::Keep(line[1..].to_owned())),
                Some('-') => Some(PatchLine::Remove(line[1..].to_owned())),
                Some('+') => Some(PatchLine::Add(line[1..].to_owned())),
                Some(_) => None,
            };
            let message = "a line of a hunk has to begin with ` ` (stays), `-` (goes) or `+` (comes).";
            chunk.lines.push(read.ok_or_else(|| PatchError::new(at + 1, path, message))?);
        }
        at += 1;
    }
    Ok((chunks, at))
}

/// The line of the old file that a hunk says it begins at; an insertion says the line before it.
fn old_start(line: &str) -> Option<usize> {
    let numbers = line.strip_prefix("@@ -")?.split(' ').next()?;
    let mut parts = numbers.split(',');
    let start: usize = parts.next()?.parse().ok()?;
    let inserts = parts.next() == Some("0");
    Some(if inserts { start } else { start.saturating_sub(1) })
}

fn added(chunks: &[Chunk]) -> String {
    let lines = chunks.iter().flat_map(|chunk| &chunk.lines);
    let texts = lines.filter_map(|line| match line {
        PatchLine::Add(text) => Some(format!("{text}\n")),
        _ => None,
    });
    texts.collect()
}
