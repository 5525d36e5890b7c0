//! A selection becomes a commit.

use std::ffi::OsStr;
use std::path::Path;

use super::entry::{self, Entry, Merge};
use super::head::Head;
use super::hooks::Hooks;
use super::images::{self, Image};
use super::receipt::{Deed, Mark, Receipt};
use super::steps::Steps;
use super::transaction::{HeadMove, IndexUpdate, Transaction};
use super::{GitError, Repository, amend, files, filter, head, index, land, sign};
use crate::domain::{Change, RepoPath};

/// What is to be committed: for each file what the user was shown and what of it was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The files.
    pub files: Vec<Change>,
    /// The message.
    pub message: String,
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commit.
    pub oid: String,
    /// The branch it is on; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// Its message, as hooks left it.
    pub message: String,
    /// The files of the selection.
    pub paths: Vec<RepoPath>,
    /// What the user should know about it.
    pub notes: Vec<String>,
}

/// How a selection is committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct How<'a> {
    /// The files are written to the working folder too.
    pub(super) write: bool,
    /// The commit that is to be amended.
    pub(super) amends: Option<&'a str>,
}

/// One file, worked out.
pub(super) struct Planned {
    pub(super) path: RepoPath,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
    pub(super) index: IndexUpdate,
    /// The working file, before and after.
    pub(super) tree: [Option<Entry>; 2],
}

impl Planned {
    fn image(&self) -> Image {
        Image {
            path: self.path.clone(),
            head: [self.before, self.after],
            tree: self.tree,
            index: [self.index.before, self.index.after],
        }
    }
}

impl Repository {
    /// Commits HEAD plus the selection and writes it to the working folder. Work of the user that is not part of the
    /// selection, staged or not, stays as it is.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn commit(&self, selection: &Selection) -> Result<Committed, GitError> {
        self.commit_selection(selection, How { write: true, amends: None })
    }

    /// Commits HEAD plus the selection whose bytes are in the working folder already (a review of the user's own
    /// changes): the working folder is left alone.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn commit_from_tree(&self, selection: &Selection) -> Result<Committed, GitError> {
        self.commit_selection(selection, How { write: false, amends: None })
    }

    pub(super) fn commit_selection(&self, selection: &Selection, how: How<'_>) -> Result<Committed, GitError> {
        let write = how.write;
        let _lock = self.exclusive()?;
        land::recover(self)?;
        let repository = self.libgit()?;
        head::refuse_unfinished(&repository)?;
        head::identity(&repository)?;
        if selection.message.trim().is_empty() {
            return Err(GitError::EmptyMessage);
        }
        if write {
            self.refuse_stale(&selection.files)?;
        }
        let head = head::read(&repository)?;
        let amended = how.amends.map(|oid| amend::amendable(&repository, &head, oid)).transpose()?;
        let mut notes = Vec::new();
        let mut planned = plan(&repository, &head, selection, &mut notes)?;
        if !write {
            self.compare_with_tree(&repository, &mut planned)?;
        }
        let tree = tree_with(&repository, head.commit.as_ref(), planned.iter().map(|file| (&file.path, file.after)))?;
        if head.commit.as_ref().is_some_and(|commit| commit.tree_id() == tree.id()) {
            return Err(GitError::Nothing);
        }
        let mut steps = self.steps();
        let changes = if write { selection.files.as_slice() } else { &[] };
        let mut transaction = Transaction::prepare(self, changes, &mut steps)?;
        let mark = self.mark.as_ref();
        let work = Work { repository: &repository, root: self.root(), head: &head, tree: &tree, mark, amended };
        match work.carry_out(&mut transaction, planned, &selection.message, &mut steps) {
            Ok((oid, message)) => {
                let hooks = Hooks::new(&repository, self.root(), repository.path().join("index"))?;
                // The commit stands; what this hook says changes nothing, as with git.
                let _ = hooks.run("post-commit", &[]);
                let paths = selection.files.iter().map(|file| file.path.clone()).collect();
                Ok(Committed { oid: oid.to_string(), branch: head.branch(), message, paths, notes })
            }
            Err(error) if steps.killed() => Err(error),
            Err(error) => Err(taken_back(&mut transaction, error)),
        }
    }

    /// A file that is not written may hold more than what is committed of it.
    fn compare_with_tree(&self, repository: &git2::Repository, planned: &mut [Planned]) -> Result<(), GitError> {
        for file in planned {
            let now = files::read(self.root(), &file.path)?;
            file.tree = [images::keep(repository, now.as_ref())?; 2];
            let now = now.map(|state| filter::clean(repository, &file.path, &state)).transpose()?;
            file.index.as_in_tree &= now == file.index.after;
        }
        Ok(())
    }

    /// Refuses when a file is not what the user was shown.
    pub(super) fn refuse_stale(&self, changes: &[Change]) -> Result<(), GitError> {
        let mut paths = Vec::new();
        for change in changes {
            if files::read(self.root(), &change.path)? != change.base {
                paths.push(change.path.clone());
            }
        }
        if paths.is_empty() { Ok(()) } else { Err(GitError::Stale { paths }) }
    }
}

