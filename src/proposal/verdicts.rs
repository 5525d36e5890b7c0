//! What was decided so far.

use std::collections::BTreeMap;

use crate::domain::{Hunk, HunkId, HunkVerdict, LineAbout, Proposal, Verdict};

/// The last verdict on each hunk or part of one, and all remarks: the fold of `decided` events.
///
/// A verdict on some lines of a hunk splits it: those lines are decided on their own from then on, and so is what is
/// left before and after them. A verdict on the whole hunk makes it one again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// By whole hunk: its parts in order, the last one reaching to the end.
    decided: BTreeMap<HunkId, Vec<Piece>>,
    remarks: Vec<Remark>,
}

/// The end of the last part of a hunk.
const END: usize = usize::MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    from: usize,
    to: usize,
    verdict: Verdict,
    replacement: Option<String>,
}

/// A hunk, or a part of one that is decided on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Names it in a verdict.
    pub id: HunkId,
    /// First and last changed line, counted from 1; `None` when it is the whole hunk.
    pub lines: Option<[usize; 2]>,
    /// The decision.
    pub verdict: Verdict,
    /// What takes its place when it was edited.
    pub replacement: Option<String>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The hunk or part it was made on.
    pub hunk: HunkId,
    /// The line it is about.
    pub line: Option<usize>,
    /// What that line said.
    pub about: Option<LineAbout>,
    /// The words.
    pub text: String,
    /// It went back to the agent.
    pub sent: bool,
}

impl Verdicts {
    /// Every hunk accepted.
    pub fn accept_all(proposal: &Proposal) -> Self {
        let mut verdicts = Self::default();
        let accept = |(_, hunk): (_, &Hunk)| HunkVerdict::new(hunk.id.clone(), Verdict::Accept);
        verdicts.fold(&proposal.hunks().map(accept).collect::<Vec<_>>());
        verdicts
    }

    /// Takes further verdicts in. A later one on the same lines replaces the earlier one; comments on different lines
    /// stand beside each other, and a comment on the same line replaces the one before it.
    pub fn fold(&mut self, verdicts: &[HunkVerdict]) {
        for verdict in verdicts {
            self.remark(verdict);
            let (whole, lines) = verdict.hunk.split();
            let pieces = self.decided.entry(whole).or_insert_with(|| vec![Piece::open()]);
            let [from, to] = lines.unwrap_or([1, END]);
            let replacement = verdict.replacement.clone().filter(|_| verdict.verdict == Verdict::Edit);
            let piece = Piece { from, to, verdict: verdict.verdict, replacement };
            match lines {
                None => *pieces = vec![piece],
                Some(_) => carve(pieces, piece),
            }
        }
    }

    fn remark(&mut self, verdict: &HunkVerdict) {
        let Some(text) = &verdict.comment else { return };
        let same = |other: &Remark| {
            let side = |about: &Option<LineAbout>| about.as_ref().is_some_and(|about| about.removed);
            other.hunk.whole() == verdict.hunk.whole()
                && other.line == verdict.line
                && side(&other.about) == side(&verdict.about)
        };
        // A verdict says its comment again; only other words are news.
        if self.remarks.iter().any(|other| same(other) && other.text == *text) {
            return;
        }
        self.remarks.retain(|other| !same(other));
        if !text.trim().is_empty() {
            self.remarks.push(Remark {
                hunk: verdict.hunk.clone(),
                line: verdict.line,
                about: verdict.about.clone(),
                text: text.clone(),
                sent: false,
            });
        }
    }

    /// What was said so far went back to the agent.
    pub fn reviewed(&mut self) {
        self.remarks.iter_mut().for_each(|remark| remark.sent = true);
    }

    /// The decision on a hunk or a part of one; open when there is none. A hunk whose parts are decided differently
    /// counts as edited when some of it is accepted.
    pub fn on(&self, hunk: &HunkId) -> Verdict {
        let (whole, lines) = hunk.split();
        let Some(pieces) = self.decided.get(&whole) else { return Verdict::Open };
        let [from, to] = lines.unwrap_or([1, END]);
        let mut found = pieces.iter().filter(|piece| piece.from <= to && piece.to >= from).map(|piece| piece.verdict);
        let Some(first) = found.next() else { return Verdict::Open };
        let taken = |verdict: Verdict| matches!(verdict, Verdict::Accept | Verdict::Edit);
        found.fold(first, |all, next| match (all, next) {
            (all, next) if all == next => all,
            (all, next) if taken(all) || taken(next) => Verdict::Edit,
            _ => Verdict::Open,
        })
    }

