//! Whatever is pressed, said or shown: no panic, no control character in a cell, the cursor on screen.

use crossterm::event::{Event as TerminalEvent, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use serde_json::json;
use tenon::domain::{Budget, Event, NoteLevel, Progress};
use tenon::tui::msg::Msg;
use tenon::tui::{Choice, StartInfo};

use super::harness::{Player, key_event, start};

const KEYS: &[&str] = &[
    "a",
    "r",
    "e",
    "c",
    "j",
    "k",
    "J",
    "K",
    "n",
    "p",
    "v",
    "Space",
    "A",
    "R",
    "t",
    "w",
    "x",
    "/",
    "y",
    "Enter",
    "u",
    "Ctrl-r",
    "s",
    "z",
    "g",
    "G",
    "f",
    "q",
    "?",
    "Tab",
    "BackTab",
    "Esc",
    "Up",
    "Down",
    "Left",
    "Right",
    "PageUp",
    "PageDown",
    "Home",
    "End",
    "Backspace",
    "Delete",
    "Ctrl-p",
    "Ctrl-t",
    "F1",
    "F2",
    "F3",
    "F5",
    "F11",
    "F12",
    "Ctrl-o",
    "Ctrl-j",
    "Ctrl-w",
    "Ctrl-h",
    "Ctrl-l",
    "Ctrl-Home",
    "Ctrl-End",
    "Alt-1",
    "Alt-2",
    "Alt-3",
    "Alt-4",
    "@",
    "!",
    "é",
    "日",
    "👩",
    "h",
    "l",
    "[",
    "]",
    "P",
    "N",
    "1",
    "Ctrl-c",
    "Alt-Enter",
    "Ctrl-g",
];

#[derive(Clone, Debug)]
enum Step {
    Key(usize),
    Size(u16, u16),
    Stream(String),
    Paste(String),
    Click(u16, u16),
    Wheel(u16, u16, bool),
    Happen(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..KEYS.len()).prop_map(Step::Key),
        1 => (1u16..220, 1u16..70).prop_map(|(w, h)| Step::Size(w, h)),
        2 => "\\PC{0,30}".prop_map(Step::Stream),
        1 => "[a-z `#*|>\n\t\u{1b}\u{7}-]{0,60}".prop_map(Step::Stream),
        1 => any::<String>().prop_map(Step::Paste),
        1 => (0u16..220, 0u16..70).prop_map(|(x, y)| Step::Click(x, y)),
        1 => (0u16..220, 0u16..70, any::<bool>()).prop_map(|(x, y, up)| Step::Wheel(x, y, up)),
        3 => (0u8..8).prop_map(Step::Happen),
    ];
    prop::collection::vec(step, 1..60)
}

fn happen(player: &mut Player, what: u8) {
    let old = (0..60).map(|n| format!("line {n} \u{1b}[31m\t日本\n")).collect::<String>();
    let new = old.replace("line 7 ", "seven ").replace("line 40", "FORTY\r");
    match what {
        0 => drop(player.proposes("p1", &[("src/ü.py", Some(&old), Some(&new)), ("b\u{202e}.rs", None, Some("x"))])),
        1 => drop(player.proposes("p2", &[("src/ü.py", Some(&old), Some(&new.replace("FORTY", "X")))])),
        2 => player.event(Event::TurnStarted { turn: 1, budget: Budget::default() }),
        3 => player.said("whole **answer**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
        4 => player.event(Event::PermissionAsked {
            permission: "a1".into(),
            call: "c1".into(),
            what: "x\u{7}y".to_owned(),
        }),
        5 => {
            let input = json!({"question": "q?", "options": ["a", "b"]});
            player.event(Event::ToolCalled { call: "c2".into(), name: "ask".to_owned(), input, invalid: None });
        }
        6 => player.event(Event::UserSaid { message: "m1".into(), text: "long words ".repeat(80), queued: true }),
        _ => {
            player.event(Event::ToolCalled {
                call: "c3".into(),
                name: "run".to_owned(),
                input: json!({"command": "ls"}),
                invalid: None,
            });
            player.progress(Progress::ToolOutput { call: "c3".into(), text: "out\r\n\u{1b}]0;t\u{7}half".to_owned() });
        }
    }
}

pub(super) fn clean(player: &mut Player) -> Result<(), TestCaseError> {
    for cell in player.buffer().content() {
        let bad = cell.symbol().chars().find(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(c));
        prop_assert!(bad.is_none(), "{bad:?} in a cell");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_keys_and_sizes_leave_a_clean_screen(width in 1u16..200, height in 1u16..60, steps in steps()) {
        let mut player = Player::new(width, height).open();
        for step in steps {
            match step {
                Step::Key(key) => player.msg(Msg::Terminal(TerminalEvent::Key(key_event(KEYS[key])))),
                Step::Size(width, height) => player.resize(width, height),
                Step::Stream(text) => player.streams(&text),
                Step::Paste(text) => player.msg(Msg::Terminal(TerminalEvent::Paste(text))),
                Step::Click(column, row) => mouse(&mut player, MouseEventKind::Down(MouseButton::Left), column, row),
                Step::Wheel(column, row, up) => {
                    let kind = if up { MouseEventKind::ScrollUp } else { MouseEventKind::ScrollDown };
                    mouse(&mut player, kind, column, row);
                }
                Step::Happen(what) => happen(&mut player, what),
            }
            clean(&mut player)?;
        }
    }
}

fn mouse(player: &mut Player, kind: MouseEventKind, column: u16, row: u16) {
    let modifiers = crossterm::event::KeyModifiers::NONE;
    player.msg(Msg::Terminal(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers })));
}

