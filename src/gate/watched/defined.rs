//! Where the test stands that a failure is about, when the failure names no line of the project or half a path.

use crate::domain::{RepoPath, TestCase, TestStatus, from_root};
use crate::workspace::Workspace;

/// The most files of a service that are looked through for one that a failure names by the end of its path.
const FILES: usize = 20_000;

/// Finds the file of a failure that is named by the end of its path, as Java names files within their source folder.
pub(super) fn whole_path(case: &mut TestCase, service: &str, workspace: &dyn Workspace) {
    let half = case.path.as_deref().filter(|path| {
        case.status == TestStatus::Failed
            && [".java", ".kt", ".groovy", ".scala"].iter().any(|end| path.ends_with(end))
            && !RepoPath::parse(path).is_ok_and(|path| workspace.read(&path).is_ok())
    });
    let Some(end) = half.map(|path| format!("/{path}")) else { return };
    let place = RepoPath::parse(service).ok();
    let Ok((entries, _)) = workspace.list(place.as_ref(), 24, FILES) else { return };
    if let Some(entry) = entries.iter().find(|entry| !entry.folder && entry.path.as_str().ends_with(&end)) {
        case.path = Some(entry.path.as_str().to_owned());
    }
}

/// Finds the line a failed test is defined at.
pub(super) fn line(case: &mut TestCase, go: bool, service: &str, workspace: &dyn Workspace) {
    if case.status != TestStatus::Failed || case.line.is_some() {
        return;
    }
    // `orders::tests::adds`, `tests/test_a.py::test_adds[1]`, `example.com/shop TestAdds`.
    let name = case.name.split(['[', '(']).next().unwrap_or_default().trim_end();
    let function = name.rsplit([':', ' ', '.']).next().unwrap_or(name).to_owned();
    if function.is_empty() || !function.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return;
    }
    let candidates = match &case.path {
        Some(path) => vec![path.clone()],
        None if go => go_tests(name, service, workspace),
        None => rust_sources(name, service),
    };
    for path in candidates {
        let Some(state) = RepoPath::parse(&path).ok().and_then(|path| workspace.read(&path).ok()) else { continue };
        let text = String::from_utf8_lossy(&state.bytes).into_owned();
        if let Some(index) = text.lines().position(|line| defines(line, &function)) {
            (case.path, case.line) = (Some(path), Some(index + 1));
            return;
        }
    }
}

fn defines(line: &str, function: &str) -> bool {
    ["fn ", "def ", "func ", "void ", "fun "].iter().any(|word| {
        let at = line.find(word).map(|at| &line[at + word.len()..]);
        at.and_then(|rest| rest.strip_prefix(function)).is_some_and(|rest| rest.starts_with(['(', '<']))
    })
}

/// The sources a module of Rust may be in: `orders::cart::tests::adds` stands in one of `orders/cart.rs`, `orders.rs`, …
fn rust_sources(name: &str, service: &str) -> Vec<String> {
    let mut modules: Vec<&str> = name.split("::").collect();
    modules.pop();
    let mut found = Vec::new();
    while !modules.is_empty() {
        let stem = modules.join("/");
        found.extend([format!("src/{stem}.rs"), format!("src/{stem}/mod.rs")]);
        modules.pop();
    }
    found.extend(["src/lib.rs".to_owned(), "src/main.rs".to_owned()]);
    found.iter().map(|path| from_root(service, path)).collect()
}

/// The test files of a package of Go.
fn go_tests(name: &str, service: &str, workspace: &dyn Workspace) -> Vec<String> {
    let package = name.split(' ').next().unwrap_or_default();
    let inner = package.match_indices('/').map(|(at, _)| &package[at + 1..]).chain([""]);
    let mut found = Vec::new();
    for folder in inner {
        let folder = if folder.is_empty() { service.to_owned() } else { from_root(service, folder) };
        let Ok((entries, _)) = workspace.list(RepoPath::parse(&folder).ok().as_ref(), 1, 1_000) else { continue };
        let tests = entries.iter().filter(|entry| entry.path.as_str().ends_with("_test.go"));
        found.extend(tests.map(|entry| entry.path.as_str().to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_found_by_its_definition() {
        for (line, function, expected) in [
            ("    fn adds() {", "adds", true),
            ("    async fn adds<T>() {", "adds", true),
            ("func TestAdds(t *testing.T) {", "TestAdds", true),
            ("def test_adds():", "test_adds", true),
            ("    void adds() throws Exception {", "adds", true),
            ("    fn adds_more() {", "adds", false),
            ("    adds();", "adds", false),
        ] {
            assert_eq!(defines(line, function), expected, "{line}");
        }
        assert_eq!(
            rust_sources("orders::tests::adds", "api"),
            [
                "api/src/orders/tests.rs",
                "api/src/orders/tests/mod.rs",
                "api/src/orders.rs",
                "api/src/orders/mod.rs",
                "api/src/lib.rs",
                "api/src/main.rs"
            ]
        );
    }
}