    /// The hunk as it is decided on: itself, or its parts in order.
    pub fn parts(&self, hunk: &Hunk) -> Vec<Part> {
        let last = if hunk.changed == 0 { END } else { hunk.changed };
        let pieces = self.decided.get(&hunk.id).map(Vec::as_slice).unwrap_or_default();
        let within: Vec<&Piece> = pieces.iter().filter(|piece| piece.from <= last).collect();
        match within.as_slice() {
            [] => vec![Part { id: hunk.id.clone(), lines: None, verdict: Verdict::Open, replacement: None }],
            [only] => vec![Part {
                id: hunk.id.clone(),
                lines: None,
                verdict: only.verdict,
                replacement: only.replacement.clone(),
            }],
            several => several.iter().map(|piece| piece.part(&hunk.id, last)).collect(),
        }
    }

    /// All hunks of a proposal as they are decided on.
    pub fn all_parts(&self, proposal: &Proposal) -> Vec<Part> {
        proposal.hunks().flat_map(|(_, hunk)| self.parts(hunk)).collect()
    }

    /// The bytes that replace an edited hunk or part.
    pub fn replacement(&self, hunk: &HunkId) -> Option<&str> {
        let (whole, lines) = hunk.split();
        let pieces = self.decided.get(&whole)?;
        let piece = match lines {
            Some([from, to]) => {
                pieces.iter().find(|piece| piece.from == from && (piece.to == to || piece.to == END))?
            }
            None => pieces.first().filter(|_| pieces.len() == 1)?,
        };
        piece.replacement.as_deref()
    }

    /// Comments on a hunk and its parts with the line they are about, in the order they were made.
    pub fn comments<'a>(&'a self, hunk: &'a HunkId) -> impl Iterator<Item = &'a Remark> {
        self.remarks.iter().filter(move |remark| remark.hunk == *hunk || remark.hunk.whole() == *hunk)
    }

    /// All comments, in the order they were made.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Whether anything was decided or said.
    pub fn is_empty(&self) -> bool {
        self.remarks.is_empty() && self.decided.values().flatten().all(|piece| piece.verdict == Verdict::Open)
    }

    /// Drops decisions on hunks that are not among these. Comments stay: their lines may still be found.
    pub fn retain(&mut self, keep: impl Fn(&HunkId) -> bool) {
        self.decided.retain(|id, _| keep(id));
    }

    /// Everything decided on these hunks, as verdicts that say it again.
    pub fn said(&self, proposal: &Proposal) -> Vec<HunkVerdict> {
        let mut said = Vec::new();
        for part in self.all_parts(proposal) {
            if part.verdict != Verdict::Open || part.lines.is_some() {
                said.push(HunkVerdict { replacement: part.replacement, ..HunkVerdict::new(part.id, part.verdict) });
            }
        }
        said
    }

    /// The same with everything open accepted: what stays in the draft after a commit.
    pub fn with_open_accepted(&self, proposal: &Proposal) -> Self {
        let mut all = self.clone();
        let open = self.all_parts(proposal).into_iter().filter(|part| part.verdict == Verdict::Open);
        all.fold(&open.map(|part| HunkVerdict::new(part.id, Verdict::Accept)).collect::<Vec<_>>());
        all
    }

    /// How many hunks and parts of a proposal are accepted (edited ones included), rejected and open.
    pub fn tally(&self, proposal: &Proposal) -> [usize; 3] {
        let mut tally = [0; 3];
        for part in self.all_parts(proposal) {
            let place = match part.verdict {
                Verdict::Accept | Verdict::Edit => 0,
                Verdict::Reject => 1,
                Verdict::Open => 2,
            };
            tally[place] += 1;
        }
        tally
    }
}

impl Piece {
    fn open() -> Self {
        Self { from: 1, to: END, verdict: Verdict::Open, replacement: None }
    }

