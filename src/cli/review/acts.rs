//! What becomes of a reviewed change: committed, staged, taken out of the tree, or written down.

use std::path::Path;

use super::desk::Desk;
use super::past::Done;
use super::source::{self, Held};
use crate::diff::plain_change;
use crate::domain::{Change, CommitWay, Event, FileChange, FileState, Finish, NoteLevel, Proposal, RepoPath, Verdict};
use crate::git::{Committed, GitError, Selection};
use crate::proposal::{self, Rebased};

type Work = Box<dyn FnOnce() -> Result<(Committed, Option<String>), GitError> + Send>;

impl Desk {
    /// What a commit of the accepted hunks takes, checked as far as it can be without writing.
    pub(super) fn prepare_commit(&mut self, message: String, way: CommitWay) -> Result<Work, String> {
        let files = self.accepted()?;
        if self.held == Held::History {
            return Err("these changes are in HEAD already; R and `D` take rejected ones out again".to_owned());
        }
        let in_tree = matches!(self.held, Held::Tree | Held::Index);
        let files = if in_tree { files } else { self.on_tree(files)? };
        let amends = match (&way, self.done.last()) {
            (CommitWay::Amend, Some(Done::Commit { oid, .. })) => Some(oid.clone()),
            (CommitWay::Amend, _) => return Err("this review has made no commit to amend".to_owned()),
            _ => None,
        };
        self.journal.sync().map_err(|error| error.to_string())?;
        let (repository, selection) = (self.repository.clone(), Selection { files, message });
        Ok(Box::new(move || {
            let done = match (&way, &amends) {
                (CommitWay::Branch(name), _) => repository.commit_on_branch(&selection, name, !in_tree),
                (CommitWay::Amend, Some(oid)) => repository.amend(&selection, oid, !in_tree),
                _ if in_tree => repository.commit_from_tree(&selection),
                _ => repository.commit(&selection),
            };
            done.map(|done| (done, amends))
        }))
    }

    /// The proposal with what a hook made of its accepted files; what was not accepted stays beside it.
    pub(super) fn with_versions(&self, files: Vec<(RepoPath, Option<FileState>)>) -> Result<Proposal, String> {
        let accepted = self.on_tree(self.accepted()?)?;
        let mut changes = proposal::states(&self.proposal, &self.blobs).map_err(|error| error.to_string())?;
        for (path, version) in files {
            let was = accepted.iter().find(|file| file.path == path).and_then(|file| file.result.clone());
            let Some(change) = changes.iter_mut().find(|change| change.path == path) else {
                let base = source::on_disk(self.repository.root(), &path)?;
                changes.push(Change { path, base, result: version });
                continue;
            };
            let step = Change { path, base: was, result: version.clone() };
            change.result = match proposal::rebase(&step, change.result.clone()) {
                Rebased::Clean(rebased) => rebased.result,
                Rebased::Settled => change.result.take(),
                Rebased::Conflict { .. } => version,
            };
        }
        let (id, title) = (self.proposal.id.clone(), &self.proposal.title);
        let mut made = proposal::freeze(id, title, "", changes, &self.blobs).map_err(|error| error.to_string())?;
        made.message.clone_from(&self.proposal.message);
        Ok(made)
    }

    /// Ends the review in one of the ways that are no commit.
    pub(super) async fn finish(&mut self, how: Finish) -> bool {
        let ended = match how {
            Finish::Stage => self.stage(),
            Finish::Revert => self.revert(),
            Finish::Markdown(path) => self.markdown(path.as_deref()),
        };
        match ended {
            Ok((event, words)) => {
                let again = matches!(event, Some(Event::Reverted { .. }));
                if let Some(event) = event
                    && !self.tell(event).await
                {
                    return false;
                }
                self.note(NoteLevel::Info, &words).await && (!again || self.look_again().await)
            }
            Err(text) => self.note(NoteLevel::Error, &text).await,
        }
    }

    fn stage(&mut self) -> Result<(Option<Event>, String), String> {
        let files = self.accepted()?;
        let words = |error: GitError| error.to_string();
        let paths = match self.held {
            Held::Tree => self.repository.stage(&files).map_err(words)?,
            Held::Index => return Err("what is staged is accepted already; commit it".to_owned()),
            Held::History => return Err("these changes are in HEAD already".to_owned()),
            Held::Elsewhere => {
                let files = self.on_tree(files)?;
                self.repository.apply(&files).map_err(words)?;
                self.repository.stage(&files).map_err(words)?
            }
        };
        let text = format!("staged: {}", list(&paths));
        Ok((Some(Event::Applied { proposal: self.proposal.id.clone(), paths }), text))
    }