/// Puts the tree back after a failure and says so when something had to make room.
pub(super) fn taken_back(transaction: &mut Transaction, error: GitError) -> GitError {
    match transaction.take_back(true) {
        Ok(_) if transaction.kept.is_empty() => error,
        Ok(_) => {
            let kept: Vec<String> = transaction.kept.iter().map(|path| path.display().to_string()).collect();
            let kept = format!("files were changed meanwhile and put back; the changed versions: {}", kept.join(", "));
            match error {
                GitError::Hook { name, output } => GitError::Hook { name, output: format!("{output}\n{kept}") },
                // The hook's versions are shown next: only what somebody else changed is news.
                GitError::HookChanged { ref files, .. } if transaction.kept.len() <= files.len() => error,
                GitError::HookChanged { name, output, files } => {
                    GitError::HookChanged { name, output: format!("{output}\n{kept}"), files }
                }
                other => GitError::Git(format!("{other}; {kept}")),
            }
        }
        Err(second) => GitError::Git(format!("{error}; and the files could not be put back yet: {second}")),
    }
}

/// Works out for every file what stands in the commit and in the index. Nothing but objects is written.
fn plan(
    repository: &git2::Repository,
    head: &Head<'_>,
    selection: &Selection,
    notes: &mut Vec<String>,
) -> Result<Vec<Planned>, GitError> {
    let tree = head.commit.as_ref().map(git2::Commit::tree).transpose()?;
    let index = index::open(repository)?;
    let mut planned = Vec::new();
    let mut conflicts = Vec::new();
    for change in &selection.files {
        let before = entry::in_tree(tree.as_ref(), &change.path)?;
        let clean = |state| filter::clean(repository, &change.path, state);
        let shown = change.base.as_ref().map(clean).transpose()?;
        let result = change.result.as_ref().map(clean).transpose()?;
        let merged = match (before, shown, result) {
            (Some(_), Some(_), Some(_)) => entry::merge(repository, shown, before, result)?,
            // Deleted, or not in git before: there is no part of it that could be left out.
            _ => Merge::Clean(result),
        };
        if before.is_none() && shown.is_some() && result.is_some() {
            notes.push(format!("{} was not in git before, so all of it is in the commit", change.path));
        }
        let Merge::Clean(after) = merged else {
            conflicts.push(change.path.clone());
            continue;
        };
        match index::follow_change(repository, &index, &change.path, (before, after), (shown, result))? {
            Some(mut update) => {
                update.as_in_tree = update.after.is_some() && update.after == result;
                let tree = [
                    images::keep(repository, change.base.as_ref())?,
                    images::keep(repository, change.result.as_ref())?,
                ];
                planned.push(Planned { path: change.path.clone(), before, after, index: update, tree });
            }
            None => conflicts.push(change.path.clone()),
        }
    }
    if conflicts.is_empty() { Ok(planned) } else { Err(GitError::Conflict { paths: conflicts }) }
}

