//! Verdicts on hunks, on lines, on files and on everything.

use std::collections::BTreeSet;

use crate::diff::{Group, Side};
use crate::domain::{Command, HunkId, HunkVerdict, ProposalId, Verdict};
use crate::tui::msg::{Effect, Purpose};

use super::moving::Wanted;
use super::{DiffPane, pieces};

pub(super) fn command(proposal: &ProposalId, verdicts: Vec<HunkVerdict>) -> Effect {
    Effect::Command(Command::Decide { proposal: proposal.clone(), verdicts })
}

impl DiffPane {
    /// Decides on the piece under the cursor, or on the selected lines of a hunk, and goes on to the next open one.
    pub(super) fn decide_here(&mut self, verdict: Verdict) -> Vec<Effect> {
        if self.selected_lines().is_some() {
            return self.decide_lines(verdict);
        }
        let Some(id) = self.piece().map(|piece| piece.part.id.clone()) else { return Vec::new() };
        self.decide_and_go_on(vec![HunkVerdict::new(id, verdict)])
    }

    fn decide_and_go_on(&mut self, verdicts: Vec<HunkVerdict>) -> Vec<Effect> {
        let mut effects = self.decide(verdicts);
        if !self.committed && !self.since.on {
            effects.extend(self.go_to_next_open());
        }
        effects
    }

    /// The selected lines become pieces of their own; what is left of the hunk stays open.
    fn decide_lines(&mut self, verdict: Verdict) -> Vec<Effect> {
        let Some((index, lines)) = self.selected_lines() else { return Vec::new() };
        if let Some(no) = self.no_verdict_here() {
            return no;
        }
        let numbers: BTreeSet<usize> = match self.view().and_then(|view| view.sheet.hunks().get(index)) {
            Some(hunk) => lines.iter().filter_map(|at| hunk.number(*at)).collect(),
            None => BTreeSet::new(),
        };
        let Some(hunk) = self.change().and_then(|change| change.hunks.get(index)).cloned() else { return Vec::new() };
        if numbers.is_empty() {
            return vec![Effect::Status("only unchanged lines are selected: there is nothing to decide".to_owned())];
        }
        let runs = pieces::runs(&numbers);
        let last = runs.last().copied();
        let verdicts: Vec<HunkVerdict> =
            runs.into_iter().map(|run| HunkVerdict::new(pieces::name(&hunk, run), verdict)).collect();
        let effects = self.decide(verdicts);
        // From the last of them on, the way goes to what is left.
        if let Some(row) = last.and_then(|[_, to]| self.row_of_changed(index, to)) {
            self.go(row);
        }
        effects.into_iter().chain(self.go_to_next_open()).collect()
    }

    fn row_of_changed(&self, hunk: usize, number: usize) -> Option<usize> {
        let at = self.view()?.sheet.hunks().get(hunk)?.changed_line(number)?;
        self.rows.of_line(hunk, at)
    }

    /// Decides on every hunk of the file.
    pub(super) fn decide_file(&mut self, verdict: Verdict) -> Vec<Effect> {
        let Some(change) = self.change() else { return Vec::new() };
        let verdicts = change.hunks.iter().map(|hunk| HunkVerdict::new(hunk.id.clone(), verdict)).collect();
        self.decide_and_go_on(verdicts)
    }

    /// Decides on every hunk of the proposal that is not decided yet.
    pub(super) fn decide_open(&mut self, verdict: Verdict) -> Vec<Effect> {
        let Some(proposal) = &self.proposal else { return Vec::new() };
        let open = self.verdicts.all_parts(proposal).into_iter().filter(|part| part.verdict == Verdict::Open);
        let verdicts: Vec<HunkVerdict> = open.map(|part| HunkVerdict::new(part.id, verdict)).collect();
        if verdicts.is_empty() {
            return vec![Effect::Status("every hunk is decided already".to_owned())];
        }
        self.decide_and_go_on(verdicts)
    }

    /// Takes the verdict on the piece back; a part without a verdict goes back into its hunk.
    pub(super) fn open_again(&mut self) -> Vec<Effect> {
        let Some(part) = self.piece().map(|piece| piece.part.clone()) else { return Vec::new() };
        let id = if part.verdict == Verdict::Open { part.id.whole() } else { part.id };
        self.decide(vec![HunkVerdict::new(id, Verdict::Open)])
    }

