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
fn a_hook_that_formats_shows_its_version_before_it_is_committed() {
    // As lint-staged does it, and as the pre-commit framework does it.
    for script in ["echo formatted > a; echo 1 > more; git add a more", "echo formatted > a; echo told; exit 1"] {
        let scratch = Scratch::with(&[("a", "1\n")]);
        hook(&scratch, ".git/hooks", "pre-commit", script);
        let before = scratch.snapshot();
        match scratch.open().commit(&edit()) {
            Err(GitError::HookChanged { name, files, output }) => {
                assert_eq!(name, "pre-commit");
                assert_eq!(files[0], (super::scratch::path("a"), state("formatted\n")));
                assert!(
                    script.contains("more") == (files.len() == 2) && script.contains("told") == output.contains("told")
                );
            }
            other => panic!("{other:?}"),
        }
        std::fs::remove_file(scratch.path("more")).ok();
        assert_eq!(scratch.snapshot(), before);
        // Accepted as the hook wants it, it goes through.
        if !script.contains("exit") {
            let files = vec![change("a", state("1\n"), state("formatted\n")), change("more", None, state("1\n"))];
            scratch.open().commit(&selection(files)).unwrap();
            assert_eq!(scratch.status(), "");
        }
        scratch.is_sound();
    }
}

#[test]
fn a_hook_cannot_commit_what_was_not_accepted() {
    let scratch = Scratch::with(&[("a", "1\n")]);
    hook(&scratch, ".git/hooks", "pre-commit", "echo formatted > a; git add a");
    let before = scratch.snapshot();
    match scratch.open().commit(&edit()) {
        Err(error @ GitError::HookChanged { .. }) => {
            assert!(error.to_string().contains("changed what is to be committed (a)"), "{error}");
            let GitError::HookChanged { files, output, .. } = error else { unreachable!() };
            assert_eq!(files, [(super::scratch::path("a"), state("formatted\n"))], "the hook's version is shown next");
            assert!(!output.contains("put back"), "so it is not told as kept aside: {output}");
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

/// A key that lives as long as the test, in a folder short enough for the agent's socket.
struct Keyring(tempfile::TempDir);

impl Keyring {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::Builder::new().prefix("k").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        Self(folder)
    }

    fn gpg(&self, arguments: &[&str]) -> Option<String> {
        let mut command = std::process::Command::new("gpg");
        command.args(["--homedir", self.0.path().to_str().unwrap(), "--batch", "--pinentry-mode", "loopback"]);
        let output = command.args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A program that signs with this keyring, as `gpg.program` names it.
    fn program(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\nexec {name} --homedir '{}' \"$@\"\n", self.0.path().display()))
            .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let home = self.0.path().to_str().unwrap().to_owned();
        let _ = std::process::Command::new("gpgconf").args(["--homedir", &home, "--kill", "all"]).output();
    }
}

#[test]
fn commits_are_signed_with_gpg() {
    let keys = Keyring::new();
    let who = "Ada <ada@example.org>";
    if keys.gpg(&["--passphrase", "", "--quick-gen-key", who, "ed25519", "sign", "never"]).is_none() {
        assert!(std::env::var("CI").is_err(), "gpg makes no key here");
        eprintln!("SKIPPED: GPG IS NOT HERE OR MAKES NO KEY");
        return;
    }
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.git(&["config", "commit.gpgsign", "true"]);
    scratch.git(&["config", "gpg.program", &keys.program("gpg")]);
    // Without a key of its own the committer's is taken, as git does.
    let made = scratch.open().commit(&edit()).unwrap();
    scratch.git(&["verify-commit", &made.oid]);
    assert!(matches!(scratch.git(&["log", "-1", "--format=%G?"]).trim(), "G" | "U"));
    let taken = scratch.open().undo(&made.oid).unwrap();
    assert_eq!(taken.head, Some(scratch.git(&["rev-parse", "HEAD"]).trim().to_owned()));
    scratch.git(&["config", "user.signingkey", "nobody@example.org"]);
    let before = scratch.snapshot();
    match scratch.open().commit(&edit()) {
        Err(GitError::Signing(why)) => assert!(why.contains("nobody@example.org"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(scratch.snapshot(), before);
    scratch.is_sound();
}

#[test]
fn commits_are_signed_with_x509() {
    let keys = Keyring::new();
    let home = keys.0.path().to_str().unwrap().to_owned();
    let at = |name: &str| format!("{home}/{name}");
    let run = |program: &str, arguments: &[&str]| {
        std::process::Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let subject = "/CN=Ada/emailAddress=ada@example.org";
    let made = run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            subject,
            "-addext",
            "subjectAltName=email:ada@example.org",
            "-addext",
            "keyUsage=critical,digitalSignature,keyCertSign",
            "-keyout",
            &at("key.pem"),
            "-out",
            &at("cert.pem"),
        ],
    ) && run(
        "openssl",
        &[
            "pkcs12",
            "-export",
            "-inkey",
            &at("key.pem"),
            "-in",
            &at("cert.pem"),
            "-out",
            &at("both.p12"),
            "-passout",
            "pass:",
        ],
    );
    std::fs::write(at("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
    std::fs::write(at("gpgsm.conf"), "disable-crl-checks\n").unwrap();
    let trusted = || {
        let said = std::process::Command::new("openssl")
            .args(["x509", "-in", &at("cert.pem"), "-noout", "-fingerprint", "-sha1"])
            .output()
            .unwrap();
        let print = String::from_utf8_lossy(&said.stdout).trim().rsplit('=').next().unwrap().to_owned();
        std::fs::write(at("trustlist.txt"), format!("{print} S relax\n")).unwrap();
    };
    let imported = made && {
        trusted();
        run(
            "gpgsm",
            &[
                "--homedir",
                &home,
                "--batch",
                "--pinentry-mode",
                "loopback",
                "--passphrase-fd",
                "0",
                "--import",
                &at("both.p12"),
            ],
        )
    };
    let scratch = Scratch::with(&[("a", "1\n")]);
    scratch.git(&["config", "commit.gpgsign", "true"]);
    scratch.git(&["config", "gpg.format", "x509"]);
    scratch.git(&["config", "gpg.x509.program", &keys.program("gpgsm")]);
    scratch.git(&["config", "user.signingkey", "ada@example.org"]);
    if !imported {
        eprintln!("SKIPPED: GPGSM IS NOT HERE OR TAKES NO KEY: only the refusal is tried");
        assert!(matches!(scratch.open().commit(&edit()), Err(GitError::Signing(_))));
        return;
    }
    let made = scratch.open().commit(&edit()).unwrap();
    assert!(scratch.git(&["cat-file", "commit", &made.oid]).contains("BEGIN SIGNED MESSAGE"));
    scratch.git(&["verify-commit", &made.oid]);
    scratch.is_sound();
}

#[test]
fn a_hook_sees_a_link_in_the_place_of_a_file() {
    let scratch = Scratch::with(&[("a", "1\n"), ("b", "1\n")]);
    hook(&scratch, ".git/hooks", "pre-commit", "git diff --cached --raw --no-abbrev > .git/seen");
    let linked = selection(vec![change("a", state("1\n"), super::scratch::symlink("b"))]);
    scratch.open().commit(&linked).unwrap();
    assert!(scratch.read(".git/seen").starts_with(":100644 120000 "), "{}", scratch.read(".git/seen"));
    assert_eq!(scratch.status(), "");
}