/// The tree of a commit with some paths changed, through an index in memory.
pub(super) fn tree_with<'a, 'r>(
    repository: &'r git2::Repository,
    commit: Option<&git2::Commit<'_>>,
    entries: impl Iterator<Item = (&'a RepoPath, Option<Entry>)>,
) -> Result<git2::Tree<'r>, GitError> {
    let mut memory = git2::Index::new()?;
    if let Some(commit) = commit {
        memory.read_tree(&commit.tree()?)?;
    }
    let (removed, set): (Vec<_>, Vec<_>) = entries.partition(|(_, entry)| entry.is_none());
    for (path, _) in removed {
        memory.remove_path(Path::new(path.as_str()))?;
    }
    for (path, entry) in set {
        if let Some(entry) = entry {
            memory.add(&index::bare_entry(path, entry))?;
        }
    }
    let id = memory.write_tree_to(repository)?;
    Ok(repository.find_tree(id)?)
}

/// The hook that may look at the files, and change them.
const PRE_COMMIT: &str = "pre-commit";

/// What the later stages of a commit need.
struct Work<'a> {
    repository: &'a git2::Repository,
    root: &'a Path,
    head: &'a Head<'a>,
    tree: &'a git2::Tree<'a>,
    mark: Option<&'a Mark>,
    amended: Option<git2::Commit<'a>>,
}

