//! What there is to review.

use super::scratch::{Scratch, change, executable, selection, state};
use tenon::git::{GitError, Source};

#[test]
fn each_source_shows_what_git_shows() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("s", "1\n")]);
    scratch.write(".gitignore", "ignored\n");
    scratch.git(&["add", ".gitignore"]);
    scratch.git(&["commit", "-q", "-m", "second"]);
    scratch.write("a", "2\n");
    scratch.write("s", "2\n");
    scratch.git(&["add", "s"]);
    scratch.write("new/file", "n\n");
    scratch.write("ignored", "x\n");
    std::fs::remove_file(scratch.path("b")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(scratch.path("c"), mode).unwrap();
    let repository = scratch.open();
    assert_eq!(
        repository.changes_from(&Source::Worktree).unwrap(),
        [
            change("a", state("1\n"), state("2\n")),
            change("b", state("1\n"), None),
            change("c", state("1\n"), executable("1\n")),
            change("new/file", None, state("n\n")),
            change("s", state("1\n"), state("2\n")),
        ]
    );
    assert_eq!(repository.changes_from(&Source::Staged).unwrap(), [change("s", state("1\n"), state("2\n"))]);
    let added = [change(".gitignore", None, state("ignored\n"))];
    for source in ["HEAD", "main"] {
        assert_eq!(repository.changes_from(&Source::Revision(source.to_owned())).unwrap(), added);
    }
    for source in ["HEAD~1..HEAD", "HEAD~1..", "HEAD~1...HEAD"] {
        assert_eq!(repository.changes_from(&Source::Range(source.to_owned())).unwrap(), added);
    }
    assert_eq!(repository.changes_from(&Source::Revision("HEAD~1".to_owned())).unwrap().len(), 4);
    for source in [Source::Revision("nope".to_owned()), Source::Range("nope..HEAD".to_owned())] {
        assert!(matches!(repository.changes_from(&source), Err(GitError::Revision(_))));
    }
}

#[test]
fn line_ends_alone_are_no_change() {
    let scratch = Scratch::with(&[(".gitattributes", "* text=auto\n")]);
    scratch.write("a", "one\r\ntwo\r\n");
    scratch.git(&["add", "a"]);
    scratch.git(&["commit", "-q", "-m", "second"]);
    assert_eq!(scratch.open().changes_from(&Source::Worktree).unwrap(), []);
}

#[test]
fn a_part_of_the_worktree_can_be_committed_or_staged() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.write("a", "2\n");
    scratch.write("b", "n\n");
    let changes = scratch.open().changes_from(&Source::Worktree).unwrap();
    scratch.open().stage(&changes[1..]).unwrap();
    assert_eq!(scratch.status(), " M a\nA  b\n");
    scratch.open().commit_from_tree(&selection(changes[..1].to_vec())).unwrap();
    assert_eq!(scratch.status(), "A  b\n");
    scratch.open().commit_from_tree(&selection(changes[1..].to_vec())).unwrap();
    assert_eq!(scratch.status(), "");
    scratch.is_sound();
}

#[test]
fn an_empty_repository_shows_its_files() {
    let scratch = Scratch::new();
    scratch.write("a", "1\n");
    assert_eq!(scratch.open().changes_from(&Source::Worktree).unwrap(), [change("a", None, state("1\n"))]);
    assert_eq!(scratch.open().changes_from(&Source::Staged).unwrap(), []);
}

#[test]
fn a_link_in_the_place_of_a_file_is_one_change() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    std::fs::remove_file(scratch.path("a")).unwrap();
    std::os::unix::fs::symlink("b", scratch.path("a")).unwrap();
    scratch.git(&["add", "a"]);
    let expected = [change("a", state("1\n"), super::scratch::symlink("b"))];
    for source in [Source::Worktree, Source::Staged] {
        assert_eq!(scratch.open().changes_from(&source).unwrap(), expected, "{source:?}");
    }
    scratch.git(&["commit", "-q", "-m", "link"]);
    assert_eq!(scratch.open().changes_from(&Source::Revision("HEAD".to_owned())).unwrap(), expected);
    assert_eq!(scratch.open().changes_from(&Source::Range("HEAD~1..".to_owned())).unwrap(), expected);
}

#[test]
fn what_is_in_conflict_is_not_shown_as_staged() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    scratch.git(&["checkout", "-q", "-b", "side"]);
    scratch.write("a", "side\n");
    scratch.git(&["commit", "-q", "-am", "side"]);
    scratch.git(&["checkout", "-q", "main"]);
    scratch.write("a", "main\n");
    scratch.git(&["commit", "-q", "-am", "main"]);
    assert!(!scratch.command().args(["merge", "-q", "side"]).output().unwrap().status.success());
    scratch.write("b", "2\n");
    scratch.git(&["add", "b"]);
    assert_eq!(scratch.open().changes_from(&Source::Staged).unwrap(), [change("b", state("1\n"), state("2\n"))]);
}
