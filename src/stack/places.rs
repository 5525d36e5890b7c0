//! Which folders of a repository are projects.

use super::rules;
use crate::domain::{from_folder, from_root};

/// More is a collection of examples or a mirror.
const MOST: usize = 200;
/// Deeper manifests belong to something else.
const DEEPEST: usize = 6;

/// Names of folders with what is not of the project itself, or is no part of what it runs.
const NOT_OURS: &[&str] = &[
    "node_modules",
    "vendor",
    "third_party",
    "testdata",
    "fixtures",
    "__fixtures__",
    "examples",
    "example",
    "samples",
    "dist",
    "target",
    "test",
    "tests",
    "buildSrc",
    "build-logic",
    "templates",
];

/// Folders with a manifest, the root first. Below a project only folders with a manifest of their own count, and what
/// looks like a copy of somebody else's project does not.
pub(super) fn projects(paths: &[String]) -> Vec<String> {
    let mut folders: Vec<String> = vec![String::new()];
    let mut last = "";
    for path in paths {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let manifest =
            || rules::MANIFESTS.contains(&name) || rules::MANIFEST_ENDINGS.iter().any(|end| name.ends_with(end));
        if folder == last || !manifest() || is_foreign(folder) {
            continue;
        }
        last = folder;
        folders.push(folder.to_owned());
    }
    folders.sort_by_key(|folder| (folder.matches('/').count() + usize::from(!folder.is_empty()), folder.clone()));
    folders.dedup();
    let built: Vec<String> = folders.iter().filter(|folder| is_python(paths, folder)).cloned().collect();
    // A `manage.py` without a manifest beside it belongs to the project above it.
    folders.retain(|folder| {
        !only_manage(paths, folder)
            || !built.iter().any(|above| above.len() < folder.len() && from_folder(above, folder).is_some())
    });
    folders.truncate(MOST);
    folders
}

fn has(paths: &[String], folder: &str, name: &str) -> bool {
    paths.binary_search(&from_root(folder, name)).is_ok()
}

fn is_python(paths: &[String], folder: &str) -> bool {
    ["pyproject.toml", "requirements.txt", "Pipfile", "setup.py"].iter().any(|name| has(paths, folder, name))
        || has(paths, folder, "requirements/base.txt")
}

fn only_manage(paths: &[String], folder: &str) -> bool {
    let others = rules::MANIFESTS.iter().filter(|name| **name != "manage.py");
    !folder.is_empty() && has(paths, folder, "manage.py") && !others.into_iter().any(|name| has(paths, folder, name))
}

fn is_foreign(folder: &str) -> bool {
    folder.split('/').any(|part| NOT_OURS.contains(&part) || part.starts_with('.'))
        || folder.split('/').count() > DEEPEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_a_manifest_are_projects_unless_they_are_copies_or_tests() {
        let paths = [
            "a.sln",
            "api/go.mod",
            "api/main.go",
            "examples/x/package.json",
            "src/Services/Catalog/Catalog.API/Catalog.API.csproj",
            "tests/Unit/Unit.csproj",
            "web/node_modules/x/package.json",
            "web/package.json",
            "web/tsconfig.json",
        ];
        let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
        assert_eq!(projects(&paths), ["", "api", "web", "src/Services/Catalog/Catalog.API"]);
    }
}
