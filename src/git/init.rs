//! Making a repository, for the demo.

use std::path::Path;

use super::GitError;

/// Makes a repository in a folder and commits everything in it. Where git knows no author, the repository gets one of
/// its own, so that later commits work on a machine without any git settings.
///
/// # Errors
/// The folder cannot be read or written.
pub fn init_with_commit(folder: &Path, message: &str) -> Result<(), GitError> {
    let mut options = git2::RepositoryInitOptions::new();
    options.initial_head("main").external_template(false);
    let repository = git2::Repository::init_opts(folder, &options)?;
    if repository.signature().is_err() {
        let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
        config.set_str("user.name", "Tenon demo")?;
        config.set_str("user.email", "demo@localhost")?;
    }
    let mut index = repository.index()?;
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = repository.signature()?;
    repository.commit(Some("HEAD"), &author, &author, message, &tree, &[])?;
    Ok(())
}
