//! `tenon review --list`.

use serde::Serialize;

use super::super::{Common, Done, print};
use super::Subject;
use crate::diff::{Sheet, Side};
use crate::domain::{ChangeKind, ContentHash, FileChange, Hunk, Verdict};
use crate::proposal::Part;
use crate::text;

#[derive(Serialize)]
struct FileReport<'a> {
    path: &'a str,
    kind: ChangeKind,
    old_path: Option<&'a str>,
    binary: bool,
    added: usize,
    removed: usize,
    #[serde(skip)]
    size: String,
    hunks: Vec<HunkReport<'a>>,
}

#[derive(Serialize)]
struct HunkReport<'a> {
    #[serde(flatten)]
    hunk: &'a Hunk,
    verdict: Verdict,
    /// Parts that are decided on their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineReport>,
}

#[derive(Serialize)]
struct PartReport {
    id: String,
    lines: [usize; 2],
    verdict: Verdict,
}

#[derive(Serialize)]
struct LineReport {
    /// Its number among the changed lines of the hunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<usize>,
    sign: char,
    old: Option<usize>,
    new: Option<usize>,
    text: String,
}

pub(super) fn list(subject: &Subject, common: &Common, with_lines: bool) -> Done {
    let files: Vec<FileReport<'_>> =
        subject.proposal.changes.iter().map(|change| file_report(subject, change, with_lines)).collect();
    if common.json {
        return print::json(&files);
    }
    if files.is_empty() {
        return print::text("nothing is different");
    }
    let mut lines = String::new();
    for file in files {
        lines.push_str(&format!("{}  {}\n", text::sanitize_line(file.path), file.size));
        for hunk in &file.hunks {
            push_hunk(&mut lines, hunk);
        }
    }
    print::text(&lines)
}

fn push_hunk(lines: &mut String, report: &HunkReport<'_>) {
    let ([old, old_lines], [new, new_lines]) = (report.hunk.old, report.hunk.new);
    let head = format!("  {}  @@ -{old},{old_lines} +{new},{new_lines} @@  {}", report.hunk.id, word(report.verdict));
    lines.push_str(head.trim_end());
    lines.push('\n');
    for part in &report.parts {
        lines.push_str(&format!("    {}  {}\n", part.id, word(part.verdict)));
    }
    for comment in &report.comments {
        lines.push_str(&format!("    > {}\n", text::sanitize_line(comment)));
    }
    for line in &report.lines {
        let number = line.number.map(|number| number.to_string()).unwrap_or_default();
        lines.push_str(&format!("    {number:>4} {}{}\n", line.sign, text::sanitize_line(&line.text)));
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepted",
        Verdict::Reject => "rejected",
        Verdict::Edit => "accepted in part",
        Verdict::Open => "",
    }
}

fn file_report<'a>(subject: &'a Subject, change: &'a FileChange, with_lines: bool) -> FileReport<'a> {
    let sheet = with_lines.then(|| sheet(subject, change)).flatten();
    FileReport {
        path: change.path.as_str(),
        kind: change.kind,
        old_path: change.old_path.as_ref().map(crate::domain::RepoPath::as_str),
        binary: change.binary,
        added: change.added,
        removed: change.removed,
        size: change.size(),
        hunks: change
            .hunks
            .iter()
            .enumerate()
            .map(|(index, hunk)| HunkReport {
                hunk,
                verdict: subject.verdicts.on(&hunk.id),
                parts: subject.verdicts.parts(hunk).into_iter().filter_map(part_report).collect(),
                comments: subject.verdicts.comments(&hunk.id).map(|remark| remark.text.clone()).collect(),
                lines: sheet.as_ref().map(|sheet| lines(sheet, index)).unwrap_or_default(),
            })
            .collect(),
    }
}

fn part_report(part: Part) -> Option<PartReport> {
    Some(PartReport { id: part.id.to_string(), lines: part.lines?, verdict: part.verdict })
}

fn sheet(subject: &Subject, change: &FileChange) -> Option<Sheet> {
    let bytes = |hash: &Option<ContentHash>| hash.as_ref().map_or(Some(Vec::new()), |h| subject.blobs.get(h).ok());
    Some(Sheet::new(&change.path, bytes(&change.base)?, bytes(&change.result)?))
}

fn lines(sheet: &Sheet, index: usize) -> Vec<LineReport> {
    let Some(hunk) = sheet.hunks().get(index) else { return Vec::new() };
    (0..hunk.len())
        .filter_map(|at| {
            let line = sheet.line(index, at)?;
            let sign = match line.side {
                Side::Context => ' ',
                Side::Removed => '-',
                Side::Added => '+',
            };
            let text = String::from_utf8_lossy(line.bytes).trim_end_matches(['\n', '\r']).to_owned();
            Some(LineReport { number: hunk.number(at), sign, old: line.old, new: line.new, text })
        })
        .collect()
}
