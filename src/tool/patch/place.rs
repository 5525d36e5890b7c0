//! Finding the place of each chunk in a file and making the changes there.

use crate::tool::document::{self, BOM, bare};
use crate::tool::nearest;

use super::{Chunk, PatchError, PatchLine};

struct Placed<'a> {
    at: usize,
    lines: &'a [PatchLine],
    old: usize,
}

/// The file with the chunks applied, and notes on how they were found. Ends with a line end, as the format has it.
pub(super) fn update(path: &str, before: &[u8], chunks: &[Chunk]) -> Result<(Vec<u8>, Vec<String>), PatchError> {
    let (bom, text) = match before.strip_prefix(BOM) {
        Some(text) => (BOM, text),
        None => (&b""[..], before),
    };
    let spans = document::lines(text);
    let lines: Vec<String> =
        spans.iter().map(|line| String::from_utf8_lossy(line.content(text)).into_owned()).collect();
    let mut placed = Vec::new();
    let mut notes = Vec::new();
    let mut cursor = 0;
    for chunk in chunks {
        let found = place(path, text, &lines, cursor, chunk)?;
        cursor = cursor.max(if found.old > 0 || !chunk.contexts.is_empty() { found.at + found.old } else { cursor });
        notes.extend(other_place(&lines, cursor, chunk, &found));
        placed.push(found);
    }
    placed.sort_by_key(|placed| placed.at);
    let after = [bom, &build(text, &spans, &placed)].concat();
    if after == before && !chunks.is_empty() {
        notes.push(format!("the chunks of `{path}` change nothing"));
    }
    Ok((after, notes))
}

fn place<'a>(
    path: &str,
    text: &[u8],
    lines: &[String],
    mut cursor: usize,
    chunk: &'a Chunk,
) -> Result<Placed<'a>, PatchError> {
    for context in &chunk.contexts {
        let after = cursor;
        let found = seek(lines, &[context.as_str()], cursor, false).or_else(|| begins_with(lines, context, cursor));
        cursor = found.ok_or_else(|| {
            PatchError::new(chunk.line, Some(path), format!("there is no line `{context}`{}.", below(after)))
        })? + 1;
    }
    if old_lines(&chunk.lines).is_empty() {
        let open = chunk.contexts.is_empty() || chunk.end_of_file;
        let at = if open { chunk.near.unwrap_or(lines.len()).min(lines.len()) } else { cursor };
        return Ok(Placed { at, lines: &chunk.lines, old: 0 });
    }
    for candidate in without_outer_blanks(&chunk.lines) {
        let old = old_lines(candidate);
        if old.is_empty() {
            continue;
        }
        let found = match chunk.near {
            Some(near) => seek_near(lines, &old, cursor, near),
            None => seek(lines, &old, cursor, chunk.end_of_file),
        };
        if let Some(at) = found {
            return Ok(Placed { at, lines: candidate, old: old.len() });
        }
    }
    Err(nowhere(path, text, lines, cursor, chunk))
}

fn nowhere(path: &str, text: &[u8], lines: &[String], cursor: usize, chunk: &Chunk) -> PatchError {
    let old = old_lines(&chunk.lines);
    let wanted = old.join("\n");
    let message = if chunk.end_of_file && seek(lines, &old, cursor, false).is_some() {
        format!("these lines are not at the end of the file:\n{wanted}")
    } else if let Some(at) = seek(lines, &old, 0, false) {
        let line = at + 1;
        format!(
            "these lines are at line {line}, before what the chunk follows; put chunks in the order of the file:\n{wanted}"
        )
    } else {
        let near = nearest::region(text, &wanted);
        let near = near.map_or_else(String::new, |near| format!("\nThe nearest lines are:\n{near}"));
        format!("these lines are not in the file{}:\n{wanted}{near}", below(cursor))
    };
    PatchError::new(chunk.line, Some(path), message)
}

fn below(cursor: usize) -> String {
    if cursor == 0 { String::new() } else { format!(" below line {cursor}") }
}

/// Says so when a chunk without context would have fitted further down as well.
fn other_place(lines: &[String], cursor: usize, chunk: &Chunk, found: &Placed<'_>) -> Option<String> {
    if !chunk.contexts.is_empty() || found.old == 0 || chunk.near.is_some() {
        return None;
    }
    let other = seek_by(lines, &old_lines(found.lines), cursor, false, |a, b| a == b)?;
    let (line, at, other) = (chunk.line, found.at + 1, other + 1);
    Some(format!("the chunk at line {line} of the patch was applied at line {at}; it fits line {other} as well"))
}

