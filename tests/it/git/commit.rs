//! A selection becomes a commit, and nothing else changes.

use std::os::unix::fs::PermissionsExt as _;

use super::scratch::{Scratch, change, executable, lines, selection, state, symlink};
use tenon::git::GitError;

#[test]
fn a_selection_is_committed_and_written() {
    let scratch = Scratch::with(&[("a.py", "one\n"), ("gone", "x\n"), ("dir/old", "y\n")]);
    let made = scratch
        .open()
        .commit(&selection(vec![
            change("a.py", state("one\n"), state("two\n")),
            change("gone", state("x\n"), None),
            change("dir/old", state("y\n"), None),
            change("new/deep/b", None, executable("#!/bin/sh\n")),
            change("link", None, symlink("a.py")),
        ]))
        .unwrap();
    assert_eq!(made.branch.as_deref(), Some("main"));
    assert_eq!(made.oid, scratch.git(&["rev-parse", "HEAD"]).trim());
    assert_eq!(scratch.status(), "");
    assert_eq!(scratch.git(&["diff", "HEAD"]), "");
    assert_eq!(
        scratch.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"]),
        "100644 a.py\n120000 link\n100755 new/deep/b\n"
    );
    assert!(!scratch.path("dir").exists(), "a folder that became empty goes too");
    assert_eq!(scratch.path("link").read_link().unwrap().to_str(), Some("a.py"));
    assert_eq!(scratch.git(&["log", "-1", "--format=%an %ae %s"]), "Ada ada@example.org fix: what was asked\n");
    assert_eq!(scratch.git(&["reflog", "-1", "--format=%gs"]), "tenon: commit: fix: what was asked\n");
    scratch.is_sound();
}

#[test]
fn other_work_of_the_user_stays_as_it_is() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("d", "1\n"), ("e", "1\n"), ("f", "1\n")]);
    scratch.write("b", "staged\n");
    scratch.write("new", "staged too\n");
    scratch.git(&["add", "b", "new"]);
    scratch.write("b", "and changed again\n");
    scratch.write("c", "unstaged\n");
    scratch.git(&["rm", "-q", "--cached", "d"]);
    scratch.write("announced", "not yet\n");
    scratch.git(&["add", "-N", "announced"]);
    scratch.git(&["update-index", "--assume-unchanged", "e"]);
    scratch.git(&["update-index", "--skip-worktree", "f"]);
    scratch.write("untracked", "u\n");
    let seen = |scratch: &Scratch| {
        let index = scratch.git(&["ls-files", "-s", "-v"]) + &scratch.git(&["ls-files", "-s", "-t"]);
        let index: Vec<String> = index.lines().filter(|line| !line.ends_with("\ta")).map(ToOwned::to_owned).collect();
        (index, scratch.status(), scratch.git(&["diff"]), scratch.git(&["diff", "--cached"]), scratch.snapshot().len())
    };
    let before = seen(&scratch);
    scratch.open().commit(&selection(vec![change("a", state("1\n"), state("2\n"))])).unwrap();
    assert_eq!(seen(&scratch), before);
    assert_eq!(scratch.git(&["show", "--format=", "--name-status", "HEAD"]), "M\ta\n");
    scratch.is_sound();
}

#[test]
fn edits_of_the_user_in_the_same_file_are_left_out_of_the_commit() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    let mine = base.replace("line 3\n", "MINE\n");
    scratch.write("a", &mine);
    let result = mine.replace("line 25\n", "theirs\n");
    scratch.open().commit(&selection(vec![change("a", state(&mine), state(&result))])).unwrap();
    assert_eq!(scratch.head("a"), base.replace("line 25\n", "theirs\n"));
    assert_eq!(scratch.read("a"), result);
    assert_eq!(scratch.status(), " M a\n");
    assert!(scratch.git(&["diff"]).contains("+MINE"));
    scratch.is_sound();
}

#[test]
fn what_is_staged_in_the_same_file_stays_staged() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    let staged = base.replace("line 3\n", "STAGED\n");
    scratch.write("a", &staged);
    scratch.git(&["add", "a"]);
    let mine = staged.replace("line 14\n", "UNSTAGED\n");
    scratch.write("a", &mine);
    let result = mine.replace("line 25\n", "theirs\n");
    scratch.open().commit(&selection(vec![change("a", state(&mine), state(&result))])).unwrap();
    assert_eq!(scratch.head("a"), base.replace("line 25\n", "theirs\n"));
    assert_eq!(scratch.git(&["show", ":a"]), staged.replace("line 25\n", "theirs\n"));
    assert_eq!(scratch.status(), "MM a\n");
    scratch.is_sound();
}

