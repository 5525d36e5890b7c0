//! What a change reaches: nothing outside the repository, and nothing that steers builds, hooks or Tenon itself
//! without its message saying so.

use async_trait::async_trait;

use super::changed::{Changed, changed};
use super::{Gate, GateContext, Report, Stage};
use crate::config::ScopeGateSettings;
use crate::diff;
use crate::domain::{FileMode, Finding, Severity};

/// Looks at which files a change touches.
pub struct ScopeGate {
    settings: ScopeGateSettings,
}

impl ScopeGate {
    /// With these settings.
    pub fn new(settings: ScopeGateSettings) -> Self {
        Self { settings }
    }
}

/// Paths that steer more than their own content: their beginning, what they are, words of a message that name them.
const STEERING: &[(&str, &str, &[&str])] = &[
    (".github/workflows/", "a CI workflow", &["ci", "workflow", "workflows", "pipeline", "actions"]),
    (".gitlab-ci", "the CI pipeline", &["ci", "pipeline", "gitlab"]),
    (".circleci/", "the CI pipeline", &["ci", "pipeline", "circleci"]),
    ("Jenkinsfile", "the CI pipeline", &["ci", "pipeline", "jenkins", "jenkinsfile"]),
    (".husky/", "a git hook", &["hook", "hooks", "husky"]),
    (".githooks/", "a git hook", &["hook", "hooks"]),
    (".pre-commit-config", "git hooks", &["hook", "hooks", "pre-commit"]),
    (".gitmodules", "submodules", &["submodule", "submodules"]),
    (".gitattributes", "how git treats files", &["gitattributes", "attributes"]),
    (".npmrc", "where packages come from", &["npmrc", "registry"]),
    (".tenon/", "Tenon's own settings", &["tenon"]),
];

/// Lock files with the manifests they follow from.
const LOCKS: &[(&str, &[&str])] = &[
    ("package-lock.json", &["package.json"]),
    ("pnpm-lock.yaml", &["package.json", "pnpm-workspace.yaml"]),
    ("yarn.lock", &["package.json"]),
    ("bun.lock", &["package.json"]),
    ("poetry.lock", &["pyproject.toml"]),
    ("uv.lock", &["pyproject.toml"]),
    ("Pipfile.lock", &["Pipfile"]),
    ("go.sum", &["go.mod"]),
    ("Cargo.lock", &["Cargo.toml"]),
    ("composer.lock", &["composer.json"]),
    ("Gemfile.lock", &["Gemfile"]),
];

fn findings(files: &[Changed], message: &str, limit: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    let words: Vec<String> =
        message.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '-').map(str::to_owned).collect();
    if files.len() > limit {
        let message = format!("{} files change; more than {limit} are hard to review", files.len());
        found.push(Finding {
            severity: Severity::Warning,
            rule: Some("size".to_owned()),
            message,
            ..Finding::default()
        });
    }
    for file in files {
        let path = file.path.as_str();
        let mut say = |severity, rule: &str, line, message: String| {
            let (path, rule) = (Some(path.to_owned()), Some(rule.to_owned()));
            found.push(Finding { severity, path, line, rule, message, ..Finding::default() });
        };
        if let Some(target) = file.after.as_ref().filter(|state| state.mode == FileMode::Symlink)
            && leaves(path, &String::from_utf8_lossy(&target.bytes))
        {
            say(Severity::Error, "symlink", None, "this symlink leads out of the repository".to_owned());
        }
        if let Some((_, what, names)) = STEERING.iter().find(|(start, ..)| path.starts_with(start)) {
            let said = names.iter().any(|name| words.iter().any(|word| word == name)) || message.contains(path);
            // A change without any message is the user's own tree: nothing was kept quiet.
            let quiet = !said && !message.trim().is_empty();
            let severity = if quiet { Severity::Error } else { Severity::Note };
            let silent = if quiet { ", and the message does not say so" } else { "" };
            say(severity, "steering", None, format!("this changes {what}{silent}"));
        }
        if let Some((_, manifests)) = LOCKS.iter().find(|(lock, _)| file.path.file_name() == *lock)
            && !files.iter().any(|other| manifests.contains(&other.path.file_name()))
        {
            say(Severity::Warning, "lock", None, format!("the lock file changes, but not {}", manifests[0]));
        }
        let bytes = Changed::bytes(file.after.as_ref());
        if bytes.len() > 512 * 1024 && diff::is_binary(bytes) {
            say(Severity::Warning, "binary", None, format!("a binary file of {} KiB", bytes.len() / 1024));
        }
        if let Some(line) = file.text().and_then(conflict) {
            say(Severity::Error, "conflict", Some(line), "a conflict marker was left".to_owned());
        }
    }
    found
}

