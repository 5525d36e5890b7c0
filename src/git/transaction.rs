//! Writing several files of the working folder as one.
//!
//! Everything is prepared in `<git folder>/tenon/pending/`: the new files, second names for the old ones, and a plan
//! that says what belongs where. Until the plan says *decided*, a crash is taken back; from then on it is finished.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::steps::Steps;
use super::{GitError, Repository, files};
use crate::domain::{Change, ContentHash, FileMode, FileState, RepoPath};

/// What is going on, as it stands on the disk.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) files: Vec<PlannedFile>,
    /// Present once it is decided that the operation is to happen.
    pub(super) decided: Option<Decided>,
}

/// A file before and after.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedFile {
    pub(super) path: RepoPath,
    before: Option<Print>,
    after: Option<Print>,
}

/// What remains to be done when the files are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Decided {
    pub(super) head: HeadMove,
    pub(super) index: Vec<IndexUpdate>,
}

/// A reference on its way from one commit to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HeadMove {
    pub(super) reference: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
    pub(super) message: String,
}

/// An index entry that changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct IndexUpdate {
    pub(super) path: RepoPath,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
    /// The file in the working folder holds exactly this, so its times go into the index.
    pub(super) as_in_tree: bool,
}

/// Enough of a file to know it again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Print {
    hash: ContentHash,
    mode: FileMode,
}

impl Print {
    fn of(state: Option<&FileState>) -> Option<Self> {
        state.map(|state| Self { hash: ContentHash::of(&state.bytes), mode: state.mode })
    }
}

/// An operation between its preparation and its end.
#[derive(Debug)]
pub(super) struct Transaction {
    root: PathBuf,
    folder: PathBuf,
    plan: Plan,
    /// Versions that appeared while the operation ran and had to make room; they are kept, never lost.
    pub(super) kept: Vec<PathBuf>,
}

impl Transaction {
    /// Puts new files and the plan into place. The working folder is not touched yet.
    pub(super) fn prepare(repository: &Repository, changes: &[Change], steps: &mut Steps) -> Result<Self, GitError> {
        let folder = pending(repository);
        fs::create_dir_all(&folder).map_err(GitError::io(&folder))?;
        let mut transaction =
            Self { root: repository.root().to_owned(), folder, plan: Plan::default(), kept: Vec::new() };
        let prepared = transaction.fill(changes, steps);
        if prepared.is_err() && !steps.killed() {
            transaction.finish();
        }
        prepared.map(|()| transaction)
    }

