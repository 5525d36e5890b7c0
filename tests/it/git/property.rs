//! Any selection of hunks of any edit gives what git gives for it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tenon::domain::{HunkId, HunkVerdict, ProposalId, Verdict};
use tenon::git::{GitError, Selection, Source};
use tenon::journal::BlobStore;
use tenon::proposal::{Verdicts, freeze, select};

use super::scratch::{Scratch, change, path, state};

/// What is done to one line.
#[derive(Clone, Debug)]
enum Edit {
    Keep,
    Replace,
    Remove,
    Insert,
}

fn edits(length: usize) -> impl Strategy<Value = Vec<Edit>> {
    let one = prop_oneof![
        14 => Just(Edit::Keep),
        1 => Just(Edit::Replace),
        1 => Just(Edit::Remove),
        1 => Just(Edit::Insert),
    ];
    prop::collection::vec(one, length)
}

fn edited(lines: &[String], edits: &[Edit], word: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (number, (line, edit)) in lines.iter().zip(edits).enumerate() {
        match edit {
            Edit::Keep => out.push(line.clone()),
            Edit::Replace => out.push(format!("{word} {number}\n")),
            Edit::Remove => {}
            Edit::Insert => out.extend([line.clone(), format!("{word} after {number}\n")]),
        }
    }
    out
}

/// A file with lines that also repeat, with or without a final newline.
fn file() -> impl Strategy<Value = Vec<String>> {
    (prop::collection::vec(prop_oneof![Just("same\n".to_owned()), "[a-c]{1,2}\n"], 20..60), any::<bool>()).prop_map(
        |(mut lines, newline)| {
            if !newline && let Some(last) = lines.last_mut() {
                *last = "end".to_owned();
            }
            lines
        },
    )
}

/// What of the user's own changes is in the index.
#[derive(Clone, Copy, Debug)]
enum Staged {
    Nothing,
    Part,
    All,
}

#[derive(Clone, Debug)]
struct Case {
    base: Vec<String>,
    mine: Vec<String>,
    result: Vec<String>,
    staged: Staged,
    picks: Vec<bool>,
}

fn case(with_mine: bool) -> impl Strategy<Value = Case> {
    file().prop_flat_map(move |base| {
        let length = base.len();
        let mine = if with_mine { edits(length).boxed() } else { Just(vec![Edit::Keep; length]).boxed() };
        let staged = prop_oneof![Just(Staged::Nothing), Just(Staged::Part), Just(Staged::All)];
        (Just(base), mine, staged, prop::collection::vec(any::<bool>(), 16)).prop_flat_map(
            |(base, mine, staged, picks)| {
                let mine = edited(&base, &mine, "mine");
                (Just(base), Just(mine.clone()), edits(mine.len()), Just(staged), Just(picks)).prop_map(
                    |(base, mine, theirs, staged, picks)| {
                        let result = edited(&mine, &theirs, "theirs");
                        Case { base, mine, result, staged, picks }
                    },
                )
            },
        )
    })
}

struct Chosen {
    selection: Selection,
    hash_is_whole: bool,
    all: bool,
}

/// Freezes base -> result and takes every hunk whose pick is set.
fn choose(scratch: &Scratch, base: &str, result: &str, picks: &[bool]) -> Chosen {
    let blobs = BlobStore::new(scratch.outside().join("blobs"));
    let changes = vec![change("f", state(base), state(result))];
    let proposal = freeze(ProposalId::new("p1"), "Change f", "", changes, &blobs).unwrap();
    let hunks: Vec<HunkId> = proposal.hunks().map(|(_, hunk)| hunk.id.clone()).collect();
    let taken: BTreeSet<&HunkId> =
        hunks.iter().zip(picks.iter().cycle()).filter(|(_, pick)| **pick).map(|(id, _)| id).collect();
    let mut verdicts = Verdicts::default();
    for hunk in &hunks {
        let verdict = if taken.contains(hunk) { Verdict::Accept } else { Verdict::Reject };
        verdicts.fold(&[HunkVerdict::new(hunk.clone(), verdict)]);
    }
    let selected = select(&proposal, &verdicts, &blobs).unwrap();
    Chosen {
        hash_is_whole: selected.hash == proposal.hash,
        all: taken.len() == hunks.len(),
        selection: Selection { files: selected.files, message: proposal.message },
    }
}

