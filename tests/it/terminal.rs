//! How the program treats the terminal: sizes, signals, restoring what it found.

pub mod pty;

use nix::sys::signal::Signal;

use crate::support::home::Home;
use pty::Terminal;

const LEAVE_ALTERNATE_SCREEN: &[u8] = b"\x1b[?1049l";
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

fn contains(raw: &[u8], wanted: &[u8]) -> bool {
    raw.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn every_size_from_60x15_up_shows_a_composer() {
    let home = Home::with(&[("app.py", "x = 1\n")]);
    let terminal = Terminal::start(&home.repository, &[], &home.environment(), (24, 80));
    terminal.wait_for("senior-backend-dev");
    for (rows, cols) in [(15, 60), (24, 80), (40, 120), (60, 200)] {
        terminal.resize(rows, cols);
        terminal.wait(&format!("{cols}x{rows}"), |screen| screen.contains('›') && screen.contains("tenon"));
    }
    terminal.resize(8, 30);
    terminal.wait("a line on the size", |screen| screen.contains("60"));
    terminal.resize(24, 80);
    terminal.wait_for("senior-backend-dev");
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let home = Home::with(&[("app.py", "x = 1\n")]);
        let terminal = Terminal::start(&home.repository, &[], &home.environment(), (24, 80));
        terminal.wait_for("senior-backend-dev");
        terminal.signal(signal);
        let (_, raw) = terminal.end();
        for sequence in [LEAVE_ALTERNATE_SCREEN, SHOW_CURSOR, BRACKETED_PASTE_OFF] {
            assert!(contains(raw.as_bytes(), sequence), "{signal:?} leaves {sequence:?} behind");
        }
    }
}

#[test]
fn hostile_names_never_reach_the_terminal() {
    let hostile = "evil\x1b]0;owned\x07\x1b[2Jname.txt";
    let home = Home::with(&[("app.py", "x = 1\n")]);
    home.write(hostile, "\x1b[31mred\x1b[0m\u{202e}gnp.exe\u{9b}2J\n");
    let mut terminal = Terminal::start(&home.repository, &["review"], &home.environment(), (24, 80));
    terminal.wait_for("name.txt");
    let raw = terminal.raw();
    assert!(!contains(&raw, b"\x1b]0;owned"), "a title was set");
    assert!(!contains(&raw, "\u{9b}".as_bytes()), "a C1 control got through");
    assert!(!contains(&raw, "\u{202e}".as_bytes()), "a bidi control got through");
    terminal.send("\u{3}\u{3}");
    terminal.end();
}
