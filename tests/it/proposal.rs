//! A draft frozen, decided on, selected, rebased and reviewed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tenon::domain::{
    Change, ChangeKind, FileMode, FileState, HunkId, HunkVerdict, Proposal, ProposalId, RepoPath, Verdict,
};
use tenon::journal::BlobStore;
use tenon::proposal::{Rebased, Verdicts, freeze, rebase, review_text, select, stale, states};

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn state(bytes: impl AsRef<[u8]>) -> Option<FileState> {
    Some(FileState { bytes: bytes.as_ref().to_vec(), mode: FileMode::Regular })
}

fn with_mode(bytes: &str, mode: FileMode) -> Option<FileState> {
    Some(FileState { bytes: bytes.as_bytes().to_vec(), mode })
}

fn change(at: &str, base: Option<FileState>, result: Option<FileState>) -> Change {
    Change { path: path(at), base, result }
}

fn verdict(hunk: &HunkId, verdict: Verdict) -> HunkVerdict {
    HunkVerdict::new(hunk.clone(), verdict)
}

fn lines(count: usize) -> String {
    (1..=count).map(|line| format!("line {line}\n")).collect()
}

struct Desk {
    _folder: tempfile::TempDir,
    blobs: BlobStore,
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    Desk { blobs: BlobStore::new(folder.path()), _folder: folder }
}

impl Desk {
    fn freeze(&self, changes: Vec<Change>) -> Proposal {
        freeze(ProposalId::new("p1"), "A title", "", changes, &self.blobs).unwrap()
    }
}

/// Two hunks in one file, and one of every other kind.
fn everything() -> Vec<Change> {
    let base = lines(40);
    let result = base.replace("line 3\n", "three\n").replace("line 33\n", "thirty-three\n");
    vec![
        change("z/two", state(&base), state(&result)),
        change("added", None, state("new\n")),
        change("empty", None, state("")),
        change("gone", state("short\n"), None),
        change("mode", with_mode("x\n", FileMode::Regular), with_mode("x\n", FileMode::Executable)),
        change("binary", state(b"\0one"), state(b"\0two")),
        change("link", state("x\n"), with_mode("x", FileMode::Symlink)),
        change("latin1", state(b"caf\xe9\r\n"), state(b"th\xe9\r\n")),
    ]
}

fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

#[test]
fn accepting_everything_is_the_draft_and_accepting_nothing_is_nothing() {
    let desk = desk();
    let proposal = desk.freeze(everything());
    assert_eq!(
        proposal.changes.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(),
        ["added", "binary", "empty", "gone", "latin1", "link", "mode", "z/two"]
    );
    assert_eq!(states(&proposal, &desk.blobs).unwrap(), sorted(everything()));
    let all = select(&proposal, &Verdicts::accept_all(&proposal), &desk.blobs).unwrap();
    assert_eq!((all.files, &all.hash), (sorted(everything()), &proposal.hash));
    let none = select(&proposal, &Verdicts::default(), &desk.blobs).unwrap();
    assert_eq!(none.files, []);
    assert_ne!(none.hash, proposal.hash);
}

#[test]
fn every_hunk_can_be_accepted_alone() {
    let desk = desk();
    let proposal = desk.freeze(everything());
    let mut seen = std::collections::BTreeSet::new();
    for (change, hunk) in proposal.hunks() {
        let mut verdicts = Verdicts::default();
        verdicts.fold(&[verdict(&hunk.id, Verdict::Accept)]);
        let one = select(&proposal, &verdicts, &desk.blobs).unwrap();
        assert_eq!(one.files.len(), 1, "{}", change.path);
        assert_eq!(one.files[0].path, change.path);
        assert!(seen.insert(one.hash.clone()), "each selection has a hash of its own");
        assert_ne!(one.hash, proposal.hash);
        assert_eq!(verdicts.tally(&proposal), [1, 0, 8]);
    }
    assert_eq!(seen.len(), 9);
}

