//! Comments: where they stand, and which are stale.

use crate::diff::{Sheet, SheetLine};
use crate::domain::{Command, FileChange, HunkVerdict, LineAbout};
use crate::proposal::{Remark, Verdicts};
use crate::text;
use crate::tui::msg::Effect;
use crate::tui::popup::Popup;

use super::DiffPane;
use super::decide;
use super::load::FileView;
use super::pieces::Piece;
use super::rows::{Places, Row};

/// A comment as rows show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its lines, safe for a terminal.
    pub lines: Vec<String>,
    /// The line it is about has changed since.
    pub stale: bool,
    /// It went back to the agent.
    pub sent: bool,
}

/// Finds the places of the comments on a file.
pub(super) fn place(
    change: &FileChange,
    view: &FileView,
    pieces: &[Piece],
    verdicts: &Verdicts,
) -> (Vec<Shown>, Places) {
    let (mut shown, mut places) = (Vec::new(), Places::default());
    for remark in verdicts.remarks() {
        let hunk = change.hunks.iter().position(|hunk| hunk.id == remark.hunk.whole());
        let here = remark.about.as_ref().map_or(hunk.is_some(), |about| about.path == change.path);
        if !here {
            continue;
        }
        let index = shown.len();
        let line = remark.about.as_ref().and_then(|about| find(&view.sheet, about, remark.line.unwrap_or(1)));
        let stale = line.is_none() && remark.about.is_some();
        let lines = words(remark, stale);
        let entry = (index, lines.len());
        shown.push(Shown { lines, stale, sent: remark.sent });
        let piece = || {
            let own = pieces.iter().position(|piece| piece.part.id == remark.hunk);
            own.or_else(|| pieces.iter().position(|piece| Some(piece.hunk) == hunk))
        };
        match (line, stale, piece()) {
            (Some(place), ..) => places.lines.entry(place).or_default().push(entry),
            (None, false, Some(piece)) => places.pieces.entry(piece).or_default().push(entry),
            _ => places.top.push(entry),
        }
    }
    (shown, places)
}

/// The hunk and line where a line that was commented on stands now: the nearest one that says the same.
fn find(sheet: &Sheet, about: &LineAbout, number: usize) -> Option<(usize, usize)> {
    let mut best: Option<(usize, (usize, usize))> = None;
    for (hunk, lines) in sheet.hunks().iter().enumerate() {
        for at in 0..lines.len() {
            let Some(line) = sheet.line(hunk, at) else { continue };
            let side = if about.removed { line.old.filter(|_| line.new.is_none()) } else { line.new };
            let Some(here) = side.filter(|_| content(&line) == about.text) else { continue };
            let distance = here.abs_diff(number);
            if best.is_none_or(|(nearest, _)| distance < nearest) {
                best = Some((distance, (hunk, at)));
            }
        }
    }
    best.map(|(_, place)| place)
}

fn content(line: &SheetLine<'_>) -> String {
    String::from_utf8_lossy(line.bytes).trim_end_matches(['\n', '\r']).to_owned()
}

fn words(remark: &Remark, stale: bool) -> Vec<String> {
    let head = match (stale, remark.sent) {
        (true, _) => "stale comment: ",
        (false, true) => "comment, sent: ",
        (false, false) => "comment: ",
    };
    let lines = remark.text.trim().lines().map(|line| text::sanitize_line(line).into_owned());
    let indented = |(at, line)| if at == 0 { format!("{head}{line}") } else { format!("  {line}") };
    let mut words: Vec<String> = lines.enumerate().map(indented).collect();
    if stale {
        let about = remark.about.as_ref().map(|about| about.text.trim()).unwrap_or_default();
        words.push(format!("  (its line has changed: `{}`)", text::truncate(&text::sanitize_line(about), 40)));
    }
    words
}

/// The line under the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    line: usize,
    about: LineAbout,
}

