//! Taking a commit back and bringing it forward again, each a checked change of its own.

mod follow;

use super::commit::{taken_back, tree_with};
use super::entry::{self, Entry, Merge};
use super::head::Head;
use super::images::{self, Image};
use super::receipt::{Deed, Receipt};
use super::transaction::{HeadMove, Transaction};
use super::{GitError, Repository, files, filter, head, index, land, sign};
use crate::domain::RepoPath;

use follow::{Followed, Sides, index_update};

/// How a commit was taken back or brought forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedHow {
    /// The branch moved: back to the parent, or forward to the same commit.
    Branch,
    /// Other commits lie on top, or it was published: a new commit does it.
    Commit,
}

/// A commit that was taken back or brought forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The commit HEAD is at now; `None` when the first commit was taken back.
    pub head: Option<String>,
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The files that changed.
    pub paths: Vec<RepoPath>,
    /// How.
    pub how: MovedHow,
}

/// A path on its way from one entry in HEAD to another.
struct Shift {
    path: RepoPath,
    before: Option<Entry>,
    after: Option<Entry>,
    /// What the working folder and the index are to go through, when that is known.
    image: Option<Image>,
    /// The working file held what was committed before the commit did: it is the user's own and stays as it is.
    own: bool,
}

impl Shift {
    fn new(path: RepoPath, before: Option<Entry>, after: Option<Entry>) -> Self {
        Self { path, before, after, image: None, own: false }
    }
}

/// Takes the images of a commit along, where HEAD goes exactly the way they were made for.
fn with_images(
    repository: &git2::Repository,
    commit: git2::Oid,
    mut shifts: Vec<Shift>,
    turn: fn(Image) -> Image,
) -> Vec<Shift> {
    let mut images = images::load(repository, commit);
    for shift in &mut shifts {
        let image = images.remove(&shift.path).map(turn);
        shift.own = image.as_ref().is_some_and(|image| image.tree[0] == image.tree[1]);
        shift.image = image.filter(|image| image.head == [shift.before, shift.after]);
    }
    shifts
}

/// Where HEAD is to go.
enum Target<'a> {
    /// To a commit that exists; `None`: to no commit.
    Existing(Option<git2::Oid>),
    /// To a new commit on top, with this message and author.
    New(String, Option<git2::Signature<'a>>),
}

/// What is done to which commit.
struct Order<'a> {
    deed: Deed,
    commit: &'a git2::Commit<'a>,
}

impl Order<'_> {
    fn subject(&self) -> &str {
        self.commit.summary().ok().flatten().unwrap_or_default()
    }

    /// The line of the reflog.
    fn log(&self) -> String {
        let word = if self.deed == Deed::Redo { "redo" } else { "undo" };
        format!("tenon: {word}: {}", self.subject())
    }
}