#[test]
fn a_later_verdict_replaces_an_earlier_one_and_comments_stay() {
    let desk = desk();
    let proposal = desk.freeze(everything());
    let hunk = &proposal.changes[0].hunks[0].id;
    let mut verdicts = Verdicts::default();
    let comment =
        |text: &str, line| HunkVerdict { comment: Some(text.to_owned()), line, ..verdict(hunk, Verdict::Reject) };
    verdicts.fold(&[comment("first", None), comment("on a line", Some(1)), comment("second", None)]);
    verdicts.fold(&[verdict(hunk, Verdict::Accept)]);
    assert_eq!(verdicts.on(hunk), Verdict::Accept);
    assert_eq!(
        verdicts.comments(hunk).map(|remark| (remark.line, remark.text.as_str())).collect::<Vec<_>>(),
        [(Some(1), "on a line"), (None, "second")]
    );
    verdicts.fold(&[verdict(hunk, Verdict::Open)]);
    assert_eq!(verdicts.tally(&proposal)[0], 0);
}

#[test]
fn an_edited_hunk_takes_the_users_words() {
    let desk = desk();
    let base = lines(40);
    let result = base.replace("line 3\n", "three\n").replace("line 33\n", "thirty-three\n");
    let proposal = desk.freeze(vec![change("f", state(&base), state(&result)), change("n", None, state("new\n"))]);
    let [first, _] = proposal.changes[0].hunks.as_slice() else { panic!() };
    let own: String = result.lines().take(6).map(|line| format!("{line}!\n")).collect();
    let edit =
        |id: &HunkId, text: &str| HunkVerdict { replacement: Some(text.to_owned()), ..verdict(id, Verdict::Edit) };
    let mut verdicts = Verdicts::default();
    verdicts.fold(&[edit(&first.id, &own), edit(&proposal.changes[1].hunks[0].id, "mine\n")]);
    let selection = select(&proposal, &verdicts, &desk.blobs).unwrap();
    let rest: String = base.lines().skip(6).map(|line| format!("{line}\n")).collect();
    assert_eq!(selection.files[0].result, state(own + &rest));
    assert_eq!(selection.files[1].result, state("mine\n"));
    assert_ne!(selection.hash, proposal.hash);
}

#[test]
fn a_moved_file_is_a_rename() {
    let desk = desk();
    let text = lines(20);
    let similar = text.replace("line 7\n", "seven\n");
    for (changes, expected) in [
        (vec![change("a", state(&text), None), change("b/a", None, state(&text))], vec![("b/a", Some("a"), 1)]),
        (vec![change("a", state(&text), None), change("b", None, state(&similar))], vec![("b", Some("a"), 1)]),
        (
            vec![change("a", state(&text), None), change("b", None, state(lines(9)))],
            vec![("a", None, 1), ("b", None, 1)],
        ),
        (vec![change("a", state(""), None), change("b", None, state(""))], vec![("a", None, 1), ("b", None, 1)]),
        (
            vec![
                change("x/f", state(&text), None),
                change("other", None, state(&text)),
                change("y/f", None, state(&text)),
            ],
            vec![("other", None, 1), ("y/f", Some("x/f"), 1)],
        ),
        (vec![change("a", state(b"\0\x01"), None), change("b", None, state(b"\0\x01"))], vec![("b", Some("a"), 1)]),
    ] {
        let proposal = desk.freeze(changes.clone());
        let got: Vec<_> = proposal
            .changes
            .iter()
            .map(|change| (change.path.as_str(), change.old_path.as_ref().map(RepoPath::as_str), change.hunks.len()))
            .collect();
        assert_eq!(got, expected);
        let all = select(&proposal, &Verdicts::accept_all(&proposal), &desk.blobs).unwrap();
        assert_eq!(sorted(all.files), sorted(changes), "selecting gives the deletion and the addition again");
        assert_eq!(all.hash, proposal.hash);
        assert!(proposal.changes.iter().all(|c| (c.kind == ChangeKind::Rename) == c.old_path.is_some()));
    }
}

#[test]
fn what_changed_underneath_is_noticed() {
    let desk = desk();
    let text = lines(20);
    let proposal = desk.freeze(vec![
        change("a", state("1\n"), state("2\n")),
        change("new", None, state("n\n")),
        change("old", state(&text), None),
        change("moved", None, state(&text)),
    ]);
    let fresh: BTreeMap<RepoPath, FileState> =
        [(path("a"), state("1\n").unwrap()), (path("old"), state(&text).unwrap())].into();
    assert_eq!(stale(&proposal, &fresh), []);
    for (at, now) in [
        ("a", state("3\n")),
        ("a", with_mode("1\n", FileMode::Executable)),
        ("a", None),
        ("new", state("there\n")),
        ("old", state("x\n")),
        ("moved", state("there\n")),
    ] {
        let mut current = fresh.clone();
        match now {
            Some(now) => current.insert(path(at), now),
            None => current.remove(&path(at)),
        };
        assert_eq!(stale(&proposal, &current), [path(at)]);
    }
}

