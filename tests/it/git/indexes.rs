//! Every form of the index git knows is read, and what stands in it about other paths is kept.

use super::scratch::{Scratch, change, selection, state};
use tenon::git::{GitError, Selection, Source};

fn edit() -> Selection {
    selection(vec![change("a", state("1\n"), state("2\n"))])
}

/// Everything the index holds about the paths that are not these.
fn others(scratch: &Scratch, but: &[&str]) -> Vec<String> {
    let all = scratch.git(&["ls-files", "-s", "-v", "--debug"]);
    let mut kept = Vec::new();
    let mut keep = true;
    for line in all.lines() {
        if !line.starts_with(' ') {
            keep = !but.iter().any(|path| line.ends_with(&format!("\t{path}")));
        }
        if keep {
            kept.push(line.to_owned());
        }
    }
    kept
}

#[test]
fn the_index_keeps_what_it_knows_of_other_paths_to_the_byte() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("d", "1\n"), ("sub/e", "1\n")]);
    scratch.write("announced", "1\n");
    scratch.write("b", "staged\n");
    for file in ["a", "b", "c", "d", "sub/e", "announced"] {
        // Older than the index, so that git trusts what it noted.
        let file = std::fs::File::options().append(true).open(scratch.path(file)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(100)).unwrap();
    }
    scratch.git(&["add", "a", "b", "c", "d", "sub/e"]);
    scratch.git(&["add", "-N", "announced"]);
    scratch.git(&["update-index", "--assume-unchanged", "c"]);
    scratch.git(&["update-index", "--skip-worktree", "d"]);
    let before = others(&scratch, &["a", "new"]);
    assert!(before.len() > 20, "{before:?}");
    let selected = selection(vec![change("a", state("1\n"), state("2\n")), change("new", None, state("n\n"))]);
    let made = scratch.open().commit(&selected).unwrap();
    assert_eq!(others(&scratch, &["a", "new"]), before);
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!(others(&scratch, &["a", "new"]), before);
    scratch.open().stage(&selected.files).unwrap();
    assert_eq!(others(&scratch, &["a", "new"]), before);
    scratch.is_sound();
}

#[test]
fn a_watcher_and_other_helpers_of_the_index_are_not_misled() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    // A watcher that swears that nothing has changed since it was asked last.
    scratch.write(".git/watcher", "#!/bin/sh\nprintf 'token\\0'\n");
    std::fs::set_permissions(scratch.path(".git/watcher"), std::fs::Permissions::from_mode(0o755)).unwrap();
    scratch.git(&["config", "core.fsmonitor", scratch.path(".git/watcher").to_str().unwrap()]);
    scratch.git(&["config", "core.fsmonitorHookVersion", "2"]);
    scratch.git(&["update-index", "--fsmonitor"]);
    scratch.git(&["update-index", "--untracked-cache"]);
    scratch.git(&["status"]);
    scratch.open().commit(&edit()).unwrap();
    assert_eq!((scratch.status().as_str(), scratch.head("a").as_str()), ("", "2\n"));
    scratch.git(&["config", "--unset", "core.fsmonitor"]);
    assert_eq!(scratch.status(), "");
    scratch.is_sound();
}

/// Both are the same; else the first lines that are not.
fn same(after: &[String], before: &[String]) {
    let differing = after.iter().zip(before).position(|(a, b)| a != b);
    let around = |lines: &[String]| {
        let from = differing.unwrap_or(after.len().min(before.len())).saturating_sub(6);
        lines.iter().skip(from).take(9).cloned().collect::<Vec<_>>()
    };
    assert!(after == before, "after {:#?}\nbefore {:#?}", around(after), around(before));
}

