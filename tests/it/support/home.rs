//! A user with an empty home, a repository, and the real program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder of one's own with a home and a repository in it. Nothing of the machine's own settings is seen.
pub struct Home {
    folder: tempfile::TempDir,
    /// The repository.
    pub repository: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Home {
    /// A home with a repository that holds these files in its first commit.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let home = Self::empty();
        for (path, text) in files {
            home.write(path, text);
        }
        home.git(&["init", "-q", "-b", "main"]);
        home.git(&["add", "-A"]);
        home.git(&["commit", "-q", "-m", "first"]);
        home
    }

    /// A home with a folder that is no repository yet.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let repository = root.join("repository");
        std::fs::create_dir_all(&repository).unwrap();
        let home = root.join("home");
        std::fs::create_dir_all(&home).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let home_text = home.display().to_string();
        let environment = [
            ("HOME", home_text.as_str()),
            ("PATH", path.as_str()),
            ("LANG", "C.UTF-8"),
            ("TERM", "xterm-256color"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        std::fs::write(home.join(".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.org\n").unwrap();
        Self { folder, repository, environment }
    }

    /// Sets a variable of the environment.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Removes a variable from the environment.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// A model of the Anthropic wire that answers from this address.
    pub fn anthropic(&mut self, url: &str) -> &mut Self {
        self.set("ANTHROPIC_BASE_URL", url).set("ANTHROPIC_API_KEY", "sk-ant-test-0123456789abcdef");
        self.set("TENON_MODEL", "anthropic/claude-sonnet-4-5")
    }

    /// The environment, for a program started otherwise.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("home")
    }

    /// Writes a file of the repository.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.repository.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file of the repository.
    pub fn read(&self, path: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.repository.join(path)).unwrap()).into_owned()
    }

    /// Runs git, which must succeed, and returns what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git", &self.repository).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The program in the repository, not started yet.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_tenon"), &self.repository);
        command.args(arguments);
        command
    }

    /// Runs the program.
    pub fn tenon(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.program(arguments).output().unwrap())
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().envs(&self.environment).stdin(Stdio::null());
        command
    }
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Reads a finished process.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Insists on an exit code.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON lines.
    pub fn records(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// The records of one type.
    pub fn of_type(&self, kind: &str) -> Vec<Value> {
        self.records().into_iter().filter(|record| record["type"] == kind).collect()
    }
}