#[test]
fn a_change_is_brought_onto_what_the_file_is_now() {
    let base = lines(20);
    let result = base.replace("line 15\n", "theirs\n");
    let mine = base.replace("line 3\n", "mine\n");
    let edit = change("f", state(&base), state(&result));
    assert_eq!(rebase(&edit, state(&base)), Rebased::Clean(edit.clone()));
    assert_eq!(rebase(&edit, state(&result)), Rebased::Settled);
    let merged = mine.replace("line 15\n", "theirs\n");
    assert_eq!(rebase(&edit, state(&mine)), Rebased::Clean(change("f", state(&mine), state(&merged))));
    assert_eq!(rebase(&edit, state(&merged)), Rebased::Settled);
    let overlapping = base.replace("line 15\n", "mine\n");
    match rebase(&edit, state(&overlapping)) {
        Rebased::Conflict { text: Some(text), .. } => {
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("<<<<<<<") && text.contains("theirs\n") && text.contains("mine\n"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    for (change, now) in [
        (edit, None),
        (change("f", state(&base), None), state(&mine)),
        (change("f", None, state("a\n")), state("b\n")),
        (change("f", state("x"), with_mode("t", FileMode::Symlink)), state("y")),
    ] {
        assert!(matches!(rebase(&change, now), Rebased::Conflict { text: None, .. }), "{change:?}");
    }
}

#[test]
fn the_agent_hears_what_was_decided_and_why() {
    let desk = desk();
    let proposal = desk.freeze(everything());
    let id = |at: &str, n: usize| {
        proposal.changes.iter().find(|change| change.path.as_str() == at).unwrap().hunks[n].id.clone()
    };
    let mut verdicts = Verdicts::default();
    verdicts.fold(&[
        verdict(&id("z/two", 0), Verdict::Accept),
        HunkVerdict {
            comment: Some("use a word\nnot a number".to_owned()),
            line: Some(33),
            ..verdict(&id("z/two", 1), Verdict::Reject)
        },
        verdict(&id("mode", 0), Verdict::Reject),
        HunkVerdict { replacement: Some("```\nmine\n".to_owned()), ..verdict(&id("added", 0), Verdict::Edit) },
    ]);
    let text = review_text(&proposal, &verdicts, &desk.blobs, Some("Nearly.")).unwrap();
    assert_eq!(
        text,
        "# Review of proposal p1: A title

2 hunks accepted, 2 rejected, 5 without a decision.

Nearly.

## added:1: edited by the user

```diff
@@ -0,0 +1,1 @@
+new
```

What the user wrote instead:

````
```
mine
````

## mode: rejected

(its mode: Regular to Executable)

## z/two:30-36: rejected

> line 33: use a word
> not a number

```diff
@@ -30,7 +30,7 @@
 line 30
 line 31
 line 32
-line 33
+thirty-three
 line 34
 line 35
 line 36
```
"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, everything accepted gives the draft, and hunk ids are unique and stable.
    #[test]
    fn any_bytes_survive(
        base in proptest::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        result in proptest::option::of(prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..200)),
    ) {
        let state = |bytes: &Option<Vec<u8>>| bytes.clone().map(|bytes| FileState { bytes, mode: FileMode::Regular });
        prop_assume!(base != result);
        let draft = vec![change("f", state(&base), state(&result))];
        let desk = desk();
        let proposal = desk.freeze(draft.clone());
        prop_assert!(!proposal.changes[0].hunks.is_empty());
        let all = select(&proposal, &Verdicts::accept_all(&proposal), &desk.blobs).unwrap();
        prop_assert_eq!(&all.files, &draft);
        prop_assert_eq!(&all.hash, &proposal.hash);
        let again = desk.freeze(draft);
        prop_assert_eq!(again, proposal);
    }
}
