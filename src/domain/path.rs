//! Paths inside the repository.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Why a text is no path inside the repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing, or only `.`.
    #[error("the path is empty; name a file relative to the repository root")]
    Empty,
    /// An absolute path, on any platform.
    #[error("`{0}` is absolute; paths are relative to the repository root")]
    Absolute(String),
    /// A `..` that would leave the repository.
    #[error("`{0}` leaves the repository; paths stay inside it")]
    Escapes(String),
    /// Git's own folder, in any spelling a file system may take for it.
    #[error("`{0}` lies in git's own folder, which tools never touch")]
    GitFolder(String),
    /// A NUL byte, which no file system takes.
    #[error("the path holds a NUL byte")]
    Nul,
}

/// A path relative to the repository root: `/` between names, no `.`, no `..`, never inside `.git`.
///
/// Lexical only: symlinks are the workspace's business, which resolves beneath its root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RepoPath(String);

impl RepoPath {
    /// Reads a path as a model or a person writes it: `./a`, `a//b`, `a/../b` are normalised.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.contains('\0') {
            return Err(PathError::Nul);
        }
        let drive =
            text.as_bytes().get(1) == Some(&b':') && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        if text.starts_with('/')
            || text.starts_with('\\')
            || drive
            || text.starts_with('~') && (text.len() == 1 || text.starts_with("~/"))
        {
            return Err(PathError::Absolute(text.to_owned()));
        }
        let mut names: Vec<&str> = Vec::new();
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    if names.pop().is_none() {
                        return Err(PathError::Escapes(text.to_owned()));
                    }
                }
                _ => names.push(name),
            }
        }
        if names.is_empty() {
            return Err(PathError::Empty);
        }
        if names.iter().any(|name| is_git_folder(name)) {
            return Err(PathError::GitFolder(text.to_owned()));
        }
        Ok(Self(names.join("/")))
    }

    /// The path as text with `/` between names.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path joined to a root folder.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// The last name.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder it lies in, `None` at the root.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }
}

/// A path as it is called from the root, of one that is called from a folder; the root is the empty folder.
pub fn from_root(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

/// The folder a path lies in; empty for the root.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path as it is called from a folder, of one that is called from the root; `None` when it lies elsewhere.
pub fn from_folder<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

/// A path as it is called from a file's folder, from the root; `None` when it leads out.
pub fn beside(file: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Case-insensitive and NTFS spellings included, as git itself checks them (`core.protectNTFS`).
fn is_git_folder(name: &str) -> bool {
    let trimmed = name.split(':').next().unwrap_or(name).trim_end_matches(['.', ' ']);
    trimmed.eq_ignore_ascii_case(".git") || trimmed.eq_ignore_ascii_case("git~1")
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for RepoPath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_beside_a_file_starts_at_its_folder() {
        assert_eq!(beside("dist/orders/a.js", "../../src/orders/a.ts").as_deref(), Some("src/orders/a.ts"));
        assert_eq!(beside("a.yaml", "./b.yaml").as_deref(), Some("b.yaml"));
        assert_eq!(beside("dist/a.js", "../../../etc/passwd"), None);
    }

    #[test]
    fn normalises_what_stays_inside() {
        for (text, expected) in [("a", "a"), ("./a/b", "a/b"), ("a//b/", "a/b"), ("a/../b", "b"), ("a b/ü", "a b/ü")]
        {
            assert_eq!(RepoPath::parse(text).map(|p| p.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn refuses_what_leaves_or_touches_git() {
        for text in [
            "",
            ".",
            "..",
            "../a",
            "a/../../b",
            "/etc/passwd",
            "C:\\x",
            "~",
            "~/x",
            ".git",
            ".git/config",
            "a/.GIT/hooks",
            ".git./config",
            "a\0b",
        ] {
            assert!(RepoPath::parse(text).is_err(), "{text}");
        }
        assert!(RepoPath::parse(".gitignore").is_ok());
        assert!(RepoPath::parse("~backup").is_ok());
    }
}