/// Shows a string in every place where text from outside appears.
pub(super) fn everywhere(text: &str) -> Player {
    let choice = || Choice { name: text.to_owned(), description: text.to_owned() };
    let start = StartInfo {
        repository: text.to_owned(),
        branch: Some(text.to_owned()),
        agent: text.to_owned(),
        model: text.to_owned(),
        agents: vec![choice()],
        models: vec![super::models::offer(text, text, tenon::provider::offers::Ready::Now)],
        notes: vec![text.to_owned()],
        ..start()
    };
    let mut player = Player::with(start, 120, 40).open();
    player.event(Event::AgentChosen {
        agent: text.to_owned(),
        model: text.to_owned(),
        tools: None,
        context_window: None,
    });
    player.event(Event::UserSaid { message: "m1".into(), text: text.to_owned(), queued: false });
    player.event(Event::Noted { level: NoteLevel::Error, text: text.to_owned() });
    for call in ["run", "edit", "plan", "ask", text] {
        let input =
            json!({"command": text, "path": text, "question": text, "options": [text], "steps": [{"title": text}]});
        player.event(Event::ToolCalled { call: call.into(), name: call.to_owned(), input, invalid: None });
        player.progress(Progress::ToolOutput { call: call.into(), text: text.to_owned() });
    }
    player.event(Event::ToolReturned { call: "run".into(), ok: false, output: text.to_owned(), ms: 1 });
    for piece in text.chars() {
        player.streams(piece.encode_utf8(&mut [0; 4]));
    }
    player.progress(Progress::Waiting { what: text.to_owned() });
    player.event(Event::UserSaid { message: "m2".into(), text: text.to_owned(), queued: true });
    let mut proposal = player.proposal("p1", &[("a.txt", Some("old\n"), Some(&format!("{text}\n")))]);
    proposal.title = text.to_owned();
    proposal.message = text.to_owned();
    proposal.id = text.into();
    player.event(Event::Proposed { proposal });
    player.msg(Msg::Files(vec![text.to_owned()]));
    player.msg(Msg::Terminal(TerminalEvent::Paste(text.to_owned())));
    player
}

#[test]
fn hostile_text_puts_no_control_character_into_a_cell() {
    for text in [
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}]52;c;aGk=\u{7}x",
        "a\rb\u{8}c\u{7f}d\u{9b}31me\u{85}f",
        "\u{202e}evil\u{2066}\u{200b}\u{feff}z",
        "\u{1b}P+q\u{1b}\\\u{1b}_x\u{1b}\\\u{1b}[6n",
        "日本語👩‍👩‍👧e\u{301}\u{0}\u{ad}",
        "\u{fff9}\u{e0041}\u{1d173}\u{115f}w",
    ] {
        let mut player = everywhere(text);
        for keys in
            ["", "Tab", "Enter", "Esc", "c", "Esc", "Tab", "Tab", "F2", "Esc", "F3", "Esc", "Ctrl-p", "Esc", "Ctrl-o"]
        {
            player.keys(keys);
            clean(&mut player).unwrap();
        }
    }
}