impl Repository {
    /// Takes a commit back. Files that are as the commit left them return to what they were before; others are merged.
    /// When other commits lie on top, or it was published, a new commit takes it back.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn undo(&self, oid: &str) -> Result<Moved, GitError> {
        self.undo_to(oid, None)
    }

    /// The same for a commit that took the place of `base` when that was amended: taking it back returns to `base`.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn undo_to(&self, oid: &str, base: Option<&str>) -> Result<Moved, GitError> {
        let _lock = self.exclusive()?;
        land::recover(self)?;
        let repository = self.libgit()?;
        head::refuse_unfinished(&repository)?;
        let commit = find(&repository, oid)?;
        let head = head::read(&repository)?;
        let here = head.id().ok_or_else(|| GitError::NotInHistory(oid.to_owned()))?;
        if here != commit.id() && !repository.graph_descendant_of(here, commit.id())? {
            return Err(GitError::NotInHistory(oid.to_owned()));
        }
        let base = base_of(&repository, &commit, base)?;
        let steps = differences(&repository, &commit, base.as_ref())?;
        let order = Order { deed: Deed::Undo, commit: &commit };
        if here == commit.id() && !is_published(&repository, here)? {
            let shifts = steps.into_iter().map(|(path, pre, post)| Shift::new(path, post, pre)).collect();
            let target = Target::Existing(base.map(|base| base.id()));
            let shifts = with_images(&repository, commit.id(), shifts, Image::reversed);
            return self.shift(&repository, &head, shifts, target, &order);
        }
        let shifts = on_top(&repository, &head, steps.into_iter().map(|(path, pre, post)| (path, post, pre)))?;
        let shifts = with_images(&repository, commit.id(), shifts, Image::reversed);
        let message = format!("Revert \"{}\"\n\nThis reverts commit {}.\n", order.subject(), commit.id());
        self.shift(&repository, &head, shifts, Target::New(message, None), &order)
    }

    /// Brings a commit forward again that was taken back: the same commit where that is possible, else a new one with
    /// its message and author.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn redo(&self, oid: &str) -> Result<Moved, GitError> {
        self.redo_onto(oid, None)
    }

    /// The same for a commit that had taken the place of `base` when that was amended.
    ///
    /// # Errors
    /// See [`GitError`]; nothing is changed then.
    pub fn redo_onto(&self, oid: &str, base: Option<&str>) -> Result<Moved, GitError> {
        let _lock = self.exclusive()?;
        land::recover(self)?;
        let repository = self.libgit()?;
        head::refuse_unfinished(&repository)?;
        let commit = find(&repository, oid)?;
        let head = head::read(&repository)?;
        let base = base_of(&repository, &commit, base)?;
        let steps = differences(&repository, &commit, base.as_ref())?;
        let order = Order { deed: Deed::Redo, commit: &commit };
        if head.id() == base.map(|base| base.id()) {
            let shifts = steps.into_iter().map(|(path, pre, post)| Shift::new(path, pre, post)).collect();
            let shifts = with_images(&repository, commit.id(), shifts, |image| image);
            return self.shift(&repository, &head, shifts, Target::Existing(Some(commit.id())), &order);
        }
        let shifts = on_top(&repository, &head, steps.into_iter())?;
        let shifts = with_images(&repository, commit.id(), shifts, |image| image);
        let message = commit.message()?.to_owned();
        self.shift(&repository, &head, shifts, Target::New(message, Some(commit.author().to_owned())), &order)
    }

    fn shift(
        &self,
        repository: &git2::Repository,
        head: &Head<'_>,
        shifts: Vec<Shift>,
        target: Target<'_>,
        order: &Order<'_>,
    ) -> Result<Moved, GitError> {
        let Followed { changes, updates, images } = self.follow(repository, &shifts)?;
        let (new, how) = match target {
            Target::Existing(id) => (id, MovedHow::Branch),
            Target::New(message, author) => {
                let tree = tree_with(repository, head.commit.as_ref(), shifts.iter().map(|s| (&s.path, s.after)))?;
                if head.commit.as_ref().is_some_and(|commit| commit.tree_id() == tree.id()) {
                    return Err(GitError::Nothing);
                }
                let (me, committer) = head::identity(repository)?;
                let parents: Vec<&git2::Commit<'_>> = head.commit.iter().collect();
                let who = (author.as_ref().unwrap_or(&me), &committer);
                let id = sign::write_commit(repository, who, &message, &tree, &parents)?;
                images::save(repository, id, &images)?;
                (Some(id), MovedHow::Commit)
            }
        };
        let mut steps = self.steps();
        let mut transaction = Transaction::prepare(self, &changes, &mut steps)?;
        let text = |id: Option<git2::Oid>| id.map(|id| id.to_string());
        let to =
            HeadMove { reference: head.reference.clone(), old: text(head.id()), new: text(new), message: order.log() };
        let paths: Vec<RepoPath> = shifts.into_iter().map(|shift| shift.path).collect();
        let landed = transaction
            .write(&mut steps)
            .and_then(|()| self.write_down(repository, order, &paths, &to))
            .and_then(|()| land::land(repository, &mut transaction, to, updates, &mut steps));
        match landed {
            Ok(()) => Ok(Moved { head: text(new), branch: head.branch(), paths, how }),
            Err(error) if steps.killed() => Err(error),
            Err(error) => Err(taken_back(&mut transaction, error)),
        }
    }

    fn write_down(
        &self,
        repository: &git2::Repository,
        order: &Order<'_>,
        paths: &[RepoPath],
        to: &HeadMove,
    ) -> Result<(), GitError> {
        let Some(mark) = self.mark.clone() else { return Ok(()) };
        let commit = (order.commit.id(), order.commit.message().unwrap_or_default());
        Receipt::new(mark, order.deed, commit, paths.to_vec(), to).save(repository)
    }

    /// What the working folder and the index make of a shift: what is as HEAD had it goes along, what the user changed
    /// is merged, and what cannot be merged refuses the whole.
    fn follow(&self, repository: &git2::Repository, shifts: &[Shift]) -> Result<Followed, GitError> {
        let side = |pick: fn(&Shift) -> Option<Entry>| {
            let entries: Vec<_> = shifts.iter().filter_map(|s| Some((s.path.clone(), pick(s)?))).collect();
            filter::smudge(repository, &entries)
        };
        let (before, after) = (side(|s| s.before)?, side(|s| s.after)?);
        let index = index::open(repository)?;
        let mut followed = Followed::default();
        let mut conflicts = Vec::new();
        for shift in shifts {
            let path = &shift.path;
            let now = files::read(self.root(), path)?;
            let sides = Sides { shift, before: before.get(path), after: after.get(path) };
            let skipped = now.is_none() && index::is_skipped(&index, path);
            let result = if skipped { Some(None) } else { sides.follow(repository, now.as_ref())? };
            let (Some(result), Some(update)) = (result, index_update(repository, &index, shift)?) else {
                conflicts.push(path.clone());
                continue;
            };
            followed.take(repository, shift, (now, result), update)?;
        }
        if conflicts.is_empty() { Ok(followed) } else { Err(GitError::Conflict { paths: conflicts }) }
    }
}