#[test]
fn a_staged_line_the_accepted_change_takes_out_leaves_the_index_too() {
    let (base, agent) = (lines(30), |text: &str| text.replace("line 20\n", "agent\n"));
    let scratch = Scratch::with(&[("a", &base)]);
    let kept = base.replace("line 3\n", "mine\n");
    let own = kept.clone() + "mine at the end\n";
    scratch.write("a", &own);
    scratch.git(&["add", "a"]);
    let before = scratch.snapshot();
    let accepted = agent(&kept);
    let made = scratch.open().commit(&selection(vec![change("a", state(&own), state(&accepted))])).unwrap();
    assert_eq!(scratch.head("a"), agent(&base), "what the user staged is not committed");
    assert_eq!(scratch.git(&["show", ":a"]), accepted, "the line is gone, what else was staged is still staged");
    assert_eq!(scratch.status(), "M  a\n");
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn a_file_that_was_staged_as_deleted_and_accepted_again_is_in_the_index() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    scratch.git(&["rm", "-q", "a"]);
    let before = scratch.snapshot();
    let made = scratch.open().commit(&selection(vec![change("a", None, state("2\n"))])).unwrap();
    assert_eq!((scratch.head("a"), scratch.read("a")), ("2\n".to_owned(), "2\n".to_owned()));
    assert_eq!(scratch.status(), "");
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn a_file_that_changed_since_it_was_shown_stops_everything() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    scratch.write("b", "changed meanwhile\n");
    let before = scratch.snapshot();
    for stale in [
        change("b", state("1\n"), state("2\n")),
        change("b", state("1\n"), None),
        change("b", None, state("2\n")),
        change("c", state("1\n"), state("2\n")),
        change("a", executable("1\n"), state("2\n")),
    ] {
        let files = vec![change("a", state("1\n"), state("2\n")), stale.clone()];
        let files = if stale.path.as_str() == "a" { vec![stale.clone()] } else { files };
        match scratch.open().commit(&selection(files)) {
            Err(GitError::Stale { paths }) => assert_eq!(paths, [stale.path]),
            other => panic!("{other:?}"),
        }
        assert_eq!(scratch.snapshot(), before);
        scratch.is_sound();
    }
}

