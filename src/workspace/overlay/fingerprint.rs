//! Names all that commands of a fork would find, by what the disk says about it, so that a result of earlier is known to
//! be about the same. Where that cannot be said surely there is no name: a wrong one would let a result stand for a tree
//! it was never about.
//!
//! A file is known by its size, its number and its times. The time of its last status change is the kernel's own: no
//! program sets it back, so a file that was changed and changed back is another one.

mod chosen;

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use chosen::{Behind, behind};

use super::layer::is_opaque;
use crate::domain::ContentHash;
use crate::workspace::Environment;

/// More files are not looked at: then nothing is kept.
const MOST: usize = 200_000;
/// A file that changed just now may change again without another time; it is known by its bytes.
const JUST_NOW: i128 = 100_000_000;
/// The same on disks that count whole seconds.
const JUST_NOW_COARSE: i128 = 2_000_000_000;
/// The most of one file that is read for that.
const BYTES: u64 = 4 << 20;
/// What tools keep for themselves and check themselves: it makes them faster and changes no answer.
const CACHES: [&str; 5] = ["__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tenon-gate"];
/// Folders of dependencies: their manifests say nothing about this project.
const FOREIGN: [&str; 4] = ["node_modules", "site-packages", "vendor", "target"];
/// Where a project may say that a part of it lies elsewhere.
const MANIFESTS: [&str; 6] = ["go.mod", "go.work", "Cargo.toml", "package.json", "pyproject.toml", "requirements.txt"];
/// What commands of gates call.
const TOOLS: [&str; 22] = [
    "python3", "python", "uv", "poetry", "pipenv", "pdm", "node", "npm", "npx", "pnpm", "yarn", "bun", "go", "cargo",
    "rustc", "java", "mvn", "gradle", "make", "ruby", "php", "dotnet",
];

/// Which terminal somebody sits at, and how deep in it: nothing a command of a gate asks for.
const TERMINAL: [&str; 22] = [
    "_",
    "ALACRITTY_WINDOW_ID",
    "COLORTERM",
    "COLUMNS",
    "GNOME_TERMINAL_SCREEN",
    "ITERM_SESSION_ID",
    "KITTY_PID",
    "KITTY_WINDOW_ID",
    "LINES",
    "OLDPWD",
    "SHLVL",
    "STY",
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "TMUX",
    "TMUX_PANE",
    "VTE_VERSION",
    "WEZTERM_PANE",
    "WINDOWID",
    "WT_SESSION",
];

/// What is looked at.
pub(super) struct View<'a> {
    /// The repository's root as commands see it.
    pub root: &'a Path,
    /// The folders that lie over each other, the nearest first, the repository last.
    pub layers: &'a [&'a Path],
    /// Files that are known otherwise.
    pub without: &'a BTreeSet<&'a str>,
    /// What commands inherit.
    pub environment: &'a Environment,
}

/// The name, or nothing.
pub(super) fn of(view: &View<'_>) -> Option<String> {
    let now = i128::try_from(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
    let mut seen = Seen { root: view.root, without: view.without, now, files: 0, bytes: Vec::new(), parts: Vec::new() };
    for (number, layer) in view.layers.iter().enumerate() {
        seen.note(&number.to_le_bytes());
        let last = number + 1 == view.layers.len();
        seen.folder(layer, Path::new(""), !last)?;
        if last {
            seen.history(layer);
        }
    }
    packages_are_near(view.root)?;
    seen.tools(view.environment)?;
    for (name, value) in view.environment.iter().filter(|(name, _)| !TERMINAL.contains(name)) {
        seen.note(format!("{name}={value}\0").as_bytes());
    }
    Some(seen.finish())
}

struct Seen<'a> {
    root: &'a Path,
    without: &'a BTreeSet<&'a str>,
    now: i128,
    files: usize,
    bytes: Vec<u8>,
    parts: Vec<String>,
}

