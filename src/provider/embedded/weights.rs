//! Which weights there are, what they must be, and where they lie.

use std::path::{Path, PathBuf};

/// The provider's name in front of the slash.
pub const NAME: &str = "embedded";

/// Weights that are known by name: exactly this file, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KnownModel {
    /// The name behind `embedded/`.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The official file name, under which it lies in the models folder.
    pub file: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// The licence of the weights.
    pub licence: &'static str,
    /// The repository on the model hub.
    pub repository: &'static str,
    /// The revision of that repository.
    pub revision: &'static str,
    /// Bytes of memory it takes at its peak.
    pub memory: u64,
}

/// The models known by name; the first one is the default.
pub const KNOWN: [KnownModel; 2] = [
    KnownModel {
        name: "qwen2.5-coder-1.5b",
        title: "Qwen2.5-Coder 1.5B Instruct, Q4_K_M",
        file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence: "Apache-2.0",
        repository: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        revision: "38f6bab61d341b23a6c00226f32c0d6148bf9f43",
        memory: 2_100_000_000,
    },
    KnownModel {
        name: "qwen2.5-coder-0.5b",
        title: "Qwen2.5-Coder 0.5B Instruct, Q4_K_M",
        file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        bytes: 491_400_064,
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        licence: "Apache-2.0",
        repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        revision: "ebb2015119c907b064c512bf053e945850b5875f",
        memory: 800_000_000,
    },
];

/// Why there are no weights to load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// The model is known, its file is not there.
    #[error("the weights of {name} are not on this machine ({} is missing)", path.display())]
    NotInstalled {
        /// The model's name.
        name: String,
        /// Where they would lie.
        path: PathBuf,
    },
    /// The file of a known model has another size than it must have.
    #[error("{} has {found} bytes instead of {expected}; it is not whole", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// The size it must have.
        expected: u64,
    },
    /// A path was named, and nothing is there.
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    /// The file is no GGUF.
    #[error("{} is no GGUF file", .0.display())]
    NoGguf(PathBuf),
    /// No model has this name.
    #[error("no embedded model is called {0:?}")]
    Unknown(String),
}

/// The folder of the weights below the cache folder.
pub fn folder(cache: &Path) -> PathBuf {
    cache.join("models")
}

/// The known model with this name or file name.
pub fn known(name: &str) -> Option<&'static KnownModel> {
    KNOWN.iter().find(|model| model.name == name || model.file == name)
}

/// The known models whose weights lie in the cache folder whole, the best first. Sizes are compared, not hashes.
pub fn installed(cache: &Path) -> Vec<&'static KnownModel> {
    KNOWN.iter().filter(|model| size(&folder(cache).join(model.file)) == Some(model.bytes)).collect()
}

/// The file behind a name (`qwen2.5-coder-1.5b`), a file name in the models folder, or a path to any GGUF.
///
/// # Errors
/// There is no such file, it is not whole, or it is no GGUF.
pub fn path_of(name_or_path: &str, cache: &Path) -> Result<PathBuf, WeightsError> {
    if let Some(model) = known(name_or_path) {
        let path = folder(cache).join(model.file);
        return match size(&path) {
            Some(found) if found == model.bytes => Ok(path),
            Some(found) => Err(WeightsError::Incomplete { path, found, expected: model.bytes }),
            None => Err(WeightsError::NotInstalled { name: model.name.to_owned(), path }),
        };
    }
    let is_path = name_or_path.contains(['/', '\\']) || name_or_path.ends_with(".gguf");
    if !is_path {
        let path = folder(cache).join(format!("{name_or_path}.gguf"));
        return if path.is_file() { checked(path) } else { Err(WeightsError::Unknown(name_or_path.to_owned())) };
    }
    let own = folder(cache).join(name_or_path);
    let path = if own.is_file() { own } else { PathBuf::from(name_or_path) };
    if path.is_file() { checked(path) } else { Err(WeightsError::NoFile(path)) }
}

/// The other GGUF files in the models folder, by name without the ending.
pub fn others(cache: &Path) -> Vec<String> {
    let Ok(entries) = folder(cache).read_dir() else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| known(name).is_none())
        .filter_map(|name| name.strip_suffix(".gguf").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
}

fn checked(path: PathBuf) -> Result<PathBuf, WeightsError> {
    use std::io::Read as _;
    let mut magic = [0; 4];
    let read = std::fs::File::open(&path).and_then(|mut file| file.read_exact(&mut magic));
    if read.is_ok() && &magic == b"GGUF" { Ok(path) } else { Err(WeightsError::NoGguf(path)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> tempfile::TempDir {
        let cache = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder(cache.path())).unwrap();
        cache
    }

    #[test]
    fn only_a_whole_file_is_installed() {
        let cache = cache();
        let model = &KNOWN[0];
        let path = folder(cache.path()).join(model.file);
        assert!(matches!(path_of(model.name, cache.path()), Err(WeightsError::NotInstalled { .. })));
        std::fs::write(&path, "GGUF").unwrap();
        assert!(matches!(path_of(model.name, cache.path()), Err(WeightsError::Incomplete { found: 4, .. })));
        assert!(installed(cache.path()).is_empty());
        // A sparse file of the right size: sizes are compared, hashes were when it was fetched.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(model.bytes).unwrap();
        assert_eq!(path_of(model.name, cache.path()), Ok(path.clone()));
        assert_eq!(path_of(model.file, cache.path()), Ok(path));
        assert_eq!(installed(cache.path()), vec![model]);
    }

    #[test]
    fn any_gguf_is_found_by_path_or_in_the_folder() {
        let cache = cache();
        let own = folder(cache.path()).join("mine.gguf");
        std::fs::write(&own, "GGUF....").unwrap();
        for name in ["mine", "mine.gguf", own.to_str().unwrap()] {
            assert_eq!(path_of(name, cache.path()), Ok(own.clone()), "{name}");
        }
        assert_eq!(others(cache.path()), ["mine"]);
        let text = cache.path().join("readme.gguf");
        std::fs::write(&text, "hello").unwrap();
        assert_eq!(path_of(text.to_str().unwrap(), cache.path()), Err(WeightsError::NoGguf(text)));
        assert!(matches!(path_of("/nowhere/x.gguf", cache.path()), Err(WeightsError::NoFile(_))));
        assert_eq!(path_of("gpt", cache.path()), Err(WeightsError::Unknown("gpt".to_owned())));
    }
}
