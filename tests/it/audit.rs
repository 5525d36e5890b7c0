//! Nothing of the user's is written before a verdict: not the tree, not the index, nothing in `.git`.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::ScriptedServer;
use crate::support::bodies::{anthropic, anthropic_text};
use crate::support::home::Home;

/// Inode, size, mode and times.
type Look = (u64, u64, u32, [i64; 4]);

/// Everything a write would change about a file or a folder, by path.
fn looks(folder: &Path) -> BTreeMap<PathBuf, Look> {
    fn walk(at: &Path, into: &mut BTreeMap<PathBuf, Look>) {
        let data = at.symlink_metadata().unwrap();
        let times = [data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()];
        let look = (data.ino(), data.size(), data.mode(), times);
        into.insert(at.to_owned(), look);
        if data.is_dir() {
            for entry in std::fs::read_dir(at).unwrap() {
                walk(&entry.unwrap().path(), into);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, &mut found);
    found
}

#[test]
fn a_whole_session_writes_nothing_before_a_verdict() {
    let commands = "python3 -m unittest -q 2>&1; git status; git diff; git log --oneline; git stash list; touch app.py; \
                    echo x > generated.txt; mkdir -p build && echo y > build/out; chmod +x app.py; rm notes.txt; \
                    git commit -am no; git add -A; echo hook > .git/hooks/pre-commit; echo done";
    let server = ScriptedServer::start(vec![
        anthropic("I look.", &[("c1", "run", json!({"command": commands})), ("c2", "list", json!({}))]),
        anthropic(
            "I change.",
            &[
                ("c3", "edit", json!({"path": "app.py", "edits": [{"old": "a + b", "new": "b + a"}]})),
                ("c4", "write", json!({"path": "new/file.py", "content": "x = 1\n"})),
                ("c5", "remove", json!({"path": "gone.py"})),
                ("c6", "run", json!({"command": "python3 -c 'import app; print(app.add(1, 2))'"})),
            ],
        ),
        anthropic("", &[("c7", "propose", json!({"title": "Change", "message": "change: all of it"}))]),
        anthropic_text("Done."),
    ]);
    let mut home = Home::with(&[
        ("app.py", "def add(a, b):\n    return a + b\n"),
        (
            "test_app.py",
            "import unittest\nimport app\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(app.add(1, 2), 3)\n",
        ),
        ("gone.py", "1\n"),
        ("notes.txt", "1\n"),
        (".gitignore", "build/\n__pycache__/\n"),
    ]);
    home.anthropic(&server.url());
    home.write("staged.txt", "staged\n");
    home.git(&["add", "staged.txt"]);
    home.write("app.py", "def add(a, b):\n    return a + b\n\n\n# mine\n");
    let before = looks(&home.repository);
    let ended = home.tenon(&["run", "--json", "change it"]).with_code(4);
    let changes = &ended.of_type("proposed")[0]["proposal"]["changes"];
    let paths: Vec<&str> = changes.as_array().unwrap().iter().map(|change| change["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["app.py", "generated.txt", "gone.py", "new/file.py", "notes.txt"]);
    let session = ended.of_type("session_opened")[0]["session"].as_str().unwrap().to_owned();
    home.tenon(&["review", "--from", &session, "--list"]).with_code(0);
    home.tenon(&["doctor"]);
    home.tenon(&["sessions"]).with_code(0);
    let after = looks(&home.repository);
    let differing: Vec<&PathBuf> =
        after.iter().filter(|(path, look)| before.get(*path) != Some(look)).map(|(path, _)| path).collect();
    assert_eq!(differing, Vec::<&PathBuf>::new(), "written before a verdict");
    assert_eq!(before.len(), after.len(), "removed before a verdict");
    // The look does tell: what is accepted is written.
    home.tenon(&["review", "--from", &session, "--accept", "gone.py", "--commit", "-m", "gone"]).with_code(0);
    assert!(!looks(&home.repository).contains_key(&home.repository.join("gone.py")));
}
