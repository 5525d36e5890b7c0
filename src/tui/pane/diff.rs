//! The proposal: files, hunks, verdicts.
//!
//! The list of files and every verdict come from the proposal itself; the lines of the file under the cursor are read
//! and compared beside the screen. Verdicts go out as they are made.

mod actions;
mod decide;
mod load;
mod media;
mod moving;
mod pieces;
mod remarks;
mod rows;
mod search;
mod selecting;
mod since;
mod tally;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{
    ContentHash, Evidence, FileChange, GateStatus, HunkId, HunkVerdict, Proposal, ProposalId, RepoPath,
};
use crate::journal::BlobStore;
use crate::proposal::{Study, Unmet, Verdicts};

use super::super::msg::Effect;

pub use load::{FileView, Job, Key, Paints};
pub use pieces::{Edited, Piece};
pub use remarks::Shown;
pub use rows::{Row, Rows};
pub use search::Needle;
pub use tally::{Counts, Marks};

use moving::Wanted;
use selecting::Selection;
use since::Since;

/// Views of files that are kept.
const KEPT: usize = 6;

/// The state of the diff pane.
#[derive(Debug, Default)]
pub struct DiffPane {
    proposal: Option<Proposal>,
    verdicts: Verdicts,
    evidence: Vec<Evidence>,
    blobs: Option<Arc<BlobStore>>,
    study: Option<(ContentHash, Study)>,
    tally: tally::Tally,
    since: Since,
    file: usize,
    views: Vec<FileView>,
    pieces: Vec<Piece>,
    remarks: Vec<Shown>,
    rows: Rows,
    /// Where the cursor is wanted once the file is loaded.
    wanted: Wanted,
    cursor: usize,
    top: usize,
    left: usize,
    height: usize,
    split: bool,
    plain_lines: bool,
    context: usize,
    selection: Option<Selection>,
    search: String,
    /// Pieces that are folded when they would not be, or the other way round.
    folds: BTreeSet<HunkId>,
    fold_decided: bool,
    committed: bool,
}

impl DiffPane {
    /// The proposal on screen.
    pub fn proposal(&self) -> Option<&Proposal> {
        self.proposal.as_ref()
    }

    /// Whether its accepted hunks are committed.
    pub fn is_committed(&self) -> bool {
        self.committed
    }

    /// Whether the screen shows what changed since the last review.
    pub fn shows_since(&self) -> bool {
        self.since.on
    }

    /// What gates found on it, one a gate.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The files in the list.
    pub fn changes(&self) -> &[FileChange] {
        match &self.proposal {
            Some(_) if self.since.on => &self.since.changes,
            Some(proposal) => &proposal.changes,
            None => &[],
        }
    }

    /// Index of the file under the cursor.
    pub fn file(&self) -> usize {
        self.file
    }

    /// The change under the cursor.
    pub fn change(&self) -> Option<&FileChange> {
        self.changes().get(self.file)
    }

    /// The lines of the file under the cursor, once they are read.
    pub fn view(&self) -> Option<&FileView> {
        let key = Key::of(self.change()?);
        self.views.iter().find(|view| view.key == key)
    }

    /// The rows of the file.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// What is decided on in this file.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// A comment among the rows.
    pub fn remark(&self, index: usize) -> Option<&Shown> {
        self.remarks.get(index)
    }

    /// The row under the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The first row on screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// Cells that are scrolled out on the left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Whether changes within a line are marked.
    pub fn marks_within_lines(&self) -> bool {
        !self.plain_lines
    }

    /// What is searched for; empty when nothing is.
    pub fn search(&self) -> &str {
        &self.search
    }

    /// Index of the piece under the cursor.
    pub fn hunk_index(&self) -> usize {
        self.rows.piece(self.cursor)
    }

    /// The piece under the cursor.
    pub fn piece(&self) -> Option<&Piece> {
        self.pieces.get(self.hunk_index())
    }

    /// What a piece uses that is defined only where it is not accepted.
    pub fn unmet(&self, piece: &Piece) -> Vec<Unmet> {
        let Some((change, (_, study))) = self.change().zip(self.study.as_ref()).filter(|_| !self.since.on) else {
            return Vec::new();
        };
        let hunk = change.hunks.get(piece.hunk);
        let unmet = hunk.map(|hunk| study.unmet(&hunk.id, piece.part.lines, &self.verdicts)).unwrap_or_default();
        let used = |unmet: &Unmet| piece.part.replacement.as_ref().is_none_or(|text| text.contains(&unmet.name));
        unmet.into_iter().filter(used).collect()
    }

