//! Patches as people send them: binary parts, other line ends, folders beside each other, a version long gone by.

use crate::support::home::Home;

fn lines(count: usize) -> String {
    (1..=count).map(|line| format!("line {line}\n")).collect()
}

/// A repository whose branch `topic` has one more commit with what `change` makes; the tree is back on the first one.
fn with_topic(change: impl Fn(&Home)) -> Home {
    let home = Home::with(&[("a.txt", lines(40).as_str()), ("dir/b.txt", "b\n")]);
    let noise: Vec<u8> = (0..6_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(home.repository.join("big.bin"), noise).unwrap();
    std::fs::write(home.repository.join("gone.bin"), b"\0\x01\x02").unwrap();
    home.git(&["add", "."]);
    home.git(&["commit", "-q", "-m", "binary files"]);
    home.git(&["checkout", "-q", "-b", "topic"]);
    change(&home);
    home.git(&["add", "-A"]);
    home.git(&["commit", "-q", "-m", "topic"]);
    home.git(&["checkout", "-q", "-"]);
    home
}

fn save(home: &Home, name: &str, patch: impl AsRef<[u8]>) -> String {
    std::fs::write(home.repository.join("..").join(name), patch).unwrap();
    format!("../{name}")
}

#[test]
fn binary_parts_of_a_patch_become_the_files_git_makes_of_them() {
    let home = with_topic(|home| {
        let big = home.repository.join("big.bin");
        let mut bytes = std::fs::read(&big).unwrap();
        bytes[3_000] ^= 0xff;
        std::fs::write(&big, bytes).unwrap();
        std::fs::write(home.repository.join("new.bin"), b"\0new\xff").unwrap();
        std::fs::remove_file(home.repository.join("gone.bin")).unwrap();
        home.write("a.txt", &lines(40).replace("line 7\n", "seven\n"));
    });
    let whole = home.git(&["diff", "--binary", "HEAD", "topic"]);
    assert!(whole.contains("delta ") && whole.contains("literal "), "{whole}");
    let mail = home.git(&["format-patch", "-1", "--stdout", "topic"]);
    for (name, patch) in [("whole.diff", whole), ("mail.patch", mail)] {
        let from = save(&home, name, patch);
        home.tenon(&["review", "--from", &from, "--accept", "all", "--commit", "-m", "take it"]).with_code(0);
        assert_eq!(home.git(&["diff", "--stat", "HEAD", "topic"]), "", "{name}");
        assert_eq!(home.git(&["status", "--porcelain"]), "");
        home.tenon(&["undo"]).with_code(0);
    }
    // Made for other bytes: refused, and nothing is changed.
    std::fs::write(home.repository.join("big.bin"), b"\0other").unwrap();
    let refused = home.tenon(&["review", "--from", "../whole.diff", "--list"]).with_code(2);
    assert!(refused.err.contains("big.bin"), "{}", refused.err);
}

#[test]
fn a_binary_change_without_its_content_is_left_out_and_said() {
    let home = with_topic(|home| {
        std::fs::write(home.repository.join("big.bin"), b"\0other").unwrap();
        home.write("a.txt", &lines(40).replace("line 7\n", "seven\n"));
    });
    let from = save(&home, "plain.diff", home.git(&["diff", "HEAD", "topic"]));
    let list = home.tenon(&["review", "--from", &from, "--list", "--json"]).with_code(0);
    assert!(list.err.contains("left out: big.bin"), "{}", list.err);
    assert_eq!(list.json().as_array().unwrap().len(), 1);
}

#[test]
fn patches_of_other_programs_find_their_files() {
    let home = with_topic(|home| home.write("a.txt", &lines(40).replace("line 7\n", "seven\n")));
    let git = home.git(&["diff", "HEAD", "topic"]);
    let (_, body) = git.split_once("\n@@").unwrap();
    let plain =
        |old: &str, new: &str| format!("--- {old}\t2026-01-01 10:00:00\n+++ {new}\t2026-01-01 10:00:01\n@@{body}");
    let added = "--- old/dir/new.txt\t1970-01-01 00:00:00.000000000 +0000\n+++ new/dir/new.txt\t2026-01-01 10:00:00\n@@ -0,0 +1 @@\n+n\n";
    let folders = format!("diff -ruN old/a.txt new/a.txt\n{}{added}", plain("old/a.txt", "new/a.txt"));
    for (name, patch, paths) in [
        ("crlf.diff", git.replace('\n', "\r\n"), vec!["a.txt"]),
        ("copy.diff", plain("a.txt.orig", "a.txt"), vec!["a.txt"]),
        ("folders.diff", folders, vec!["a.txt", "dir/new.txt"]),
        // Nothing says that the first folder is none of the repository.
        ("new.diff", added.replace("old/dir", "dir").replace("new/dir", "dir"), vec!["dir/new.txt"]),
    ] {
        let from = save(&home, name, patch);
        let list = home.tenon(&["review", "--from", &from, "--list", "--json"]).with_code(0).json();
        let found: Vec<&str> = list.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(found, paths, "{name}");
    }
}

#[test]
fn a_patch_for_an_older_version_is_merged_where_that_version_is_known() {
    let home = with_topic(|home| home.write("a.txt", &lines(40).replace("line 7\n", "seven\n")));
    let from = save(&home, "old.diff", home.git(&["diff", "HEAD", "topic"]));
    home.write("a.txt", &lines(40).replace("line 5\n", "five\n"));
    let list = home.tenon(&["review", "--from", &from, "--list"]).with_code(0);
    assert!(list.err.contains("a.txt has changed since the patch was made"), "{}", list.err);
    home.tenon(&["review", "--from", &from, "--accept", "all", "--commit", "-m", "seven"]).with_code(0);
    assert_eq!(home.read("a.txt"), lines(40).replace("line 5\n", "five\n").replace("line 7\n", "seven\n"));
    assert_eq!(home.git(&["show", "HEAD:a.txt"]), lines(40).replace("line 7\n", "seven\n"));
    // Both changed the same line.
    home.write("a.txt", &lines(40).replace("line 7\n", "mine\n"));
    let refused = home.tenon(&["review", "--from", &from, "--list"]).with_code(2);
    assert!(refused.err.contains("does not apply"), "{}", refused.err);
}

#[test]
fn what_a_review_cannot_show_is_said() {
    let home = with_topic(|home| {
        home.write("a.txt", &lines(40).replace("line 7\n", "seven\n"));
        home.git(&["clone", "-q", ".", "vendor"]);
    });
    let list = home.tenon(&["review", "--from", "topic", "--list"]).with_code(0);
    assert!(list.err.contains("left out: vendor: a submodule"), "{}", list.err);
    assert!(list.out.contains("a.txt"));
}

#[test]
fn what_a_hook_makes_of_a_patch_is_shown_before_it_is_committed() {
    let home = with_topic(|home| {
        home.write("a.txt", &lines(40).replace("line 7\n", "seven  \n").replace("line 30\n", "thirty\n"));
        home.write("dir/b.txt", "b\nc  \n");
    });
    let from = save(&home, "spaces.diff", home.git(&["diff", "HEAD", "topic"]));
    // Takes spaces at the ends of lines out of what is staged, as a formatter does, and refuses when there were any.
    let hook = "#!/bin/sh\nfor f in $(git diff --cached --name-only); do\n  grep -q ' $' $f && { sed -i 's/ *$//' $f; bad=1; }\ndone\ntest -z \"$bad\"\n";
    home.write(".git/hooks/pre-commit", hook);
    let made = std::process::Command::new("chmod")
        .args(["+x", ".git/hooks/pre-commit"])
        .current_dir(&home.repository)
        .status()
        .unwrap();
    assert!(made.success());
    let list = |from: &str| home.tenon(&["review", "--from", from, "--list", "--lines", "--json"]).with_code(0).json();
    let first = list(&from)[0]["hunks"][0]["id"].as_str().unwrap().to_owned();
    let take = ["review", "--from", &from, "--accept", &first, "--reject", "dir/b.txt", "--commit", "-m", "seven"];
    let refused = home.tenon(&take).with_code(2);
    assert!(refused.err.contains("pre-commit hook changed a.txt"), "{}", refused.err);
    assert_eq!((home.read("a.txt"), home.git(&["status", "--porcelain"])), (lines(40), String::new()));
    // The hook's version is there to be looked at, with what was not accepted as it was, and what was decided.
    let now = list(&from);
    assert!(now.to_string().contains("\"seven\"") && now.to_string().contains("thirty"), "{now}");
    assert_eq!(now[1]["hunks"][0]["verdict"], "reject");
    let first = now[0]["hunks"][0]["id"].as_str().unwrap().to_owned();
    home.tenon(&["review", "--from", &from, "--accept", &first, "--commit", "-m", "seven"]).with_code(0);
    assert_eq!(home.git(&["show", "HEAD:a.txt"]), lines(40).replace("line 7\n", "seven\n"));
    // Another patch of that name is another change.
    save(&home, "spaces.diff", home.git(&["diff", "HEAD", "topic", "--", "dir"]));
    assert_eq!(list(&from).as_array().unwrap().len(), 1);
}
