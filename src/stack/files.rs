//! Where manifests are read from: a folder, a workspace, a table in a test.

use std::path::{Path, PathBuf};

/// Files that can be looked at. Paths are relative to the root, with `/` between names.
pub trait Files {
    /// A text file; `None` when it is missing, not a file or too large to be a manifest.
    fn read(&self, path: &str) -> Option<String>;

    /// Whether something is there, ignored files included.
    fn exists(&self, path: &str) -> bool;

    /// Files as the ignore files allow, sorted; a bounded number down to a bounded depth.
    fn list(&self) -> Vec<String>;
}

/// Larger files are no manifests.
pub(crate) const SIZE_LIMIT: u64 = 1024 * 1024;
/// How deep files are looked for at all: sources of Java lie deep.
pub(crate) const DEPTH_LIMIT: usize = 16;
/// What is looked through first.
pub(crate) const NEAR_DEPTH: usize = 2;
/// The most files that are looked through.
pub(crate) const COUNT_LIMIT: usize = 60_000;

/// Folders that are never looked into: what git keeps and what package managers bring.
const FOREIGN: &[&str] = &[".git", "node_modules", ".venv", "__pycache__"];

/// A folder on disk.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Looks at this folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        let about = std::fs::metadata(&path).ok()?;
        let small = about.is_file() && about.len() <= SIZE_LIMIT;
        small.then(|| std::fs::read(&path).ok()).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn exists(&self, path: &str) -> bool {
        self.root.join(path).symlink_metadata().is_ok()
    }

    fn list(&self) -> Vec<String> {
        let mut paths = self.walk_all().unwrap_or_else(|| {
            // What is near the root says most, so a huge folder must not use up the count before it is seen.
            let mut paths = self.walk(DEPTH_LIMIT);
            paths.extend(self.walk(NEAR_DEPTH));
            paths
        });
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

impl Folder {
    fn walker(&self, depth: usize) -> ignore::WalkBuilder {
        let mut walker = ignore::WalkBuilder::new(&self.root);
        walker
            .max_depth(Some(depth))
            .hidden(false)
            .require_git(false)
            .git_global(false)
            .filter_entry(|entry| !FOREIGN.iter().any(|name| entry.file_name() == *name));
        walker
    }

    /// The path of a file, from the root.
    fn relative(&self, entry: &ignore::DirEntry) -> Option<String> {
        entry.file_type().filter(std::fs::FileType::is_file)?;
        let path = entry.path().strip_prefix(&self.root).ok()?;
        Some(path.to_str()?.replace('\\', "/"))
    }

    /// All files, in any order, by several threads; `None` when there are more than count.
    fn walk_all(&self) -> Option<Vec<String>> {
        let found = std::sync::Mutex::new(Vec::new());
        self.walker(DEPTH_LIMIT).threads(4).build_parallel().run(|| {
            Box::new(|entry| {
                let path = entry.ok().and_then(|entry| self.relative(&entry));
                let Ok(mut found) = found.lock() else { return ignore::WalkState::Quit };
                found.extend(path);
                if found.len() > COUNT_LIMIT { ignore::WalkState::Quit } else { ignore::WalkState::Continue }
            })
        });
        found.into_inner().ok().filter(|found| found.len() <= COUNT_LIMIT)
    }

    /// The first files in the order of their names.
    fn walk(&self, depth: usize) -> Vec<String> {
        let walk = self.walker(depth).sort_by_file_name(Ord::cmp).build();
        walk.flatten().filter_map(|entry| self.relative(&entry)).take(COUNT_LIMIT).collect()
    }
}