/// A text with only the picked hunks of what leads from one to the other.
fn part(scratch: &Scratch, base: &str, mine: &str, picks: &[bool]) -> String {
    let files = choose(scratch, base, mine, picks).selection.files;
    files.into_iter().next().map_or(base.to_owned(), |file| String::from_utf8(file.result.unwrap().bytes).unwrap())
}

/// The hunks that are picked out of git's own patch, applied by git to its index: what `git add -p` would commit.
fn by_git(scratch: &Scratch, picks: &[bool]) -> Option<String> {
    let patch = scratch.git(&["diff", "--no-color", "-U3", "HEAD", "--", "f"]);
    let mut pieces = patch.split("\n@@ ");
    let mut chosen = pieces.next()?.to_owned();
    let (mut any, mut left_out) = (false, 0);
    for (piece, pick) in pieces.zip(picks.iter().cycle()) {
        let (header, lines) = piece.split_once(" @@").unwrap();
        let (old, new) = header.split_once(' ').unwrap();
        let numbers = |range: &str| -> [i64; 2] {
            let (start, count) = range[1..].split_once(',').unwrap_or((&range[1..], "1"));
            [start.parse().unwrap(), count.parse().unwrap()]
        };
        let ([_, before], [start, after]) = (numbers(old), numbers(new));
        if *pick {
            // As `git add -p` does: git looks for a hunk where the hunks before it leave it.
            let start = start - left_out;
            chosen.push_str(&format!("\n@@ {old} +{start},{after} @@{}", lines.trim_end_matches('\n')));
            any = true;
        } else {
            left_out += after - before;
        }
    }
    chosen.push('\n');
    if !any {
        return None;
    }
    std::fs::write(scratch.outside().join("patch"), &chosen).unwrap();
    scratch.git(&["apply", "--cached", "../patch"]);
    let text = scratch.git(&["show", ":f"]);
    scratch.git(&["reset", "-q"]);
    Some(text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// On a clean file: the commit is what git makes of the same hunks, all is the draft, none is nothing; undo and redo
    /// bring back both ends.
    #[test]
    fn a_selection_is_what_git_applies(case in case(false)) {
        let (base, result) = (case.base.concat(), case.result.concat());
        prop_assume!(base != result);
        let scratch = Scratch::with(&[("f", &base), ("other", "1\n")]);
        scratch.write("other", "staged\n");
        scratch.git(&["add", "other"]);
        scratch.write("other", "unstaged\n");
        scratch.write("f", &result);
        let before_reset = scratch.git(&["show", ":other"]);
        let expected = by_git(&scratch, &case.picks);
        scratch.write("f", &base);
        scratch.write("other", "staged\n");
        scratch.git(&["add", "other"]);
        scratch.write("other", "unstaged\n");
        prop_assert_eq!(scratch.git(&["show", ":other"]), before_reset);

        let before = scratch.snapshot();
        let chosen = choose(&scratch, &base, &result, &case.picks);
        let made = scratch.open().commit(&chosen.selection);
        let Some(expected) = expected else {
            prop_assert!(matches!(made, Err(GitError::Nothing)), "{made:?}");
            prop_assert_eq!(scratch.snapshot(), before);
            return Ok(());
        };
        let made = made.unwrap();
        prop_assert_eq!(scratch.head("f"), expected.clone());
        prop_assert_eq!(scratch.read("f"), expected.clone());
        prop_assert_eq!(chosen.hash_is_whole, chosen.all);
        if chosen.all {
            prop_assert_eq!(&expected, &result);
        }
        prop_assert_eq!(scratch.status(), "MM other\n");
        prop_assert_eq!(scratch.git(&["show", ":other"]), "staged\n");
        prop_assert_eq!(scratch.git(&["show", "--format=", "--name-only", "HEAD"]), "f\n");
        let after = scratch.snapshot();
        scratch.open().undo(&made.oid).unwrap();
        prop_assert_eq!(scratch.snapshot(), before.clone());
        scratch.open().redo(&made.oid).unwrap();
        prop_assert_eq!(scratch.snapshot(), after);
        scratch.is_sound();
    }

    /// On a file with changes of the user, staged or not: either a conflict that changes nothing, or a commit that is
    /// git's own merge of the accepted change and HEAD, and whose undo brings everything back.
    #[test]
    fn work_of_the_user_in_the_same_file_survives(case in case(true)) {
        let (base, mine, result) = (case.base.concat(), case.mine.concat(), case.result.concat());
        prop_assume!(mine != result && base != mine);
        let scratch = Scratch::with(&[("f", &base)]);
        scratch.write("f", &mine);
        let index = match case.staged {
            Staged::Nothing => base.clone(),
            Staged::Part => part(&scratch, &base, &mine, &case.picks),
            Staged::All => mine.clone(),
        };
        scratch.write("f", &index);
        scratch.git(&["add", "f"]);
        scratch.write("f", &mine);
        let before = scratch.snapshot();
        let chosen = choose(&scratch, &mine, &result, &case.picks);
        let accepted = chosen.selection.files.first().and_then(|file| file.result.clone());
        match scratch.open().commit(&chosen.selection) {
            Ok(made) => {
                let accepted = String::from_utf8(accepted.unwrap().bytes).unwrap();
                prop_assert_eq!(scratch.read("f"), accepted.clone());
                for (name, text) in [("mine", &mine), ("head", &base), ("index", &index), ("accepted", &accepted)] {
                    std::fs::write(scratch.outside().join(name), text).unwrap();
                }
                // The accepted change, brought to what HEAD and the index have of the file.
                let onto = |name| scratch.git(&["merge-file", "-p", name, "../mine", "../accepted"]);
                prop_assert_eq!(scratch.head("f"), onto("../head"));
                prop_assert_eq!(scratch.git(&["show", ":f"]), onto("../index"));
                let undone = scratch.open().undo(&made.oid);
                prop_assert!(undone.is_ok(), "{undone:?}");
                prop_assert_eq!(scratch.snapshot(), before);
            }
            Err(GitError::Conflict { paths }) => {
                prop_assert_eq!(paths, vec![path("f")]);
                prop_assert_eq!(scratch.snapshot(), before);
            }
            Err(GitError::Nothing) => prop_assert!(chosen.selection.files.is_empty()),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
        scratch.is_sound();
    }

    /// Reviewing the worktree: any part committed in place is what `git add -p` and `git commit` give.
    #[test]
    fn a_part_of_the_worktree_is_what_git_commits(case in case(false)) {
        let (base, result) = (case.base.concat(), case.result.concat());
        prop_assume!(base != result);
        let scratch = Scratch::with(&[("f", &base)]);
        scratch.write("f", &result);
        let expected = by_git(&scratch, &case.picks);
        let shown = scratch.open().changes_from(&Source::Worktree).unwrap();
        prop_assert_eq!(&shown, &vec![change("f", state(&base), state(&result))]);
        let chosen = choose(&scratch, &base, &result, &case.picks);
        if let Some(expected) = expected {
            scratch.open().commit_from_tree(&chosen.selection).unwrap();
            prop_assert_eq!(scratch.head("f"), expected);
            prop_assert_eq!(scratch.read("f"), result);
            prop_assert_eq!(scratch.status(), if chosen.all { "" } else { " M f\n" });
        }
        scratch.is_sound();
    }
}
