//! The repository's own hooks and signing.

use std::os::unix::fs::PermissionsExt as _;

use super::scratch::{Scratch, change, selection, state};
use tenon::git::{GitError, Selection};

fn hook(scratch: &Scratch, folder: &str, name: &str, script: &str) {
    scratch.write(&format!("{folder}/{name}"), format!("#!/bin/sh\n{script}\n"));
    let path = scratch.path(&format!("{folder}/{name}"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn edit() -> Selection {
    selection(vec![change("a", state("1\n"), state("2\n"))])
}

#[test]
fn a_hook_that_refuses_leaves_everything_as_it_was() {
    for name in ["pre-commit", "prepare-commit-msg", "commit-msg"] {
        let scratch = Scratch::with(&[("a", "1\n")]);
        hook(&scratch, ".git/hooks", name, "echo told out; echo told err >&2; exit 3");
        let before = scratch.snapshot();
        let mtime = scratch.path("a").metadata().unwrap().modified().unwrap();
        match scratch.open().commit(&edit()) {
            Err(GitError::Hook { name: refused, output }) => {
                assert_eq!(refused, name);
                assert_eq!(output, "told out\ntold err\n");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(scratch.snapshot(), before);
        assert_eq!(scratch.path("a").metadata().unwrap().modified().unwrap(), mtime);
        scratch.is_sound();
    }
}

#[test]
fn hooks_see_the_selection_as_git_shows_it() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    scratch.write("b", "staged\n");
    scratch.git(&["add", "b"]);
    scratch.write("b", "unstaged\n");
    hook(
        &scratch,
        ".git/hooks",
        "pre-commit",
        "pwd > ../seen; git diff --cached --name-only >> ../seen; git show :a >> ../seen; cat a >> ../seen",
    );
    hook(
        &scratch,
        ".git/hooks",
        "prepare-commit-msg",
        "test \"$2\" = message && printf '\\nPrepared: yes\\n' >> \"$1\"",
    );
    hook(
        &scratch,
        ".git/hooks",
        "commit-msg",
        "grep -q Prepared \"$1\" || exit 1; printf '\\nTold: %s\\n' yes >> \"$1\"",
    );
    hook(&scratch, ".git/hooks", "post-commit", "git log -1 --format=%s > ../after; exit 1");
    let made = scratch.open().commit(&edit()).unwrap();
    let seen = std::fs::read_to_string(scratch.outside().join("seen")).unwrap();
    assert_eq!(seen, format!("{}\na\n2\n2\n", scratch.root().display()));
    assert_eq!(made.message, "fix: what was asked\n\nPrepared: yes\n\nTold: yes\n");
    assert_eq!(scratch.git(&["log", "-1", "--format=%B"]), format!("{}\n", made.message));
    assert_eq!(std::fs::read_to_string(scratch.outside().join("after")).unwrap(), "fix: what was asked\n");
    assert_eq!(scratch.status(), "MM b\n");
    scratch.is_sound();
}

#[test]
fn hooks_come_from_the_configured_folder_and_only_when_executable() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    hook(&scratch, ".git/hooks", "pre-commit", "exit 1");
    scratch.git(&["config", "core.hooksPath", "my/hooks"]);
    scratch.write("my/hooks/commit-msg", "#!/bin/sh\nexit 1\n");
    scratch.open().commit(&edit()).unwrap();
    hook(&scratch, "my/hooks", "pre-commit", "exit 1");
    let refused = scratch.open().commit(&selection(vec![change("a", state("2\n"), state("3\n"))]));
    assert!(matches!(refused, Err(GitError::Hook { .. })), "{refused:?}");
}

#[test]
fn a_hook_cannot_commit_what_was_not_accepted() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    hook(&scratch, ".git/hooks", "pre-commit", "echo formatted > a; git add a");
    let before = scratch.snapshot();
    match scratch.open().commit(&edit()) {
        Err(GitError::Hook { output, .. }) => {
            assert!(output.contains("it changed what is to be committed (a)"), "{output}");
            let kept = output.rsplit(": ").next().unwrap().trim();
            assert_eq!(std::fs::read_to_string(kept).unwrap(), "formatted\n", "what had to make room is kept");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn commits_are_signed_as_git_is_configured() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    let key = scratch.outside().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(&key)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: there is no ssh-keygen");
        return;
    }
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(scratch.outside().join("allowed"), format!("ada@example.org {public}")).unwrap();
    scratch.git(&["config", "commit.gpgsign", "true"]);
    scratch.git(&["config", "gpg.format", "ssh"]);
    scratch.git(&["config", "gpg.ssh.allowedSignersFile", scratch.outside().join("allowed").to_str().unwrap()]);
    let before = scratch.snapshot();
    for (key, told) in [("", "no user.signingkey"), ("/nonexistent/key", "ssh-keygen ended with")] {
        if !key.is_empty() {
            scratch.git(&["config", "user.signingkey", key]);
        }
        match scratch.open().commit(&edit()) {
            Err(GitError::Signing(why)) => assert!(why.contains(told), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(scratch.snapshot(), before);
    }
    scratch.git(&["config", "user.signingkey", key.to_str().unwrap()]);
    scratch.open().commit(&edit()).unwrap();
    scratch.git(&["verify-commit", "HEAD"]);
    assert_eq!((scratch.head("a").as_str(), scratch.status().as_str()), ("2\n", ""));
    scratch.is_sound();
}