impl Seen<'_> {
    fn note(&mut self, bytes: &[u8]) {
        const PIECE: usize = 1 << 20;
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > PIECE {
            self.parts.push(ContentHash::of(&self.bytes).as_str().to_owned());
            self.bytes.clear();
        }
    }

    fn finish(mut self) -> String {
        self.parts.push(ContentHash::of(&self.bytes).as_str().to_owned());
        ContentHash::of(self.parts.concat().as_bytes()).as_str().to_owned()
    }

    fn folder(&mut self, layer: &Path, folder: &Path, marks: bool) -> Option<()> {
        let mut entries: Vec<fs::DirEntry> = fs::read_dir(layer.join(folder)).ok()?.collect::<Result<_, _>>().ok()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            if name == ".git" || CACHES.iter().any(|cache| name == *cache) {
                continue;
            }
            let path = folder.join(&name);
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                if marks && is_opaque(&entry.path()) {
                    self.note(b"opaque\0");
                    self.note(path.as_os_str().as_bytes());
                }
                self.folder(layer, &path, marks)?;
                continue;
            }
            if path.to_str().is_some_and(|path| self.without.contains(path)) {
                continue;
            }
            self.files += 1;
            if self.files > MOST {
                return None;
            }
            self.note(path.as_os_str().as_bytes());
            self.file(&entry.path(), &metadata)?;
            self.stays_inside(&entry.path(), &path, &metadata)?;
        }
        Some(())
    }

    fn file(&mut self, full: &Path, metadata: &Metadata) -> Option<()> {
        let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let changed = time(metadata.ctime(), metadata.ctime_nsec());
        let written = time(metadata.mtime(), metadata.mtime_nsec());
        let window = if metadata.ctime_nsec() == 0 { JUST_NOW_COARSE } else { JUST_NOW };
        let kind = metadata.file_type();
        if kind.is_symlink() {
            self.note(fs::read_link(full).ok()?.as_os_str().as_bytes());
        } else if kind.is_file() && self.now - changed < window {
            if metadata.len() > BYTES {
                return None;
            }
            let bytes = fs::read(full).ok()?;
            self.note(ContentHash::of(&bytes).as_str().as_bytes());
        } else if kind.is_socket() || kind.is_fifo() || kind.is_block_device() {
            return None;
        }
        let numbers = [metadata.ino(), metadata.len(), u64::from(metadata.mode()), metadata.rdev()];
        numbers.iter().for_each(|number| self.note(&number.to_le_bytes()));
        self.note(&changed.to_le_bytes());
        self.note(&written.to_le_bytes());
        Some(())
    }

    /// A part of the project that lies elsewhere is not looked at, so nothing may be said about the whole.
    fn stays_inside(&self, full: &Path, path: &Path, metadata: &Metadata) -> Option<()> {
        if metadata.file_type().is_symlink() {
            // What is dead, a file of the system, or below the root says nothing else than its target does.
            let Ok(target) = fs::canonicalize(full) else { return Some(()) };
            return (!target.is_dir() || target.starts_with(self.root)).then_some(());
        }
        let name = path.file_name()?.to_str().unwrap_or_default();
        if name.ends_with(".pth") || name.starts_with("__editable__") {
            return points_inside(full, self.root).then_some(());
        }
        let foreign = path.components().any(|part| FOREIGN.iter().any(|name| part.as_os_str() == *name));
        if foreign || !MANIFESTS.contains(&name) {
            return Some(());
        }
        let text = fs::read_to_string(full).unwrap_or_default();
        let depth = path.components().count() - 1;
        (!text.contains(&"../".repeat(depth + 1))).then_some(())
    }

    /// Where HEAD is: some projects take their version from it.
    fn history(&mut self, repository: &Path) {
        let git = repository.join(".git");
        let folder = match fs::read_to_string(&git) {
            Ok(text) => repository.join(text.trim().strip_prefix("gitdir: ").unwrap_or_default()),
            Err(_) => git,
        };
        for name in ["HEAD", "logs/HEAD", "packed-refs"] {
            self.stamp(&folder.join(name));
        }
    }

    /// The time of something that lies elsewhere.
    fn stamp(&mut self, path: &Path) {
        self.note(path.as_os_str().as_bytes());
        if let Ok(metadata) = fs::metadata(path) {
            for number in [metadata.ctime(), metadata.ctime_nsec(), metadata.mtime(), metadata.mtime_nsec()] {
                self.note(&number.to_le_bytes());
            }
            self.note(&metadata.len().to_le_bytes());
        }
    }

    /// The tools commands find, and the packages that are installed beside them.
    fn tools(&mut self, environment: &Environment) -> Option<()> {
        let folders: Vec<PathBuf> = std::env::split_paths(environment.get("PATH").unwrap_or_default()).collect();
        let mut prefixes = BTreeSet::new();
        for folder in &folders {
            // A new, removed or replaced program changes the folder it is in.
            self.stamp(folder);
            for tool in TOOLS.iter().map(|name| folder.join(name)).filter(|tool| tool.exists()) {
                let real = fs::canonicalize(&tool).ok()?;
                match behind(&tool, &real) {
                    Behind::Itself => {}
                    Behind::Chosen(manager) => {
                        for file in manager.deciding(self.root, environment) {
                            self.stamp(&file);
                        }
                        let versions = manager.versions()?;
                        for version in &versions {
                            self.stamp(version);
                            self.stamp(&version.join("bin"));
                            packages_of(version).iter().for_each(|folder| self.stamp(folder));
                        }
                        prefixes.extend(manager.picked(self.root, environment, &versions));
                    }
                    Behind::Unknown => return None,
                }
                self.stamp(&real);
                prefixes
                    .extend([&real, &tool].into_iter().filter_map(|tool| tool.parent()?.parent().map(Path::to_owned)));
            }
        }
        if let Some(home) = environment.get("HOME").map(Path::new) {
            prefixes.insert(home.join(".local"));
            for name in [".rustup/settings.toml", ".rustup/toolchains", ".cargo/config.toml", "go/env", ".npmrc"] {
                self.stamp(&home.join(name));
            }
        }
        for prefix in prefixes {
            for packages in packages_of(&prefix) {
                self.stamp(&packages);
                let entries = fs::read_dir(&packages).into_iter().flatten().flatten();
                let mut links = entries.map(|entry| entry.path()).filter(|path| is_link(path));
                if !links.all(|link| points_inside(&link, self.root)) {
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Where the packages lie that are installed beside the tools of a folder.
fn packages_of(prefix: &Path) -> Vec<PathBuf> {
    let libraries = fs::read_dir(prefix.join("lib")).into_iter().flatten().flatten();
    let python = libraries.filter(|one| one.file_name().as_bytes().starts_with(b"python"));
    let both = python.flat_map(|library| ["site-packages", "dist-packages"].map(|name| library.path().join(name)));
    std::iter::once(prefix.join("lib/node_modules")).chain(both).collect()
}

fn is_link(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".pth") || name.starts_with("__editable__")
}

/// Whether a file that adds folders to Python's path names none outside the project. What such a file does by itself is
/// its package's own.
fn points_inside(link: &Path, root: &Path) -> bool {
    let text = fs::read_to_string(link).unwrap_or_default();
    let inside = |place: &str| {
        !Path::new(place).is_absolute() || Path::new(place).starts_with(root) || !Path::new(place).is_dir()
    };
    let lines = text.lines().filter(|line| !line.starts_with("import "));
    lines.flat_map(|line| line.split(['\'', '"'])).all(|place| inside(place.trim()))
}

/// Tools that keep a project's packages in a place of their own know that place alone.
fn packages_are_near(root: &Path) -> Option<()> {
    let own = [".venv", "venv", "env"].iter().any(|name| root.join(name).join("bin/python").exists());
    let elsewhere = ["poetry.lock", "Pipfile.lock", "pdm.lock"].iter().any(|name| root.join(name).exists());
    (own || !elsewhere).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Layers {
        folder: tempfile::TempDir,
    }

    impl Layers {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["upper", "repository"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            let made = Self { folder };
            made.write("repository/a.py", "a");
            made.write("repository/data/ignored.db", "d");
            made.write("repository/go.mod", "module x\n");
            made
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn name(&self, without: &[&str]) -> Option<String> {
            let (upper, root) = (self.folder.path().join("upper"), self.folder.path().join("repository"));
            of(&View {
                root: &root,
                layers: &[&upper, &root],
                without: &without.iter().copied().collect(),
                environment: &Environment::default(),
            })
        }
    }

    #[test]
    fn only_the_same_has_the_same_name() {
        let layers = Layers::new();
        let before = layers.name(&["a.py"]);
        assert!(before.is_some());
        assert_eq!(layers.name(&["a.py"]), before);
        layers.write("repository/a.py", "b");
        layers.write("upper/a.py", "c");
        assert_eq!(layers.name(&["a.py"]), before, "what is known otherwise does not count");
        layers.write("upper/__pycache__/a.pyc", "c");
        assert_eq!(layers.name(&["a.py"]), before, "caches do not count");
        layers.write("repository/data/ignored.db", "e");
        let other = layers.name(&["a.py"]);
        assert!(other.is_some() && other != before, "an ignored file of the same size counts");
        layers.write("upper/node_modules/x/index.js", "");
        assert_ne!(layers.name(&["a.py"]), other, "what a command installed counts");
    }

    #[test]
    fn a_file_that_was_changed_and_changed_back_is_another_one() {
        let layers = Layers::new();
        let before = layers.name(&[]);
        let path = layers.folder.path().join("repository/a.py");
        let times = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "b").unwrap();
        fs::write(&path, "a").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
        assert_ne!(layers.name(&[]), before);
    }

    #[test]
    fn a_part_that_lies_elsewhere_leaves_it_without_a_name() {
        type Change = fn(&Layers);
        let elsewhere: [Change; 5] = [
            |layers| std::os::unix::fs::symlink("/usr", layers.folder.path().join("repository/linked")).unwrap(),
            |layers| layers.write("repository/go.mod", "replace x => ../x\n"),
            |layers| layers.write("repository/web/package.json", "{\"dependencies\": {\"x\": \"file:../../x\"}}"),
            |layers| layers.write("repository/.venv/lib/python3.11/site-packages/x.pth", "/usr\n"),
            |layers| layers.write("repository/poetry.lock", ""),
        ];
        for (number, change) in elsewhere.iter().enumerate() {
            let layers = Layers::new();
            change(&layers);
            assert_eq!(layers.name(&[]), None, "{number}");
        }
        let layers = Layers::new();
        layers.write("repository/web/package.json", "{\"dependencies\": {\"x\": \"file:../x\"}}");
        std::os::unix::fs::symlink("a.py", layers.folder.path().join("repository/b.py")).unwrap();
        assert!(layers.name(&[]).is_some(), "a neighbour within the repository is looked at");
    }
}