    /// Accepted hunks that need what is not accepted, over the whole proposal.
    pub fn unmet_accepted(&self) -> Vec<(RepoPath, Unmet)> {
        let Some((proposal, (_, study))) = self.proposal.as_ref().zip(self.study.as_ref()) else { return Vec::new() };
        let mut found = Vec::new();
        for (change, hunk) in proposal.hunks() {
            for part in self.verdicts.parts(hunk) {
                if tally::is_accepted(part.verdict) {
                    let unmet = study.unmet(&hunk.id, part.lines, &self.verdicts);
                    found.extend(unmet.into_iter().map(|unmet| (change.path.clone(), unmet)));
                }
            }
        }
        found
    }

    /// Where a line of the file that was removed stands now, or where one that was added stood.
    pub fn moved(&self, removed: bool, line: usize) -> Option<&(RepoPath, usize)> {
        let (_, study) = self.study.as_ref().filter(|_| !self.since.on)?;
        study.moved(&self.change()?.path, removed, line)
    }

    /// The session is open: its bytes can be read.
    pub fn opened(&mut self, blobs: Arc<BlobStore>) -> Vec<Effect> {
        self.blobs = Some(blobs);
        let mut effects = self.need_view();
        effects.extend(self.need_study());
        effects
    }

    /// Shows a proposal. Verdicts whose hunks still exist stay; `live` says them again to the engine when the
    /// proposal has another name, since verdicts belong to a proposal.
    pub fn proposed(&mut self, proposal: &Proposal, live: bool) -> Vec<Effect> {
        let same = self.proposal.as_ref().is_some_and(|shown| shown.id == proposal.id);
        let path = self.change().map(|change| change.path.clone());
        let place = self.piece().map(|piece| piece.part.id.clone());
        if self.committed {
            self.verdicts = Verdicts::default();
            self.since = Since::default();
        } else if let Some(shown) = self.proposal.take() {
            self.since.seen(shown, &self.verdicts);
        }
        let ids: BTreeSet<&HunkId> = proposal.hunks().map(|(_, hunk)| &hunk.id).collect();
        self.verdicts.retain(|id| ids.contains(id));
        let carried = self.verdicts.said(proposal);
        self.evidence.retain(|evidence| evidence.proposal == proposal.id && evidence.subject == proposal.hash);
        self.committed = false;
        self.selection = None;
        self.since.on = false;
        self.proposal = Some(proposal.clone());
        let file = path.and_then(|path| self.changes().iter().position(|change| change.path == path));
        self.file = file.filter(|_| same).unwrap_or(0);
        self.views.clear();
        self.rows = Rows::default();
        self.wanted = place.filter(|_| same).map_or(Wanted::Piece(0), Wanted::Part);
        self.count();
        let mut effects = self.need_view();
        effects.extend(self.need_study());
        if live && !same && !carried.is_empty() {
            effects.push(decide::command(&proposal.id, carried));
        }
        effects
    }

    /// A gate has reported. A newer result of the same gate takes the place of the older one.
    pub fn reported(&mut self, evidence: &Evidence) {
        if self.proposal.as_ref().is_some_and(|proposal| proposal.id == evidence.proposal) {
            self.evidence.retain(|known| known.gate != evidence.gate);
            self.evidence.push(evidence.clone());
        }
    }

    /// The user decided, here or elsewhere.
    pub fn decided(&mut self, proposal: &ProposalId, verdicts: &[HunkVerdict]) {
        if self.proposal.as_ref().is_some_and(|shown| shown.id == *proposal) {
            let before = self.verdicts.clone();
            self.verdicts.fold(verdicts);
            // What was decided here comes back from the engine and is known.
            if self.verdicts != before {
                self.count();
                self.rebuild();
            }
        }
    }

    /// What was said went back to the agent.
    pub fn reviewed(&mut self, proposal: &ProposalId) {
        if self.proposal.as_ref().is_some_and(|shown| shown.id == *proposal) {
            self.verdicts.reviewed();
            self.count();
            self.rebuild();
        }
    }

