//! New dependencies: who is asked about them, and what their silence means.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::beds::gate;
use crate::support::beds;

/// A project with lock files of npm, Cargo and Go, and programs in front of `PATH`. They lie in the project, ignored:
/// what else is in the machine's folder for temporary files is not seen by gates.
struct Project {
    folder: tempfile::TempDir,
}

const LOCK: &str = r#"{"name": "x", "lockfileVersion": 3, "packages": {"": {"dependencies": {"express": "^4.0.0"}}}}"#;

impl Project {
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        made.write("root/package.json", "{\"name\": \"x\", \"dependencies\": {\n\"express\": \"^4.0.0\"}}\n");
        made.write("root/package-lock.json", LOCK);
        made.write("root/Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\n[dependencies]\n");
        made.write("root/Cargo.lock", "version = 3\n");
        made.write("root/go.mod", "module x\n\ngo 1.19\n");
        made.write("root/go.sum", "");
        made.write("root/.gitignore", "programs\n");
        std::fs::create_dir_all(made.path("root/programs")).unwrap();
        beds::commit(&made.path("root"));
        made
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Puts a program in front of all others.
    fn program(&self, name: &str, script: &str) {
        self.write(&format!("root/programs/{name}"), &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(self.path(&format!("root/programs/{name}")), PermissionsExt::from_mode(0o755))
            .unwrap();
    }

    fn verify(&self) -> Value {
        let system = std::env::var("PATH").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenon"));
        command.args(["verify", "--json", "dependencies"]).current_dir(self.path("root"));
        command.env("PATH", format!("{}:{system}", self.path("root/programs").display()));
        for (variable, folder) in
            [("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")]
        {
            command.env(variable, self.path(folder));
        }
        let done = command.output().unwrap();
        let found: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
        });
        gate(&found, "dependencies").clone()
    }

    fn restore(&self) {
        let git = |arguments: &[&str]| {
            assert!(Command::new("git").args(arguments).current_dir(self.path("root")).status().unwrap().success());
        };
        git(&["checkout", "-q", "."]);
    }
}

fn add(root: &Path, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(root.join(file)).unwrap();
    assert!(text.contains(from), "{from} is not in {file}");
    std::fs::write(root.join(file), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn an_audit_that_could_not_ask_is_never_green_and_one_that_did_is_named() {
    let project = Project::new();
    let with_serde = |lock: bool| {
        add(&project.path("root"), "Cargo.toml", "[dependencies]\n", "[dependencies]\nserde = \"1\"\n");
        if lock {
            add(&project.path("root"), "Cargo.lock", "3\n", "3\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n");
        }
    };
    let known = r#"{"advisory": {"id": "RUSTSEC-1", "title": "memory"}, "package": {"name": "serde"}}"#;
    for (answer, status, words) in [
        ("exit 127", "not_run", "none of osv-scanner, cargo-audit is installed"),
        ("echo 'error: could not resolve host' >&2; exit 1", "not_run", "gates have no network"),
        ("echo broken; exit 0", "not_run", "cargo-audit: broken"),
        (
            "cat Cargo.lock >/dev/null && echo '{\"vulnerabilities\": {\"list\": []}}'",
            "pass",
            "cargo-audit knows no vulnerability",
        ),
        (
            &format!(
                "grep -q serde Cargo.lock && echo '{{\"vulnerabilities\": {{\"list\": [{known}]}}}}' || echo '{{\"vulnerabilities\": {{\"list\": []}}}}'"
            ),
            "fail",
            "`serde` has a known vulnerability: memory",
        ),
        (&format!("echo '{{\"vulnerabilities\": {{\"list\": [{known}]}}}}'"), "pass", "1 finding on base too"),
    ] {
        project.program("cargo-audit", answer);
        project.program("osv-scanner", "exit 127");
        with_serde(true);
        let found = project.verify();
        assert_eq!(found["status"], status, "{answer}: {found:#}");
        assert!(found["reason"].as_str().unwrap().contains(words), "{answer}: {found:#}");
        project.restore();
    }
}

#[test]
fn a_lock_file_that_is_out_of_step_is_a_finding() {
    let project = Project::new();
    let root = project.path("root");
    for (file, from, to, line, words) in [
        ("package.json", "^4", "^5", 2, "`express` is ^5.0.0 here and ^4.0.0 in package-lock.json"),
        ("package.json", "\"express\"", "\"koa\": \"^2.0.0\",\n\"express\"", 2, "`koa` is not in package-lock.json"),
        (
            "package-lock.json",
            "{\"express\"",
            "{\"koa\": \"^2.0.0\", \"express\"",
            1,
            "`koa` is in package-lock.json and not here",
        ),
        ("Cargo.toml", "[dependencies]\n", "[dependencies]\nserde = \"1\"\n", 5, "`serde` is not in Cargo.lock"),
        (
            "go.mod",
            "go 1.19\n",
            "go 1.19\n\nrequire github.com/lib/pq v1.10.0\n",
            5,
            "github.com/lib/pq v1.10.0 is not in go.sum",
        ),
    ] {
        add(&root, file, from, to);
        let found = project.verify();
        assert_eq!(found["status"], "fail", "{words}: {found:#}");
        let hit =
            found["findings"].as_array().unwrap().iter().find(|one| one["message"].as_str().unwrap().contains(words));
        assert_eq!(hit.unwrap_or_else(|| panic!("{words}: {found:#}"))["line"], line, "{words}");
        project.restore();
    }
}
