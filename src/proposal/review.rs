//! What the agent hears about a proposal.

use std::fmt::Write as _;

use super::select::both;
use super::{ProposalError, Verdicts};
use crate::diff::{Comparison, Side, TextHunk, compare};
use crate::domain::{FileChange, FileState, Hunk, Proposal, Verdict};
use crate::journal::BlobStore;
use crate::text;

/// The most of one hunk that is repeated to the agent, which has written it itself.
const HUNK_BYTES: usize = 4 * 1024;

/// Rejections, edits and comments as one structured message in markdown; `words` is what the user adds.
///
/// # Errors
/// The stored bytes are gone.
pub fn review_text(
    proposal: &Proposal,
    verdicts: &Verdicts,
    blobs: &BlobStore,
    words: Option<&str>,
) -> Result<String, ProposalError> {
    let [accepted, rejected, open] = verdicts.tally(proposal);
    let mut text = format!("# Review of proposal {}: {}\n\n", proposal.id, proposal.title);
    let _ = writeln!(text, "{accepted} hunks accepted, {rejected} rejected, {open} without a decision.");
    if let Some(words) = words.map(str::trim).filter(|words| !words.is_empty()) {
        let _ = writeln!(text, "\n{words}");
    }
    for change in &proposal.changes {
        let told: Vec<&Hunk> = change.hunks.iter().filter(|hunk| is_told(verdicts, hunk)).collect();
        if told.is_empty() {
            continue;
        }
        let (base, result) = both(change, blobs)?;
        let bytes = |state: Option<FileState>| state.map_or_else(Vec::new, |state| state.bytes);
        let comparison = compare(&change.path, &bytes(base), &bytes(result));
        for hunk in told {
            tell(&mut text, change, hunk, verdicts, &comparison);
        }
    }
    Ok(text)
}

/// What was accepted without a word needs none.
fn is_told(verdicts: &Verdicts, hunk: &Hunk) -> bool {
    matches!(verdicts.on(&hunk.id), Verdict::Reject | Verdict::Edit) || verdicts.comments(&hunk.id).next().is_some()
}

fn tell(text: &mut String, change: &FileChange, hunk: &Hunk, verdicts: &Verdicts, comparison: &Comparison) {
    let decision = match verdicts.on(&hunk.id) {
        Verdict::Accept => "accepted",
        Verdict::Reject => "rejected",
        Verdict::Edit => "edited by the user",
        Verdict::Open => "no decision yet",
    };
    let [start, count] = hunk.new;
    let place = match count {
        0 => change.path.to_string(),
        1 => format!("{}:{start}", change.path),
        _ => format!("{}:{start}-{}", change.path, start + count - 1),
    };
    let _ = writeln!(text, "\n## {place}: {decision}\n");
    for (line, comment) in verdicts.comments(&hunk.id) {
        let about = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let _ = writeln!(text, "> {about}{}", comment.trim().replace('\n', "\n> "));
    }
    if verdicts.comments(&hunk.id).next().is_some() {
        text.push('\n');
    }
    match comparison.hunks.iter().find(|found| found.hunk.id == hunk.id) {
        Some(found) => fence(text, "diff", &lines(found)),
        None => {
            let _ = writeln!(text, "({})", what(change));
        }
    }
    if let Some(replacement) = verdicts.replacement(&hunk.id) {
        text.push_str("\nWhat the user wrote instead:\n\n");
        fence(text, "", replacement);
    }
}

fn lines(hunk: &TextHunk) -> String {
    let mut text =
        format!("@@ -{},{} +{},{} @@\n", hunk.hunk.old[0], hunk.hunk.old[1], hunk.hunk.new[0], hunk.hunk.new[1]);
    for line in &hunk.lines {
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