    /// The accepted hunks became a commit.
    pub fn committed(&mut self, proposal: &ProposalId) {
        if self.proposal.as_ref().is_some_and(|shown| shown.id == *proposal) {
            self.committed = true;
        }
    }

    /// The commit was taken back.
    pub fn undone(&mut self, redo: bool) {
        self.committed = redo;
    }

    /// The hash the gates ran on, when it is not the whole proposal.
    pub fn is_about_selection(&self, subject: &ContentHash) -> bool {
        self.proposal.as_ref().is_some_and(|proposal| proposal.hash != *subject)
    }

    /// Gates that are not green, with the reason in words.
    pub fn not_green(&self) -> Vec<String> {
        self.evidence
            .iter()
            .filter(|evidence| !evidence.is_green())
            .map(|evidence| {
                let state = if evidence.status == GateStatus::Fail { "failed" } else { "not run" };
                match &evidence.reason {
                    Some(reason) => format!("{} {state}: {reason}", evidence.gate),
                    None => format!("{} {state}", evidence.gate),
                }
            })
            .collect()
    }

    /// A file was read.
    pub fn loaded(&mut self, view: FileView) {
        self.views.retain(|known| known.key != view.key);
        if self.views.len() >= KEPT {
            self.views.remove(0);
        }
        self.views.push(view);
        self.rebuild();
    }

    /// The colours of a file are there.
    pub fn painted(&mut self, paints: Paints) {
        if let Some(view) = self.views.iter_mut().find(|view| view.key == paints.key) {
            view.paints = Some(Box::new(paints));
        }
    }

    /// The connections between hunks are known.
    pub fn studied(&mut self, of: ContentHash, study: Study) {
        if self.proposal.as_ref().is_some_and(|proposal| proposal.hash == of) {
            self.study = Some((of, study));
        }
    }

    fn need_study(&mut self) -> Option<Effect> {
        let (proposal, blobs) = (self.proposal.as_ref()?, self.blobs.as_ref()?);
        if self.study.as_ref().is_some_and(|(of, _)| *of == proposal.hash) {
            return None;
        }
        self.study = None;
        Some(Effect::Study { proposal: Box::new(proposal.clone()), blobs: Arc::clone(blobs) })
    }

    /// Asks for the lines of the file under the cursor unless they are there.
    fn need_view(&mut self) -> Vec<Effect> {
        if self.view().is_some() {
            self.rebuild();
            return Vec::new();
        }
        (self.rows, self.pieces) = (Rows::default(), Vec::new());
        match (self.change(), &self.blobs) {
            (Some(change), Some(blobs)) => {
                vec![Effect::Load(Job { change: change.clone(), blobs: Arc::clone(blobs) })]
            }
            _ => Vec::new(),
        }
    }

    fn rebuild(&mut self) {
        let here = self.cursor_line();
        let (Some(view), Some(change)) = (self.view(), self.change()) else {
            (self.rows, self.pieces) = (Rows::default(), Vec::new());
            return;
        };
        let mut pieces = if self.since.on {
            let hunks: Vec<_> = view.sheet.hunks().iter().map(|hunk| hunk.hunk.clone()).collect();
            pieces::cut(&view.sheet, &hunks, &Verdicts::default())
        } else {
            pieces::cut(&view.sheet, &change.hunks, &self.verdicts)
        };
        for piece in &mut pieces {
            let decided = piece.part.verdict != crate::domain::Verdict::Open;
            let by_itself = view.generated || (self.fold_decided && decided);
            piece.folded = by_itself != self.folds.contains(&piece.part.id);
        }
        let (remarks, places) =
            if self.since.on { Default::default() } else { remarks::place(change, view, &pieces, &self.verdicts) };
        let shape = rows::Shape { split: self.split, context: self.context };
        self.rows = Rows::build(&view.sheet, view.notices.len(), &pieces, &places, shape);
        (self.pieces, self.remarks) = (pieces, remarks);
        if self.wanted == Wanted::Stay
            && let Some((hunk, line)) = here
        {
            self.wanted = Wanted::HunkLine(hunk, line);
        }
        if !self.rows.is_empty() {
            self.settle();
        }
    }
}