    /// Takes what is rejected out of the working folder, or out of the index.
    fn revert(&mut self) -> Result<(Option<Event>, String), String> {
        if self.held == Held::Elsewhere {
            return Err("these changes are not in your files, so there is nothing to take out".to_owned());
        }
        let parts = self.verdicts.all_parts(&self.proposal);
        if !parts.iter().any(|part| part.verdict == Verdict::Reject) {
            return Err("nothing is rejected, so there is nothing to take out".to_owned());
        }
        let files = self.without_rejected()?;
        let files = if self.held == Held::History { self.on_tree(files)? } else { files };
        let mut changes: Vec<FileChange> = Vec::new();
        for file in &files {
            for state in [&file.base, &file.result].into_iter().flatten() {
                self.blobs.put(&state.bytes).map_err(|error| error.to_string())?;
            }
            changes.push(plain_change(file).0);
        }
        self.journal.sync().map_err(|error| error.to_string())?;
        self.write(&files).map_err(|error| error.to_string())?;
        self.done.push(Done::Revert(changes.clone()));
        self.undone.clear();
        let paths: Vec<RepoPath> = changes.iter().map(|change| change.path.clone()).collect();
        let text = format!("rejected hunks were taken out of {}; undo brings them back", list(&paths));
        Ok((Some(Event::Reverted { proposal: self.proposal.id.clone(), changes, undone: false }), text))
    }

    fn markdown(&self, path: Option<&str>) -> Result<(Option<Event>, String), String> {
        let text = proposal::review_markdown(&self.proposal, &self.verdicts, &self.blobs, None);
        let text = text.map_err(|error| error.to_string())?;
        let target = match path {
            Some(path) => self.repository.root().join(path),
            None => self.state.join("reviews").join(format!("{}.md", file_name(&self.from))),
        };
        write(&target, &text).map_err(|error| format!("{}: {error}", target.display()))?;
        Ok((None, format!("the review is written to {}", target.display())))
    }

    fn accepted(&self) -> Result<Vec<Change>, String> {
        let chosen =
            proposal::select(&self.proposal, &self.verdicts, &self.blobs).map_err(|error| error.to_string())?;
        if chosen.files.is_empty() { Err("no hunk is accepted yet".to_owned()) } else { Ok(chosen.files) }
    }

    /// From what is there to what is there without the rejected hunks.
    fn without_rejected(&self) -> Result<Vec<Change>, String> {
        let words = |error: proposal::ProposalError| error.to_string();
        let mut kept = self.verdicts.with_open_accepted(&self.proposal);
        // An edit is what goes into a commit; the file itself keeps its text.
        let edited = self.verdicts.all_parts(&self.proposal).into_iter().filter(|part| part.verdict == Verdict::Edit);
        let accept = |part: proposal::Part| crate::domain::HunkVerdict::new(part.id, Verdict::Accept);
        kept.fold(&edited.map(accept).collect::<Vec<_>>());
        let kept = proposal::select(&self.proposal, &kept, &self.blobs).map_err(words)?.files;
        let whole = proposal::states(&self.proposal, &self.blobs).map_err(words)?;
        let mut files = Vec::new();
        for file in whole {
            let left = kept.iter().find(|other| other.path == file.path);
            let result = left.map_or(file.base, |left| left.result.clone());
            if result != file.result {
                files.push(Change { path: file.path, base: file.result, result });
            }
        }
        Ok(files)
    }

    /// Changes brought onto what the files are now. What overlaps with the user's own changes refuses the whole.
    fn on_tree(&self, files: Vec<Change>) -> Result<Vec<Change>, String> {
        let (mut clean, mut conflicts) = (Vec::new(), Vec::new());
        for file in files {
            let now = source::on_disk(self.repository.root(), &file.path)?;
            match proposal::rebase(&file, now) {
                Rebased::Clean(change) => clean.push(change),
                Rebased::Settled => {}
                Rebased::Conflict { path, .. } => conflicts.push(path),
            }
        }
        if !conflicts.is_empty() {
            return Err(GitError::Conflict { paths: conflicts }.to_string());
        }
        if clean.is_empty() { Err("your files hold all of this already".to_owned()) } else { Ok(clean) }
    }
}

/// A file name made of a source's name.
fn file_name(from: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let name: String = from.chars().map(plain).take(80).collect();
    if name.trim_matches(['.', '-']).is_empty() { "review".to_owned() } else { name.trim_start_matches('.').to_owned() }
}

fn write(target: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(target, text)
}

pub(super) fn list(paths: &[RepoPath]) -> String {
    paths.iter().map(RepoPath::as_str).collect::<Vec<_>>().join(", ")
}
