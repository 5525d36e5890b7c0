//! An operation that stops at any of its writes leaves before or after, nothing between.

use super::scratch::{Scratch, change, executable, lines, selection, state, symlink};
use tenon::git::{Fault, Recovered, Repository, Selection};

/// A repository with work of the user in it, and a selection of every kind of change.
fn scene() -> (Scratch, Selection) {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base), ("gone", "x\n"), ("dir/old", "y\n"), ("b", "1\n"), ("run", "r\n")]);
    scratch.write("b", "staged\n");
    scratch.git(&["add", "b"]);
    scratch.write("b", "unstaged\n");
    let mine = base.replace("line 3\n", "MINE\n");
    scratch.write("a", &mine);
    let selection = selection(vec![
        change("a", state(&mine), state(&mine.replace("line 25\n", "theirs\n"))),
        change("gone", state("x\n"), None),
        change("dir/old", state("y\n"), None),
        change("deep/er/new", None, executable("n\n")),
        change("link", None, symlink("a")),
        change("run", state("r\n"), executable("r\n")),
    ]);
    (scratch, selection)
}

/// Lets `operation` fail after 0, 1, 2 … writes until it succeeds, each time on a scene of its own, and returns how
/// often it failed.
fn at_every_write(
    kill: bool,
    prepare: fn(&Scratch, &Selection) -> String,
    operation: fn(&Repository, &Selection, &str) -> bool,
) -> u32 {
    let expected = {
        let (scratch, selection) = scene();
        let oid = prepare(&scratch, &selection);
        assert!(operation(&scratch.open(), &selection, &oid));
        normal(&scratch.snapshot(), &scratch)
    };
    for after in 0..200 {
        let (scratch, selection) = scene();
        let oid = prepare(&scratch, &selection);
        let before = scratch.snapshot();
        let head = scratch.git(&["rev-parse", "HEAD"]);
        let faulty = scratch.open().with_fault(Some(Fault { after, kill }));
        let succeeded = operation(&faulty, &selection, &oid);
        let recovered = scratch.open().recover().unwrap();
        scratch.is_sound();
        let moved = scratch.git(&["rev-parse", "HEAD"]) != head;
        if !moved {
            assert_eq!(scratch.snapshot(), before, "after {after} writes: {recovered:?}");
            assert!(!matches!(recovered, Some(Recovered::Finished { .. })), "after {after} writes");
            // What failed can be done now.
            assert!(operation(&scratch.open(), &selection, &oid), "after {after} writes");
        }
        let done = normal(&scratch.snapshot(), &scratch);
        assert_eq!(done, expected, "after {after} writes: {recovered:?}");
        if succeeded && recovered.is_none() {
            return after;
        }
    }
    panic!("it never succeeds");
}

/// A snapshot without what differs from run to run: the folder and the names of commits.
fn normal(snapshot: &[String], scratch: &Scratch) -> Vec<String> {
    let root = scratch.root().display().to_string();
    snapshot.iter().filter(|part| !part.contains("refs/heads")).map(|part| part.replace(&root, "")).collect()
}

fn nothing(_: &Scratch, _: &Selection) -> String {
    String::new()
}

fn committed(scratch: &Scratch, selection: &Selection) -> String {
    scratch.open().commit(selection).unwrap().oid
}

fn undone(scratch: &Scratch, selection: &Selection) -> String {
    let oid = committed(scratch, selection);
    scratch.open().undo(&oid).unwrap();
    oid
}

#[test]
fn a_commit_that_fails_at_any_write_is_taken_back() {
    let failures = at_every_write(false, nothing, |repository, selection, _| repository.commit(selection).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_commit_killed_at_any_write_is_taken_back_or_finished() {
    let failures = at_every_write(true, nothing, |repository, selection, _| repository.commit(selection).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn an_undo_killed_at_any_write_is_taken_back_or_finished() {
    let failures = at_every_write(true, committed, |repository, _, oid| repository.undo(oid).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_redo_killed_at_any_write_is_taken_back_or_finished() {
    let failures = at_every_write(true, undone, |repository, _, oid| repository.redo(oid).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn files_applied_without_a_commit_are_all_there_or_none() {
    for kill in [false, true] {
        for after in 0..30 {
            let (scratch, selection) = scene();
            let before = scratch.snapshot();
            let faulty = scratch.open().with_fault(Some(Fault { after, kill }));
            let applied = faulty.apply(&selection.files).is_ok();
            scratch.open().recover().unwrap();
            scratch.is_sound();
            if !applied {
                assert_eq!(scratch.snapshot(), before, "after {after} writes");
            }
        }
    }
}

#[test]
fn what_the_user_changed_after_a_crash_is_left_alone() {
    let (scratch, selection) = scene();
    for after in 0..200 {
        let faulty = scratch.open().with_fault(Some(Fault { after, kill: true }));
        assert!(faulty.commit(&selection).is_err(), "there is a write after the last file");
        if scratch.path("deep/er/new").exists() {
            break;
        }
        scratch.open().recover().unwrap();
    }
    scratch.write("deep/er/new", "edited by the user\n");
    match scratch.open().recover().unwrap() {
        Some(Recovered::TakenBack { left, .. }) => assert_eq!(left[0].as_str(), "deep/er/new"),
        other => panic!("{other:?}"),
    }
    assert_eq!(scratch.read("deep/er/new"), "edited by the user\n");
    assert_eq!(scratch.read("gone"), "x\n");
    scratch.is_sound();
}

#[test]
fn two_at_once_do_not_mix() {
    let (scratch, selection) = scene();
    let results: Vec<bool> = std::thread::scope(|scope| {
        let run = || scope.spawn(|| scratch.open().commit(&selection).is_ok());
        [run(), run(), run()].map(|thread| thread.join().unwrap()).to_vec()
    });
    assert_eq!(results.iter().filter(|done| **done).count(), 1, "{results:?}");
    assert_eq!(scratch.git(&["rev-list", "--count", "HEAD"]), "2\n");
    scratch.is_sound();
}
