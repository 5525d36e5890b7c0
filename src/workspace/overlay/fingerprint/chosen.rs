//! Tools that a version manager (pyenv, asdf, mise, Volta, rbenv and their like) chooses when they are called: the
//! manager's own folder says what there is to choose from, a few files say which one it will be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::Environment;

/// Where managers keep versions: the folder below their own, and how deep in it one version lies.
const PLACES: [(&str, usize); 3] = [("versions", 1), ("installs", 2), ("tools/image", 2)];
/// Files of a manager's own folder that say what is chosen where nothing else does.
const GLOBAL: [&str; 4] = ["version", "defaults", "tools/user/platform.json", "config.toml"];
/// Files of the home folder that do.
const AT_HOME: [&str; 5] =
    [".tool-versions", ".asdfrc", ".default-python-packages", ".config/mise/config.toml", ".config/mise.toml"];
/// Files of a project, or of a folder above it, that do.
const LOCAL: [&str; 13] = [
    ".python-version",
    ".node-version",
    ".nvmrc",
    ".ruby-version",
    ".go-version",
    ".java-version",
    ".php-version",
    ".terraform-version",
    ".tool-versions",
    "mise.toml",
    ".mise.toml",
    "mise.local.toml",
    "package.json",
];
/// More versions are not looked at.
const MOST: usize = 300;

/// A version manager.
pub(super) struct Manager {
    /// Its folder.
    root: PathBuf,
}

/// What a tool is behind its name.
pub(super) enum Behind {
    /// The program itself.
    Itself,
    /// Whatever this one chooses.
    Chosen(Manager),
    /// Something that chooses and is not known.
    Unknown,
}

/// Looks at a tool as it lies in `PATH`, and at what its links lead to.
pub(super) fn behind(tool: &Path, real: &Path) -> Behind {
    for path in [tool, real] {
        let parts = |name: &str| path.components().any(|part| part.as_os_str() == name);
        let kept = |folder: &Path| PLACES.iter().any(|(place, _)| folder.join(place).is_dir());
        let is_shim = parts("shims")
            || path.file_name().is_some_and(|name| name == "volta-shim")
            || path.parent().and_then(Path::parent).is_some_and(|root| root.join("tools/image").is_dir());
        if is_shim {
            let root = path.ancestors().skip(1).find(|folder| kept(folder));
            return root.map_or(Behind::Unknown, |root| Behind::Chosen(Manager { root: root.to_owned() }));
        }
    }
    Behind::Itself
}

impl Manager {
    /// What decides, besides the project's own files and the environment: files that may or may not be there.
    pub(super) fn deciding(&self, root: &Path, environment: &Environment) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = GLOBAL.iter().map(|name| self.root.join(name)).collect();
        if let Some(home) = environment.get("HOME").map(Path::new) {
            files.extend(AT_HOME.iter().map(|name| home.join(name)));
        }
        let above = root.ancestors().skip(1);
        files.extend(above.flat_map(|folder| LOCAL.iter().map(|name| folder.join(name))));
        files
    }

    /// The versions there are; `None` when they are too many to look at.
    pub(super) fn versions(&self) -> Option<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        for (place, depth) in PLACES {
            let mut folders = vec![self.root.join(place)];
            for _ in 0..depth {
                let inner = |folder: &PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
                folders =
                    folders.iter().flat_map(inner).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
            }
            found.extend(folders);
        }
        (found.len() <= MOST).then_some(found)
    }

    /// The versions of the project's folder, as its files, the files above it, the environment and the manager's own
    /// settings name them; all of them where nobody names one.
    pub(super) fn picked(
        &self,
        root: &Path,
        environment: &Environment,
        versions: &BTreeSet<PathBuf>,
    ) -> BTreeSet<PathBuf> {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let set: String = environment
            .iter()
            .filter(|(name, _)| name.ends_with("_VERSION"))
            .map(|(_, value)| format!("{value} "))
            .collect();
        let local = LOCAL.iter().map(|name| read(root.join(name)));
        let said: String = local
            .chain(self.deciding(root, environment).into_iter().map(read))
            .chain(std::iter::once(set))
            .map(|text| format!("{text}\n"))
            .collect();
        let words: BTreeSet<&str> = said
            .split(|c: char| !c.is_alphanumeric() && !"._-+".contains(c))
            .map(|word| word.trim_start_matches('v'))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()) || word.contains('-'))
            .collect();
        let named = |path: &&PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().trim_start_matches('v');
            words.iter().any(|word| name == *word || name.starts_with(&format!("{word}.")))
        };
        let picked: BTreeSet<PathBuf> = versions.iter().filter(named).cloned().collect();
        if picked.is_empty() { versions.clone() } else { picked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn managers_are_known_by_where_they_keep_versions() {
        for (shim, version) in [
            (".pyenv/shims/python3", ".pyenv/versions/3.11.7/bin/python3"),
            (".asdf/shims/node", ".asdf/installs/nodejs/20.1.0/bin/node"),
            (".local/share/mise/shims/go", ".local/share/mise/installs/go/1.22.0/bin/go"),
            (".volta/bin/node", ".volta/tools/image/node/20.1.0/bin/node"),
        ] {
            let folder = made(&[shim, version]);
            let shim = folder.path().join(shim);
            let Behind::Chosen(manager) = behind(&shim, &shim) else { panic!("{} is not known", shim.display()) };
            let expected = folder.path().join(version);
            assert!(manager.versions().unwrap().contains(expected.parent().unwrap().parent().unwrap()));
        }
        let plain = Path::new("/usr/bin/python3");
        assert!(matches!(behind(plain, plain), Behind::Itself));
        let folder = made(&["shims/python3"]);
        let unknown = folder.path().join("shims/python3");
        assert!(matches!(behind(&unknown, &unknown), Behind::Unknown));
    }

    #[test]
    fn the_version_that_is_named_is_the_one_that_counts() {
        let folder = made(&[".pyenv/versions/3.11.7/bin/python", ".pyenv/versions/3.12.1/bin/python", "project/a.py"]);
        let manager = Manager { root: folder.path().join(".pyenv") };
        let (root, versions) = (folder.path().join("project"), manager.versions().unwrap());
        let picked = || -> Vec<String> {
            let picked = manager.picked(&root, &Environment::default(), &versions);
            picked.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(picked(), ["3.11.7", "3.12.1"]);
        fs::write(folder.path().join(".pyenv/version"), "3.11.7\n").unwrap();
        assert_eq!(picked(), ["3.11.7"]);
        fs::remove_file(folder.path().join(".pyenv/version")).unwrap();
        fs::write(folder.path().join(".python-version"), "3.12\n").unwrap();
        assert_eq!(picked(), ["3.12.1"]);
    }
}