impl Work<'_> {
    /// Writes the files, asks the hooks, makes the commit and moves HEAD to it.
    fn carry_out(
        &self,
        transaction: &mut Transaction,
        planned: Vec<Planned>,
        message: &str,
        steps: &mut Steps,
    ) -> Result<(git2::Oid, String), GitError> {
        transaction.write(steps)?;
        let message = self.ask_hooks(transaction, message)?;
        let (me, committer) = head::identity(self.repository)?;
        // As with git, who amends a commit does not become its author.
        let author = self.amended.as_ref().map_or(me, |commit| commit.author().to_owned());
        let grandparents: Vec<git2::Commit<'_>> = self.amended.iter().flat_map(git2::Commit::parents).collect();
        let parents: Vec<&git2::Commit<'_>> =
            if self.amended.is_some() { grandparents.iter().collect() } else { self.head.commit.iter().collect() };
        let oid = sign::write_commit(self.repository, (&author, &committer), &message, self.tree, &parents)?;
        let images: Vec<Image> = planned.iter().map(Planned::image).collect();
        images::save(self.repository, oid, &images)?;
        let subject = message.lines().next().unwrap_or_default();
        let kind = match (&self.amended, parents.is_empty()) {
            (Some(_), _) => "commit (amend)",
            (None, true) => "commit (initial)",
            (None, false) => "commit",
        };
        let head = HeadMove {
            reference: self.head.reference.clone(),
            old: self.head.id().map(|id| id.to_string()),
            new: Some(oid.to_string()),
            message: format!("tenon: {kind}: {subject}"),
        };
        if let Some(mark) = self.mark {
            let paths = images.into_iter().map(|image| image.path).collect();
            Receipt::new(mark.clone(), Deed::Commit, (oid, &message), paths, &head).save(self.repository)?;
        }
        let updates = planned.into_iter().map(|file| file.index).collect();
        land::land(self.repository, transaction, head, updates, steps)?;
        Ok((oid, message))
    }

    /// Runs the hooks of a commit on the written files; the message may come back changed, the content may not.
    fn ask_hooks(&self, transaction: &Transaction, message: &str) -> Result<String, GitError> {
        let index = transaction.place("hooks-index");
        let hooks = Hooks::new(self.repository, self.root, index.clone())?;
        let tidy = |text: &str| Ok::<_, GitError>(git2::message_prettify(text, None)?);
        if !hooks.any(&[PRE_COMMIT, "prepare-commit-msg", "commit-msg"]) {
            return tidy(message);
        }
        self.write_index_for_hooks(&index)?;
        hooks.run(PRE_COMMIT, &[]).map_err(|error| self.refused(transaction, error))?;
        self.refuse_changed(&index)?;
        let path = transaction.place("message");
        std::fs::write(&path, tidy(message)?).map_err(GitError::io(&path))?;
        hooks.run("prepare-commit-msg", &[path.as_os_str(), OsStr::new("message")])?;
        hooks.run("commit-msg", &[path.as_os_str()])?;
        let message = std::fs::read_to_string(&path).map_err(GitError::io(&path))?;
        let message = tidy(&message)?;
        if message.trim().is_empty() { Err(GitError::EmptyMessage) } else { Ok(message) }
    }

    /// The user's index brought to what is to be committed: entries that agree keep what they know about their files.
    fn write_index_for_hooks(&self, path: &Path) -> Result<(), GitError> {
        let user = self.repository.path().join("index");
        if user.exists() {
            std::fs::copy(&user, path).map_err(GitError::io(path))?;
        }
        let (mut index, _) = index::open_own(self.repository, path)?;
        let announced: Vec<Vec<u8>> =
            index.iter().filter(|e| e.flags_extended & (1 << 13) != 0).map(|e| e.path).collect();
        for path in announced {
            index.remove_path(Path::new(&String::from_utf8_lossy(&path).into_owned()))?;
        }
        let how = &mut entry::comparing();
        let diff = self.repository.diff_tree_to_index(Some(self.tree), Some(&index), Some(how))?;
        let wanted: Vec<(Option<Entry>, Vec<u8>)> = diff
            .deltas()
            .map(|delta| {
                let (old, new) = (delta.old_file(), delta.new_file());
                let path = old.path_bytes().or(new.path_bytes()).unwrap_or_default().to_vec();
                (old.exists().then(|| Entry { id: old.id(), mode: old.mode().into() }), path)
            })
            .collect();
        for (entry, path) in wanted {
            match entry {
                Some(Entry { id, mode }) => {
                    let mut entry = index::bare_entry_at(path, Entry { id, mode });
                    entry.flags_extended = 0;
                    index.add(&entry)?;
                }
                None => index.remove_path(Path::new(&String::from_utf8_lossy(&path).into_owned()))?,
            }
        }
        Ok(index.write()?)
    }

    /// A hook that stages other content (a formatter) would commit what nobody has seen.
    fn refuse_changed(&self, path: &Path) -> Result<(), GitError> {
        let (mut index, _) = index::open_own(self.repository, path)?;
        let now = self.repository.find_tree(index.write_tree_to(self.repository)?)?;
        if now.id() == self.tree.id() {
            return Ok(());
        }
        let how = &mut entry::comparing();
        let diff = self.repository.diff_tree_to_tree(Some(self.tree), Some(&now), Some(how))?;
        let paths = diff.deltas().filter_map(|delta| {
            let path = delta.new_file().path().or(delta.old_file().path())?;
            RepoPath::parse(path.to_str()?).ok()
        });
        let mut files = Vec::new();
        for path in paths {
            let staged = entry::in_tree(Some(&now), &path)?.map(|entry| (path.clone(), entry));
            let states = filter::smudge(self.repository, staged.as_slice())?;
            files.push((path.clone(), states.get(&path).cloned()));
        }
        Err(GitError::HookChanged { name: PRE_COMMIT.to_owned(), output: String::new(), files })
    }

    /// A hook that refuses because it has just formatted the files refuses for the last time: its version is what the
    /// user is to see next.
    fn refused(&self, transaction: &Transaction, error: GitError) -> GitError {
        let GitError::Hook { name, output } = error else { return error };
        let changed = transaction.paths().into_iter().filter(|path| transaction.differs(path));
        let files: Vec<_> =
            changed.filter_map(|path| Some((path.clone(), files::read(self.root, &path).ok()?))).collect();
        if files.is_empty() { GitError::Hook { name, output } } else { GitError::HookChanged { name, output, files } }
    }
}
