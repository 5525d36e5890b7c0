//! What the flags of `tenon review` ask for, as verdicts.

use super::super::Failure;
use crate::diff::{Sheet, SheetLine};
use crate::domain::{FileChange, Hunk, HunkId, HunkVerdict, LineAbout, Proposal, Verdict};
use crate::journal::BlobStore;
use crate::proposal::Verdicts;

/// The verdicts that `--accept`, `--reject` and `--comment` give, in this order; `known` is what was decided before.
pub(super) fn verdicts(
    proposal: &Proposal,
    blobs: &BlobStore,
    known: &Verdicts,
    arguments: &super::Arguments,
) -> Result<Vec<HunkVerdict>, Failure> {
    let mut given = Vec::new();
    for (names, verdict) in [(&arguments.accept, Verdict::Accept), (&arguments.reject, Verdict::Reject)] {
        for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
            given.extend(named(proposal, name)?.into_iter().map(|id| HunkVerdict::new(id, verdict)));
        }
    }
    let mut after = known.clone();
    after.fold(&given);
    for order in &arguments.comment {
        given.push(comment(proposal, blobs, &after, order)?);
    }
    Ok(given)
}

/// The hunks, or the part of one, that a name stands for.
fn named(proposal: &Proposal, name: &str) -> Result<Vec<HunkId>, Failure> {
    let path = name.trim_start_matches("./");
    let fits = |(change, hunk): &(&FileChange, &Hunk)| {
        name == "all" || hunk.id.as_str() == name || change.path.as_str() == path
    };
    let ids: Vec<HunkId> = proposal.hunks().filter(fits).map(|(_, hunk)| hunk.id.clone()).collect();
    if !ids.is_empty() {
        return Ok(ids);
    }
    let id = HunkId::new(name);
    let (whole, lines) = id.split();
    if let (Some(lines), Some((_, hunk))) = (lines, proposal.hunks().find(|(_, hunk)| hunk.id == whole)) {
        return part(hunk, lines).map(|id| vec![id]);
    }
    Err(Failure::usage(format!("no hunk and no changed file is called `{name}`"))
        .hint("`tenon review --list` prints the ids; they change when the file does"))
}

fn part(hunk: &Hunk, [from, to]: [usize; 2]) -> Result<HunkId, Failure> {
    if hunk.changed == 0 {
        return Err(Failure::usage(format!("hunk {} has no lines to choose from: it is decided as a whole", hunk.id)));
    }
    if to > hunk.changed {
        let what = format!("hunk {} has {} changed lines, so there is no line {to}", hunk.id, hunk.changed);
        return Err(Failure::usage(what).hint("`tenon review --list --lines` prints them with their numbers"));
    }
    Ok(if [from, to] == [1, hunk.changed] { hunk.id.clone() } else { hunk.id.part([from, to]) })
}

/// `ID=text`, `ID:LINE=text` (a changed line of the hunk) or `PATH:LINE=text` (a line of the file).
fn comment(proposal: &Proposal, blobs: &BlobStore, known: &Verdicts, order: &str) -> Result<HunkVerdict, Failure> {
    let usage = || {
        Failure::usage(format!("`{order}` is no comment"))
            .hint("write ID=text, ID:LINE=text (LINE as `--list --lines` prints it) or PATH:LINE=text")
    };
    let (place, words) = order.split_once('=').ok_or_else(usage)?;
    let (name, number) = match place.rsplit_once(':').and_then(|(name, line)| Some((name, line.parse::<usize>().ok()?)))
    {
        Some((name, number)) => (name, Some(number)),
        None => (place, None),
    };
    let path = name.trim_start_matches("./");
    let by_id = proposal.hunks().find(|(_, hunk)| hunk.id.as_str() == name);
    let in_file = || proposal.changes.iter().find(|change| change.path.as_str() == path);
    let (change, index, at) = match (by_id, number) {
        (Some((change, hunk)), number) => {
            let index = change.hunks.iter().position(|other| other.id == hunk.id).unwrap_or(0);
            if let Some(number) = number {
                part(hunk, [number, number])?;
            }
            (change, index, number.map(Place::Changed))
        }
        (None, Some(line)) => {
            let change = in_file().ok_or_else(usage)?;
            let holds = |hunk: &Hunk| (hunk.new[0]..hunk.new[0] + hunk.new[1].max(1)).contains(&line);
            let index = change.hunks.iter().position(holds).ok_or_else(|| {
                Failure::usage(format!("line {line} of {path} is in no hunk of this change"))
                    .hint("`tenon review --list --lines` prints the lines there are")
            })?;
            (change, index, Some(Place::Line(line)))
        }
        (None, None) => (in_file().ok_or_else(usage)?, 0, None),
    };
    let hunk = &change.hunks[index];
    let about = at.and_then(|at| about(change, blobs, index, at));
    let id = match &about {
        Some((_, number)) => holder(known, hunk, *number),
        None => hunk.id.clone(),
    };
    let replacement = known.replacement(&id).map(str::to_owned);
    let (line, about) = about.map_or((None, None), |((line, about), _)| (Some(line), Some(about)));
    let verdict = known.on(&id);
    Ok(HunkVerdict { comment: Some(words.trim().to_owned()), line, about, replacement, hunk: id, verdict })
}

/// The part of a hunk that a changed line belongs to.
fn holder(known: &Verdicts, hunk: &Hunk, number: Option<usize>) -> HunkId {
    let parts = known.parts(hunk);
    let holds = |lines: Option<[usize; 2]>| match (lines, number) {
        (Some([from, to]), Some(number)) => (from..=to).contains(&number),
        (None, _) => true,
        (Some(_), None) => false,
    };
    let found = parts.iter().find(|part| holds(part.lines)).or(parts.first());
    found.map_or_else(|| hunk.id.clone(), |part| part.id.clone())
}

/// A line by its number.
#[derive(Clone, Copy)]
enum Place {
    /// Among the changed lines of the hunk.
    Changed(usize),
    /// Of the result.
    Line(usize),
}

type About = ((usize, LineAbout), Option<usize>);

/// The line a comment is about, with its number among the changed lines.
fn about(change: &FileChange, blobs: &BlobStore, index: usize, place: Place) -> Option<About> {
    let bytes =
        |hash: &Option<crate::domain::ContentHash>| hash.as_ref().map_or(Some(Vec::new()), |h| blobs.get(h).ok());
    let sheet = Sheet::new(&change.path, bytes(&change.base)?, bytes(&change.result)?);
    let hunk = sheet.hunks().get(index)?;
    let at = match place {
        Place::Changed(number) => hunk.changed_line(number)?,
        Place::Line(line) => (0..hunk.len()).find(|at| sheet.line(index, *at).is_some_and(|l| l.new == Some(line)))?,
    };
    let line = sheet.line(index, at)?;
    Some((described(change, &line)?, hunk.number(at)))
}

fn described(change: &FileChange, line: &SheetLine<'_>) -> Option<(usize, LineAbout)> {
    let text = String::from_utf8_lossy(line.bytes).trim_end_matches(['\n', '\r']).to_owned();
    let about = LineAbout { path: change.path.clone(), removed: line.new.is_none(), text };
    Some((line.new.or(line.old)?, about))
}
