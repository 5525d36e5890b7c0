//! Colours by role. Colour is never the only signal: every state also has a word or a mark.

mod colors;

use std::collections::BTreeMap;
use std::str::FromStr as _;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use colors::Depth;

/// What the terminal said about its colours, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalHints {
    /// `NO_COLOR` is set to something.
    pub no_color: bool,
    /// The value of `COLORFGBG`, which tells a light background.
    pub colorfgbg: Option<String>,
    /// The value of `COLORTERM`, which tells 24-bit colours.
    pub colorterm: Option<String>,
    /// The value of `TERM`.
    pub term: Option<String>,
}

impl TerminalHints {
    fn light(&self) -> bool {
        self.colorfgbg
            .as_deref()
            .and_then(|value| value.rsplit(';').next())
            .and_then(|background| background.parse::<u8>().ok())
            .is_some_and(|background| background == 7 || (9..=15).contains(&background))
    }

    fn depth(&self) -> Depth {
        let colorterm = self.colorterm.as_deref().unwrap_or_default();
        let term = self.term.as_deref().unwrap_or_default();
        if colorterm.contains("truecolor") || colorterm.contains("24bit") || term.contains("direct") {
            Depth::True
        } else if term.contains("256color") || !colorterm.is_empty() {
            Depth::Indexed
        } else {
            Depth::Sixteen
        }
    }
}

macro_rules! roles {
    ($($role:ident $name:literal $doc:literal;)*) => {
        /// What a piece of the screen means; a theme gives each a style.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Role {
            $(#[doc = $doc] $role,)*
        }

        /// Every role with the name it has in a theme file.
        pub const ROLES: &[(Role, &str)] = &[$((Role::$role, $name),)*];
    };
}

roles! {
    Text "text" "Ordinary text.";
    Dim "dim" "What matters less.";
    Strong "strong" "Emphasised text.";
    Accent "accent" "What draws the eye.";
    Border "border" "The frame of a pane.";
    BorderFocused "border-focused" "The frame of the focused pane.";
    Bar "bar" "Header and footer.";
    Key "key" "A key in the footer and the help.";
    User "user" "Who speaks: the user.";
    Heading "heading" "A heading in an answer.";
    Code "code" "Code in an answer.";
    Link "link" "A link.";
    Quote "quote" "A quotation, and thinking.";
    Pass "pass" "Something that passed or was accepted.";
    Fail "fail" "Something that failed or was rejected.";
    Warn "warn" "Something to look at.";
    Added "added" "The background of an added line.";
    Removed "removed" "The background of a removed line.";
    AddedMark "added-mark" "What changed within an added line.";
    RemovedMark "removed-mark" "What changed within a removed line.";
    AddedSign "added-sign" "The sign and number of an added line.";
    RemovedSign "removed-sign" "The sign and number of a removed line.";
    Rule "rule" "The line above a hunk.";
    Cursor "cursor" "The line the cursor is on.";
    Selected "selected" "What is selected.";
    Match "match" "What a search found.";
    Keyword "keyword" "A keyword of the language.";
    String "string" "A string literal.";
    Comment "comment" "A comment in code.";
    Function "function" "The name of a function.";
    Type "type" "The name of a type.";
    Number "number" "A number or constant.";
    Name "name" "An attribute, tag or property.";
    Punctuation "punctuation" "Punctuation and operators.";
}

/// A set of styles, one a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
}

const BUILT_IN: &[(&str, &str)] = &[
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../assets/themes/colour-blind.toml")),
    ("sixteen", include_str!("../../assets/themes/sixteen.toml")),
    ("plain", include_str!("../../assets/themes/plain.toml")),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Spec {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

impl Theme {
    /// The names of the built-in themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Picks the theme: `NO_COLOR` wins, then the wish, then what the terminal says of itself.
    /// A wish that is no theme gives the default and a sentence.
    pub fn choose(wish: Option<&str>, hints: &TerminalHints) -> (Self, Option<String>) {
        let own = match (hints.light(), hints.depth()) {
            (_, Depth::Sixteen) => "sixteen",
            (true, _) => "light",
            (false, _) => "dark",
        };
        let (name, complaint) = match wish {
            _ if hints.no_color => ("plain", None),
            None => (own, None),
            Some(wish) if Self::names().any(|name| name == wish) => (wish, None),
            Some(wish) => {
                let names: Vec<&str> = Self::names().collect();
                (own, Some(format!("there is no theme `{wish}`; there are {}", names.join(", "))))
            }
        };
        (Self::built_in(name, hints.depth()), complaint)
    }

    /// A built-in theme, its colours brought down to what the terminal shows. Unknown names give an unstyled theme.
    pub fn built_in(name: &str, depth: Depth) -> Self {
        let text = BUILT_IN.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
        Self::parse(name, text, depth).unwrap_or_else(|_| Self::unstyled(name))
    }

    fn unstyled(name: &str) -> Self {
        Self { name: name.to_owned(), styles: vec![Style::default(); ROLES.len()] }
    }

    fn parse(name: &str, text: &str, depth: Depth) -> Result<Self, String> {
        let specs: BTreeMap<String, Spec> = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut theme = Self::unstyled(name);
        for (key, spec) in specs {
            let Some((role, _)) = ROLES.iter().find(|(_, known)| *known == key) else {
                return Err(format!("{key} is no role"));
            };
            if let Some(slot) = theme.styles.get_mut(*role as usize) {
                *slot = spec.style(depth)?;
            }
        }
        Ok(theme)
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

impl Spec {
    fn style(&self, depth: Depth) -> Result<Style, String> {
        let color = |name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => Color::from_str(name)
                .map(|color| Some(depth.bring_down(color)))
                .map_err(|_| format!("{name} is no colour")),
        };
        let mut style = Style { fg: color(&self.fg)?, bg: color(&self.bg)?, ..Style::default() };
        for (wanted, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_is_whole() {
        for (name, text) in BUILT_IN {
            let specs: BTreeMap<String, Spec> = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            for (_, role) in ROLES {
                assert!(specs.contains_key(*role), "{name} lacks {role}");
            }
            Theme::parse(name, text, Depth::True).unwrap();
        }
    }

    #[test]
    fn plain_and_sixteen_hold_no_other_colours() {
        let plain = Theme::built_in("plain", Depth::True);
        assert!(plain.styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        let dark = Theme::built_in("dark", Depth::Indexed);
        let rgb = |color: Option<Color>| matches!(color, Some(Color::Rgb(..)));
        assert!(dark.styles.iter().all(|style| !rgb(style.fg) && !rgb(style.bg)));
    }

    #[test]
    fn the_terminal_decides_unless_somebody_wishes() {
        let hints = |no_color, fgbg: &str, term: &str| TerminalHints {
            no_color,
            colorfgbg: Some(fgbg.to_owned()),
            colorterm: None,
            term: Some(term.to_owned()),
        };
        for (wish, hints, expected) in [
            (None, hints(false, "15;0", "xterm-256color"), "dark"),
            (None, hints(false, "0;15", "xterm-256color"), "light"),
            (None, hints(false, "0;default;15", "xterm-256color"), "light"),
            (None, hints(false, "", "xterm"), "sixteen"),
            (Some("high-contrast"), hints(false, "", "xterm"), "high-contrast"),
            (Some("dark"), hints(true, "", "xterm"), "plain"),
        ] {
            assert_eq!(Theme::choose(wish, &hints).0.name, expected);
        }
        assert!(Theme::choose(Some("drak"), &TerminalHints::default()).1.is_some());
    }
}