/// The line of the first conflict marker.
fn conflict(text: &[u8]) -> Option<usize> {
    let marker = |line: &[u8]| line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> ");
    text.split(|byte| *byte == b'\n').position(marker).map(|index| index + 1)
}

/// Whether a symlink at this path leads out of the repository.
fn leaves(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

#[async_trait]
impl Gate for ScopeGate {
    fn name(&self) -> &'static str {
        "scope"
    }

    fn stage(&self) -> Stage {
        Stage::First
    }

    async fn run(&self, context: &GateContext) -> Report {
        let (context, limit) = (context.clone(), self.settings.files);
        let look = move || {
            // The tree of the user has no message that could keep something quiet.
            let own = context.proposal.message.trim().is_empty();
            let message =
                if own { String::new() } else { format!("{}\n{}", context.proposal.title, context.proposal.message) };
            Report::found(findings(&changed(&context), &message, limit), "finding")
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| Report::not_run(format!("broke off: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileState, RepoPath};

    fn file(path: &str, text: &str, mode: FileMode) -> Changed {
        let after = FileState { bytes: text.as_bytes().to_vec(), mode };
        Changed { path: RepoPath::parse(path).unwrap(), before: None, after: Some(after) }
    }

    #[test]
    fn what_steers_has_to_be_named_in_the_message() {
        for (path, message, severity) in [
            (".github/workflows/test.yml", "fix: totals", Severity::Error),
            (".github/workflows/test.yml", "ci: cache pip", Severity::Note),
            (".github/workflows/test.yml", "", Severity::Note),
            (".husky/pre-commit", "feat: faster hooks", Severity::Note),
            (".tenon/config.toml", "feat: orders", Severity::Error),
        ] {
            let found = findings(&[file(path, "x", FileMode::Regular)], message, 50);
            assert_eq!(found.iter().map(|one| one.severity).collect::<Vec<_>>(), [severity], "{path} {message}");
        }
        assert_eq!(findings(&[file("src/circus.py", "x", FileMode::Regular)], "fix", 50), []);
    }

    #[test]
    fn links_that_lead_out_and_markers_are_errors() {
        for (path, target, out) in [
            ("a", "b", false),
            ("a", "../b", true),
            ("x/a", "../b", false),
            ("x/a", "../../b", true),
            ("a", "/etc/passwd", true),
            ("x/a", "./y/../../b", false),
        ] {
            assert_eq!(!findings(&[file(path, target, FileMode::Symlink)], "", 50).is_empty(), out, "{path} {target}");
        }
        let found = findings(&[file("a.py", "a\n<<<<<<< ours\n", FileMode::Regular)], "", 50);
        assert_eq!(found[0].line, Some(2));
    }

    #[test]
    fn a_lock_file_alone_is_worth_a_look() {
        let lock = || file("web/package-lock.json", "{}", FileMode::Regular);
        assert_eq!(findings(&[lock()], "", 50).len(), 1);
        assert_eq!(findings(&[lock(), file("web/package.json", "{}", FileMode::Regular)], "", 50), []);
        assert_eq!(findings(&[lock(), lock()], "", 1)[0].rule.as_deref(), Some("size"));
    }
}