fn find<'r>(repository: &'r git2::Repository, oid: &str) -> Result<git2::Commit<'r>, GitError> {
    let commit = repository.find_commit(head::parse(oid)?).map_err(|_| GitError::Revision(oid.to_owned()))?;
    if commit.parent_count() > 1 {
        let next = "`git revert -m 1` can".to_owned();
        return Err(GitError::Unsupported { what: format!("{oid} is a merge, which cannot be taken back here"), next });
    }
    Ok(commit)
}

type Difference = (RepoPath, Option<Entry>, Option<Entry>);

/// The commit that one stands on: the one it amended, or its parent.
fn base_of<'r>(
    repository: &'r git2::Repository,
    commit: &git2::Commit<'r>,
    amended: Option<&str>,
) -> Result<Option<git2::Commit<'r>>, GitError> {
    match amended {
        Some(amended) => find(repository, amended).map(Some),
        None => Ok(commit.parents().next()),
    }
}

/// What a commit changed, path by path: before and after.
fn differences(
    repository: &git2::Repository,
    commit: &git2::Commit<'_>,
    base: Option<&git2::Commit<'_>>,
) -> Result<Vec<Difference>, GitError> {
    let parent = base.map(git2::Commit::tree).transpose()?;
    let tree = commit.tree()?;
    let diff = repository.diff_tree_to_tree(parent.as_ref(), Some(&tree), Some(&mut entry::comparing()))?;
    let mut found = Vec::new();
    for delta in diff.deltas() {
        let bytes = delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default().to_vec();
        let text = String::from_utf8(bytes).map_err(|_| GitError::Git("a path is not UTF-8".to_owned()))?;
        let path = RepoPath::parse(&text).map_err(|error| GitError::Git(error.to_string()))?;
        let pre = entry::in_tree(parent.as_ref(), &path)?;
        let post = entry::in_tree(Some(&tree), &path)?;
        found.push((path, pre, post));
    }
    Ok(found)
}

/// The same differences on top of what HEAD has now.
fn on_top(
    repository: &git2::Repository,
    head: &Head<'_>,
    steps: impl Iterator<Item = Difference>,
) -> Result<Vec<Shift>, GitError> {
    let tree = head.commit.as_ref().map(git2::Commit::tree).transpose()?;
    let (mut shifts, mut conflicts) = (Vec::new(), Vec::new());
    for (path, from, to) in steps {
        let before = entry::in_tree(tree.as_ref(), &path)?;
        match entry::merge(repository, from, before, to)? {
            Merge::Clean(after) if after == before => {}
            Merge::Clean(after) => shifts.push(Shift::new(path, before, after)),
            Merge::Conflict => conflicts.push(path),
        }
    }
    if conflicts.is_empty() { Ok(shifts) } else { Err(GitError::Conflict { paths: conflicts }) }
}

/// Whether a remote branch, as far as it was fetched, has the commit: then the branch must not go back behind it.
pub(super) fn is_published(repository: &git2::Repository, id: git2::Oid) -> Result<bool, GitError> {
    for reference in repository.references_glob("refs/remotes/*")?.flatten() {
        let Some(tip) = reference.resolve().ok().and_then(|reference| reference.target()) else { continue };
        if tip == id || repository.graph_descendant_of(tip, id).unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}
