//! A key with its modifiers, as text and as an event.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key pressed together with modifiers, in one normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const NAMED: &[(&str, KeyCode)] = &[
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Space", KeyCode::Char(' ')),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
];

impl Chord {
    /// The chord of an event. Shift is part of the letter, never a modifier of it.
    pub fn of(event: &KeyEvent) -> Self {
        Self::normal(event.code, event.modifiers)
    }

    fn normal(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut modifiers = modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => KeyCode::Char(c.to_ascii_lowercase()),
            code => code,
        };
        if matches!(code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers.remove(KeyModifiers::SHIFT);
        }
        Self { code, modifiers }
    }

    /// Reads `j`, `A`, `Ctrl-p`, `Alt-Enter`, `F2`, `Shift-Tab`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            if let Some((_, code)) = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest)) {
                return Some(Self::normal(*code, modifiers));
            }
            let (head, tail) = match rest.split_once('-') {
                Some((head, tail)) if !head.is_empty() && !tail.is_empty() => (head, tail),
                _ => break,
            };
            modifiers |= match head {
                "Ctrl" | "ctrl" | "C" => KeyModifiers::CONTROL,
                "Alt" | "alt" => KeyModifiers::ALT,
                "Shift" | "shift" => KeyModifiers::SHIFT,
                _ => return None,
            };
            rest = tail;
        }
        if let Some(number) = rest.strip_prefix(['F', 'f']).and_then(|digits| digits.parse::<u8>().ok()) {
            return (1..=12).contains(&number).then(|| Self::normal(KeyCode::F(number), modifiers));
        }
        let mut characters = rest.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) => Some(Self::normal(KeyCode::Char(c), modifiers)),
            _ => None,
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(number) => write!(f, "F{number}"),
            _ => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_and_its_name_are_the_same_chord() {
        for (code, modifiers, name) in [
            (KeyCode::Char('A'), KeyModifiers::SHIFT, "A"),
            (KeyCode::Char('a'), KeyModifiers::NONE, "a"),
            (KeyCode::Char('J'), KeyModifiers::CONTROL | KeyModifiers::SHIFT, "Ctrl-j"),
            (KeyCode::Tab, KeyModifiers::SHIFT, "Shift-Tab"),
            (KeyCode::BackTab, KeyModifiers::SHIFT, "Shift-Tab"),
            (KeyCode::Enter, KeyModifiers::ALT, "Alt-Enter"),
            (KeyCode::Enter, KeyModifiers::SHIFT, "Shift-Enter"),
            (KeyCode::Char('-'), KeyModifiers::NONE, "-"),
            (KeyCode::Char(' '), KeyModifiers::NONE, "Space"),
            (KeyCode::F(2), KeyModifiers::NONE, "F2"),
        ] {
            assert_eq!(Some(Chord::of(&KeyEvent::new(code, modifiers))), Chord::parse(name), "{name}");
        }
        assert_eq!(Chord::parse("Hyper-x"), None);
        assert_eq!(Chord::parse("F13"), None);
        assert_eq!(Chord::parse(""), None);
    }
}
