//! What a patch needs of git: the versions it was made from, and its binary parts.

use std::path::Path;

use super::{GitError, Repository};

impl Repository {
    /// The blob a patch names, whole or by the first digits of its id; `None` when this repository has none such.
    pub fn blob_named(&self, id: &str) -> Option<Vec<u8>> {
        let repository = self.libgit().ok()?;
        let found = repository.revparse_single(id).and_then(|object| object.peel_to_blob()).ok()?;
        Some(found.content().to_vec())
    }
}

/// What a file becomes by the binary part of a patch (`GIT binary patch` and what follows it). `before` is
/// `None` where there is no file yet. Nothing is written anywhere.
///
/// # Errors
/// The part is broken, or it was made for other bytes.
pub fn apply_binary(part: &[u8], before: Option<&[u8]>) -> Result<Vec<u8>, GitError> {
    const NAME: &str = "f";
    let database = git2::Odb::new()?;
    database.add_new_mempack_backend(1)?;
    let memory = git2::Repository::from_odb(database)?;
    let mut builder = memory.treebuilder(None)?;
    if let Some(bytes) = before {
        builder.insert(NAME, memory.blob(bytes)?, 0o100_644)?;
    }
    let tree = memory.find_tree(builder.write()?)?;
    // The line of ids is asked for, what it says is not.
    let (zero, id) = (git2::Oid::ZERO_SHA1, "1".repeat(40));
    let named = match before {
        None => format!("new file mode 100644\nindex {zero}..{id}\n"),
        Some(bytes) => format!("index {}..{id} 100644\n", memory.blob(bytes)?),
    };
    let header = format!("diff --git a/{NAME} b/{NAME}\n{named}");
    let diff = git2::Diff::from_buffer(&[header.as_bytes(), part].concat())?;
    let index = memory.apply_to_tree(&tree, &diff, None)?;
    let Some(entry) = index.get_path(Path::new(NAME), 0) else { return Ok(Vec::new()) };
    Ok(memory.find_blob(entry.id)?.content().to_vec())
}
