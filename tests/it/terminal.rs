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
fn ctrl_z_leaves_the_terminal_to_the_shell_and_fg_comes_back() {
    let home = Home::with(&[("app.py", "x = 1\n")]);
    let mut shell = Terminal::run("/bin/sh", &home.repository, &["-i"], &home.environment(), (24, 80));
    shell.send(concat!(env!("CARGO_BIN_EXE_tenon"), "\n"));
    shell.wait_for("Esc later");
    shell.send("\u{1b}");
    shell.wait("the composer", |screen| !screen.contains("Esc later") && screen.contains("senior-backend-dev"));
    shell.send("half a thought");
    shell.wait_for("half a thought");
    shell.send("\u{1a}");
    shell.wait("the shell", |screen| screen.contains("Stopped") && !screen.contains("half a thought"));
    assert!(contains(&shell.raw(), BRACKETED_PASTE_OFF));
    shell.send("fg\n");
    shell.wait_for("half a thought");
    shell.send(" goes on");
    shell.wait_for("half a thought goes on");
    shell.send("\u{3}\u{3}\u{3}");
    // The shell has the terminal again when its prompt stands behind the farewell.
    shell.wait("the prompt", |screen| {
        screen
            .split_once("go on with it")
            .is_some_and(|(_, after)| after.lines().skip(1).any(|line| line.trim_end().ends_with(['#', '$'])))
    });
    shell.send("exit\n");
    shell.end();
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