impl DiffPane {
    fn spot(&self) -> Option<Spot> {
        let (change, view) = (self.change()?, self.view()?);
        let of = |number: usize, removed: bool, bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned();
            Spot { line: number, about: LineAbout { path: change.path.clone(), removed, text } }
        };
        match self.rows.get(self.cursor)? {
            Row::Extra(_, new) => Some(of(new, false, view.sheet.new_line(new)?)),
            Row::Edited(..) => None,
            _ => {
                let (hunk, at) = self.cursor_line()?;
                let line = view.sheet.line(hunk, at)?;
                Some(of(line.new.or(line.old)?, line.new.is_none(), line.bytes))
            }
        }
    }

    fn known(&self, spot: Option<&Spot>) -> Option<&Remark> {
        let piece = self.piece()?;
        let whole = piece.part.id.whole();
        self.verdicts.remarks().iter().find(|remark| match (spot, &remark.about) {
            (Some(spot), Some(about)) => *about == spot.about && remark.line == Some(spot.line),
            (None, None) => remark.hunk.whole() == whole && remark.line.is_none(),
            _ => false,
        })
    }

    pub(super) fn ask_for_comment(&self) -> Vec<Effect> {
        if let Some(no) = self.no_verdict_here() {
            return no;
        }
        let Some(change) = self.change().filter(|_| self.piece().is_some()) else { return Vec::new() };
        let spot = self.spot();
        let known = self.known(spot.as_ref()).map(|remark| remark.text.clone()).unwrap_or_default();
        let path = text::sanitize_line(change.path.as_str());
        let place = match &spot {
            Some(spot) if spot.about.removed => format!("{path}:{} (removed)", spot.line),
            Some(spot) => format!("{path}:{}", spot.line),
            None => path.into_owned(),
        };
        vec![Effect::Open(Popup::comment(&place, &known))]
    }

    /// A comment on the line under the cursor. One that begins or ends with a question mark goes to the agent at once,
    /// when there is one.
    pub fn comment(&mut self, words: &str, agent: bool) -> Vec<Effect> {
        let Some((piece, proposal)) = self.piece().zip(self.proposal.as_ref()) else { return Vec::new() };
        let spot = self.spot();
        let said = words.trim();
        let asks = agent && (said.starts_with('?') || said.ends_with('?'));
        let mut comment = said.trim_start_matches('?').trim().to_owned();
        if !agent && said.starts_with('?') && !comment.ends_with('?') {
            // Nobody answers it now, so it has to be seen later that it is a question.
            comment.push('?');
        }
        let (line, about) = spot.clone().map_or((None, None), |spot| (Some(spot.line), Some(spot.about)));
        let verdict = HunkVerdict {
            comment: Some(comment.clone()),
            line,
            about,
            replacement: piece.part.replacement.clone(),
            ..HunkVerdict::new(piece.part.id.clone(), piece.part.verdict)
        };
        let question = asks.then(|| question(proposal.id.as_str(), spot.as_ref(), self.change(), &comment));
        let mut effects = self.decide(vec![verdict]);
        if let Some(text) = question {
            effects.push(Effect::Command(Command::Say { text }));
            effects.push(Effect::Status("the question went to the agent".to_owned()));
        }
        effects
    }

    pub(super) fn send_review(&mut self) -> Vec<Effect> {
        if self.remarks() == 0 {
            return vec![Effect::Status(
                "nothing to send back: reject hunks with r or comment with c first".to_owned(),
            )];
        }
        vec![Effect::Open(Popup::review(self.remarks()))]
    }

    /// Goes to the next comment, in this file.
    pub(super) fn next_remark(&mut self) -> Vec<Effect> {
        let count = self.rows.len();
        let found = (1..=count)
            .map(|step| (self.cursor + step) % count.max(1))
            .find(|row| matches!(self.rows.get(*row), Some(Row::Remark(_, 0))));
        match found {
            Some(row) => {
                self.go(row);
                Vec::new()
            }
            None => vec![Effect::Status("there is no comment in this file".to_owned())],
        }
    }

    /// Decides at once and tells the engine.
    pub(super) fn decide(&mut self, verdicts: Vec<HunkVerdict>) -> Vec<Effect> {
        if let Some(no) = self.no_verdict_here() {
            return no;
        }
        let Some(proposal) = self.proposal.as_ref().map(|proposal| proposal.id.clone()) else { return Vec::new() };
        if self.committed {
            return vec![Effect::Status("this proposal is committed; u takes the commit back".to_owned())];
        }
        self.verdicts.fold(&verdicts);
        self.selection = None;
        self.count();
        self.rebuild();
        vec![decide::command(&proposal, verdicts)]
    }
}

/// A question about a line, as the agent reads it.
fn question(proposal: &str, spot: Option<&Spot>, change: Option<&FileChange>, words: &str) -> String {
    let place = match (spot, change) {
        (Some(spot), _) => {
            let side = if spot.about.removed { " (a removed line)" } else { "" };
            format!("{}:{}{side}\n\n    {}\n", spot.about.path, spot.line, spot.about.text.trim())
        }
        (None, Some(change)) => format!("{}\n", change.path),
        (None, None) => String::new(),
    };
    format!("A question about proposal {proposal}, {place}\n{words}\n\nAnswer it; change nothing unless I ask for it.")
}
