//! Repositories in unusual states: each a message that says what and what next, nothing lost.

use super::scratch::{Scratch, change, selection, state};
use tenon::git::{GitError, Repository, Selection};

fn edit() -> Selection {
    selection(vec![change("a", state("1\n"), state("2\n"))])
}

#[test]
fn what_is_no_repository_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Repository::open(folder.path()).unwrap_err();
    assert!(matches!(refused, GitError::NotARepository(_)));
    assert!(refused.to_string().contains("`git init`"), "{refused}");
    assert!(Repository::open(folder.path().join("none")).is_err());
    let bare = Scratch::new();
    bare.git(&["init", "-q", "--bare", "../bare"]);
    let refused = Repository::open(bare.outside().join("bare")).unwrap_err();
    assert!(refused.to_string().contains("bare repository"), "{refused}");
}

#[test]
fn a_repository_is_found_from_any_folder() {
    let scratch = Scratch::with(&[("deep/er/a", "1\n")]);
    assert_eq!(Repository::open(scratch.path("deep/er")).unwrap().root(), scratch.root());
}

#[test]
fn the_state_tells_branch_and_counts() {
    let scratch = Scratch::new();
    let empty = scratch.open().tree_state().unwrap();
    assert_eq!((empty.branch.as_deref(), empty.unborn, empty.head), (Some("main"), true, None));
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n")]);
    scratch.write("a", "2\n");
    scratch.git(&["add", "a"]);
    scratch.write("a", "3\n");
    scratch.write("b", "2\n");
    scratch.write("u/1", "");
    let state = scratch.open().tree_state().unwrap();
    assert_eq!((state.staged, state.unstaged, state.untracked), (1, 2, 1));
    assert_eq!(state.head.as_deref(), Some(scratch.git(&["rev-parse", "HEAD"]).trim()));
    scratch.git(&["checkout", "-q", "--detach"]);
    let state = scratch.open().tree_state().unwrap();
    assert_eq!((state.detached, state.branch), (true, None));
}

#[test]
fn a_detached_head_moves_itself() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.git(&["checkout", "-q", "--detach"]);
    let made = scratch.open().commit(&edit()).unwrap();
    assert_eq!((made.branch, scratch.head("a").as_str()), (None, "2\n"));
    assert_eq!(scratch.git(&["show", "main:a"]), "1\n");
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!((scratch.head("a").as_str(), scratch.status().as_str()), ("1\n", ""));
    scratch.is_sound();
}

#[test]
fn an_unfinished_merge_refuses_the_commit_and_allows_reading() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    scratch.git(&["checkout", "-q", "-b", "side"]);
    scratch.write("b", "side\n");
    scratch.git(&["commit", "-q", "-am", "side"]);
    scratch.git(&["checkout", "-q", "main"]);
    scratch.write("b", "main\n");
    scratch.git(&["commit", "-q", "-am", "main"]);
    for (command, word) in [("merge", "merge"), ("cherry-pick", "cherry-pick"), ("rebase", "rebase")] {
        assert!(!scratch.command().args([command, "side"]).output().unwrap().status.success());
        let state = scratch.open().tree_state().unwrap();
        assert_eq!(state.operation.as_deref(), Some(word));
        let refused = scratch.open().commit(&edit()).unwrap_err().to_string();
        assert!(refused.contains(&format!("git {word} --abort")), "{refused}");
        scratch.git(&[command, "--abort"]);
        assert_eq!(scratch.read("a"), "1\n");
    }
}

#[test]
fn without_a_name_nothing_is_written() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.git(&["config", "--unset", "user.email"]);
    if std::env::var_os("EMAIL").is_some() || std::env::var_os("GIT_AUTHOR_EMAIL").is_some() {
        eprintln!("SKIPPED: the environment says who commits");
        return;
    }
    let before = scratch.snapshot();
    let refused = scratch.open().commit(&edit()).unwrap_err().to_string();
    assert!(refused.contains("git config user.name") && refused.contains("git config user.email"), "{refused}");
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn a_held_index_lock_is_named_and_everything_put_back() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let before = scratch.snapshot();
    scratch.write(".git/index.lock", "");
    let refused = scratch.open().commit(&edit()).unwrap_err();
    assert!(matches!(&refused, GitError::IndexLocked(path) if path.ends_with("index.lock")), "{refused:?}");
    std::fs::remove_file(scratch.path(".git/index.lock")).unwrap();
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn a_linked_worktree_and_a_submodule_are_repositories_of_their_own() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.git(&["worktree", "add", "-q", "../linked", "-b", "linked"]);
    let linked = Repository::open(scratch.outside().join("linked")).unwrap();
    linked.commit(&edit()).unwrap();
    assert_eq!(scratch.git(&["show", "linked:a"]), "2\n");
    assert_eq!((scratch.status().as_str(), scratch.read("a").as_str()), ("", "1\n"));
    let other = scratch.root().display().to_string();
    let super_project = Scratch::with(&[("x", "1\n")]);
    super_project.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", &other, "sub"]);
    super_project.git(&["commit", "-q", "-m", "sub"]);
    let sub = super_project.path("sub");
    let inner = Repository::open(&sub).unwrap();
    assert_eq!(inner.root(), sub);
    super_project.git(&["-C", "sub", "config", "user.name", "Ada"]);
    super_project.git(&["-C", "sub", "config", "user.email", "ada@example.org"]);
    inner.commit(&edit()).unwrap();
    assert_eq!(super_project.git(&["-C", "sub", "status", "--porcelain"]), "");
    let over = super_project.open().commit(&selection(vec![change("sub", None, state("x"))]));
    assert!(matches!(over, Err(GitError::InTheWay { .. })), "{over:?}");
}