#[test]
fn changes_that_overlap_with_those_of_the_user_are_a_conflict() {
    let scratch = Scratch::with(&[("a", &lines(5))]);
    let mine = lines(5).replace("line 3\n", "MINE\n");
    scratch.write("a", &mine);
    let before = scratch.snapshot();
    let result = mine.replace("MINE\n", "theirs\n");
    let refused = scratch.open().commit(&selection(vec![change("a", state(&mine), state(&result))]));
    assert!(matches!(refused, Err(GitError::Conflict { .. })), "{refused:?}");
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn the_first_commit_becomes_the_root() {
    let scratch = Scratch::new();
    scratch.write("kept", "not in git\n");
    scratch.write("edited", "before\n");
    let made = scratch
        .open()
        .commit(&selection(vec![
            change("new", None, state("n\n")),
            change("edited", state("before\n"), state("after\n")),
        ]))
        .unwrap();
    assert_eq!(scratch.git(&["rev-list", "--count", "HEAD"]), "1\n");
    assert_eq!(scratch.status(), "?? kept\n");
    assert_eq!(scratch.head("edited"), "after\n");
    assert_eq!(made.notes.len(), 1, "a file that was not in git is told");
    scratch.is_sound();
}

#[test]
fn a_folder_takes_the_place_of_a_file_and_back() {
    let scratch = Scratch::with(&[("a", "file\n")]);
    scratch
        .open()
        .commit(&selection(vec![change("a/b", None, state("in\n")), change("a", state("file\n"), None)]))
        .unwrap();
    assert_eq!(scratch.git(&["ls-files"]), "a/b\n");
    assert_eq!(scratch.status(), "");
    scratch
        .open()
        .commit(&selection(vec![change("a", None, state("file\n")), change("a/b", state("in\n"), None)]))
        .unwrap();
    assert_eq!((scratch.git(&["ls-files"]).as_str(), scratch.status().as_str()), ("a\n", ""));
    scratch.is_sound();
}

#[test]
fn modes_and_permissions_are_kept() {
    let scratch = Scratch::with(&[("run", "1\n"), ("private", "1\n")]);
    std::fs::set_permissions(scratch.path("private"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let files = vec![change("run", state("1\n"), executable("1\n")), change("private", state("1\n"), state("2\n"))];
    scratch.open().commit(&selection(files)).unwrap();
    let bits = |path: &str| scratch.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((bits("run") & 0o100, bits("private")), (0o100, 0o640));
    assert_eq!(scratch.git(&["show", "--format=", "--summary"]), " mode change 100644 => 100755 run\n");
    assert_eq!(scratch.status(), "");
}

#[test]
fn line_ends_are_stored_as_git_would_store_them() {
    for (attributes, config) in [("*.txt text eol=crlf\n", "false"), ("", "true"), ("* text=auto\n", "false")] {
        let scratch = Scratch::with(&[(".gitattributes", attributes)]);
        scratch.git(&["config", "core.autocrlf", config]);
        scratch.write("a.txt", "one\r\ntwo\r\n");
        scratch.git(&["add", "a.txt"]);
        scratch.git(&["commit", "-q", "-m", "second"]);
        assert_eq!(scratch.head("a.txt"), "one\ntwo\n", "{attributes}");
        let files = vec![
            change("a.txt", state("one\r\ntwo\r\n"), state("one\r\nTWO\r\n")),
            change("b.txt", None, state("new\r\n")),
        ];
        let made = scratch.open().commit(&selection(files)).unwrap();
        assert_eq!(scratch.head("a.txt"), "one\nTWO\n", "{attributes}");
        assert_eq!(scratch.head("b.txt"), "new\n");
        assert_eq!(scratch.read("a.txt"), "one\r\nTWO\r\n");
        assert_eq!(scratch.status(), "", "{attributes}");
        scratch.open().undo(&made.oid).unwrap();
        assert_eq!(scratch.read("a.txt"), "one\r\ntwo\r\n", "{attributes}");
        assert_eq!(scratch.status(), "", "{attributes}");
    }
}

#[test]
fn filter_programs_run_as_git_runs_them() {
    let scratch = Scratch::with(&[(".gitattributes", "*.up filter=case\n")]);
    scratch.git(&["config", "filter.case.clean", "tr a-z A-Z"]);
    scratch.git(&["config", "filter.case.smudge", "tr A-Z a-z"]);
    scratch.write("a.up", "small\n");
    scratch.git(&["add", "a.up"]);
    scratch.git(&["commit", "-q", "-m", "second"]);
    let made = scratch.open().commit(&selection(vec![change("a.up", state("small\n"), state("smaller\n"))])).unwrap();
    assert_eq!(scratch.head("a.up"), "SMALLER\n");
    assert_eq!((scratch.read("a.up").as_str(), scratch.status().as_str()), ("smaller\n", ""));
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!((scratch.read("a.up").as_str(), scratch.status().as_str()), ("small\n", ""));
}

#[test]
fn what_is_in_the_tree_already_is_committed_without_writing() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    let all = base.replace("line 3\n", "first\n").replace("line 25\n", "second\n");
    scratch.write("a", &all);
    let part = base.replace("line 3\n", "first\n");
    scratch.open().commit_from_tree(&selection(vec![change("a", state(&base), state(&part))])).unwrap();
    assert_eq!((scratch.head("a"), scratch.read("a")), (part, all));
    assert_eq!(scratch.status(), " M a\n");
    scratch.is_sound();
}

#[test]
fn applying_and_staging_make_no_commit() {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base)]);
    let result = base.replace("line 3\n", "first\n");
    let change = change("a", state(&base), state(&result));
    scratch.open().stage(std::slice::from_ref(&change)).unwrap();
    assert_eq!(scratch.status(), "MM a\n");
    assert_eq!(scratch.git(&["show", ":a"]), result);
    scratch.open().apply(std::slice::from_ref(&change)).unwrap();
    assert_eq!((scratch.status().as_str(), scratch.read("a")), ("M  a\n", result));
    assert!(matches!(scratch.open().apply(&[change]), Err(GitError::Stale { .. })));
    assert_eq!(scratch.git(&["rev-list", "--count", "HEAD"]), "1\n");
    scratch.is_sound();
}

#[test]
fn nothing_is_committed_without_a_change_or_a_message() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let nothing = scratch.open().commit(&selection(vec![change("a", state("1\n"), state("1\n"))]));
    assert!(matches!(nothing, Err(GitError::Nothing)), "{nothing:?}");
    let mut silent = selection(vec![change("a", state("1\n"), state("2\n"))]);
    silent.message = " \n".to_owned();
    assert!(matches!(scratch.open().commit(&silent), Err(GitError::EmptyMessage)));
    assert_eq!((scratch.read("a").as_str(), scratch.status().as_str()), ("1\n", ""));
}
