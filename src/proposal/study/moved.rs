//! Lines that were removed in one place and added in another.

use std::collections::BTreeMap;

use super::Line;
use crate::domain::RepoPath;

/// A lone line counts as moved only when it has at least this many letters and digits; shorter ones recur by chance.
const ENOUGH: usize = 20;

/// By file, whether the line was removed, and number: where the same line is on the other side.
pub(super) fn find(lines: &[Line<'_>]) -> BTreeMap<(RepoPath, bool, usize), (RepoPath, usize)> {
    let mut added: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.removed) {
        added.entry(line.text.trim()).or_default().push(at);
    }
    let mut found = BTreeMap::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let places = if line.removed { added.get(line.text.trim()) } else { None };
        let best =
            places.into_iter().flatten().map(|place| (length(lines, at, *place), *place)).max_by_key(|(n, _)| *n);
        let Some((count, place)) = best.filter(|(count, place)| worth(lines, at, *count) && apart(lines, at, *place))
        else {
            at += 1;
            continue;
        };
        for step in 0..count {
            let (from, to) = (&lines[at + step], &lines[place + step]);
            found.insert((from.spot.path.clone(), true, from.line), (to.spot.path.clone(), to.line));
            found.insert((to.spot.path.clone(), false, to.line), (from.spot.path.clone(), from.line));
        }
        at += count;
    }
    found
}

/// How many lines are the same from here and there on.
fn length(lines: &[Line<'_>], from: usize, to: usize) -> usize {
    let same = |step: usize| {
        let (Some(old), Some(new)) = (lines.get(from + step), lines.get(to + step)) else { return false };
        let follows = step == 0 || (old.line == lines[from].line + step && new.line == lines[to].line + step);
        old.removed && !new.removed && follows && old.text.trim() == new.text.trim()
    };
    (0..).take_while(|step| same(*step)).count()
}

fn worth(lines: &[Line<'_>], at: usize, count: usize) -> bool {
    let letters = |line: &Line<'_>| line.text.chars().filter(|c| c.is_alphanumeric()).count();
    lines.get(at..at + count).unwrap_or_default().iter().map(letters).sum::<usize>() >= ENOUGH
}

/// A line that was only indented anew stands where it stood. One that is the same to the letter does not: it would not
/// be a changed line else.
fn apart(lines: &[Line<'_>], from: usize, to: usize) -> bool {
    let (old, new) = (&lines[from], &lines[to]);
    if old.text == new.text && !old.text.trim().is_empty() {
        return true;
    }
    old.spot.path != new.spot.path || old.spot.hunk != new.spot.hunk || to.abs_diff(from) > 12
}
