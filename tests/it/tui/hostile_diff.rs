//! Attacks on terminals as lines, comments, names and edits of a diff: no control character in a cell, every border in
//! line.

use super::harness::Player;

/// What terminals were attacked with: titles, clipboards, queries, cursor moves, overprinting, bidi, broken bytes.
const ATTACKS: &[&str] = &[
    "\u{1b}]0;pwned\u{7}title",
    "\u{1b}]52;c;cm0gLXJm\u{7}clip",
    "\u{1b}[6n\u{1b}[c\u{5}query",
    "safe\rrm -rf /",
    "abc\u{8}\u{8}\u{8}xyz",
    "\u{1b}[8mhidden\u{1b}[0m",
    "\u{1b}[2J\u{1b}[Hgone",
    "\u{9b}31mC1",
    "user\u{202e}txt.exe",
    "a\u{200b}b\u{feff}c",
    "e\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦 日本語 ﷽",
    "tab\tand\u{b}vertical\u{c}feed",
    "\u{1b}P1$tx\u{1b}\\\u{1b}_apc\u{1b}\\",
];

fn check(player: &mut Player, about: &str) {
    let buffer = player.buffer();
    let width = buffer.area.width;
    for cell in buffer.content() {
        assert!(!cell.symbol().chars().any(char::is_control), "{about}: {:?}", cell.symbol());
    }
    // The right border of the zoomed pane is in the last column of every row between the first and the last.
    for row in 2..buffer.area.height - 2 {
        let cell = &buffer[(width - 1, row)];
        assert_eq!(cell.symbol(), "│", "{about}: row {row}\n{}", player.screen());
    }
}

#[test]
fn no_line_breaks_the_diff_pane() {
    let old: String = ATTACKS.iter().map(|line| format!("old {line}\n")).collect();
    let new: String = ATTACKS.iter().map(|line| format!("{line}\n")).collect();
    for (width, height) in [(80, 24), (120, 40)] {
        let mut player = Player::new(width, height).open();
        player.proposes("p1", &[("src/a.txt", Some(&old), Some(&new))]);
        player.keys("Tab z");
        for key in ["PageDown", "t", "l", "h", "PageDown", "t", "w", "G", "g"] {
            player.keys(key);
            check(&mut player, &format!("{width}x{height}, after {key}"));
        }
    }
}

#[test]
fn comments_names_and_edits_are_made_harmless_too() {
    for attack in ATTACKS {
        let mut player = Player::new(120, 40).open();
        let name = format!("dir/{}", attack.replace(['\n', '/'], " ").trim());
        let proposal = player.proposes("p1", &[(name.as_str(), Some("one\n"), Some("two\n"))]);
        player.keys("Tab z j c");
        player.types(&format!("{}\n", attack.chars().filter(|c| !c.is_control()).collect::<String>()));
        check(&mut player, &format!("comment {attack:?}"));
        let hunk = proposal.changes[0].hunks[0].id.clone();
        let purpose = tenon::tui::msg::Purpose::Hunk { proposal: "p1".into(), hunk };
        player.msg(tenon::tui::msg::Msg::Edited(purpose, Ok(format!("{attack}\n"))));
        check(&mut player, &format!("edit {attack:?}"));
    }
}
