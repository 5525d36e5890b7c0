//! A commit is taken back and brought forward again.

use super::scratch::{Scratch, change, executable, lines, selection, state, symlink};
use tenon::git::{GitError, MovedHow};

#[test]
fn undo_and_redo_restore_everything() {
    let scratch = Scratch::with(&[("a", "1\n"), ("gone", "x\n"), ("b", "1\n")]);
    scratch.write("b", "staged\n");
    scratch.git(&["add", "b"]);
    scratch.write("untracked", "u\n");
    let before = scratch.snapshot();
    let made = scratch
        .open()
        .commit(&selection(vec![
            change("a", state("1\n"), executable("2\n")),
            change("gone", state("x\n"), None),
            change("d/new", None, state("n\n")),
            change("link", None, symlink("a")),
        ]))
        .unwrap();
    let after = scratch.snapshot();
    let moved = scratch.open().undo(&made.oid).unwrap();
    assert_eq!((moved.how, moved.paths.len()), (MovedHow::Branch, 4));
    assert_eq!(scratch.snapshot(), before);
    assert_eq!(scratch.git(&["reflog", "-1", "--format=%gs"]), "tenon: undo: fix: what was asked\n");
    let moved = scratch.open().redo(&made.oid).unwrap();
    assert_eq!(moved.head.as_deref(), Some(made.oid.as_str()));
    assert_eq!(scratch.snapshot(), after);
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn the_root_commit_can_be_taken_back() {
    let scratch = Scratch::new();
    let made = scratch.open().commit(&selection(vec![change("new", None, state("n\n"))])).unwrap();
    let moved = scratch.open().undo(&made.oid).unwrap();
    assert_eq!(moved.head, None);
    assert!(scratch.open().tree_state().unwrap().unborn);
    assert!(!scratch.path("new").exists());
    scratch.open().redo(&made.oid).unwrap();
    assert_eq!((scratch.read("new").as_str(), scratch.status().as_str()), ("n\n", ""));
}

#[test]
fn what_the_user_changed_since_is_merged_or_refuses_the_undo() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    let result = base.replace("line 25\n", "theirs\n");
    let made = scratch.open().commit(&selection(vec![change("a", state(&base), state(&result))])).unwrap();
    scratch.write("a", result.replace("line 3\n", "MINE\n"));
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.read("a"), base.replace("line 3\n", "MINE\n"));
    assert_eq!(scratch.status(), " M a\n");
    scratch.open().redo(&made.oid).unwrap();
    assert_eq!(scratch.read("a"), result.replace("line 3\n", "MINE\n"));
    for changed in [Some(result.replace("theirs\n", "MINE\n")), None] {
        match changed {
            Some(text) => scratch.write("a", text),
            None => std::fs::remove_file(scratch.path("a")).unwrap(),
        }
        let before = scratch.snapshot();
        match scratch.open().undo(&made.oid) {
            Err(GitError::Conflict { paths }) => assert_eq!(paths[0].as_str(), "a"),
            other => panic!("{other:?}"),
        }
        assert_eq!(scratch.snapshot(), before);
    }
    scratch.is_sound();
}

#[test]
fn a_commit_below_others_is_taken_back_by_a_new_one() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    let result = base.replace("line 25\n", "theirs\n");
    let made = scratch.open().commit(&selection(vec![change("a", state(&base), state(&result))])).unwrap();
    scratch.write("a", result.replace("line 3\n", "later\n"));
    scratch.git(&["commit", "-q", "-am", "later"]);
    scratch.write("other", "untouched\n");
    let moved = scratch.open().undo(&made.oid).unwrap();
    assert_eq!(moved.how, MovedHow::Commit);
    assert_eq!(scratch.head("a"), base.replace("line 3\n", "later\n"));
    assert_eq!(scratch.git(&["log", "-1", "--format=%s"]), "Revert \"fix: what was asked\"\n");
    assert_eq!(scratch.status(), "?? other\n");
    let again = scratch.open().redo(&made.oid).unwrap();
    assert_eq!(again.how, MovedHow::Commit);
    assert_eq!(scratch.head("a"), result.replace("line 3\n", "later\n"));
    assert_eq!(scratch.git(&["log", "-1", "--format=%s"]), "fix: what was asked\n");
    scratch.is_sound();
}

