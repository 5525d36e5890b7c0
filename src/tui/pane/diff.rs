//! The proposal: files, hunks, verdicts.
//!
//! The list of files and every verdict come from the proposal itself; the lines of the file under the cursor are read
//! and compared beside the screen. Verdicts go out as they are made.

mod actions;
mod decide;
mod load;
mod partial;
mod rows;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::{
    ContentHash, Evidence, FileChange, GateStatus, Hunk, HunkId, HunkVerdict, Proposal, ProposalId, Verdict,
};
use crate::journal::BlobStore;

use super::super::msg::Effect;

pub use decide::Counts;
pub use load::{FileView, Job, Key, Paints};
pub use rows::{Row, partner};

/// Views of files that are kept.
const KEPT: usize = 6;

/// The state of the diff pane.
#[derive(Debug, Default)]
pub struct DiffPane {
    proposal: Option<Proposal>,
    verdicts: HashMap<HunkId, HunkVerdict>,
    evidence: Vec<Evidence>,
    blobs: Option<Arc<BlobStore>>,
    file: usize,
    views: Vec<FileView>,
    rows: Vec<Row>,
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
    committed: bool,
}

/// Where to put the cursor in a file that is being loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wanted {
    #[default]
    Stay,
    Hunk(usize),
    LastHunk,
    Line(usize),
}

/// Selected lines of one hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selection {
    hunk: usize,
    lines: BTreeSet<usize>,
    /// Where a range was begun; it reaches to the cursor.
    anchor: Option<usize>,
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

    /// What gates found on it, one a gate.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Index of the file under the cursor.
    pub fn file(&self) -> usize {
        self.file
    }

    /// The change under the cursor.
    pub fn change(&self) -> Option<&FileChange> {
        self.proposal.as_ref()?.changes.get(self.file)
    }

    /// The lines of the file under the cursor, once they are read.
    pub fn view(&self) -> Option<&FileView> {
        let key = Key::of(self.change()?);
        self.views.iter().find(|view| view.key == key)
    }

    /// The rows of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
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

    /// The verdict on a hunk.
    pub fn verdict(&self, hunk: &HunkId) -> Option<&HunkVerdict> {
        self.verdicts.get(hunk)
    }

    /// Whether a line of a hunk is selected.
    pub fn is_selected(&self, hunk: usize, line: usize) -> bool {
        self.selected_lines().is_some_and(|(of, lines)| of == hunk && lines.contains(&line))
    }

    /// Index of the hunk under the cursor.
    pub fn hunk_index(&self) -> usize {
        let row = self.rows.get(self.cursor).copied();
        match row {
            Some(Row::Rule(hunk) | Row::Line(hunk, _) | Row::Pair(hunk, ..)) => hunk,
            Some(Row::Notice(_)) | None => 0,
            Some(Row::Extra(..)) => self
                .rows
                .get(..self.cursor)
                .and_then(|rows| {
                    rows.iter().rev().find_map(|row| if let Row::Rule(hunk) = row { Some(*hunk) } else { None })
                })
                .unwrap_or(0),
        }
    }

    /// The hunk under the cursor.
    pub fn hunk(&self) -> Option<&Hunk> {
        self.change()?.hunks.get(self.hunk_index())
    }

    /// The session is open: its bytes can be read.
    pub fn opened(&mut self, blobs: Arc<BlobStore>) -> Vec<Effect> {
        self.blobs = Some(blobs);
        self.need_view()
    }

    /// Shows a proposal. Verdicts whose hunks still exist stay; `live` says them again to the engine when the
    /// proposal has another name, since verdicts belong to a proposal.
    pub fn proposed(&mut self, proposal: &Proposal, live: bool) -> Vec<Effect> {
        let same = self.proposal.as_ref().is_some_and(|shown| shown.id == proposal.id);
        let path = self.change().map(|change| change.path.clone());
        let ids: BTreeSet<&HunkId> = proposal.hunks().map(|(_, hunk)| &hunk.id).collect();
        self.verdicts.retain(|id, _| ids.contains(id));
        if self.committed {
            self.verdicts.clear();
        }
        let carried: Vec<HunkVerdict> =
            self.verdicts.values().filter(|verdict| verdict.verdict != Verdict::Open).cloned().collect();
        self.evidence.retain(|evidence| evidence.proposal == proposal.id && evidence.subject == proposal.hash);
        self.committed = false;
        self.selection = None;
        let file = path.and_then(|path| proposal.changes.iter().position(|change| change.path == path));
        self.file = if same { file.unwrap_or(0) } else { 0 };
        self.proposal = Some(proposal.clone());
        self.views.clear();
        self.rows.clear();
        self.wanted = Wanted::Hunk(0);
        let mut effects = self.need_view();
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
            for verdict in verdicts {
                self.verdicts.insert(verdict.hunk.clone(), verdict.clone());
            }
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

    /// Asks for the lines of the file under the cursor unless they are there.
    fn need_view(&mut self) -> Vec<Effect> {
        if self.view().is_some() {
            self.rebuild();
            return Vec::new();
        }
        self.rows.clear();
        match (self.change(), &self.blobs) {
            (Some(change), Some(blobs)) => {
                vec![Effect::Load(Job { change: change.clone(), blobs: Arc::clone(blobs) })]
            }
            _ => Vec::new(),
        }
    }

    fn rebuild(&mut self) {
        let hunks = self.change().map_or(0, |change| change.hunks.len());
        let shape = rows::Shape { split: self.split, context: self.context };
        self.rows = self.view().map(|view| rows::build(view, hunks, shape)).unwrap_or_default();
        if !self.rows.is_empty() {
            self.settle();
        }
    }

    /// Puts the cursor where it was wanted.
    fn settle(&mut self) {
        let rule = |wanted: usize| self.rows.iter().position(|row| *row == Row::Rule(wanted));
        let found = match std::mem::take(&mut self.wanted) {
            Wanted::Stay => Some(self.cursor),
            Wanted::Hunk(hunk) => rule(hunk),
            Wanted::LastHunk => self.rows.iter().rposition(|row| matches!(row, Row::Rule(_))),
            Wanted::Line(line) => self.row_of_line(line),
        };
        self.cursor = found.unwrap_or(0).min(self.rows.len().saturating_sub(1));
        self.scroll_to_cursor();
    }

    fn row_of_line(&self, line: usize) -> Option<usize> {
        let view = self.view()?;
        let number = |row: &Row| match row {
            Row::Line(hunk, at) | Row::Pair(hunk, _, Some(at)) => view.hunks.get(*hunk)?.lines.get(*at)?.new,
            Row::Extra(_, new) => Some(*new),
            _ => None,
        };
        self.rows.iter().position(|row| number(row).is_some_and(|number| number >= line))
    }

    /// Tells how many rows the body has; keeps the cursor among them.
    pub fn set_height(&mut self, height: usize) {
        if self.height != height {
            self.height = height;
            self.scroll_to_cursor();
        }
    }

    fn scroll_to_cursor(&mut self) {
        let height = self.height.max(1);
        // A hunk's line stays above the cursor while it moves up, so that its verdict is seen.
        if self.cursor < self.top + 1 {
            self.top = self.cursor.saturating_sub(1);
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        self.top = self.top.min(self.rows.len().saturating_sub(1));
    }
}
