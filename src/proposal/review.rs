//! What the agent hears about a proposal.

use std::fmt::Write as _;

use super::select::both;
use super::{Part, ProposalError, Remark, Verdicts};
use crate::diff::{Comparison, DiffLine, Side, TextHunk, compare};
use crate::domain::{FileChange, FileState, Hunk, Proposal, Verdict};
use crate::journal::BlobStore;
use crate::text;

/// The most of one hunk that is repeated to the agent, which has written it itself.
const HUNK_BYTES: usize = 4 * 1024;

/// Rejections, edits and comments as one structured message in markdown; `words` is what the user adds. Comments that
/// went back once are not told again.
///
/// # Errors
/// The stored bytes are gone.
pub fn review_text(
    proposal: &Proposal,
    verdicts: &Verdicts,
    blobs: &BlobStore,
    words: Option<&str>,
) -> Result<String, ProposalError> {
    let head = format!("# Review of proposal {}: {}\n\n", proposal.id, proposal.title);
    Teller { proposal, verdicts, blobs, again: false }.tell(head, words)
}

/// The same for people: a change that no agent made, with every comment.
///
/// # Errors
/// The stored bytes are gone.
pub fn review_markdown(
    proposal: &Proposal,
    verdicts: &Verdicts,
    blobs: &BlobStore,
    words: Option<&str>,
) -> Result<String, ProposalError> {
    let head = format!("# {}\n\n", proposal.title);
    Teller { proposal, verdicts, blobs, again: true }.tell(head, words)
}

struct Teller<'a> {
    proposal: &'a Proposal,
    verdicts: &'a Verdicts,
    blobs: &'a BlobStore,
    /// Comments are told although they went back before.
    again: bool,
}

impl Teller<'_> {
    fn tell(&self, head: String, words: Option<&str>) -> Result<String, ProposalError> {
        let [accepted, rejected, open] = self.verdicts.tally(self.proposal);
        let mut text = head;
        let noun = if accepted == 1 { "hunk" } else { "hunks" };
        let _ = writeln!(text, "{accepted} {noun} accepted, {rejected} rejected, {open} without a decision.");
        if let Some(words) = words.map(str::trim).filter(|words| !words.is_empty()) {
            let _ = writeln!(text, "\n{words}");
        }
        for change in &self.proposal.changes {
            let parts: Vec<(&Hunk, Part)> = change
                .hunks
                .iter()
                .flat_map(|hunk| self.verdicts.parts(hunk).into_iter().map(move |part| (hunk, part)))
                .collect();
            let told: Vec<_> = parts.iter().filter(|(hunk, part)| self.is_told(hunk, part)).collect();
            if told.is_empty() {
                continue;
            }
            let (base, result) = both(change, self.blobs)?;
            let bytes = |state: Option<FileState>| state.map_or_else(Vec::new, |state| state.bytes);
            let comparison = compare(&change.path, &bytes(base), &bytes(result));
            for (hunk, part) in told {
                self.part(&mut text, change, (hunk, part), &comparison);
            }
        }
        self.stale(&mut text);
        Ok(text)
    }

    /// What was accepted without a word needs none.
    fn is_told(&self, hunk: &Hunk, part: &Part) -> bool {
        matches!(part.verdict, Verdict::Reject | Verdict::Edit) || self.remarks(hunk, part).next().is_some()
    }

    /// The comments told with a part: its own, and with the first part those on the hunk as a whole.
    fn remarks<'a>(&'a self, hunk: &'a Hunk, part: &'a Part) -> impl Iterator<Item = &'a Remark> {
        let first = part.lines.is_none_or(|[from, _]| from == 1);
        self.verdicts.comments(&hunk.id).filter(move |remark| {
            let own = remark.hunk == part.id;
            let known = self.verdicts.parts(hunk).iter().any(|part| part.id == remark.hunk);
            (own || (first && !known)) && (self.again || !remark.sent)
        })
    }

    fn part(&self, text: &mut String, change: &FileChange, (hunk, part): (&Hunk, &Part), comparison: &Comparison) {
        let decision = match part.verdict {
            Verdict::Accept => "accepted",
            Verdict::Reject => "rejected",
            Verdict::Edit => "edited by the user",
            Verdict::Open => "no decision yet",
        };
        let found = comparison.hunks.iter().find(|found| found.hunk.id == hunk.id);
        let shown = found.map(|found| around(found, part.lines));
        let [start, count] = match (&shown, part.lines) {
            (Some(shown), Some(_)) => new_range(shown),
            _ => hunk.new,
        };
        let place = match count {
            0 => change.path.to_string(),
            1 => format!("{}:{start}", change.path),
            _ => format!("{}:{start}-{}", change.path, start + count - 1),
        };
        let _ = writeln!(text, "\n## {place}: {decision}\n");
        let mut any = false;
        for remark in self.remarks(hunk, part) {
            any = true;
            let side = if remark.about.as_ref().is_some_and(|about| about.removed) { "removed line" } else { "line" };
            let about = remark.line.map(|line| format!("{side} {line}: ")).unwrap_or_default();
            let _ = writeln!(text, "> {about}{}", remark.text.trim().replace('\n', "\n> "));
        }
        if any {
            text.push('\n');
        }
        match shown {
            Some(shown) => fence(text, "diff", &lines(&shown, hunk, part.lines.is_none())),
            None => {
                let _ = writeln!(text, "({})", what(change));
            }
        }
        if let Some(replacement) = &part.replacement {
            text.push_str("\nWhat the user wrote instead:\n\n");
            fence(text, "", replacement);
        }
    }

    /// Comments whose hunk is not there any more.
    fn stale(&self, text: &mut String) {
        let known = |remark: &&Remark| self.proposal.hunks().any(|(_, hunk)| hunk.id == remark.hunk.whole());
        let remarks = self.verdicts.remarks().iter().filter(|remark| !known(remark));
        for remark in remarks.filter(|remark| self.again || !remark.sent) {
            let Some(about) = &remark.about else { continue };
            let line = remark.line.map(|line| format!(":{line}")).unwrap_or_default();
            let _ = writeln!(text, "\n## {}{line}: on lines that have changed since\n", about.path);
            let _ = writeln!(text, "> {}\n", remark.text.trim().replace('\n', "\n> "));
            fence(text, "", &about.text);
        }
    }
}

