//! Whole screens at the four sizes.

use tenon::domain::{Event, Usage};
use tenon::tui::keymap::KEYS;

use super::harness::{Player, start};

fn first_screen(width: u16, height: u16) -> Vec<String> {
    Player::new(width, height).rows()
}

#[test]
fn the_first_frame_takes_keys_and_teaches() {
    for (width, height) in [(60, 15), (80, 24), (120, 40), (200, 60)] {
        let rows = first_screen(width, height);
        let screen = rows.join("\n");
        assert!(rows[0].starts_with(" tenon  orders-api  ⎇ main"), "{screen}");
        assert!(screen.contains("Say what to build or fix."), "{width}x{height}\n{screen}");
        assert!(screen.contains("›"), "{screen}");
        assert!(rows.last().unwrap().contains("Enter send"), "{screen}");
        assert_eq!(screen.contains("No proposal yet."), width >= 80, "{screen}");
    }
}

#[test]
fn the_smallest_screen_is_exactly_this() {
    let expected = [
        " tenon  orders-api  ⎇ main  anthropic/some-model   opening…",
        "┌●Chat ────────────────────────────────────────────────────┐",
        "│ Say what to build or fix.                                │",
        "│ The agent works in a workspace of its own; what it did   │",
        "│ comes to you as a proposal.                              │",
        "│ Nothing is sent anywhere before your first message.      │",
        "│                                                          │",
        "│ @ names a file     / gives commands                      │",
        "│ ! runs a command   ? shows the keys                      │",
        "│                                                          │",
        "│                                                          │",
        "│ ──────────────────────────────────────────────────────── │",
        "│ ›                                                        │",
        "└──────────────────────────────────────────────────────────┘",
        " Enter send  Alt-Enter newline  Esc stop  Tab pane",
    ];
    assert_eq!(first_screen(60, 15), expected);
}

#[test]
fn a_screen_that_is_too_small_says_how_large_it_must_be() {
    for (width, height) in [(59, 30), (100, 14), (10, 3), (1, 1)] {
        let screen = first_screen(width, height).join(" ");
        assert!(width < 30 || screen.contains("60x15"), "{width}x{height}: {screen}");
    }
    let mut player = Player::new(20, 5);
    player.types("kept");
    player.resize(80, 24);
    player.shows("› kept");
}

#[test]
fn every_pane_is_reached_at_every_size() {
    for (width, height) in [(60, 15), (80, 24), (120, 40), (200, 60)] {
        let mut player = Player::new(width, height).open();
        for title in ["●Diff", "●Log", "●Tasks", "●Chat"] {
            player.keys("Tab");
            player.shows(title);
        }
        player.keys("BackTab");
        player.shows("●Tasks");
        player.keys("z");
        player.hides("Chat ──");
    }
}

#[test]
fn the_help_lists_every_key_and_the_palette_every_action() {
    let mut player = Player::new(120, 200).open();
    player.keys("?");
    for entry in KEYS {
        player.shows(entry.doc);
    }
    player.shows("/compact");
    player.keys("Esc Ctrl-p");
    player.types("side by side");
    player.shows("› toggle-split");
    player.keys("Enter");
    player.shows("●Diff");
}

#[test]
fn agents_and_models_are_chosen_from_lists() {
    use tenon::domain::Command;
    use tenon::tui::{Choice, StartInfo};
    let choice = |name: &str| Choice { name: name.to_owned(), description: "about\u{1b}[31m it".to_owned() };
    let start = StartInfo {
        agents: vec![choice("one"), choice("two")],
        models: vec![super::models::offer("a/b", "about\u{1b}[31m it", tenon::provider::offers::Ready::Now)],
        ..start()
    };
    let mut player = Player::with(start, 100, 30).open();
    player.keys("F2 Down Enter");
    assert_eq!(player.taken(), [Command::UseAgent { agent: "two".to_owned() }]);
    player.keys("F3 Down Enter");
    assert_eq!(player.taken(), [Command::UseModel { model: "a/b".to_owned() }]);
    player.keys("F3");
    player.types("x/y-z\n");
    assert_eq!(player.taken(), [Command::UseModel { model: "x/y-z".to_owned() }]);
}

#[test]
fn the_header_follows_the_session() {
    let mut player = Player::new(120, 30).open();
    player.event(Event::AgentChosen {
        agent: "reviewer".to_owned(),
        model: "openai/x".to_owned(),
        tools: None,
        context_window: None,
    });
    let usage = Usage { input_tokens: 12_000, output_tokens: 2_200, cost_usd: Some(0.08), ..Usage::default() };
    player.event(Event::AssistantSaid { text: String::new(), complete: true, thinking: Vec::new(), stop: None, usage });
    let header = player.rows()[0].clone();
    for words in ["reviewer · openai/x", "overlay ✓", "14.2k tok", "$0.08"] {
        assert!(header.contains(words), "{words}: {header}");
    }
}

#[test]
fn a_theme_without_colours_holds_none() {
    let mut player = Player::new(120, 40).open().coloured();
    player.proposes("p1", &[("a.py", Some("x = 1\n"), Some("x = 2\n"))]);
    player.keys("Tab a");
    let buffer = player.buffer();
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset), "{cell:?}");
    }
}

#[test]
fn code_in_a_diff_is_coloured_over_its_side() {
    use ratatui::style::Color;
    let start = tenon::tui::StartInfo {
        theme: Some("dark".to_owned()),
        hints: tenon::tui::TerminalHints { colorterm: Some("truecolor".to_owned()), ..Default::default() },
        ..start()
    };
    let mut player = Player::with(start, 120, 40).coloured().open();
    player.proposes("p1", &[("a.py", Some("import os\n"), Some("import sys\n"))]);
    let buffer = player.buffer();
    let width = usize::from(buffer.area.width);
    let row = buffer
        .content()
        .chunks(width)
        .find(|row| row.iter().map(|c| c.symbol()).collect::<String>().contains("+import sys"))
        .unwrap();
    let at = row.iter().position(|cell| cell.symbol() == "+").unwrap() + 1;
    assert_eq!(row[at].fg, Color::Rgb(0xc7, 0x92, 0xea), "the keyword");
    assert_eq!(row[at].bg, Color::Rgb(0x16, 0x30, 0x1f), "the added line");
    assert_eq!(row[at + 7].bg, Color::Rgb(0x27, 0x60, 0x3a), "what changed in it");
}