#[test]
fn a_published_commit_is_never_moved_away_from() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let made = scratch.open().commit(&selection(vec![change("a", state("1\n"), state("2\n"))])).unwrap();
    scratch.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let moved = scratch.open().undo(&made.oid).unwrap();
    assert_eq!((moved.how, scratch.head("a").as_str()), (MovedHow::Commit, "1\n"));
    assert_eq!(scratch.git(&["rev-list", "--count", "HEAD"]), "3\n");
}

#[test]
fn a_commit_of_another_branch_is_refused() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.git(&["checkout", "-q", "-b", "side"]);
    let made = scratch.open().commit(&selection(vec![change("a", state("1\n"), state("2\n"))])).unwrap();
    scratch.git(&["checkout", "-q", "main"]);
    let before = scratch.snapshot();
    assert!(matches!(scratch.open().undo(&made.oid), Err(GitError::NotInHistory(_))));
    assert!(matches!(scratch.open().undo("0123456789012345678901234567890123456789"), Err(GitError::Revision(_))));
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn a_file_in_the_way_refuses_the_redo() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let made = scratch.open().commit(&selection(vec![change("new", None, state("n\n"))])).unwrap();
    scratch.open().undo(&made.oid).unwrap();
    scratch.write("new", "mine\n");
    assert!(matches!(scratch.open().redo(&made.oid), Err(GitError::Conflict { .. })));
    assert_eq!(scratch.read("new"), "mine\n");
    std::fs::remove_file(scratch.path("new")).unwrap();
    scratch.open().redo(&made.oid).unwrap();
    assert_eq!(scratch.status(), "");
}

#[test]
fn a_commit_of_what_was_in_the_tree_already_leaves_it_there() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    scratch.write("a", base.replace("line 3\n", "first\n").replace("line 25\n", "second\n"));
    let before = scratch.snapshot();
    let part = change("a", state(&base), state(&base.replace("line 3\n", "first\n")));
    let made = scratch.open().commit_from_tree(&selection(vec![part])).unwrap();
    let after = scratch.snapshot();
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), before);
    scratch.open().redo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), after);
}

#[test]
fn a_commit_of_what_was_in_the_tree_already_is_taken_back_without_touching_the_tree() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base), ("gone", "x\n"), ("part", &base)]);
    let mine = base.replace("line 3\n", "MINE\n");
    let both = mine.replace("line 25\n", "ALSO MINE\n");
    scratch.write("a", &mine);
    scratch.write("part", &both);
    scratch.write("new", "n\n");
    std::fs::remove_file(scratch.path("gone")).unwrap();
    scratch.git(&["add", "part"]);
    let before = scratch.snapshot();
    let accepted = selection(vec![
        change("a", state(&base), state(&mine)),
        change("gone", state("x\n"), None),
        change("new", None, state("n\n")),
        change("part", state(&base), state(&mine)),
    ]);
    let made = scratch.open().commit_from_tree(&accepted).unwrap();
    assert_eq!(scratch.git(&["show", "HEAD:part"]), mine);
    assert_eq!(scratch.read("part"), both);
    let after = scratch.snapshot();
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), before, "files, index and HEAD are as they were");
    scratch.open().redo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), after);
    // What the user goes on to do in these files is theirs as well.
    let more = format!("{mine}and more\n");
    scratch.write("a", &more);
    scratch.write("new", "n, and more\n");
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!((scratch.read("a"), scratch.read("new")), (more, "n, and more\n".to_owned()));
    assert!(!scratch.path("gone").exists());
    scratch.is_sound();
}
