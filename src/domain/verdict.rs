//! What the user decides on a hunk, or on some lines of it.

use serde::{Deserialize, Serialize};

use super::{HunkId, RepoPath};

/// A decision on a hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes into the commit.
    Accept,
    /// It does not, and the agent hears so.
    Reject,
    /// The user's own text replaces it.
    Edit,
    /// No decision; only a comment, or a decision taken back.
    Open,
}

/// A decision with what was said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HunkVerdict {
    /// Which hunk, or which part of one: see [`HunkId::part`].
    pub hunk: HunkId,
    /// What was decided.
    pub verdict: Verdict,
    /// What the user said about it, for the agent. An empty text takes an earlier comment back.
    #[serde(default)]
    pub comment: Option<String>,
    /// The line the comment is about, 1-based, when it is about one line: of the result, or of base when `about` says
    /// so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What the line said when it was commented on, so that a comment whose line has changed is known as stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<LineAbout>,
    /// The bytes that replace the hunk's new lines, when the verdict is `edit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
}

/// A line that was commented on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAbout {
    /// The file, as the proposal named it.
    pub path: RepoPath,
    /// The line was removed: its number counts in base.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// What it said, without its end.
    pub text: String,
}

impl HunkVerdict {
    /// A decision without a word.
    pub fn new(hunk: HunkId, verdict: Verdict) -> Self {
        Self { hunk, verdict, comment: None, line: None, about: None, replacement: None }
    }
}

impl HunkId {
    /// Names some changed lines of a hunk, `HUNK:FROM-TO`: removed and added lines are counted together from 1, context
    /// is not. As a hunk's name comes from its changed lines, so does that of a part.
    pub fn part(&self, [from, to]: [usize; 2]) -> Self {
        Self::new(if from == to { format!("{self}:{from}") } else { format!("{self}:{from}-{to}") })
    }

    /// The hunk, and the lines when this names a part of it.
    pub fn split(&self) -> (Self, Option<[usize; 2]>) {
        let parsed = self.as_str().rsplit_once(':').and_then(|(hunk, lines)| {
            let (from, to) = lines.split_once('-').unwrap_or((lines, lines));
            let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
            (1..=to).contains(&from).then(|| (Self::new(hunk), Some([from, to])))
        });
        parsed.unwrap_or_else(|| (self.clone(), None))
    }

    /// The hunk this names, or names a part of.
    pub fn whole(&self) -> Self {
        self.split().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_and_read_back() {
        let hunk = HunkId::new("0123456789ab");
        for (lines, name) in [([3, 7], "0123456789ab:3-7"), ([4, 4], "0123456789ab:4")] {
            let part = hunk.part(lines);
            assert_eq!((part.as_str(), part.split()), (name, (hunk.clone(), Some(lines))));
        }
        for name in ["0123456789ab", "a:b", "a:0-3", "a:5-3", "a:-"] {
            assert_eq!(HunkId::new(name).split(), (HunkId::new(name), None), "{name}");
        }
    }
}
