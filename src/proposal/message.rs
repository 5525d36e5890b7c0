//! A title and a commit message where the agent gave none.

use crate::domain::{ChangeKind, FileChange, RepoPath};

/// Title and message, each completed from the other or from the changes.
pub(super) fn complete(title: &str, message: &str, changes: &[FileChange]) -> (String, String) {
    let (title, message) = (title.trim(), message.trim());
    let subject = message.lines().next().unwrap_or_default().trim();
    match (title.is_empty(), message.is_empty()) {
        (false, false) => (one_line(title), message.to_owned()),
        (true, false) => (subject.to_owned(), message.to_owned()),
        (false, true) => {
            let title = one_line(title);
            let message =
                if has_type(&title) { title.clone() } else { format!("{}: {}", kind(changes), lower(&title)) };
            (title, message)
        }
        (true, true) => {
            let message = format!("{}: {}", kind(changes), summary(changes));
            (message.clone(), message)
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `fix: …`, `feat(api)!: …`
fn has_type(title: &str) -> bool {
    let Some((head, _)) = title.split_once(": ") else { return false };
    let word = head.trim_end_matches('!').split('(').next().unwrap_or_default();
    !word.is_empty() && word.len() <= 10 && word.bytes().all(|b| b.is_ascii_lowercase())
}

/// A first letter in lower case, unless the word is a name or an acronym.
pub(super) fn lower(title: &str) -> String {
    let mut letters = title.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => title.to_owned(),
    }
}

/// The type of a Conventional Commit, as far as paths tell.
pub(super) fn kind(changes: &[FileChange]) -> &'static str {
    let all = |test: fn(&RepoPath) -> bool| !changes.is_empty() && changes.iter().all(|change| test(&change.path));
    if all(is_test) {
        "test"
    } else if all(is_document) {
        "docs"
    } else if all(is_pipeline) {
        "ci"
    } else if all(is_manifest) {
        "build"
    } else if changes.iter().any(|change| change.kind == ChangeKind::Add && !is_test(&change.path)) {
        "feat"
    } else if changes.iter().all(|change| matches!(change.kind, ChangeKind::Rename | ChangeKind::Delete)) {
        "refactor"
    } else {
        "fix"
    }
}

fn is_test(path: &RepoPath) -> bool {
    let folders = ["test", "tests", "spec", "specs", "__tests__"];
    let name = path.file_name();
    path.as_str().split('/').rev().skip(1).any(|folder| folders.contains(&folder))
        || name.starts_with("test_")
        || name.contains("_test.")
        || name.contains(".test.")
        || name.contains(".spec.")
}

fn is_document(path: &RepoPath) -> bool {
    let name = path.file_name();
    path.as_str().starts_with("docs/") || [".md", ".rst", ".adoc", ".txt"].iter().any(|end| name.ends_with(end))
}

fn is_pipeline(path: &RepoPath) -> bool {
    path.as_str().starts_with(".github/") || path.file_name() == ".gitlab-ci.yml"
}

fn is_manifest(path: &RepoPath) -> bool {
    let names = ["Cargo.toml", "Cargo.lock", "package.json", "package-lock.json", "pyproject.toml", "go.mod", "go.sum"];
    names.contains(&path.file_name()) || path.file_name() == "Dockerfile"
}

fn summary(changes: &[FileChange]) -> String {
    match changes {
        [] => "nothing".to_owned(),
        [one] => format!("{} {}", verb(one.kind), one.path),
        several => {
            let same = several.iter().all(|change| change.kind == several[0].kind);
            let verb = if same { verb(several[0].kind) } else { "change" };
            format!("{verb} {} and {} more", several[0].path, several.len() - 1)
        }
    }
}

fn verb(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Add => "add",
        ChangeKind::Edit => "change",
        ChangeKind::Delete => "remove",
        ChangeKind::Rename => "move",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::plain_change;
    use crate::domain::{Change, FileMode, FileState};

    fn edit(path: &str) -> FileChange {
        let state = |text: &str| Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
        let path = RepoPath::parse(path).unwrap();
        plain_change(&Change { path, base: state("a\n"), result: state("b\n") }).0
    }

    #[test]
    fn what_is_missing_is_completed() {
        for (title, message, paths, expected) in [
            ("Add x", "feat: add x", vec!["a.py"], ("Add x", "feat: add x")),
            ("", "fix: a\n\nbody", vec!["a.py"], ("fix: a", "fix: a\n\nbody")),
            ("Fix the sum", "", vec!["a.py"], ("Fix the sum", "fix: fix the sum")),
            ("HTTP errors", "", vec!["a.py"], ("HTTP errors", "fix: HTTP errors")),
            ("feat(api)!: more", "", vec!["a.py"], ("feat(api)!: more", "feat(api)!: more")),
            ("", "", vec!["README.md"], ("docs: change README.md", "docs: change README.md")),
            (
                "",
                "",
                vec!["tests/a.py", "b_test.go"],
                ("test: change tests/a.py and 1 more", "test: change tests/a.py and 1 more"),
            ),
        ] {
            let changes: Vec<FileChange> = paths.into_iter().map(edit).collect();
            let (got_title, got_message) = complete(title, message, &changes);
            assert_eq!((got_title.as_str(), got_message.as_str()), expected);
        }
    }
}