    /// Splits the hunk: where unchanged lines part its changes, else before the line under the cursor.
    pub(super) fn split_hunk(&mut self) -> Vec<Effect> {
        if let Some(no) = self.no_verdict_here() {
            return no;
        }
        let cursor = self.cursor_line();
        let (Some(piece), Some(view), Some(change)) = (self.piece(), self.view(), self.change()) else {
            return Vec::new();
        };
        let status = |words: &str| vec![Effect::Status(words.to_owned())];
        let (Some(lines), Some(hunk)) = (view.sheet.hunks().get(piece.hunk), change.hunks.get(piece.hunk)) else {
            return status("this hunk has no lines to split it by");
        };
        let within = |at: &usize| piece.range.contains(at);
        let starts: Vec<usize> = lines
            .groups()
            .into_iter()
            .filter_map(|group| match group {
                Group::Changed { removed, added } => Some(if removed.is_empty() { added.start } else { removed.start }),
                Group::Same(_) => None,
            })
            .filter(within)
            .collect();
        let cuts: Vec<usize> = match starts.as_slice() {
            [_, rest @ ..] if !rest.is_empty() => rest.to_vec(),
            _ => cursor.map(|(_, at)| at).into_iter().collect(),
        };
        let [from, to] = piece.part.lines.unwrap_or([1, hunk.changed]);
        let numbers: Vec<usize> =
            cuts.iter().filter_map(|at| lines.number(*at)).filter(|number| (from + 1..=to).contains(number)).collect();
        if numbers.is_empty() {
            return status(
                "its changes stand together: put the cursor on the changed line where the second part begins",
            );
        }
        let verdict = match piece.part.verdict {
            Verdict::Edit => Verdict::Open,
            other => other,
        };
        let ends: Vec<usize> = numbers.iter().map(|number| number - 1).chain([to]).collect();
        let begins = std::iter::once(from).chain(numbers.iter().copied());
        let verdicts: Vec<HunkVerdict> =
            begins.zip(ends).map(|(from, to)| HunkVerdict::new(hunk.id.part([from, to]), verdict)).collect();
        let count = verdicts.len();
        let first = verdicts.first().map(|verdict| verdict.hunk.clone());
        let mut effects = self.decide(verdicts);
        if let Some(first) = first {
            self.wanted = Wanted::Part(first);
            self.settle();
        }
        effects.push(Effect::Status(format!("split in {count}; Backspace joins them again")));
        effects
    }

    pub(super) fn edit(&mut self) -> Vec<Effect> {
        if let Some(no) = self.no_verdict_here() {
            return no;
        }
        let (Some(change), Some(proposal), Some(piece)) = (self.change(), &self.proposal, self.piece()) else {
            return Vec::new();
        };
        let known = piece.part.replacement.clone();
        match known.or_else(|| self.new_text(piece.part.lines)) {
            Some(text) => vec![Effect::Edit {
                purpose: Purpose::Hunk { proposal: proposal.id.clone(), hunk: piece.part.id.clone() },
                text,
                suffix: format!("-{}", change.path.file_name()),
            }],
            None => vec![Effect::Status("this hunk has no text to edit: accept or reject it as a whole".to_owned())],
        }
    }

    /// The new lines of the piece under the cursor; `None` when they are no UTF-8 or there are none.
    fn new_text(&self, lines: Option<[usize; 2]>) -> Option<String> {
        let (piece, view) = (self.piece()?, self.view()?);
        let hunk = view.sheet.hunks().get(piece.hunk)?;
        let range = match lines {
            None => 0..hunk.len(),
            Some([from, to]) => hunk.changed_line(from)?..hunk.changed_line(to)? + 1,
        };
        let lines = range.filter_map(|at| view.sheet.line(piece.hunk, at)).filter(|line| line.side != Side::Removed);
        String::from_utf8(lines.flat_map(|line| line.bytes.to_vec()).collect()).ok()
    }

    /// The user's own text replaces the piece, when it can.
    pub fn replaced(&mut self, id: &HunkId, text: String) -> Vec<Effect> {
        let status = |words: &str| vec![Effect::Status(words.to_owned())];
        let place = self.pieces.iter().position(|piece| piece.part.id == *id);
        let Some(row) = place.and_then(|place| self.rows.rule(place)) else {
            return status("not used: the hunk is gone, the proposal was replaced meanwhile");
        };
        self.go(row);
        let original = self.new_text(id.split().1).unwrap_or_default();
        if text == original {
            return status("nothing was edited; a accepts the hunk as it is");
        }
        if text.trim().is_empty() && !original.trim().is_empty() {
            return status("not used: the text is empty; r rejects the hunk, and lines can be taken out one by one");
        }
        if text.contains('\0') {
            return status("not used: the text holds a NUL byte");
        }
        let markers = ["<<<<<<< ", ">>>>>>> "];
        if text.lines().any(|line| markers.iter().any(|marker| line.starts_with(marker))) {
            return status("not used: conflict markers stand in the text");
        }
        let text = with_line_ends_of(&original, text);
        let verdict = HunkVerdict { replacement: Some(text), ..HunkVerdict::new(id.clone(), Verdict::Edit) };
        let mut effects = self.decide(vec![verdict]);
        self.show_hunk();
        effects.push(Effect::Status("accepted with your edit, which is shown; Backspace takes it back".to_owned()));
        effects
    }
}

/// An editor may drop the last line feed or the carriage returns of a file that has them everywhere.
fn with_line_ends_of(original: &str, text: String) -> String {
    let all_crlf = original.contains('\n') && original.matches('\n').count() == original.matches("\r\n").count();
    let mut text = text;
    if original.ends_with('\n') && !text.ends_with('\n') {
        text.push('\n');
    }
    if all_crlf && !text.contains('\r') { text.replace('\n', "\r\n") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_ends_of_the_file_are_kept() {
        for (original, text, expected) in [
            ("a\nb\n", "a\nc", "a\nc\n"),
            ("a\r\nb\r\n", "a\nc\n", "a\r\nc\r\n"),
            ("a\r\nb\n", "a\nc\n", "a\nc\n"),
            ("a", "b", "b"),
        ] {
            assert_eq!(with_line_ends_of(original, text.to_owned()), expected);
        }
    }
}
