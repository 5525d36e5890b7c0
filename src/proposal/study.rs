//! What connects the hunks of a proposal: names that one uses and another defines, and lines that only moved.
//!
//! A reading of names, not a compiler: what it says is a hint beside the hunk, and the gates have the last word.

mod moved;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use super::ProposalError;
use super::select::both;
use crate::diff::{Sheet, Side, is_binary};
use crate::domain::{HunkId, Proposal, RepoPath, Verdict};
use crate::journal::BlobStore;

use super::Verdicts;

/// Changed lines beyond which nobody looks for connections.
const MOST_LINES: usize = 20_000;
/// Connections kept at most.
const MOST_NEEDS: usize = 4_000;

/// The connections between the hunks of one proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Study {
    /// By hunk: what its lines need of others.
    needs: BTreeMap<HunkId, Vec<Need>>,
    /// By file, whether the line was removed, and number: where the same line is on the other side.
    moved: BTreeMap<(RepoPath, bool, usize), (RepoPath, usize)>,
}

/// A changed line that needs others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    /// The line, counted among the changed lines of its hunk.
    number: usize,
    name: String,
    /// Any one of these is enough.
    makers: Vec<Spot>,
}

/// A changed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) path: RepoPath,
    pub(super) hunk: HunkId,
    pub(super) number: usize,
}

/// Something a part needs that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The name.
    pub name: String,
    /// The file whose hunk defines it.
    pub path: RepoPath,
    /// That hunk was rejected; else it is not decided.
    pub rejected: bool,
}

/// One changed line with its text.
pub(super) struct Line<'a> {
    pub(super) spot: Spot,
    pub(super) removed: bool,
    /// Its number in its version.
    pub(super) line: usize,
    pub(super) text: &'a str,
}

impl Study {
    /// Looks at all hunks of a proposal.
    ///
    /// # Errors
    /// The stored bytes are gone.
    pub fn of(proposal: &Proposal, blobs: &BlobStore) -> Result<Self, ProposalError> {
        let total: usize = proposal.changes.iter().map(|change| change.added + change.removed).sum();
        if total > MOST_LINES {
            return Ok(Self::default());
        }
        let mut sheets = Vec::new();
        for change in proposal.changes.iter().filter(|change| !change.binary) {
            let (base, result) = both(change, blobs)?;
            let bytes = |state: Option<crate::domain::FileState>| state.map_or_else(Vec::new, |state| state.bytes);
            let (old, new) = (bytes(base), bytes(result));
            if !is_binary(&old) && !is_binary(&new) {
                sheets.push((change.path.clone(), Sheet::new(&change.path, old, new)));
            }
        }
        let lines: Vec<Line<'_>> = sheets.iter().flat_map(|(path, sheet)| changed_lines(path, sheet)).collect();
        let mut needs: BTreeMap<HunkId, Vec<Need>> = BTreeMap::new();
        for (user, name, makers) in names::connections(&sheets, &lines).into_iter().take(MOST_NEEDS) {
            needs.entry(user.hunk).or_default().push(Need { number: user.number, name, makers });
        }
        Ok(Self { needs, moved: moved::find(&lines) })
    }

    /// What a part of a hunk needs that is rejected, or, when the part is accepted, not accepted yet. Each name once.
    pub fn unmet(&self, hunk: &HunkId, lines: Option<[usize; 2]>, verdicts: &Verdicts) -> Vec<Unmet> {
        let mut found: Vec<Unmet> = Vec::new();
        let mut seen = BTreeSet::new();
        let taken = |verdict: Verdict| matches!(verdict, Verdict::Accept | Verdict::Edit);
        for need in self.needs.get(hunk).into_iter().flatten() {
            let within = lines.is_none_or(|[from, to]| (from..=to).contains(&need.number));
            let mine = verdicts.on(&hunk.part([need.number, need.number]));
            if !within || mine == Verdict::Reject || seen.contains(&need.name) {
                continue;
            }
            let verdict = |spot: &Spot| verdicts.on(&spot.hunk.part([spot.number, spot.number]));
            if need.makers.iter().any(|spot| taken(verdict(spot))) {
                continue;
            }
            let rejected = need.makers.iter().all(|spot| verdict(spot) == Verdict::Reject);
            if let Some(first) = need.makers.first().filter(|_| rejected || taken(mine)) {
                seen.insert(need.name.clone());
                found.push(Unmet { name: need.name.clone(), path: first.path.clone(), rejected });
            }
        }
        found
    }

    /// Where a line that was removed stands now, or where one that was added stood.
    pub fn moved(&self, path: &RepoPath, removed: bool, line: usize) -> Option<&(RepoPath, usize)> {
        // Looked up for each visible line: the path is cloned only when there is anything to find.
        if self.moved.is_empty() { None } else { self.moved.get(&(path.clone(), removed, line)) }
    }
}