/// A split index with an entry of each kind: shared, replaced, deleted, added, announced, and two that git is told to
/// leave alone.
fn split(version: &str) -> Scratch {
    let names: Vec<String> = (0..20).map(|number| format!("many/{number}")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1\n")).collect();
    files.extend([("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("d", "1\n"), ("gone", "1\n")]);
    let scratch = Scratch::with(&files);
    for (path, _) in &files {
        let file = std::fs::File::options().append(true).open(scratch.path(path)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(100)).unwrap();
    }
    scratch.git(&["add", "-A"]);
    scratch.git(&["update-index", "--index-version", version]);
    scratch.git(&["update-index", "--split-index"]);
    scratch.write("b", "staged\n");
    scratch.write("new", "staged\n");
    scratch.write("announced", "1\n");
    scratch.git(&["add", "b", "new"]);
    scratch.git(&["add", "-N", "announced"]);
    scratch.git(&["rm", "-q", "--cached", "gone"]);
    scratch.git(&["update-index", "--assume-unchanged", "c"]);
    scratch.git(&["update-index", "--skip-worktree", "d"]);
    scratch.write("many/7", "unstaged\n");
    scratch
}

fn shared(scratch: &Scratch) -> String {
    scratch.git(&["rev-parse", "--shared-index-path"])
}

#[test]
fn a_split_index_stays_split_and_holds_the_same() {
    for version in ["2", "4"] {
        let scratch = split(version);
        let (file, before) = (shared(&scratch), others(&scratch, &["a"]));
        assert!(file.contains("sharedindex."), "git did not split it: {file}");
        let counts = scratch.open().tree_state().unwrap();
        assert_eq!((counts.staged, counts.untracked), (3, 1), "b, new and gone are staged; gone is no longer tracked");
        let paths = |source| -> Vec<String> {
            let found = scratch.open().changes_from(&source).unwrap();
            found.into_iter().map(|change| change.path.to_string()).collect()
        };
        let by_git =
            |arguments: &[&str]| -> Vec<String> { scratch.git(arguments).lines().map(ToOwned::to_owned).collect() };
        assert_eq!(paths(Source::Staged), by_git(&["diff", "--cached", "--name-only"]));
        assert_eq!(paths(Source::Worktree), ["announced", "b", "many/7", "new"]);
        let status = scratch.status();
        let made = scratch.open().commit(&edit()).unwrap();
        assert_eq!(shared(&scratch), file, "version {version}");
        same(&others(&scratch, &["a"]), &before);
        assert_eq!((scratch.status(), scratch.head("a").as_str()), (status.clone(), "2\n"));
        scratch.open().undo(&made.oid).unwrap();
        assert_eq!((shared(&scratch), scratch.status()), (file, status));
        same(&others(&scratch, &["a"]), &before);
        scratch.open().stage(&edit().files).unwrap();
        assert!(scratch.status().contains("MM a\n"), "{}", scratch.status());
        // Git goes on with it.
        scratch.write("many/8", "more\n");
        scratch.git(&["add", "many/8", "a"]);
        scratch.git(&["commit", "-q", "-m", "by git"]);
        assert_eq!(scratch.head("many/8"), "more\n");
        scratch.git(&["update-index", "--no-split-index"]);
        scratch.is_sound();
    }
}

#[test]
fn hooks_find_what_is_to_be_committed_in_a_split_index_too() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = split("2");
    scratch.git(&["config", "core.splitIndex", "true"]);
    let hook = "#!/bin/sh\ngit diff --cached --name-only > \"$(git rev-parse --git-dir)/seen\"\ngit add a\n";
    scratch.write(".git/hooks/pre-commit", hook);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(scratch.path(".git/hooks/pre-commit"), executable).unwrap();
    let before = others(&scratch, &["a"]);
    scratch.open().commit(&edit()).unwrap();
    assert_eq!(scratch.read(".git/seen"), "a\n");
    same(&others(&scratch, &["a"]), &before);
    assert!(shared(&scratch).contains("sharedindex."));
    scratch.is_sound();
}

#[test]
fn a_split_index_without_its_other_half_is_refused_with_a_way_out() {
    let scratch = split("2");
    let file = scratch.path(shared(&scratch).trim());
    std::fs::rename(&file, file.with_extension("away")).unwrap();
    let refused = scratch.open().commit(&edit()).unwrap_err();
    assert!(matches!(refused, GitError::Unsupported { .. }), "{refused}");
    assert!(refused.to_string().contains("is missing") && refused.to_string().contains("git reset"), "{refused}");
    assert_eq!(scratch.read("a"), "1\n");
    std::fs::rename(file.with_extension("away"), &file).unwrap();
    scratch.open().commit(&edit()).unwrap();
}

#[test]
fn a_sparse_index_is_read_and_git_folds_it_again() {
    let scratch = Scratch::with(&[("in/a", "1\n"), ("out/b", "1\n"), ("out/deep/c", "1\n"), ("a", "1\n")]);
    scratch.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    let folded = "H a\nH in/a\nS out/\n";
    assert_eq!(scratch.git(&["ls-files", "-t", "--sparse"]), folded, "git has no sparse index");
    assert!(scratch.open().changes_from(&Source::Worktree).unwrap().is_empty());
    scratch.write("in/a", "staged\n");
    scratch.git(&["add", "in/a"]);
    let tree = |revision: &str| scratch.git(&["ls-tree", "-r", revision, "out"]);
    let before = tree("HEAD");
    let made = scratch.open().commit(&edit()).unwrap();
    assert_eq!((tree("HEAD"), scratch.status().as_str()), (before, "M  in/a\n"));
    assert_eq!(scratch.git(&["ls-files", "-t"]), "H a\nH in/a\nS out/b\nS out/deep/c\n");
    scratch.git(&["add", "in/a"]);
    scratch.git(&["commit", "-q", "-m", "by git"]);
    scratch.git(&["update-index", "--force-write-index"]);
    assert_eq!(scratch.git(&["ls-files", "-t", "--sparse"]), folded);
    scratch.open().undo(&made.oid).unwrap();
    assert_eq!((scratch.head("a").as_str(), scratch.status().as_str()), ("1\n", ""));
    assert!(!scratch.path("out").exists());
    scratch.is_sound();
}
