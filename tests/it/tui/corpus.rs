//! Hostile and difficult strings that others collected, in every place where text from outside appears. The corpus lies
//! beside the repository, not in it.

use std::path::PathBuf;

use serde_json::Value;
use tenon::domain::Progress;
use tenon::text;
use tenon::tui::keymap::Place;

use super::harness::Player;
use super::robust::{clean, everywhere};

fn corpus(name: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let root = std::env::var_os("TENON_CORPUS").map_or(beside, PathBuf::from);
    let path = root.join("terminal").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there; nothing of it was checked", path.display());
        return None;
    }
    Some(path)
}

fn rows(name: &str) -> Vec<Value> {
    let Some(path) = corpus(name) else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// No control character in any cell, and the borders of every pane where they belong: no wide character lies over one.
#[track_caller]
fn fits(player: &mut Player, what: &str) {
    clean(player).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let buffer = player.buffer();
    for y in 0..buffer.area.height {
        let mut seen = std::collections::BTreeSet::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol().to_owned();
            seen.insert(x);
            x += u16::try_from(text::width(&symbol)).unwrap().max(1);
            assert!(x <= buffer.area.width, "{what:?}: {symbol:?} hangs over the edge");
        }
        for pane in Place::ALL.map(|place| player.app.screen.pane(place)).iter().filter(|pane| !pane.is_empty()) {
            let inside = y > pane.y && y + 1 < pane.bottom() && player.app.popup.is_none();
            for border in [pane.x, pane.right() - 1].into_iter().filter(|_| inside) {
                let there = seen.contains(&border) && buffer[(border, y)].symbol() == "│";
                assert!(there, "{what:?}: the border at {border},{y} is hidden\n{}", player.screen());
            }
        }
    }
}

fn shown_everywhere(what: &str, text: &str) {
    let mut player = everywhere(text);
    for keys in ["", "Tab", "Enter", "Esc", "Tab", "F2", "Esc", "Ctrl-p"] {
        player.keys(keys);
        fits(&mut player, what);
    }
}

#[test]
fn naughty_strings_stay_in_their_cells() {
    let Some(path) = corpus("blns.json") else { return };
    let strings: Vec<String> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for text in strings.iter().filter(|text| !text.is_ascii() || text.chars().any(char::is_control)) {
        shown_everywhere(text, text);
    }
}

#[test]
fn attacks_do_nothing_and_stay_readable() {
    for row in rows("attacks.jsonl") {
        let id = row["id"].as_str().unwrap_or_default();
        let hex = ["bytes_hex", "hex", "bytes"].iter().find_map(|name| row[*name].as_str()).unwrap_or_default();
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let shown = text::sanitize_bytes(&bytes);
        let wanted = &row["visible_text_must_include"];
        let wanted: Vec<&str> = match wanted {
            Value::String(one) => vec![one],
            several => several.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        };
        let mut from = 0;
        for piece in wanted {
            let at = shown[from..].find(piece).unwrap_or_else(|| panic!("{id}: `{piece}` is not readable any more"));
            from += at + piece.len();
        }
        if bytes.len() < 100_000 {
            shown_everywhere(id, &String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn what_programs_send_to_a_terminal_does_nothing_in_a_log() {
    let Some(folder) = corpus("recordings") else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let mut player = Player::new(100, 30).open();
        player.event(tenon::domain::Event::ToolCalled {
            call: "c1".into(),
            name: "run".to_owned(),
            input: serde_json::json!({"command": "x"}),
            invalid: None,
        });
        for piece in bytes.chunks(97) {
            let text = String::from_utf8_lossy(piece).into_owned();
            player.streams(&text);
            player.progress(Progress::ToolOutput { call: "c1".into(), text });
        }
        player.keys("Ctrl-o Alt-3");
        fits(&mut player, &path.display().to_string());
    }
}

#[test]
fn widths_are_those_of_the_yardstick() {
    let rows = rows("width.jsonl");
    let differs = |row: &&Value| text::width(row["text"].as_str().unwrap()) as u64 != row["cells"].as_u64().unwrap();
    let wrong: Vec<&Value> = rows.iter().filter(differs).collect();
    eprintln!("{} of {} widths differ: {wrong:?}", wrong.len(), rows.len());
    // Rows of emoji and of characters without a width of their own differ from terminal to terminal.
    assert!(wrong.len() * 10 <= rows.len(), "{wrong:?}");
}