#[test]
fn a_sparse_checkout_stays_sparse() {
    let scratch = Scratch::with(&[("in/a", "1\n"), ("out/b", "1\n"), ("a", "1\n")]);
    scratch.git(&["sparse-checkout", "set", "in"]);
    assert!(!scratch.path("out").exists());
    assert!(scratch.open().tree_state().unwrap().sparse);
    let made = scratch.open().commit(&edit()).unwrap();
    assert_eq!(scratch.status(), "");
    assert_eq!(scratch.git(&["ls-files", "-t"]), "H a\nH in/a\nS out/b\n");
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.status(), "");
    assert!(!scratch.path("out").exists());
}

#[test]
fn a_symlinked_folder_is_never_written_through() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let away = scratch.outside().join("away");
    std::fs::create_dir(&away).unwrap();
    std::os::unix::fs::symlink(&away, scratch.path("dir")).unwrap();
    let refused = scratch.open().commit(&selection(vec![change("dir/new", None, state("x\n"))]));
    assert!(matches!(refused, Err(GitError::InTheWay { .. })), "{refused:?}");
    assert_eq!(std::fs::read_dir(&away).unwrap().count(), 0);
}

#[test]
fn odd_bytes_and_names_survive() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let bytes =
        |bytes: &[u8]| Some(tenon::domain::FileState { bytes: bytes.to_vec(), mode: tenon::domain::FileMode::Regular });
    let files: Vec<_> = [
        ("binary", b"\0\x01\xff".as_slice()),
        ("latin1", b"caf\xe9\n"),
        ("bom", b"\xef\xbb\xbfx\r\n"),
        ("no newline", b"end"),
        ("empty", b""),
        ("\u{fc}ml\u{e4}ut/\u{1f980} [x]*?.txt", b"x\n"),
        ("-dash", b"x\n"),
    ]
    .into_iter()
    .map(|(path, content)| change(path, None, bytes(content)))
    .collect();
    let made = scratch.open().commit(&selection(files.clone())).unwrap();
    assert_eq!(scratch.status(), "");
    for file in &files {
        assert_eq!(std::fs::read(scratch.path(file.path.as_str())).unwrap(), file.result.as_ref().unwrap().bytes);
    }
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.status(), "");
    scratch.is_sound();
}

#[test]
fn an_encoding_that_cannot_be_kept_is_refused() {
    let scratch = Scratch::with(&[("a", "1\n"), (".gitattributes", "wide.txt working-tree-encoding=UTF-16LE\n")]);
    let wide = |text: &str| {
        let bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Some(tenon::domain::FileState { bytes, mode: tenon::domain::FileMode::Regular })
    };
    scratch.write("wide.txt", wide("one\n").unwrap().bytes);
    scratch.git(&["add", "-A"]);
    scratch.git(&["commit", "-qm", "wide"]);
    assert_eq!(scratch.head("wide.txt"), "one\n");
    let before = scratch.snapshot();
    let refused =
        scratch.open().commit(&selection(vec![change("wide.txt", wide("one\n"), wide("two\n"))])).unwrap_err();
    assert!(refused.to_string().contains("UTF-16LE") && refused.to_string().contains("`git` itself"), "{refused}");
    assert_eq!(scratch.snapshot(), before);
    // The others are not held up by it.
    let made = scratch.open().commit(&edit()).unwrap();
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn other_object_names_are_refused_with_a_word() {
    let scratch = Scratch::new();
    scratch.git(&["init", "-q", "--object-format=sha256", "../long"]);
    let refused = Repository::open(scratch.outside().join("long")).unwrap_err().to_string();
    assert!(refused.contains("cannot be used") && refused.contains("object"), "{refused}");
}

#[test]
fn a_repository_of_somebody_else_is_refused_with_the_way_to_trust_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only the superuser can give files away");
        return;
    }
    let scratch = Scratch::with(&[("a", "1\n")]);
    for path in [scratch.root(), scratch.path(".git"), scratch.path(".git/config")] {
        std::os::unix::fs::chown(path, Some(12_345), Some(12_345)).unwrap();
    }
    let refused = Repository::open(scratch.root()).unwrap_err();
    assert!(matches!(refused, GitError::Owner(_)), "{refused}");
    assert!(refused.to_string().contains("safe.directory"), "{refused}");
    assert_eq!(scratch.read("a"), "1\n");
}