/// The lines of a part with up to three lines of context, or all of them.
fn around(hunk: &TextHunk, lines: Option<[usize; 2]>) -> Vec<&DiffLine> {
    let Some([from, to]) = lines else { return hunk.lines.iter().collect() };
    let changed = hunk.lines.iter().enumerate().filter(|(_, line)| line.side != Side::Context).map(|(at, _)| at);
    let places: Vec<usize> = changed.skip(from - 1).take(to + 1 - from).collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Vec::new() };
    let is_context = |at: &usize| hunk.lines.get(*at).is_some_and(|line| line.side == Side::Context);
    let start = (0..*first).rev().take(3).take_while(is_context).last().unwrap_or(*first);
    let end = (last + 1..hunk.lines.len()).take(3).take_while(is_context).last().unwrap_or(*last);
    hunk.lines.get(start..=end).unwrap_or_default().iter().collect()
}

fn new_range(lines: &[&DiffLine]) -> [usize; 2] {
    let mut numbers = lines.iter().filter_map(|line| line.new);
    numbers.next().map_or([0, 0], |first| [first, numbers.count() + 1])
}

fn lines(shown: &[&DiffLine], hunk: &Hunk, whole: bool) -> String {
    let mut text = if whole {
        format!("@@ -{},{} +{},{} @@\n", hunk.old[0], hunk.old[1], hunk.new[0], hunk.new[1])
    } else {
        String::new()
    };
    for line in shown {
        text.push(match line.side {
            Side::Context => ' ',
            Side::Removed => '-',
            Side::Added => '+',
        });
        text.push_str(String::from_utf8_lossy(&line.bytes).trim_end_matches(['\n', '\r']));
        text.push('\n');
    }
    text
}

/// A code block whose fence is longer than any run of backticks inside.
fn fence(text: &mut String, language: &str, content: &str) {
    let content = text::cut_middle(content, HUNK_BYTES);
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}{language}\n{}\n{fence}", content.trim_end_matches('\n'));
}

fn what(change: &FileChange) -> String {
    use crate::domain::ChangeKind as Kind;
    match (change.kind, &change.old_path) {
        (Kind::Add, _) => "the whole new file".to_owned(),
        (Kind::Delete, _) => "the deletion of the file".to_owned(),
        (Kind::Rename, Some(old)) => format!("the move from {old}"),
        _ if change.binary => "the whole file, which is not text".to_owned(),
        _ if change.old_mode != change.mode => format!("its mode: {:?} to {:?}", change.old_mode, change.mode),
        _ => "the whole file".to_owned(),
    }
}
