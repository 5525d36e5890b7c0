//! A deletion and an addition that are one file moving.

use std::collections::HashMap;

use crate::domain::{Change, FileMode, FileState};

/// Beyond this many pairs only identical content is recognised.
const PAIRS: usize = 10_000;
/// Larger files are compared as a whole only.
const SIZE: usize = 1024 * 1024;

/// Pairs of deletion and addition, and everything else.
pub(super) fn detect(changes: Vec<Change>) -> (Vec<(Change, Change)>, Vec<Change>) {
    let (mut gone, rest): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.result.is_none());
    let (mut come, mut plain): (Vec<_>, Vec<_>) = rest.into_iter().partition(|change| change.base.is_none());
    let mut renames = Vec::new();
    pair(&mut gone, &mut come, &mut renames, |from, to| from.bytes == to.bytes && !from.bytes.is_empty(), |_, _| 100);
    if gone.len() * come.len() <= PAIRS {
        pair(&mut gone, &mut come, &mut renames, |_, _| true, similarity);
    }
    plain.append(&mut gone);
    plain.append(&mut come);
    (renames, plain)
}

/// Takes the best pairs out of the two lists, as long as they are more than half the same.
fn pair(
    gone: &mut Vec<Change>,
    come: &mut Vec<Change>,
    renames: &mut Vec<(Change, Change)>,
    may: fn(&FileState, &FileState) -> bool,
    score: fn(&FileState, &FileState) -> usize,
) {
    let mut candidates = Vec::new();
    for (i, from) in gone.iter().enumerate() {
        for (j, to) in come.iter().enumerate() {
            let (Some(a), Some(b)) = (&from.base, &to.result) else { continue };
            let link = |state: &FileState| state.mode == FileMode::Symlink;
            if link(a) != link(b) || !may(a, b) {
                continue;
            }
            let alike = score(a, b);
            if alike > 50 {
                // The same name in another folder is the likelier origin among equals.
                let named = usize::from(from.path.file_name() == to.path.file_name());
                candidates.push((alike, named, i, j));
            }
        }
    }
    candidates.sort_by(|a, b| (b.0, b.1, a.2, a.3).cmp(&(a.0, a.1, b.2, b.3)));
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for (_, _, i, j) in candidates {
        if !taken.iter().any(|(a, b)| *a == i || *b == j) {
            taken.push((i, j));
        }
    }
    renames.extend(taken.iter().map(|(i, j)| (gone[*i].clone(), come[*j].clone())));
    let mut place = 0..;
    gone.retain(|_| place.next().is_none_or(|at| taken.iter().all(|(i, _)| *i != at)));
    let mut place = 0..;
    come.retain(|_| place.next().is_none_or(|at| taken.iter().all(|(_, j)| *j != at)));
}

/// Percent of the larger file that stands in the other as whole lines.
fn similarity(a: &FileState, b: &FileState) -> usize {
    let (a, b) = (&a.bytes, &b.bytes);
    let (small, large) = (a.len().min(b.len()), a.len().max(b.len()));
    if large == 0 || large > SIZE || small * 2 <= large || a.contains(&0) || b.contains(&0) {
        return 0;
    }
    let mut lines: HashMap<&[u8], usize> = HashMap::new();
    for line in a.split_inclusive(|byte| *byte == b'\n') {
        *lines.entry(line).or_default() += 1;
    }
    let mut shared = 0;
    for line in b.split_inclusive(|byte| *byte == b'\n') {
        if let Some(left) = lines.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            shared += line.len();
        }
    }
    shared * 100 / large
}
