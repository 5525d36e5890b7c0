//! The upper folder of an overlay: what it says about changes, and how to take something out of it.
//!
//! The kernel's way of writing: a deletion is a *whiteout*, a character device 0:0; a folder that hides everything
//! below it is *opaque*, marked by an extended attribute.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat};

use crate::workspace::compare::Sides;
use crate::workspace::tree::{Kind, Tree};

const OPAQUE: &str = "user.overlay.opaque";

/// Collects the paths that an upper folder may make different from base. Cost follows what is in it.
pub(super) fn candidates(upper: &Path, sides: &Sides<'_>, into: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    descend(upper, &Tree::open(upper)?, Path::new(""), sides, into)
}

fn descend(
    upper: &Path,
    layer: &Tree,
    folder: &Path,
    sides: &Sides<'_>,
    into: &mut BTreeSet<PathBuf>,
) -> io::Result<()> {
    let entries = match layer.entries(folder) {
        // Locked by a command with `chmod`; its files cannot be shown.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !folder.as_os_str().is_empty() => {
            into.insert(folder.to_owned());
            return Ok(());
        }
        entries => entries?,
    };
    for entry in entries {
        let path = folder.join(&entry.name);
        if entry.name == ".git" {
            continue;
        }
        if entry.kind != Kind::Folder {
            // What is here in place of a folder, a whiteout or a file, takes all files of that folder away.
            sides.base_files(&path, into);
            into.insert(path);
        } else if sides.rules.ignores(&path, true) {
            into.extend(sides.tracked.below(&path));
        } else {
            let hides = is_opaque(&upper.join(&path)) || sides.base.kind(&path)? != Some(Kind::Folder);
            if hides {
                sides.base_files(&path, into);
            }
            descend(upper, layer, &path, sides, into)?;
        }
    }
    Ok(())
}

/// Takes one path out of an upper folder, so that what lies below shows through. Nothing may be mounted over it.
pub(super) fn forget(upper: &Path, base: &Tree, path: &Path) -> io::Result<()> {
    let mut at = PathBuf::new();
    let mut names = path.components().peekable();
    while let Some(name) = names.next() {
        let here = at.join(name);
        let Some(metadata) = optional(fs::symlink_metadata(upper.join(&here)))? else { break };
        let Some(next) = names.peek() else {
            // A folder that stands where base has a file hides it.
            if !metadata.is_dir() {
                fs::remove_file(upper.join(&here))?;
            } else if base.kind(&here)?.is_some_and(|kind| kind != Kind::Folder) {
                crate::workspace::remove_tree(&upper.join(&here))?;
            }
            break;
        };
        let below = base.kind(&here)? == Some(Kind::Folder);
        if !metadata.is_dir() {
            if !below {
                break;
            }
            // The whole folder is deleted; now all of it but this path is.
            fs::remove_file(upper.join(&here))?;
            fs::create_dir(upper.join(&here))?;
            hide_others(upper, base, &here, next.as_os_str())?;
        } else if is_opaque(&upper.join(&here)) {
            rustix::fs::removexattr(upper.join(&here), OPAQUE)?;
            if below {
                hide_others(upper, base, &here, next.as_os_str())?;
            }
        }
        at = here;
    }
    prune(upper, path)
}

/// Puts whiteouts for everything base has in a folder, but for one name and for what the upper folder has itself.
fn hide_others(upper: &Path, base: &Tree, folder: &Path, shown: &OsStr) -> io::Result<()> {
    let others: Vec<OsString> = base.entries(folder)?.into_iter().map(|entry| entry.name).collect();
    for name in others.iter().filter(|name| *name != shown) {
        let path = upper.join(folder).join(name);
        match optional(fs::symlink_metadata(&path))? {
            None => mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0)?,
            // It hid the folder below because the folder around it did.
            Some(metadata) if metadata.is_dir() => {
                rustix::fs::setxattr(&path, OPAQUE, b"y", XattrFlags::empty())?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Removes folders of the upper folder that became empty.
fn prune(upper: &Path, path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        let full = upper.join(folder);
        if is_opaque(&full) || optional(fs::symlink_metadata(&full))?.is_none_or(|metadata| !metadata.is_dir()) {
            break;
        }
        if fs::remove_dir(&full).is_err() {
            break;
        }
    }
    Ok(())
}

/// Whether a layer says what is at a path: it has the path itself, or hides a folder above it.
pub(super) fn decides(layer: &Path, path: &Path) -> bool {
    let mut at = layer.to_owned();
    for name in path.components() {
        at.push(name);
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_dir() && !is_opaque(&at) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
    true
}

pub(super) fn is_opaque(folder: &Path) -> bool {
    let mut value = [0_u8; 4];
    rustix::fs::lgetxattr(folder, OPAQUE, &mut value[..]).is_ok_and(|length| value.get(..length) == Some(b"y"))
}

fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
