//! The deploy gate on changes of real repositories, and by hand.

use std::process::Command;

use serde_json::Value;

use super::beds::{Bed, gate};
use crate::support::beds;

const WORKFLOW: &str = "name: ci\non: [push]\njobs:\n  build:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: someone/old@v1\n      - run: make\n";
const DOCKERFILE: &str = "FROM node:22-slim\nWORKDIR /app\nCOPY package.json ./\nCOPY src ./src\nUSER node\nCMD [\"node\", \"src/server.js\"]\n";

fn opened() -> Option<Bed> {
    let bed = Bed::open("express")?;
    std::fs::create_dir_all(bed.root.join(".github/workflows")).unwrap();
    std::fs::write(bed.root.join(".github/workflows/ci.yml"), WORKFLOW).unwrap();
    std::fs::write(bed.root.join("Dockerfile"), DOCKERFILE).unwrap();
    std::fs::write(bed.root.join(".env.example"), "PORT=3000\n").unwrap();
    beds::commit(&bed.root);
    Some(bed)
}

fn rows(found: &Value) -> Vec<String> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let list = found["findings"].as_array().cloned().unwrap_or_default();
    list.iter()
        .filter(|one| {
            !text(one, "rule").contains(':') && !matches!(text(one, "rule").as_str(), "hadolint" | "actionlint")
        })
        .map(|one| {
            let old = if one["old"] == true { " old" } else { "" };
            format!("{} {} {}:{}{old}", text(one, "severity"), text(one, "rule"), text(one, "path"), one["line"])
        })
        .collect()
}

#[test]
fn what_a_change_breaks_is_found_and_what_was_broken_before_does_not_block() {
    let Some(bed) = opened() else { return };
    for (path, from, to, status, expected) in [
        (
            ".github/workflows/ci.yml",
            "- run: make",
            "- run: make all",
            "pass",
            vec!["warning unpinned .github/workflows/ci.yml:7 old"],
        ),
        (
            ".github/workflows/ci.yml",
            "    steps:",
            "    needs: tests\n    steps:",
            "fail",
            vec!["error needs .github/workflows/ci.yml:6", "warning unpinned .github/workflows/ci.yml:8 old"],
        ),
        ("Dockerfile", "COPY src", "COPY scr", "fail", vec!["error copy Dockerfile:4"]),
        ("Dockerfile", "USER node\n", "", "pass", vec!["warning root Dockerfile:1"]),
        ("src/server.js", "const", "process.env.API_URL;\nconst", "pass", vec!["warning undeclared src/server.js:1"]),
    ] {
        bed.change(path, from, to);
        let found = bed.verify(&["deploy"]);
        let deploy = gate(&found, "deploy");
        assert_eq!(
            (deploy["status"].as_str(), rows(deploy)),
            (Some(status), expected.iter().map(|row| (*row).to_owned()).collect()),
            "{to}: {deploy:#}"
        );
        bed.restore();
    }
    // A file that an image is made of goes.
    std::fs::remove_file(bed.root.join("package.json")).unwrap();
    let found = bed.verify(&["deploy"]);
    assert_eq!(rows(gate(&found, "deploy"))[0], "error copy Dockerfile:3");
}

#[test]
fn the_tools_say_by_hand_what_the_gates_say() {
    let Some(bed) = opened() else { return };
    let state = tempfile::tempdir().unwrap();
    let exec = |tool: &str, input: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenon"));
        command.args(["exec", tool, input]).current_dir(&bed.root);
        for variable in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            command.env(variable, state.path());
        }
        let done = command.output().unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
        )
    };
    let (code, text) = exec("deploy", "{}");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("warning: .github/workflows/ci.yml:7: `someone/old`")
            && text.contains("0 errors, 1 warning in 3 files."),
        "{text}"
    );
    let (code, text) = exec("deploy", "{\"paths\": [\"Dockerfil\"]}");
    assert!(code == Some(1) && text.contains("`Dockerfil` does not exist"), "{text}");
    let (_, text) = exec("migrate", "{\"op\": \"status\"}");
    assert!(text.contains("No migrations were found."), "{text}");
    let (code, text) = exec("migrate", "{\"op\": \"prov\"}");
    assert!(code == Some(1) && text.contains("prove, status"), "{text}");
}