    fn fill(&mut self, changes: &[Change], steps: &mut Steps) -> Result<(), GitError> {
        let planned = |change: &Change| PlannedFile {
            path: change.path.clone(),
            before: Print::of(change.base.as_ref()),
            after: Print::of(change.result.as_ref()),
        };
        // Deletions first, so that a folder can take the place of a file and the other way round.
        let (mut order, written): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|c| c.result.is_none());
        order.extend(written);
        self.plan.files = order.iter().map(|change| planned(change)).collect();
        for (number, change) in order.iter().enumerate() {
            let Some(state) = &change.result else { continue };
            let new = self.new_file(number);
            steps.step(&new)?;
            let like = fs::symlink_metadata(change.path.under(&self.root)).ok();
            files::create(&new, state, like.as_ref()).map_err(GitError::io(&new))?;
        }
        // Last: a new file that is missing beside a plan has been moved into the working folder.
        self.save(steps)
    }

    /// Takes up what a crash left.
    pub(super) fn left_behind(repository: &Repository) -> Result<Option<Self>, GitError> {
        let folder = pending(repository);
        let path = folder.join("plan.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Stopped before there was a plan, so nothing outside this folder was touched.
                let _ = fs::remove_dir_all(&folder);
                return Ok(None);
            }
            Err(source) => return Err(GitError::Io { path, source }),
        };
        let plan = serde_json::from_slice(&bytes)
            .map_err(|error| GitError::Io { path, source: std::io::Error::other(error) })?;
        Ok(Some(Self { root: repository.root().to_owned(), folder, plan, kept: Vec::new() }))
    }

    pub(super) fn decided(&self) -> Option<&Decided> {
        self.plan.decided.as_ref()
    }

    pub(super) fn paths(&self) -> Vec<RepoPath> {
        let mut paths: Vec<RepoPath> = self.plan.files.iter().map(|file| file.path.clone()).collect();
        paths.sort();
        paths
    }

    /// Whether a file in the working folder is not what the operation has written.
    pub(super) fn differs(&self, path: &RepoPath) -> bool {
        let planned = self.plan.files.iter().find(|file| file.path == *path);
        let now = files::read(&self.root, path).map(|state| Print::of(state.as_ref()));
        planned.is_some_and(|file| now.map_or(true, |now| now != file.after))
    }

    /// A place for a further file of the operation.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Brings all files into the working folder, each checked once more at that very moment.
    pub(super) fn write(&mut self, steps: &mut Steps) -> Result<(), GitError> {
        for number in 0..self.plan.files.len() {
            self.write_one(number, steps)?;
        }
        Ok(())
    }

    fn write_one(&self, number: usize, steps: &mut Steps) -> Result<(), GitError> {
        let file = &self.plan.files[number];
        let at = file.path.under(&self.root);
        let stale = || GitError::Stale { paths: vec![file.path.clone()] };
        if Print::of(files::read(&self.root, &file.path)?.as_ref()) != file.before {
            return Err(stale());
        }
        if file.before == file.after {
            return Ok(());
        }
        steps.step(&at)?;
        let old = self.old_file(number);
        if file.after.is_none() {
            files::replace(&at, &old).map_err(GitError::io(&at))?;
            files::prune(&self.root, &file.path);
            return Ok(());
        }
        if file.before.is_some() {
            files::link_or_copy(&at, &old).map_err(GitError::io(&at))?;
        } else if at.is_dir() {
            let what = "a folder that is not empty";
            fs::remove_dir(&at).map_err(|_| GitError::InTheWay { path: file.path.clone(), what })?;
        } else if let Some(folder) = at.parent() {
            fs::create_dir_all(folder).map_err(GitError::io(folder))?;
        }
        steps.step(&at)?;
        files::replace(&self.new_file(number), &at).map_err(GitError::io(&at))
    }

    /// From now on a crash is finished, not taken back.
    pub(super) fn decide(&mut self, decided: Decided, steps: &mut Steps) -> Result<(), GitError> {
        self.plan.decided = Some(decided);
        self.save(steps)
    }

    fn save(&self, steps: &mut Steps) -> Result<(), GitError> {
        let path = self.folder.join("plan.json");
        steps.step(&path)?;
        let save = || -> std::io::Result<()> {
            let new = self.folder.join("plan.new");
            fs::write(&new, serde_json::to_vec(&self.plan)?)?;
            File::open(&new)?.sync_data()?;
            fs::rename(&new, &path)
        };
        save().map_err(GitError::io(&path))
    }

    /// Puts every file back that was written. What is neither before nor after is kept aside first when `insist`, else
    /// left where it is and named.
    pub(super) fn take_back(&mut self, insist: bool) -> Result<Vec<RepoPath>, GitError> {
        let mut left = Vec::new();
        for number in (0..self.plan.files.len()).rev() {
            let file = &self.plan.files[number];
            let at = file.path.under(&self.root);
            let now = Print::of(files::read(&self.root, &file.path)?.as_ref());
            if now == file.before || !self.is_written(number) {
                continue;
            }
            if now != file.after {
                if !insist {
                    left.push(file.path.clone());
                    continue;
                }
                if now.is_some() {
                    let kept = self.keep(&file.path, &at)?;
                    self.kept.push(kept);
                }
            }
            self.restore(number, &at).map_err(GitError::io(&at))?;
        }
        self.finish();
        Ok(left)
    }

    /// Whether the working folder has seen this file's new version.
    fn is_written(&self, number: usize) -> bool {
        let exists = |path: PathBuf| fs::symlink_metadata(path).is_ok();
        let file = &self.plan.files[number];
        if file.after.is_some() { !exists(self.new_file(number)) } else { exists(self.old_file(number)) }
    }

    fn restore(&self, number: usize, at: &Path) -> std::io::Result<()> {
        let file = &self.plan.files[number];
        if file.before.is_some() {
            if let Some(folder) = at.parent() {
                fs::create_dir_all(folder)?;
            }
            return files::replace(&self.old_file(number), at);
        }
        fs::remove_file(at)?;
        files::prune(&self.root, &file.path);
        Ok(())
    }

    fn keep(&self, path: &RepoPath, at: &Path) -> Result<PathBuf, GitError> {
        let folder = self.folder.with_file_name("kept");
        fs::create_dir_all(&folder).map_err(GitError::io(&folder))?;
        let stamp = jiff::Timestamp::now().as_nanosecond();
        let kept = folder.join(format!("{stamp}-{}", path.file_name()));
        files::link_or_copy(at, &kept).map_err(GitError::io(&kept))?;
        Ok(kept)
    }

    /// The end: nothing is pending any more.
    pub(super) fn finish(&self) {
        // The plan goes first: without it the rest is rubbish that the next operation sweeps away.
        let _ = fs::remove_file(self.folder.join("plan.json"));
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn new_file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.new"))
    }

    fn old_file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.old"))
    }
}

fn pending(repository: &Repository) -> PathBuf {
    repository.git_folder().join("tenon").join("pending")
}