fn changed_lines<'a>(path: &'a RepoPath, sheet: &'a Sheet) -> impl Iterator<Item = Line<'a>> {
    sheet.hunks().iter().enumerate().flat_map(move |(index, hunk)| {
        (0..hunk.len()).filter_map(move |at| {
            let line = sheet.line(index, at).filter(|line| line.side != Side::Context)?;
            Some(Line {
                spot: Spot { path: path.clone(), hunk: hunk.hunk.id.clone(), number: hunk.number(at)? },
                removed: line.side == Side::Removed,
                line: line.new.or(line.old)?,
                text: std::str::from_utf8(line.bytes).ok()?.trim_end_matches(['\n', '\r']),
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Change, FileMode, FileState, HunkVerdict, ProposalId};
    use crate::proposal::freeze;

    fn studied(files: &[(&str, &str, &str)]) -> (Proposal, Study) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobStore::new(folder.path());
        let state = |text: &str| {
            (!text.is_empty()).then(|| FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
        };
        let change = |(path, old, new): &(&str, &str, &str)| Change {
            path: RepoPath::parse(path).unwrap(),
            base: state(old),
            result: state(new),
        };
        let proposal = freeze(ProposalId::from("p1"), "t", "m", files.iter().map(change).collect(), &blobs).unwrap();
        let study = Study::of(&proposal, &blobs).unwrap();
        (proposal, study)
    }

    #[test]
    fn what_a_file_imports_is_needed_from_where_it_is_made() {
        let (proposal, study) = studied(&[
            ("use.py", "", "from util import brand_new\n\nprint(brand_new())\n"),
            ("util.py", "import os\n", "import os\n\n\ndef brand_new():\n    return 42\n"),
        ]);
        let [user, maker] = [0, 1].map(|file: usize| proposal.changes[file].hunks[0].id.clone());
        let mut verdicts = Verdicts::default();
        verdicts.fold(&[HunkVerdict::new(maker.clone(), Verdict::Reject)]);
        let unmet = study.unmet(&user, None, &verdicts);
        let found: Vec<_> =
            unmet.iter().map(|unmet| (unmet.name.as_str(), unmet.path.as_str(), unmet.rejected)).collect();
        assert_eq!(found, [("brand_new", "util.py", true)]);
        assert!(study.unmet(&maker, None, &verdicts).is_empty());
    }

    #[test]
    fn a_hunk_that_uses_a_name_another_one_defines_needs_it() {
        let (proposal, study) = studied(&[
            ("routes.py", "def get(id):\n    return load(id)\n", "def get(id):\n    return cancel_order(load(id))\n"),
            (
                "service.py",
                "def load(id):\n    pass\n",
                "def load(id):\n    pass\n\ndef cancel_order(order):\n    pass\n",
            ),
        ]);
        let [user, maker] = [0, 1].map(|at: usize| proposal.changes[at].hunks[0].id.clone());
        let mut verdicts = Verdicts::default();
        assert_eq!(study.unmet(&user, None, &verdicts), []);
        verdicts.fold(&[HunkVerdict::new(user.clone(), Verdict::Accept)]);
        let unmet = study.unmet(&user, None, &verdicts);
        assert_eq!(
            (unmet[0].name.as_str(), unmet[0].path.as_str(), unmet[0].rejected),
            ("cancel_order", "service.py", false)
        );
        verdicts.fold(&[HunkVerdict::new(maker.clone(), Verdict::Reject)]);
        assert!(study.unmet(&user, None, &verdicts)[0].rejected);
        verdicts.fold(&[HunkVerdict::new(maker.clone(), Verdict::Accept)]);
        assert_eq!(study.unmet(&user, None, &verdicts), []);
        assert_eq!(study.unmet(&maker, None, &verdicts), []);
    }

    #[test]
    fn a_definition_that_goes_needs_its_last_use_to_go() {
        let (proposal, study) = studied(&[
            ("a.rs", "fn main() {\n    helper_one();\n}\n", "fn main() {\n    other();\n}\n"),
            ("b.rs", "fn helper_one() {}\nfn b() {}\n", "fn b() {}\n"),
        ]);
        let [user, maker] = [0, 1].map(|at: usize| proposal.changes[at].hunks[0].id.clone());
        let mut verdicts = Verdicts::default();
        verdicts.fold(&[HunkVerdict::new(maker.clone(), Verdict::Accept), HunkVerdict::new(user, Verdict::Reject)]);
        let unmet = study.unmet(&maker, None, &verdicts);
        assert_eq!((unmet[0].name.as_str(), unmet[0].path.as_str()), ("helper_one", "a.rs"));
    }

    #[test]
    fn an_import_is_needed_in_its_own_file_and_old_names_are_not() {
        let (proposal, study) = studied(&[(
            "a.py",
            "import os\n\n\n\n\n\n\n\n\n\ndef f():\n    return os.name\n",
            "import os\nimport json\n\n\n\n\n\n\n\n\n\ndef f():\n    return json.dumps(os.name)\n",
        )]);
        let ids: Vec<HunkId> = proposal.changes[0].hunks.iter().map(|hunk| hunk.id.clone()).collect();
        let mut verdicts = Verdicts::default();
        verdicts.fold(&[HunkVerdict::new(ids[1].clone(), Verdict::Accept)]);
        let unmet = study.unmet(&ids[1], None, &verdicts);
        assert_eq!(unmet.iter().map(|unmet| unmet.name.as_str()).collect::<Vec<_>>(), ["json"]);
    }

    #[test]
    fn lines_that_moved_know_where() {
        let block = "def moved_function(argument):\n    return argument + 1\n";
        let filler: String = (0..20).map(|line| format!("line_{line} = {line}\n")).collect();
        let (_, study) = studied(&[("a.py", &format!("{block}{filler}"), &format!("{filler}{block}"))]);
        let path = RepoPath::parse("a.py").unwrap();
        assert_eq!(study.moved(&path, true, 1), Some(&(path.clone(), 21)));
        assert_eq!(study.moved(&path, false, 22), Some(&(path.clone(), 2)));
        // Past a few lines only, within one hunk; a block that was only indented stays where it is.
        let between = "def other():\n    pass\n\n";
        let (_, study) = studied(&[("a.py", &format!("{block}{between}"), &format!("{between}{block}"))]);
        assert_eq!(study.moved(&path, true, 1), Some(&(path.clone(), 4)));
        let indented = block.replace("def", "    def").replace("    return", "        return");
        let (_, study) = studied(&[("a.py", block, &format!("class A:\n{indented}"))]);
        assert_eq!(study.moved(&path, true, 1), None);
    }
}