    fn part(&self, hunk: &HunkId, last: usize) -> Part {
        let lines = [self.from, self.to.min(last)];
        Part { id: hunk.part(lines), lines: Some(lines), verdict: self.verdict, replacement: self.replacement.clone() }
    }
}

/// Puts a piece in its place, cutting those it overlaps. A replacement that is cut no longer fits: what is left of it
/// is open.
fn carve(pieces: &mut Vec<Piece>, new: Piece) {
    let mut cut = Vec::new();
    for piece in pieces.drain(..) {
        if piece.to < new.from || piece.from > new.to {
            cut.push(piece);
            continue;
        }
        let left = |from: usize, to: usize| match &piece.replacement {
            Some(_) => Piece { from, to, verdict: Verdict::Open, replacement: None },
            None => Piece { from, to, verdict: piece.verdict, replacement: None },
        };
        if piece.from < new.from {
            cut.push(left(piece.from, new.from - 1));
        }
        if piece.to > new.to {
            cut.push(left(new.to + 1, piece.to));
        }
    }
    cut.push(new);
    cut.sort_by_key(|piece| piece.from);
    *pieces = cut;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(changed: usize) -> Hunk {
        Hunk { id: HunkId::new("h"), old: [1, 1], new: [1, 1], changed }
    }

    fn after(verdicts: &[(&str, Verdict)]) -> Vec<(String, Verdict)> {
        let mut folded = Verdicts::default();
        for (id, verdict) in verdicts {
            folded.fold(&[HunkVerdict::new(HunkId::new(*id), *verdict)]);
        }
        folded.parts(&hunk(6)).into_iter().map(|part| (part.id.to_string(), part.verdict)).collect()
    }

    #[test]
    fn a_verdict_on_lines_splits_the_hunk_and_one_on_the_whole_joins_it() {
        use Verdict::{Accept, Open, Reject};
        for (verdicts, expected) in [
            (vec![], vec![("h", Open)]),
            (vec![("h", Accept)], vec![("h", Accept)]),
            (vec![("h:3-4", Accept)], vec![("h:1-2", Open), ("h:3-4", Accept), ("h:5-6", Open)]),
            (vec![("h:1-2", Accept)], vec![("h:1-2", Accept), ("h:3-6", Open)]),
            (vec![("h", Accept), ("h:6", Reject)], vec![("h:1-5", Accept), ("h:6", Reject)]),
            (
                vec![("h:3-4", Accept), ("h:4-5", Reject)],
                vec![("h:1-2", Open), ("h:3", Accept), ("h:4-5", Reject), ("h:6", Open)],
            ),
            (vec![("h:1-6", Reject)], vec![("h", Reject)]),
            (vec![("h:3-4", Accept), ("h", Open)], vec![("h", Open)]),
            (vec![("h:2", Open)], vec![("h:1", Open), ("h:2", Open), ("h:3-6", Open)]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(id, verdict)| (id.to_owned(), verdict)).collect();
            assert_eq!(after(&verdicts), expected, "{verdicts:?}");
        }
    }

    #[test]
    fn a_hunk_of_which_some_is_taken_counts_as_edited() {
        let mut verdicts = Verdicts::default();
        let id = HunkId::new("h");
        verdicts.fold(&[HunkVerdict::new(id.part([2, 3]), Verdict::Reject)]);
        assert_eq!(verdicts.on(&id), Verdict::Open);
        verdicts.fold(&[HunkVerdict::new(id.part([4, 4]), Verdict::Accept)]);
        assert_eq!((verdicts.on(&id), verdicts.on(&id.part([2, 3]))), (Verdict::Edit, Verdict::Reject));
    }

    #[test]
    fn a_comment_said_again_stays_sent_and_an_empty_one_takes_it_back() {
        let mut verdicts = Verdicts::default();
        let say = |text: &str| HunkVerdict {
            comment: Some(text.to_owned()),
            line: Some(4),
            ..HunkVerdict::new(HunkId::new("h"), Verdict::Open)
        };
        verdicts.fold(&[say("why")]);
        verdicts.reviewed();
        verdicts.fold(&[say("why")]);
        assert!(verdicts.remarks()[0].sent);
        verdicts.fold(&[say("because")]);
        assert!(!verdicts.remarks()[0].sent);
        verdicts.fold(&[say("")]);
        assert!(verdicts.remarks().is_empty());
    }
}
