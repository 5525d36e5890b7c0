//! Edits of one file, without a file system: all of them or none.

use std::borrow::Cow;

use crate::tool::document::BOM;
use crate::tool::matching::{self, Search};
use crate::tool::nearest;

use super::slips;

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is there now.
    pub old: String,
    /// What is to be there.
    pub new: String,
    /// Every place, not just the one there is.
    pub all: bool,
}

/// What edits came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The content.
    pub bytes: Vec<u8>,
    /// How places were found, where it was not exactly.
    pub notes: Vec<String>,
}

/// Why nothing was edited. The text is for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The old text is nowhere in the file.
    #[error("{which}: `old` is not in the file.{hint}")]
    Nowhere {
        /// Which edit.
        which: String,
        /// The nearest lines.
        hint: String,
    },
    /// The old text is in the file more than once.
    #[error(
        "{which}: `old` is in the file {count} times, so the place is not clear. Give more of the lines around it, or `all`: true for every place. It is here:\n{places}"
    )]
    Several {
        /// Which edit.
        which: String,
        /// How many places.
        count: usize,
        /// The places.
        places: String,
    },
    /// The place is clear, but not which indentation the new text should have.
    #[error(
        "{which}: `old` is here with a different indentation from which the one of `new` does not follow. Copy the lines exactly:\n{places}"
    )]
    Indentation {
        /// Which edit.
        which: String,
        /// The place.
        places: String,
    },
    /// Old and new are the same.
    #[error("{which}: `old` and `new` are the same; nothing to change.")]
    Same {
        /// Which edit.
        which: String,
    },
    /// Nothing old is given for a file that holds something.
    #[error(
        "{which}: `old` is empty, which is only for a file that does not exist yet. To add text, give a line of the file as `old` and repeat it in `new`; to replace everything, use `write`."
    )]
    Exists {
        /// Which edit.
        which: String,
    },
    /// There is no file to edit.
    #[error("there is no file to edit")]
    Missing,
    /// The new text holds the mark for bytes that are not UTF-8.
    #[error(
        "{which}: `new` holds U+FFFD, which stands for bytes of the file that are not UTF-8. Edit only the parts of lines around them."
    )]
    Lossy {
        /// Which edit.
        which: String,
    },
}

/// Makes the edits one after the other, each on the result of the one before. `None` is a file that is missing.
///
/// # Errors
/// One of them cannot be made; then none is.
pub fn edit_bytes(before: Option<&[u8]>, edits: &[Edit]) -> Result<Edited, EditError> {
    let bom = before.is_some_and(|bytes| bytes.starts_with(BOM));
    let mut bytes: Option<Vec<u8>> = before.map(|bytes| bytes[if bom { BOM.len() } else { 0 }..].to_vec());
    let mut notes = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        let which = if edits.len() == 1 { "The edit".to_owned() } else { format!("Edit {}", index + 1) };
        let (edited, note) = make(bytes.as_deref(), edit, which, bom)?;
        notes.extend(note);
        bytes = Some(edited);
    }
    let bytes = bytes.ok_or(EditError::Missing)?;
    Ok(Edited { bytes: if bom { [BOM, &bytes].concat() } else { bytes }, notes })
}

fn make(bytes: Option<&[u8]>, edit: &Edit, which: String, bom: bool) -> Result<(Vec<u8>, Option<String>), EditError> {
    let without_bom = |text: &str| match text.strip_prefix('\u{FEFF}') {
        Some(rest) if bom => rest.to_owned(),
        _ => text.to_owned(),
    };
    let edit = Edit { old: without_bom(&edit.old), new: without_bom(&edit.new), all: edit.all };
    if edit.old == edit.new {
        return Err(EditError::Same { which });
    }
    if edit.old.is_empty() {
        return match bytes {
            None | Some([]) => Ok((edit.new.into_bytes(), None)),
            Some(_) => Err(EditError::Exists { which }),
        };
    }
    let bytes = bytes.ok_or(EditError::Missing)?;
    let (replacements, note) = find(bytes, &edit, &which)?;
    let made_of_lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains('\u{FFFD}');
    if std::str::from_utf8(bytes).is_err() && replacements.iter().any(|part| made_of_lossy(&part.bytes)) {
        return Err(EditError::Lossy { which });
    }
    let made = matching::make(bytes, &replacements);
    if made == bytes { Err(EditError::Same { which }) } else { Ok((made, note)) }
}

fn find(bytes: &[u8], edit: &Edit, which: &str) -> Result<(Vec<matching::Replacement>, Option<String>), EditError> {
    let as_given = (Cow::Borrowed(edit.old.as_str()), Cow::Borrowed(edit.new.as_str()), None);
    for (old, new, slip) in std::iter::once(as_given).chain(slips::put_right(&edit.old, &edit.new)) {
        match matching::search(bytes, &old, &new, edit.all) {
            Search::Nowhere => {}
            Search::At(found, replacements) => {
                let notes: Vec<&str> = slip.into_iter().chain(found.note()).collect();
                let note = (!notes.is_empty()).then(|| format!("{which}: {}.", notes.join(", ")));
                return Ok((replacements, note));
            }
            Search::Several(offsets) => {
                let places = nearest::places(bytes, &offsets);
                return Err(EditError::Several { which: which.to_owned(), count: offsets.len(), places });
            }
            Search::Unclear(offset) => {
                let places = nearest::places(bytes, &[offset]);
                return Err(EditError::Indentation { which: which.to_owned(), places });
            }
        }
    }
    Err(EditError::Nowhere { which: which.to_owned(), hint: hint(bytes, edit) })
}

fn hint(bytes: &[u8], edit: &Edit) -> String {
    if !edit.new.trim().is_empty()
        && let Search::At(..) = matching::search(bytes, &edit.new, "", false)
    {
        return " But `new` is there already: the edit seems to be made. Read the file before you go on.".to_owned();
    }
    match nearest::region(bytes, &edit.old) {
        Some(region) => format!(" The nearest lines are:\n{region}Copy `old` from the file as it is now."),
        None => " Nothing like it is there: read the file before you go on.".to_owned(),
    }
}
