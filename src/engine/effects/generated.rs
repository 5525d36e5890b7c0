//! What tools leave behind where no ignore file says so: caches, not work. They stay in the workspace, like ignored
//! files, and the user is told which folders.

use std::collections::BTreeSet;

use crate::domain::{Change, RepoPath};

/// Folders that hold nothing but what can be made again, in any project.
const NAMES: [&str; 3] = ["__pycache__", "node_modules", ".pytest_cache"];

/// Takes new files in generated folders out, and says which folders those were. A file that was there before stays:
/// somebody wanted it.
pub fn leave_out(changes: Vec<Change>) -> (Vec<Change>, Option<String>) {
    let tagged: BTreeSet<String> = changes
        .iter()
        .filter(|change| change.base.is_none() && change.path.file_name() == "CACHEDIR.TAG")
        .filter_map(|change| change.path.parent().map(ToOwned::to_owned))
        .collect();
    let mut folders = BTreeSet::new();
    let kept = changes
        .into_iter()
        .filter(|change| match folder_of(&change.path, &tagged) {
            Some(folder) if change.base.is_none() => {
                folders.insert(folder);
                false
            }
            _ => true,
        })
        .collect();
    let names: Vec<String> = folders.into_iter().collect();
    let note = format!("left out as generated: {}; an ignore file that names them settles it", names.join(", "));
    (kept, (!names.is_empty()).then_some(note))
}

/// The generated folder a file lies in.
fn folder_of(path: &RepoPath, tagged: &BTreeSet<String>) -> Option<String> {
    let text = path.as_str();
    let ends = text.match_indices('/').map(|(end, _)| end);
    ends.map(|end| &text[..end])
        .find(|folder| {
            let name = folder.rsplit('/').next().unwrap_or(folder);
            NAMES.contains(&name) || tagged.contains(*folder)
        })
        .map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileMode, FileState};

    fn change(path: &str, new: bool) -> Change {
        let state = FileState { bytes: Vec::new(), mode: FileMode::Regular };
        let base = (!new).then(|| state.clone());
        Change { path: RepoPath::parse(path).unwrap(), base, result: Some(state) }
    }

    #[test]
    fn caches_are_left_out_and_named_and_nothing_else_is() {
        let changes = vec![
            change("a.py", true),
            change("__pycache__/a.pyc", true),
            change("lib/__pycache__/b.pyc", true),
            change("out/CACHEDIR.TAG", true),
            change("out/deep/x.o", true),
            change("vendor/node_modules/kept.js", false),
            change("docs/node_modules.md", true),
        ];
        let (kept, note) = leave_out(changes);
        let paths: Vec<&str> = kept.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["a.py", "vendor/node_modules/kept.js", "docs/node_modules.md"]);
        let note = note.unwrap();
        assert!(note.contains("__pycache__, lib/__pycache__, out;"), "{note}");
        assert_eq!(leave_out(vec![change("a.py", true)]).1, None);
    }
}
