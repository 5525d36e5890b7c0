//! One table of keys: it feeds the key map, the help, the footer, the palette and the documentation.

mod chord;
mod table;

use std::collections::HashMap;

pub use chord::Chord;
pub use table::{Action, Entry, KEYS, Place, Places, Scope};

/// Which key does what where.
#[derive(Clone, Debug)]
pub struct KeyMap {
    actions: HashMap<(Scope, Chord), Action>,
    keys: HashMap<Action, Vec<Chord>>,
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::with_changes(&[]).0
    }
}

impl KeyMap {
    /// The default keys with the user's changes: a pair is an entry's name and the keys that replace its own.
    /// What could not be used is returned in words.
    pub fn with_changes(changes: &[(String, Vec<String>)]) -> (Self, Vec<String>) {
        let mut map = Self { actions: HashMap::new(), keys: HashMap::new() };
        let mut complaints = Vec::new();
        // The user's own keys first: a key that was given to an action is taken from the one that had it.
        for (name, keys) in changes {
            let Some(entry) = KEYS.iter().find(|entry| entry.name == name) else {
                complaints.push(unknown_action(name));
                continue;
            };
            let mut chords = Vec::new();
            for key in keys {
                match Chord::parse(key) {
                    Some(chord) => chords.push(chord),
                    None => complaints.push(format!("[keys] {name}: `{key}` is no key; they look like `Ctrl-x`")),
                }
            }
            map.bind(entry, &chords);
        }
        for entry in KEYS.iter().filter(|entry| !changes.iter().any(|(name, _)| name == entry.name)) {
            let chords: Vec<Chord> = entry.keys.iter().filter_map(|key| Chord::parse(key)).collect();
            map.bind(entry, &chords);
        }
        (map, complaints)
    }

    /// Gives an action those of these keys that no other action has in the same pane.
    fn bind(&mut self, entry: &Entry, chords: &[Chord]) {
        for scope in everywhere().filter(|scope| entry.places.holds(*scope)) {
            for chord in chords {
                self.actions.entry((scope, *chord)).or_insert(entry.action);
            }
        }
        let holds =
            |chord: &&Chord| self.actions.iter().any(|((_, known), action)| known == *chord && *action == entry.action);
        let held: Vec<Chord> = chords.iter().filter(holds).copied().collect();
        self.keys.entry(entry.action).or_default().extend(held);
    }

    /// What a key does in a pane or in the dialog.
    pub fn action(&self, scope: impl Into<Scope>, chord: Chord) -> Option<Action> {
        self.actions.get(&(scope.into(), chord)).copied()
    }

    /// The keys of an action as people write them, the first one first.
    pub fn keys_of(&self, action: Action) -> Vec<String> {
        self.keys.get(&action).map(|chords| chords.iter().map(Chord::to_string).collect()).unwrap_or_default()
    }

    /// The shortest way to name the key of an action; empty when it has none.
    pub fn key_of(&self, action: Action) -> String {
        self.keys.get(&action).and_then(|chords| chords.first()).map(Chord::to_string).unwrap_or_default()
    }

    /// What the footer of a pane or of the dialog shows: keys with one word each.
    pub fn footer(&self, scope: impl Into<Scope>) -> Vec<(String, &'static str)> {
        let scope = scope.into();
        KEYS.iter()
            .filter(|entry| !entry.footer.is_empty() && entry.places.holds(scope))
            .map(|entry| (self.key_of(entry.action), entry.footer))
            .filter(|(key, _)| !key.is_empty())
            .collect()
    }
}

fn unknown_action(name: &str) -> String {
    let near = KEYS.iter().map(|entry| entry.name).min_by_key(|known| strsim::osa_distance(known, name));
    let near = near.filter(|near| strsim::osa_distance(near, name) <= 3);
    let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_else(|| ";".to_owned());
    format!("[keys]: there is no action `{name}`{near} `tenon config keys` lists them all")
}

/// Everywhere where keys mean something.
fn everywhere() -> impl Iterator<Item = Scope> {
    Place::ALL.into_iter().map(Scope::Pane).chain([Scope::Dialog])
}

/// The key table as a markdown section for the documentation.
pub fn keys_markdown() -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for (title, places) in Places::GROUPS {
        let _ = writeln!(out, "## {title}\n\n| Keys | Name | What it does |\n|---|---|---|");
        for entry in KEYS.iter().filter(|entry| entry.places == *places) {
            let keys: Vec<String> =
                entry.keys.iter().filter_map(|key| Chord::parse(key)).map(|chord| format!("`{chord}`")).collect();
            let _ = writeln!(out, "| {} | {} | {} |", keys.join(" "), entry.name, entry.doc);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_key_parses_and_shows_itself_again() {
        for entry in KEYS {
            for key in entry.keys {
                let chord = Chord::parse(key).unwrap_or_else(|| panic!("{key} of {}", entry.name));
                assert_eq!(Chord::parse(&chord.to_string()), Some(chord), "{key}");
            }
        }
    }

    #[test]
    fn no_key_has_two_meanings_in_one_pane() {
        let mut seen: HashMap<(Scope, Chord), &str> = HashMap::new();
        for entry in KEYS {
            for place in everywhere().filter(|scope| entry.places.holds(*scope)) {
                for chord in entry.keys.iter().filter_map(|key| Chord::parse(key)) {
                    if let Some(other) = seen.insert((place, chord), entry.name) {
                        panic!("{chord} in {place:?}: {other} and {}", entry.name);
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_every_entry_is_documented() {
        let text = keys_markdown();
        let mut names: Vec<&str> = KEYS.iter().map(|entry| entry.name).collect();
        for name in &names {
            assert!(text.contains(&format!("| {name} |")), "{name} is missing from the documentation");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
        assert_eq!(text.lines().filter(|line| line.starts_with("| `")).count(), KEYS.len());
    }

    #[test]
    fn the_documentation_is_what_the_table_says() {
        let written = include_str!("../../assets/keys.md");
        assert_eq!(written, format!("# Keys\n\n{}", keys_markdown()), "assets/keys.md is made of the key table");
    }

    #[test]
    fn changed_keys_replace_the_default_ones_and_mistakes_are_named() {
        let changes =
            [("accept".to_owned(), vec!["y".to_owned(), "kaboom-x".to_owned()]), ("acept".to_owned(), Vec::new())];
        let (map, complaints) = KeyMap::with_changes(&changes);
        assert_eq!(map.key_of(Action::Accept), "y");
        assert_eq!(map.action(Place::Diff, Chord::parse("a").unwrap()), None);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints.iter().any(|text| text.contains("did you mean `accept`")), "{complaints:?}");
    }

    #[test]
    fn a_key_given_to_another_action_is_taken_from_the_one_that_had_it() {
        let (map, complaints) = KeyMap::with_changes(&[("reject".to_owned(), vec!["a".to_owned()])]);
        assert_eq!(map.action(Place::Diff, Chord::parse("a").unwrap()), Some(Action::Reject));
        assert_eq!(map.key_of(Action::Accept), "");
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}
