//! Any selection of lines gives what `git apply --cached` gives for a patch with just those.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tenon::diff::{Comparison, DiffLine, Share, Side, Take, compare, select_shares};

use super::{git, path, versions};

/// The changed lines that are taken, hunk by hunk.
type Taken = Vec<Vec<bool>>;

/// git's patch with some lines: a removed line that is not taken becomes context, an added one goes. A removed and an
/// added line stand side by side, as a person would order them with `git add -e`.
fn patch(comparison: &Comparison, taken: &Taken) -> Vec<u8> {
    let mut out = b"diff --git a/f b/f\n--- a/f\n+++ b/f\n".to_vec();
    let mut drift = 0isize;
    for (hunk, taken) in comparison.hunks.iter().zip(taken) {
        if !taken.contains(&true) {
            continue;
        }
        let mut marks = taken.iter();
        let marked: Vec<(&DiffLine, bool)> =
            hunk.lines.iter().map(|line| (line, line.side == Side::Context || *marks.next().unwrap())).collect();
        let (mut body, mut new_lines) = (Vec::new(), 0);
        let mut put = |sign: u8, line: &DiffLine| {
            body.push(sign);
            body.extend_from_slice(&line.bytes);
            if !line.bytes.ends_with(b"\n") {
                body.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
            new_lines += usize::from(sign != b'-');
        };
        let mut rest = marked.as_slice();
        while let Some(((line, _), _)) = rest.split_first() {
            if line.side == Side::Context {
                put(b' ', line);
                rest = &rest[1..];
                continue;
            }
            let run =
                |lines: &[(&DiffLine, bool)], side| lines.iter().take_while(|(line, _)| line.side == side).count();
            let removed = run(rest, Side::Removed);
            let added = run(&rest[removed..], Side::Added);
            for step in 0..removed.max(added) {
                if step < removed {
                    put(if rest[step].1 { b'-' } else { b' ' }, rest[step].0);
                }
                if step < added && rest[removed + step].1 {
                    put(b'+', rest[removed + step].0);
                }
            }
            rest = &rest[removed + added..];
        }
        let [old_start, old_lines] = hunk.hunk.old;
        let before = old_start as isize - isize::from(old_lines > 0) + drift;
        let new_start = before + isize::from(new_lines > 0);
        out.extend_from_slice(format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n").as_bytes());
        out.extend_from_slice(&body);
        drift += new_lines as isize - old_lines as isize;
    }
    out
}

/// What git puts into its index for a patch to the file `f`.
fn cached(old: &[u8], patch: &[u8]) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), old).unwrap();
    std::fs::write(folder.path().join("patch"), patch).unwrap();
    for arguments in [&["init", "-q"][..], &["config", "core.autocrlf", "false"], &["add", "f"]] {
        assert!(git(folder.path(), arguments).status.success());
    }
    let out = git(folder.path(), &["apply", "--cached", "--whitespace=nowarn", "patch"]);
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into());
    }
    Ok(git(folder.path(), &["show", ":f"]).stdout)
}

/// Whether a line without an end would stand before another one: git has no patch for that.
fn glues(patch: &[u8]) -> bool {
    let (mut open, mut last) = (false, b' ');
    for line in patch.split(|byte| *byte == b'\n').skip_while(|line| !line.starts_with(b"@@")) {
        let sign = line.first().copied().unwrap_or(b'@');
        match sign {
            b'@' => open = false,
            b'\\' => open |= last != b'-',
            b' ' | b'+' if open => return true,
            _ => {}
        }
        last = sign;
    }
    false
}

fn shares(comparison: &Comparison, taken: &Taken) -> BTreeMap<tenon::domain::HunkId, Vec<Share>> {
    let share = |(at, new): (usize, &bool)| Share {
        lines: Some([at + 1, at + 1]),
        take: if *new { Take::New } else { Take::Old },
    };
    let hunks = comparison.hunks.iter().zip(taken);
    hunks.map(|(hunk, taken)| (hunk.hunk.id.clone(), taken.iter().enumerate().map(share).collect())).collect()
}

fn choose(comparison: &Comparison, choice: u64) -> Taken {
    let mut at = 0;
    let mut next = || {
        at += 1;
        choice.rotate_left(at * 7) >> 5 & 1 == 1
    };
    comparison.hunks.iter().map(|hunk| (0..hunk.hunk.changed).map(|_| next()).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn lines_are_what_git_puts_into_its_index((old, new) in versions(), choice in any::<u64>()) {
        let comparison = compare(&path(), &old, &new);
        prop_assume!(!comparison.binary);
        let taken = choose(&comparison, choice);
        let made = select_shares(&old, &new, &comparison, &shares(&comparison, &taken));
        if !taken.iter().flatten().any(|taken| *taken) {
            prop_assert_eq!(made, old);
        } else {
            let patch = patch(&comparison, &taken);
            if !glues(&patch) {
                prop_assert_eq!(cached(&old, &patch), Ok(made));
            }
        }
    }

    /// Taking the rest of the lines afterwards gives the new version: nothing is lost by going in two steps.
    #[test]
    fn what_lines_leave_can_still_be_accepted((old, new) in versions(), choice in any::<u64>()) {
        let comparison = compare(&path(), &old, &new);
        let taken = choose(&comparison, choice);
        let half = select_shares(&old, &new, &comparison, &shares(&comparison, &taken));
        let rest = compare(&path(), &half, &new);
        let all = rest.hunks.iter().map(|hunk| (hunk.hunk.id.clone(), vec![Share { lines: None, take: Take::New }]));
        prop_assert_eq!(select_shares(&half, &new, &rest, &all.collect()), new);
    }
}
