//! What a repository and its user want every agent to know: `AGENTS.md`, or `CLAUDE.md` where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::text;

/// Bytes of all instructions together that a model is sent. They are in every request.
const MOST_BYTES: usize = 32 << 10;

/// Instructions as they reach a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// The text of all files, each under its name; empty when there is none.
    pub text: String,
    /// The files, the most general first, as the user may call them.
    pub files: Vec<String>,
    /// What the user should know: a file that cannot be read, or is cut.
    pub notes: Vec<String>,
}

/// Reads the instructions: the user's own (`user` is the folder of the configuration), then those of the repository from
/// `root` down to `from`. In each folder the first of `names` that is there counts; no names means no instructions.
pub fn instructions(user: Option<&Path>, from: &Path, root: &Path, names: &[String]) -> Instructions {
    let inside = from.starts_with(root);
    let mut folders: Vec<&Path> = if inside { from } else { root }.ancestors().collect();
    folders.retain(|folder| folder.starts_with(root));
    folders.reverse();
    let mut found = Instructions::default();
    if let Some((folder, path)) = user.and_then(|folder| Some((folder, first(folder, names)?))) {
        found.add(&path, folder, &path.display().to_string());
    }
    for folder in folders {
        let Some(path) = first(folder, names) else { continue };
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        found.add(&path, root, &name);
    }
    found
}

fn first(folder: &Path, names: &[String]) -> Option<PathBuf> {
    // A name with a folder in it could lead anywhere.
    let plain = names.iter().filter(|name| Path::new(name).file_name().is_some_and(|file| file == name.as_str()));
    plain.map(|name| folder.join(name)).find(|path| path.is_file())
}

impl Instructions {
    /// Adds a file. It may be a link, as `CLAUDE.md` often is one to `AGENTS.md`, but not to something outside `home`.
    fn add(&mut self, path: &Path, home: &Path, name: &str) {
        let name = text::sanitize_line(name).into_owned();
        let within = |real: &PathBuf| home.canonicalize().is_ok_and(|home| real.starts_with(home));
        let Some(real) = path.canonicalize().ok().filter(within) else {
            self.notes.push(format!("{name} leads out of its folder; it is not read"));
            return;
        };
        let bytes = match fs::read(&real) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.notes.push(format!("{name} cannot be read: {error}"));
                return;
            }
        };
        let whole = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
        let whole = whole.trim();
        let left = MOST_BYTES.saturating_sub(self.text.len());
        let cut = text::head(whole, left);
        if whole.is_empty() {
            return;
        }
        if cut.len() < whole.len() {
            let (sent, all) = (cut.len().div_ceil(1024), whole.len().div_ceil(1024));
            self.notes.push(format!("{name} is long: the model is sent the first {sent} of {all} KiB of it"));
        }
        if !cut.is_empty() {
            self.text.push_str(&format!("\n## {name}\n\n{cut}\n"));
            self.files.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["AGENTS.md", "CLAUDE.md"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_general_comes_first_and_one_file_a_folder() {
        let place = tempfile::tempdir().unwrap();
        let (root, user) = (place.path().join("repo"), place.path().join("config"));
        fs::create_dir_all(root.join("services/orders")).unwrap();
        fs::create_dir_all(&user).unwrap();
        for (file, said) in [
            (user.join("AGENTS.md"), "mine"),
            (root.join("AGENTS.md"), "\u{feff}all\r\n"),
            (root.join("CLAUDE.md"), "not this one"),
            (root.join("services/orders/CLAUDE.md"), "orders"),
        ] {
            fs::write(file, said).unwrap();
        }
        let deep = instructions(Some(&user), &root.join("services/orders"), &root, &names());
        let at = |said: &str| deep.text.find(said).unwrap();
        assert!(at("mine") < at("all") && at("all") < at("orders"), "{}", deep.text);
        assert!(!deep.text.contains("not this one"));
        assert_eq!(deep.files[1..], ["AGENTS.md", "services/orders/CLAUDE.md"]);
        let above = instructions(None, place.path(), &root, &names());
        assert_eq!(above.files, ["AGENTS.md"]);
        assert_eq!(instructions(Some(&user), &root, &root, &[]), Instructions::default());
        assert_eq!(instructions(None, &root, &root, &["../config/AGENTS.md".to_owned()]), Instructions::default());
    }

    #[test]
    fn what_is_too_long_is_cut_and_said() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("AGENTS.md"), "é".repeat(MOST_BYTES)).unwrap();
        let found = instructions(None, root.path(), root.path(), &names());
        assert!(found.text.len() <= MOST_BYTES + 64, "{}", found.text.len());
        assert_eq!(found.notes, ["AGENTS.md is long: the model is sent the first 32 of 64 KiB of it"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_in_the_repository() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("repo");
        fs::create_dir_all(&root).unwrap();
        fs::write(place.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("AGENTS.md")).unwrap();
        let outside = instructions(None, &root, &root, &names());
        assert!(outside.text.is_empty() && outside.notes[0].contains("leads out"), "{outside:?}");
        fs::write(root.join("RULES.md"), "rules").unwrap();
        fs::remove_file(root.join("AGENTS.md")).unwrap();
        std::os::unix::fs::symlink("RULES.md", root.join("AGENTS.md")).unwrap();
        assert!(instructions(None, &root, &root, &names()).text.contains("rules"));
    }
}