/// The lines with fewer and fewer of the blank ones around them, which may only be space between chunks.
fn without_outer_blanks(lines: &[PatchLine]) -> Vec<&[PatchLine]> {
    let mut candidates = vec![lines];
    let mut shorter = lines;
    while let Some((PatchLine::Blank, rest)) = shorter.split_last() {
        shorter = rest;
        candidates.push(shorter);
    }
    while let Some((PatchLine::Blank, rest)) = shorter.split_first() {
        shorter = rest;
        candidates.push(shorter);
    }
    candidates
}

fn old_lines(lines: &[PatchLine]) -> Vec<&str> {
    let old = lines.iter().filter_map(|line| match line {
        PatchLine::Keep(text) | PatchLine::Remove(text) => Some(text.as_str()),
        PatchLine::Blank => Some(""),
        PatchLine::Add(_) => None,
    });
    let old: Vec<&str> = old.collect();
    let only_blank = lines.iter().all(|line| matches!(line, PatchLine::Blank | PatchLine::Add(_)));
    if only_blank { Vec::new() } else { old }
}

/// Whether two lines count as equal.
type Comparison = fn(&str, &str) -> bool;

/// The comparisons, the strictest first.
const COMPARISONS: [Comparison; 4] = [
    |a, b| a == b,
    |a, b| a.trim_end() == b.trim_end(),
    |a, b| a.trim() == b.trim(),
    |a, b| bare(a.as_bytes()) == bare(b.as_bytes()),
];

/// The first place at or below the cursor, the strictest comparison first.
fn seek(lines: &[String], old: &[&str], cursor: usize, at_end: bool) -> Option<usize> {
    COMPARISONS.iter().find_map(|equal| seek_by(lines, old, cursor, at_end, *equal))
}

/// The place at or below the cursor that is nearest to a line, the strictest comparison first.
fn seek_near(lines: &[String], old: &[&str], cursor: usize, near: usize) -> Option<usize> {
    let last = lines.len().checked_sub(old.len())?;
    COMPARISONS.iter().find_map(|equal| {
        let fits = |at: &usize| lines[*at..].iter().zip(old).all(|(line, wanted)| equal(line, wanted));
        (cursor..=last).filter(fits).min_by_key(|at| at.abs_diff(near))
    })
}

fn seek_by(lines: &[String], old: &[&str], cursor: usize, at_end: bool, equal: Comparison) -> Option<usize> {
    let last = lines.len().checked_sub(old.len())?;
    let from = if at_end { last.max(cursor) } else { cursor };
    (from..=last).find(|at| lines[*at..].iter().zip(old).all(|(line, wanted)| equal(line, wanted)))
}

/// `@@ def f` for a line `def f(x):`.
fn begins_with(lines: &[String], context: &str, cursor: usize) -> Option<usize> {
    let context = context.trim();
    (cursor..lines.len()).find(|at| lines[*at].trim_start().starts_with(context))
}

fn build(text: &[u8], spans: &[document::Line], placed: &[Placed<'_>]) -> Vec<u8> {
    let ending = spans.first().map(|line| line.ending(text)).filter(|ending| !ending.is_empty()).unwrap_or(b"\n");
    let mut after = Vec::with_capacity(text.len());
    let keep = |after: &mut Vec<u8>, index: usize| {
        if let Some(line) = spans.get(index) {
            after.extend_from_slice(line.content(text));
            after.extend_from_slice(if line.ending(text).is_empty() { ending } else { line.ending(text) });
        }
    };
    let mut index = 0;
    for chunk in placed {
        (index..chunk.at).for_each(|index| keep(&mut after, index));
        index = index.max(chunk.at);
        let mut left = chunk.old;
        for line in chunk.lines {
            match line {
                PatchLine::Add(added) => {
                    after.extend_from_slice(added.as_bytes());
                    after.extend_from_slice(ending);
                }
                PatchLine::Keep(_) | PatchLine::Blank | PatchLine::Remove(_) if left == 0 => {}
                PatchLine::Keep(_) | PatchLine::Blank => {
                    keep(&mut after, index);
                    (index, left) = (index + 1, left - 1);
                }
                PatchLine::Remove(_) => (index, left) = (index + 1, left - 1),
            }
        }
    }
    (index..spans.len()).for_each(|index| keep(&mut after, index));
    after
}
