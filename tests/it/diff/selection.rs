//! Any selection of hunks gives what `git apply` gives for a patch with just those.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tenon::diff::{Comparison, Side, TextHunk, compare, select};
use tenon::domain::HunkId;

use super::{git_apply, path, versions};

/// A patch with some of the hunks, renumbered as `git add --patch` does.
fn patch(comparison: &Comparison, accepted: &BTreeSet<HunkId>) -> Vec<u8> {
    let mut out = b"diff --git a/f b/f\n--- a/f\n+++ b/f\n".to_vec();
    let mut drift = 0;
    for hunk in comparison.hunks.iter().filter(|hunk| accepted.contains(&hunk.hunk.id)) {
        let [old_start, old_lines] = hunk.hunk.old;
        let new_lines = hunk.hunk.new[1];
        let before = old_start as isize - isize::from(old_lines > 0) + drift;
        let new_start = before + isize::from(new_lines > 0);
        out.extend_from_slice(format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n").as_bytes());
        out.extend_from_slice(&body(hunk));
        drift += new_lines as isize - old_lines as isize;
    }
    out
}

fn body(hunk: &TextHunk) -> Vec<u8> {
    let mut out = Vec::new();
    for line in &hunk.lines {
        out.push(match line.side {
            Side::Context => b' ',
            Side::Removed => b'-',
            Side::Added => b'+',
        });
        out.extend_from_slice(&line.bytes);
        if !line.bytes.ends_with(b"\n") {
            out.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_selection_is_what_git_applies((old, new) in versions(), choice in any::<u64>()) {
        let comparison = compare(&path(), &old, &new);
        let ids: Vec<HunkId> = comparison.hunks.iter().map(|hunk| hunk.hunk.id.clone()).collect();
        let all: BTreeSet<HunkId> = ids.iter().cloned().collect();
        prop_assert_eq!(all.len(), ids.len(), "ids are distinct");
        prop_assert_eq!(&select(&old, &new, &comparison, &all), &new);
        prop_assert_eq!(&select(&old, &new, &comparison, &BTreeSet::new()), &old);
        let some: BTreeSet<HunkId> =
            ids.iter().enumerate().filter(|(at, _)| choice >> (at % 64) & 1 == 1).map(|(_, id)| id.clone()).collect();
        if !some.is_empty() {
            let made = select(&old, &new, &comparison, &some);
            prop_assert_eq!(git_apply(Some(&old), &patch(&comparison, &some)), Ok(Some(made)));
        }
    }

    #[test]
    fn what_is_left_can_still_be_accepted((old, new) in versions(), choice in any::<u64>()) {
        let comparison = compare(&path(), &old, &new);
        let some: BTreeSet<HunkId> = comparison.hunks.iter().enumerate()
            .filter(|(at, _)| choice >> (at % 64) & 1 == 1).map(|(_, hunk)| hunk.hunk.id.clone()).collect();
        let half = select(&old, &new, &comparison, &some);
        let rest = compare(&path(), &half, &new);
        let all = rest.hunks.iter().map(|hunk| hunk.hunk.id.clone()).collect();
        prop_assert_eq!(select(&half, &new, &rest, &all), new);
    }
}
