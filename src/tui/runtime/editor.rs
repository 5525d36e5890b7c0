//! Runs the user's editor on a text.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Lets the user edit `text`. `command` is a command line, as `$EDITOR` holds it.
pub(super) async fn edit(command: String, text: String, suffix: String, folder: PathBuf) -> Result<String, String> {
    let edited = tokio::task::spawn_blocking(move || edit_blocking(&command, &text, &suffix, &folder)).await;
    edited.unwrap_or_else(|error| Err(error.to_string()))
}

fn edit_blocking(command: &str, text: &str, suffix: &str, folder: &std::path::Path) -> Result<String, String> {
    let suffix: String = suffix.chars().filter(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
    let file = tempfile::Builder::new().prefix("tenon-").suffix(&suffix).tempfile().map_err(|e| e.to_string())?;
    std::fs::write(file.path(), text).map_err(|error| error.to_string())?;
    let mut process = Command::new("sh");
    process.arg("-c").arg(format!("{command} \"$1\"")).arg("sh").arg(file.path());
    if folder.is_dir() {
        process.current_dir(folder);
    }
    process.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let status = process.status().map_err(|error| format!("{command}: {error}"))?;
    if !status.success() {
        return Err(format!("{command} ended with {status}; nothing was taken over"));
    }
    std::fs::read_to_string(file.path()).map_err(|error| format!("what it wrote cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn takes_over_what_the_editor_wrote_and_nothing_when_it_fails() {
        let run = |command: &str| edit(command.to_owned(), "one\n".to_owned(), "-a.py".to_owned(), PathBuf::from("/"));
        assert_eq!(run("sed -i s/one/two/").await.as_deref(), Ok("two\n"));
        assert!(run("false").await.is_err());
        assert!(run("no-such-editor-here").await.is_err());
    }
}
