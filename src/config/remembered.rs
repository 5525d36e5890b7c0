//! What was chosen once and is kept in the state folder: the model, and which providers have a key in the keyring.
//! A choice is no setting: whatever names a model in a file, the environment or a flag goes before it.

use std::path::Path;

const FILE: &str = "model";

/// The choice kept in the state folder, if any.
pub fn remembered_model(state: &Path) -> Option<String> {
    let text = std::fs::read_to_string(state.join(FILE)).ok()?;
    let name = text.lines().next()?.trim();
    (!name.is_empty() && name.len() < 512).then(|| name.to_owned())
}

/// Keeps a choice in the state folder.
///
/// # Errors
/// The folder cannot be written.
pub fn remember_model(state: &Path, model: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(state)?;
    std::fs::write(state.join(FILE), format!("{model}\n"))
}

const KEYS: &str = "keyring";

/// Providers whose key was put into the system's keyring. Names only: the keyring is asked when a key is needed.
pub fn marked_keys(state: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(state.join(KEYS)).unwrap_or_default();
    text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Notes that a provider's key is in the keyring, or is no longer.
///
/// # Errors
/// The folder cannot be written.
pub fn mark_key(state: &Path, provider: &str, there: bool) -> std::io::Result<()> {
    let mut names = marked_keys(state);
    names.retain(|name| name != provider);
    if there {
        names.push(provider.to_owned());
    }
    std::fs::create_dir_all(state)?;
    std::fs::write(state.join(KEYS), names.iter().map(|name| format!("{name}\n")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_there_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("deep");
        assert_eq!(remembered_model(&state), None);
        remember_model(&state, "ollama/qwen3:8b").unwrap();
        assert_eq!(remembered_model(&state).as_deref(), Some("ollama/qwen3:8b"));
    }

    #[test]
    fn keys_are_marked_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(marked_keys(folder.path()).is_empty());
        mark_key(folder.path(), "openai", true).unwrap();
        mark_key(folder.path(), "groq", true).unwrap();
        mark_key(folder.path(), "openai", true).unwrap();
        assert_eq!(marked_keys(folder.path()), ["groq", "openai"]);
        mark_key(folder.path(), "groq", false).unwrap();
        assert_eq!(marked_keys(folder.path()), ["openai"]);
    }
}
