//! The commits of the session: folded from its events, for the list and the commit dialog.

/// A commit of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub oid: String,
    /// Its message.
    pub message: String,
    /// What became of it.
    pub state: CommitState,
    amends: Option<String>,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    /// It is in the history.
    Stands,
    /// It was taken back.
    TakenBack,
    /// Another one took its place.
    Amended,
}

impl Made {
    /// The first line of its message.
    pub fn subject(&self) -> String {
        self.message.lines().next().unwrap_or_default().to_owned()
    }
}

/// All of them, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    made: Vec<Made>,
}

impl Commits {
    /// A commit was made.
    pub fn made(&mut self, oid: &str, message: &str, amends: Option<&str>) {
        self.set(amends, CommitState::Amended);
        self.made.push(Made {
            oid: oid.to_owned(),
            message: message.to_owned(),
            state: CommitState::Stands,
            amends: amends.map(str::to_owned),
        });
    }

    /// A commit was taken back, or brought forward again, maybe under another name.
    pub fn moved(&mut self, oid: &str, head: Option<&str>, redo: bool) {
        let Some(commit) = self.made.iter_mut().rev().find(|commit| commit.oid == oid) else { return };
        commit.state = if redo { CommitState::Stands } else { CommitState::TakenBack };
        if let Some(head) = head.filter(|_| redo) {
            head.clone_into(&mut commit.oid);
        }
        let amended = commit.amends.clone();
        self.set(amended.as_deref(), if redo { CommitState::Amended } else { CommitState::Stands });
    }

    fn set(&mut self, oid: Option<&str>, state: CommitState) {
        if let Some(commit) = self.made.iter_mut().rev().find(|commit| Some(commit.oid.as_str()) == oid) {
            commit.state = state;
        }
    }

    /// The last one that stands.
    pub fn last(&self) -> Option<&Made> {
        self.made.iter().rev().find(|commit| commit.state == CommitState::Stands)
    }

    /// All of them, the last one first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Made> {
        self.made.iter().rev()
    }

    /// Whether none was made.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_amended_stands_again_when_the_amendment_is_taken_back() {
        let mut commits = Commits::default();
        commits.made("a", "one", None);
        commits.made("b", "one, better", Some("a"));
        assert_eq!(commits.last().map(|commit| commit.oid.as_str()), Some("b"));
        commits.moved("b", Some("a"), false);
        assert_eq!(commits.last().map(|commit| commit.oid.as_str()), Some("a"));
        commits.moved("b", Some("c"), true);
        let states: Vec<_> = commits.newest_first().map(|commit| (commit.oid.as_str(), commit.state)).collect();
        assert_eq!(states, [("c", CommitState::Stands), ("a", CommitState::Amended)]);
    }
}
