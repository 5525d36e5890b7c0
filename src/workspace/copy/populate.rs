//! Making the copy.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use crate::config::EnvFiles;
use crate::workspace::env_files::{is_env_file, masked};
use crate::workspace::rules::{Outer, Rules};
use crate::workspace::tracked::{Index, Tracked};
use crate::workspace::tree::{Kind, Tree};
use crate::workspace::{WorkspaceError, io_error};

/// Ignored folders that hold dependencies: linked, because copying them would take minutes and building them the
/// network.
const DEPENDENCIES: [&str; 9] =
    ["node_modules", ".venv", "venv", "vendor", "bower_components", ".bundle", "deps", "Pods", ".yarn"];

/// Ignored files up to this size are copied, because local settings are often among them.
const SMALL: u64 = 1 << 20;

/// Copies what git tracks or would track, links ignored dependency folders.
pub(super) fn populate(
    repository: &Path,
    root: &Path,
    outer: &Outer,
    env_files: EnvFiles,
) -> Result<Manifest, WorkspaceError> {
    // A copy that was never finished has no manifest and is made again.
    if root.exists() {
        clear(root)?;
    }
    fs::create_dir_all(root).map_err(io_error(format!("cannot create {}", root.display())))?;
    let source = Tree::open(repository).map_err(io_error(format!("cannot open {}", repository.display())))?;
    let rules = Rules::new(&source, outer);
    let tracked = Index::of(repository).tracked();
    let mut copying = Copying {
        repository,
        root,
        view: Tree::open(root).map_err(io_error(format!("cannot open {}", root.display())))?,
        source: &source,
        rules: &rules,
        tracked: &tracked,
        manifest: Manifest::default(),
        env_files,
    };
    copying.folder(Path::new("")).map_err(io_error("cannot copy the repository"))?;
    Ok(copying.manifest)
}

struct Copying<'a> {
    repository: &'a Path,
    root: &'a Path,
    view: Tree,
    source: &'a Tree,
    rules: &'a Rules<'a>,
    tracked: &'a Tracked,
    manifest: Manifest,
    env_files: EnvFiles,
}

impl Copying<'_> {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        for entry in self.source.entries(folder)? {
            let path = folder.join(&entry.name);
            if entry.name == ".git" {
                continue;
            }
            match entry.kind {
                Kind::Folder if self.rules.ignores(&path, true) => self.ignored_folder(&path)?,
                Kind::Folder => {
                    fs::create_dir(self.root.join(&path))?;
                    self.folder(&path)?;
                }
                Kind::File | Kind::Symlink => self.file(&path)?,
                Kind::Other => {}
            }
        }
        Ok(())
    }

    fn ignored_folder(&mut self, path: &Path) -> io::Result<()> {
        let tracked = self.tracked.below(path);
        let dependencies = path.file_name().is_some_and(|name| DEPENDENCIES.iter().any(|known| name == *known));
        if tracked.is_empty() && dependencies {
            self.link(path)?;
        }
        for path in tracked.iter().filter(|path| self.source.kind(path).ok().flatten().is_some()) {
            if let Some(parent) = self.root.join(path).parent() {
                fs::create_dir_all(parent)?;
            }
            self.file(path)?;
        }
        Ok(())
    }

    /// Links a folder of dependencies. Where packages in it are links into the repository, as workspaces of npm make
    /// them, each package is linked by itself: those have to lead into the copy, or tests would run on the user's tree.
    fn link(&mut self, path: &Path) -> io::Result<()> {
        let scoped = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"@"));
        let packages: Vec<PathBuf> =
            names(&self.repository.join(path)).into_iter().map(|name| path.join(name)).collect();
        let leads_back = packages.iter().any(|package| {
            let inner = if scoped(package) { names(&self.repository.join(package)) } else { Vec::new() };
            self.own(package).is_some() || inner.iter().any(|name| self.own(&package.join(name)).is_some())
        });
        if !leads_back {
            return self.link_whole(path);
        }
        fs::create_dir_all(self.root.join(path))?;
        for package in packages {
            match self.own(&package) {
                // Relative, so that it leads into a copy of the copy too.
                Some(source) => {
                    let up: PathBuf = path.components().map(|_| "..").collect();
                    std::os::unix::fs::symlink(up.join(source), self.root.join(&package))?;
                }
                None if scoped(&package) => self.link(&package)?,
                None => self.link_whole(&package)?,
            }
        }
        Ok(())
    }

    fn link_whole(&mut self, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(self.repository.join(path), self.root.join(path))?;
        self.manifest.link(path.to_owned());
        Ok(())
    }

    /// The folder of the repository that a link among the dependencies leads to; `None` for everything else.
    fn own(&self, path: &Path) -> Option<PathBuf> {
        let at = self.repository.join(path);
        if !fs::symlink_metadata(&at).ok()?.is_symlink() {
            return None;
        }
        let real = fs::canonicalize(at).ok()?;
        let inner = real.strip_prefix(fs::canonicalize(self.repository).ok()?).ok()?;
        let dependency = inner.components().any(|part| DEPENDENCIES.iter().any(|known| part.as_os_str() == *known));
        (!dependency && real.is_dir()).then(|| inner.to_owned())
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let ignored = self.rules.ignores(path, false) && !self.tracked.holds(path);
        if ignored && self.source.metadata(path)?.is_none_or(|metadata| metadata.len() > SMALL) {
            return Ok(());
        }
        let masks = self.env_files != EnvFiles::Open && path.file_name().is_some_and(is_env_file);
        let copied = if masks && !self.tracked.holds(path) {
            let seen = masked(&self.source.optional(path).unwrap_or_default(), self.env_files);
            fs::write(self.root.join(path), seen)
        } else {
            clone(&self.repository.join(path), &self.root.join(path))
        };
        match copied {
            // Unreadable here is unreadable for commands too, and gone is gone.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                self.manifest.record(&self.view, path);
                Ok(())
            }
        }
    }
}

/// What is in a folder; nothing when it is none.
fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// Copies a whole folder with everything in it.
pub(super) fn clone_all(from: &Path, to: &Path) -> Result<(), WorkspaceError> {
    fn descend(from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let file_type = entry.file_type()?;
            let target = to.join(entry.file_name());
            if file_type.is_dir() {
                descend(&entry.path(), &target)?;
            } else if file_type.is_file() || file_type.is_symlink() {
                clone(&entry.path(), &target)?;
            }
        }
        Ok(())
    }
    descend(from, to).map_err(io_error("cannot copy the workspace"))
}

/// Removes what is in a folder, and leaves the folder.
pub(super) fn clear(root: &Path) -> Result<(), WorkspaceError> {
    let clear = || -> io::Result<()> {
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    clear().map_err(io_error(format!("cannot clear {}", root.display())))
}

/// Copies a file or symlink; the blocks are shared where the file system can. The time of the change is kept, so that
/// build tools see what they know.
fn clone(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    share_blocks(from, to)?;
    let target = File::options().write(true).open(to);
    if let (Ok(target), Ok(time)) = (target, metadata.modified()) {
        target.set_modified(time)?;
    }
    fs::set_permissions(to, metadata.permissions())
}

#[cfg(target_os = "linux")]
fn share_blocks(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    let target = File::create(to)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
        io::copy(&mut &source, &mut &target)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn share_blocks(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map(|_| ())
}
