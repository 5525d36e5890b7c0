//! SEARCH/REPLACE blocks in place of a patch: what models write that were taught another format.

use std::collections::BTreeMap;

use crate::domain::RepoPath;
use crate::tool::search_replace::{self, Block, Fence, ParseError, Which};

use super::{PatchError, Planned};

/// Whether a text without the format's own frame holds such blocks.
pub(super) fn are_there(patch: &str) -> bool {
    !patch.lines().any(|line| line.trim() == "*** Begin Patch") && search_replace::has_block(patch)
}

/// Says what the blocks make of the files.
///
/// # Errors
/// The first block that is not complete, names no file or does not fit.
pub(super) fn plan(
    patch: &str,
    resolve: impl Fn(&str) -> Result<RepoPath, String>,
    read: impl Fn(&RepoPath) -> Result<Option<Vec<u8>>, String>,
) -> Result<Vec<Planned>, PatchError> {
    let blocks = search_replace::parse(patch, Fence::default(), &[]).map_err(|error| {
        let line = match &error {
            ParseError::NoFile { line } | ParseError::Open { line, .. } => *line,
        };
        PatchError::new(line, None, error.to_string())
    })?;
    let mut planned: Vec<Planned> = Vec::new();
    let mut place: BTreeMap<RepoPath, usize> = BTreeMap::new();
    for block in blocks {
        let Block::Edit { file, search, replace, line, near } = block else { continue };
        let wrong = |message: String| PatchError::new(line, Some(&file), message);
        let path = resolve(&file).map_err(wrong)?;
        let index = match place.get(&path) {
            Some(index) => *index,
            None => {
                let before = read(&path).map_err(wrong)?;
                place.insert(path.clone(), planned.len());
                let notes = vec!["read as SEARCH/REPLACE blocks".to_owned()];
                planned.push(Planned { path, from: None, after: before.clone(), before, notes });
                planned.len() - 1
            }
        };
        let which = near.map_or(Which::Only, Which::Near);
        let Some(one) = planned.get_mut(index) else { continue };
        if search.trim().is_empty() && one.after.as_ref().is_some_and(|bytes| !bytes.trim_ascii().is_empty()) {
            return Err(wrong(
                "the SEARCH part is empty, which is only for a file that does not exist yet.".to_owned(),
            ));
        }
        let made = search_replace::apply_at(one.after.as_deref(), &search, &replace, which);
        one.after = Some(made.map_err(|error| wrong(error.to_string()))?);
    }
    Ok(planned)
}
