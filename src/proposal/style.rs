//! How a repository writes the first lines of its messages, and a drafted message rewritten that way.

use crate::domain::FileChange;

use super::message;

/// How first lines are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    head: Head,
    /// The text after the head begins with a capital.
    capital: bool,
    /// It ends with a full stop.
    stop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// `feat(api): …`
    Conventional,
    /// `area: …`
    Area,
    /// Nothing before the words.
    Bare,
}

/// Fewer messages say nothing about habits.
const ENOUGH: usize = 4;

/// The types of Conventional Commits.
const TYPES: [&str; 11] =
    ["feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore", "revert"];

impl Style {
    /// The style of these first lines, newest first; `None` where there are too few to tell.
    pub fn of(subjects: &[String]) -> Option<Self> {
        let ours = |subject: &&String| !subject.starts_with("Revert \"") && !subject.starts_with("fixup! ");
        let subjects: Vec<&str> = subjects.iter().filter(ours).map(String::as_str).collect();
        if subjects.len() < ENOUGH {
            return None;
        }
        let most = |test: &dyn Fn(&str) -> bool| subjects.iter().filter(|s| test(s)).count() * 2 > subjects.len();
        let head = if most(&|subject| conventional(subject).is_some()) {
            Head::Conventional
        } else if most(&|subject| conventional(subject).is_none() && area(subject).is_some()) {
            Head::Area
        } else {
            Head::Bare
        };
        let words = |subject: &str| match head {
            Head::Bare => subject.to_owned(),
            _ => subject.split_once(": ").map_or(subject, |(_, rest)| rest).to_owned(),
        };
        let capital = most(&|subject| words(subject).chars().next().is_some_and(char::is_uppercase));
        Some(Self { head, capital, stop: most(&|subject| subject.ends_with('.')) })
    }

    /// A drafted message with its first line in this style; the rest stays.
    pub fn apply(&self, message: &str, changes: &[FileChange]) -> String {
        let (subject, rest) = match message.split_once('\n') {
            Some((subject, rest)) => (subject, Some(rest)),
            None => (message, None),
        };
        let subject = self.subject(subject.trim(), changes);
        rest.map_or(subject.clone(), |rest| format!("{subject}\n{rest}"))
    }

    fn subject(&self, subject: &str, changes: &[FileChange]) -> String {
        let known = conventional(subject);
        let words = match (&known, self.head) {
            (Some((.., words)), _) => words,
            (None, Head::Area) if area(subject).is_some() => return subject.to_owned(),
            (None, _) => subject,
        };
        let words = words.trim_end_matches('.');
        let words = if self.capital { upper(words) } else { message::lower(words) };
        let stop = if self.stop { "." } else { "" };
        match (self.head, known) {
            (Head::Conventional, Some((head, _, _))) => format!("{head}: {words}{stop}"),
            (Head::Conventional, None) => format!("{}: {words}{stop}", message::kind(changes)),
            (Head::Area, known) => {
                let area = known.and_then(|(_, scope, _)| scope.map(str::to_owned)).or_else(|| area_of(changes));
                area.map_or_else(|| format!("{words}{stop}"), |area| format!("{area}: {words}{stop}"))
            }
            (Head::Bare, _) => format!("{words}{stop}"),
        }
    }
}

/// Head, scope and words of a Conventional Commit.
fn conventional(subject: &str) -> Option<(&str, Option<&str>, &str)> {
    let (head, words) = subject.split_once(": ")?;
    let name = head.strip_suffix('!').unwrap_or(head);
    let (kind, scope) = match name.split_once('(') {
        Some((kind, scope)) => (kind, Some(scope.strip_suffix(')')?)),
        None => (name, None),
    };
    TYPES.contains(&kind).then_some((head, scope, words))
}

/// The area of `area: words`.
fn area(subject: &str) -> Option<&str> {
    let (head, words) = subject.split_once(": ")?;
    let fits = head.len() <= 40 && !head.is_empty() && !words.is_empty();
    let plain = head.chars().all(|c| c.is_alphanumeric() || "_-./, *".contains(c));
    (fits && plain && head.split(", ").all(|name| !name.trim().contains(' '))).then_some(head)
}

/// The area that changes lie in: the innermost folder they share, or the one file's name.
fn area_of(changes: &[FileChange]) -> Option<String> {
    let usual = ["src", "lib", "app", "pkg", "internal", "cmd"];
    let first = changes.first()?;
    let folders = |change: &FileChange| -> Vec<String> {
        let mut parts: Vec<String> = change.path.as_str().split('/').map(str::to_owned).collect();
        parts.pop();
        parts
    };
    let mut shared = folders(first);
    for change in changes {
        let other = folders(change);
        let same = shared.iter().zip(&other).take_while(|(a, b)| a == b).count();
        shared.truncate(same);
    }
    shared.retain(|folder| !usual.contains(&folder.as_str()));
    shared.pop().or_else(|| {
        let stem = |change: &FileChange| change.path.file_name().split('.').next().unwrap_or_default().to_owned();
        (changes.len() == 1).then(|| stem(first)).filter(|stem| !stem.is_empty())
    })
}

fn upper(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::plain_change;
    use crate::domain::{Change, FileMode, FileState, RepoPath};

    fn changes(paths: &[&str]) -> Vec<FileChange> {
        let state = |text: &str| Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
        let change =
            |path: &&str| Change { path: RepoPath::parse(path).unwrap(), base: state("a"), result: state("b") };
        paths.iter().map(|path| plain_change(&change(path)).0).collect()
    }

    #[test]
    fn a_message_follows_the_habits_of_the_history() {
        for (history, drafted, expected) in [
            (vec!["feat: a", "fix(x): b", "chore: c", "docs!: d"], "Add a route", "fix: add a route"),
            (vec!["Add a", "Fix b", "Remove c", "Use d"], "feat(api): add a route\n\nWhy.", "Add a route\n\nWhy."),
            (vec!["add a", "fix b", "remove c", "Use d"], "feat(api): Add a route", "add a route"),
            (vec!["Add a.", "Fix b.", "Remove c.", "Use d"], "feat: add a route", "Add a route."),
            (vec!["git: a", "engine: b", "tui, diff: c", "x"], "feat(api): add a route", "api: add a route"),
            (vec!["git: a", "engine: b", "tui: c", "x: d"], "feat: add a route", "orders: add a route"),
            (vec!["git: A", "engine: B", "tui: C", "x: D"], "orders: Add a route", "orders: Add a route"),
            (vec!["fix: a"; 4], "HTTP errors", "fix: HTTP errors"),
        ] {
            let history: Vec<String> = history.into_iter().map(str::to_owned).collect();
            let made = Style::of(&history).unwrap().apply(drafted, &changes(&["src/orders/a.py", "src/orders/b.py"]));
            assert_eq!(made, expected, "{history:?}");
        }
        assert_eq!(Style::of(&["one".to_owned()]), None);
    }
}
