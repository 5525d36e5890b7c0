//! Files as the tools show them, and changes as the tools take them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::story::Step;

/// A file as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its lines, without their ends.
    pub(super) lines: Vec<String>,
    /// All of it is here.
    pub(super) whole: bool,
}

impl Known {
    /// The text of the lines.
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// Takes a step into account that succeeded.
pub(super) fn follow(known: &mut BTreeMap<String, Known>, step: &Step) {
    let path = step.path().to_owned();
    match step.name.as_str() {
        "read" => {
            if let Some(read) = read(&step.output) {
                known.insert(path, read);
            }
        }
        "write" => {
            let content = step.input.get("content").and_then(Value::as_str).unwrap_or_default();
            known.insert(path, Known { lines: split(content), whole: true });
        }
        "edit" => {
            let Some(file) = known.get_mut(&path) else { return };
            match step.input.get("edits").and_then(Value::as_array).and_then(|edits| edited(&file.lines, edits)) {
                Some(lines) => file.lines = lines,
                // It is not known any more what is there: it has to be read again.
                None => {
                    known.remove(&path);
                }
            }
        }
        "remove" => {
            known.remove(&path);
        }
        _ => {}
    }
}

/// Lines from the numbered listing of `read`.
fn read(output: &str) -> Option<Known> {
    if output.trim_end().ends_with("is empty.") && output.starts_with('`') {
        return Some(Known { lines: Vec::new(), whole: true });
    }
    let mut lines = Vec::new();
    let mut whole = true;
    for shown in output.lines() {
        match shown.split_once('\t') {
            Some((number, line)) if number.trim().parse::<usize>().is_ok() => {
                whole &= number.trim().parse() == Ok(lines.len() + 1) && !line.contains(" more bytes in this line]");
                lines.push(line.to_owned());
            }
            // "[lines 1-2000 of 5000; …]" and the like.
            _ => whole &= !shown.starts_with("[lines") && shown.starts_with('['),
        }
    }
    (!lines.is_empty()).then_some(Known { lines, whole })
}

/// The lines of a text; a final line end begins no line.
pub(super) fn split(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The entries of `list`: paths of files with their sizes.
pub(super) fn listed(output: &str) -> Vec<(String, u64)> {
    let entry = |line: &str| {
        let (path, size) = line.split_once('\t')?;
        Some((path.to_owned(), size.trim().parse().ok()?))
    };
    output.lines().filter_map(entry).collect()
}

/// The hits of `search`: by file, the lines with their numbers.
pub(super) fn hits(output: &str) -> Vec<(String, Vec<(usize, String)>)> {
    let mut found: Vec<(String, Vec<(usize, String)>)> = Vec::new();
    for line in output.lines() {
        match line.split_once('\t').and_then(|(number, text)| Some((number.trim().parse().ok()?, text))) {
            Some((number, text)) => {
                if let Some((_, lines)) = found.last_mut() {
                    lines.push((number, text.to_owned()));
                }
            }
            None if line.starts_with('[') => {}
            None => found.push((line.to_owned(), Vec::new())),
        }
    }
    found
}

/// Edits that turn the old lines into the new ones, each with an `old` that is in the file once at the time it is made.
/// `None` when nothing is different, or when there is no line to hold on to.
pub(super) fn edits(old: &[String], new: &[String]) -> Option<Vec<Value>> {
    if old == new {
        return None;
    }
    let separate = spans(old, new).and_then(|spans| {
        let edits: Vec<Value> = spans.iter().map(|span| edit(&old[span.0..span.1], &new[span.2..span.3])).collect();
        (edited(old, &edits).as_deref() == Some(new)).then_some(edits)
    });
    // Where neighbours get in each other's way, one edit does it all.
    let whole = || {
        let edits = vec![edit(old, new)];
        (edited(old, &edits).as_deref() == Some(new)).then_some(edits)
    };
    separate.or_else(whole)
}

fn edit(old: &[String], new: &[String]) -> Value {
    json!({"old": old.join("\n"), "new": new.join("\n")})
}

type Span = (usize, usize, usize, usize);

/// Changed spans, widened by lines around them until each is the only place of its kind.
fn spans(old: &[String], new: &[String]) -> Option<Vec<Span>> {
    let changed = capture_diff_slices(Algorithm::Myers, old, new);
    let mut spans: Vec<Span> = Vec::new();
    for op in changed {
        if let DiffOp::Equal { .. } = op {
            continue;
        }
        let (a, b) = (op.old_range(), op.new_range());
        let mut span = (a.start, a.end, b.start, b.end);
        // Nothing put in place of lines would leave an empty line where they were.
        while span.2 == span.3 || count(old, &old[span.0..span.1]) != 1 || is_blank(&old[span.0..span.1]) {
            let (up, down) = (span.0 > 0 && span.2 > 0, span.1 < old.len() && span.3 < new.len());
            // Lines before and after are the same on both sides as long as no other change is reached.
            if up && old[span.0 - 1] == new[span.2 - 1] {
                span = (span.0 - 1, span.1, span.2 - 1, span.3);
            } else if down && old[span.1] == new[span.3] {
                span = (span.0, span.1 + 1, span.2, span.3 + 1);
            } else {
                return None;
            }
        }
        match spans.last_mut() {
            Some(last) if last.1 >= span.0 => *last = (last.0, span.1, last.2, span.3),
            _ => spans.push(span),
        }
    }
    Some(spans)
}

fn is_blank(lines: &[String]) -> bool {
    lines.iter().all(|line| line.trim().is_empty())
}

/// In how many places of the file the text of these lines is, also in the middle of lines.
fn count(file: &[String], part: &[String]) -> usize {
    if part.is_empty() {
        return usize::MAX;
    }
    let (text, part) = (file.join("\n"), part.join("\n"));
    if part.is_empty() { usize::MAX } else { overlapping(&text, &part) }
}

/// Places, counted also where they overlap.
fn overlapping(text: &str, part: &str) -> usize {
    let mut from = 0;
    let mut places = 0;
    while let Some(at) = text[from..].find(part) {
        places += 1;
        from += at + part.chars().next().map_or(1, char::len_utf8);
    }
    places
}

/// What the tool makes of edits whose `old` is there exactly once each; `None` where one is not.
fn edited(lines: &[String], edits: &[Value]) -> Option<Vec<String>> {
    let mut text = lines.join("\n");
    for edit in edits {
        let part = |name| edit.get(name).and_then(Value::as_str);
        let (old, new) = (part("old")?, part("new")?);
        if old.is_empty() && text.is_empty() {
            new.clone_into(&mut text);
            continue;
        }
        if old.is_empty() || old == new || overlapping(&text, old) != 1 {
            return None;
        }
        text = text.replacen(old, new, 1);
    }
    Some(if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests;
