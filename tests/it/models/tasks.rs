//! The tasks models are measured with are sound: each check fails on the files as they are and passes on the solution.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::json;

use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::Home;
use crate::support::{Answer, ScriptedServer, program_on_path};

#[derive(Deserialize)]
struct Task {
    language: String,
    files: BTreeMap<String, String>,
    check: Check,
    solution: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Check {
    command: String,
    files: BTreeMap<String, String>,
}

fn tasks() -> Vec<(String, Task)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/tasks");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name.clone(), toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    paths.into_iter().map(read).collect()
}

/// Whether the check passes on these files, and what it says.
fn passes(task: &Task, changed: Option<&BTreeMap<String, String>>) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in task.files.iter().chain(changed.into_iter().flatten()).chain(&task.check.files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = Command::new("sh").args(["-c", &task.check.command]).current_dir(folder.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn every_check_fails_before_and_passes_after() {
    let tasks = tasks();
    assert!(tasks.len() >= 24, "{} tasks", tasks.len());
    let go = program_on_path("go").is_some();
    if !go {
        eprintln!("NOT RUN: the tasks in Go, there is no go");
        assert!(std::env::var_os("CI").is_none(), "go is missing where CI is set");
    }
    std::thread::scope(|scope| {
        for (name, task) in tasks.iter().filter(|(_, task)| go || task.language != "go") {
            scope.spawn(move || {
                let (passed, said) = passes(task, None);
                assert!(!passed, "{name} passes untouched:\n{said}");
                let (passed, said) = passes(task, Some(&task.solution));
                assert!(passed, "{name} fails on its own solution:\n{said}");
            });
        }
    });
}

/// Answers that solve `python-rename` with the tools, for the real program.
fn solved() -> Vec<Answer> {
    let edit = |path: &str, edits: serde_json::Value| json!({"path": path, "edits": edits});
    let users = edit(
        "users.py",
        json!([
            {"old": "def get_usr(uid):", "new": "def find_user(user_id):"},
            {"old": "USERS.get(uid)", "new": "USERS.get(user_id)"},
            {"old": "user = get_usr(user_id)", "new": "user = find_user(user_id)"}
        ]),
    );
    let routes = edit(
        "routes.py",
        json!([
            {"old": "import get_usr, name_of", "new": "import find_user, name_of"},
            {"old": "get_usr(uid=user_id)", "new": "find_user(user_id=user_id)"}
        ]),
    );
    vec![
        anthropic("", &[("c1", "edit", users), ("c2", "edit", routes)]),
        anthropic("", &[("c3", "propose", json!({"title": "Rename", "message": "refactor: rename get_usr"}))]),
        anthropic_text("Renamed."),
    ]
}

#[test]
fn a_model_that_does_it_passes_and_one_that_does_not_fails() {
    let mut answers = solved();
    answers.push(anthropic_text("I changed nothing."));
    let server = ScriptedServer::start(answers);
    let mut home = Home::with(&[("readme.md", "x\n")]);
    home.anthropic(&server.url());
    let arguments = ["models", "test", "anthropic/claude-sonnet-4-5", "--tasks", "--json"];
    let report = home.tenon(&[&arguments[..], &["--only", "python-rename"]].concat()).with_code(0).json();
    assert_eq!((&report["passed"], &report["ran"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["tasks"][0]["status"], "pass");
    assert_eq!(report["tasks"][0]["input_tokens"], 33);
    let report = home.tenon(&[&arguments[..], &["--only", "python-rename"]].concat()).with_code(1).json();
    assert_eq!(report["tasks"][0]["status"], "fail");
    assert_eq!(report["tasks"][0]["reason"], "nothing was changed");
    // A measurement leaves no sessions behind.
    assert_eq!(home.tenon(&["sessions", "--json"]).with_code(0).json(), json!([]));
}

#[test]
fn a_wrong_result_fails_by_its_check_and_can_be_kept() {
    let wrong = json!({"path": "stock.py", "edits": [{"old": "time.sleep(0.001)", "new": "time.sleep(0.002)"}]});
    let server = ScriptedServer::start([
        anthropic("", &[("c1", "edit", wrong)]),
        anthropic("", &[("c2", "propose", json!({"title": "Slower", "message": "fix: slower"}))]),
        anthropic_text("Done."),
    ]);
    let mut home = Home::with(&[("readme.md", "x\n")]);
    home.anthropic(&server.url());
    let ended = home.tenon(&["models", "test", "--tasks", "--only", "python-race", "--keep", "kept"]).with_code(1);
    assert!(ended.out.contains("FAIL  python-race"), "{}", ended.out);
    assert!(ended.out.contains("AssertionError: 40"), "{}", ended.out);
    assert!(ended.out.contains("0 of 1 tasks passed (0 %)"), "{}", ended.out);
    assert!(home.read("kept/python-race/repository/stock.py").contains("0.002"));
    assert!(home.read("kept/python-race/events.jsonl").contains("committed"));
    // The check is nothing the model or the kept repository gets to see.
    assert!(!home.repository.join("kept/python-race/repository/check_task.py").exists());
    home.tenon(&["models", "test", "--tasks", "--only", "no-such-task"]).with_code(2);
}
