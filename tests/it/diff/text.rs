//! Hostile and difficult text comes out harmless and as wide as ratatui draws it.

use std::path::{Path, PathBuf};

use ratatui::buffer::CellWidth as _;
use serde_json::Value;
use tenon::text;

/// The folder of real hostile strings; the tests that want it say so when it is not there.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("TENON_CORPUS").map_or(beside, PathBuf::from).join("terminal");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no corpus at {}; set TENON_CORPUS", folder.display());
        return None;
    }
    Some(folder)
}

/// Every string of the corpus, and what it is called.
fn strings(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let list: Vec<String> = serde_json::from_slice(&std::fs::read(folder.join("blns.json")).unwrap()).unwrap();
    found.extend(list.into_iter().map(String::into_bytes));
    for name in ["width.jsonl", "grapheme_break.jsonl", "attacks.jsonl"] {
        let Ok(lines) = std::fs::read_to_string(folder.join(name)) else { continue };
        for line in lines.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            match (row["text"].as_str(), row["hex"].as_str().or(row["bytes"].as_str())) {
                (Some(text), _) => found.push(text.as_bytes().to_vec()),
                (None, Some(hex)) => found.push(unhex(hex)),
                _ => {}
            }
        }
    }
    if let Ok(recordings) = std::fs::read_dir(folder.join("recordings")) {
        found.extend(recordings.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()));
    }
    found
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()).collect()
}

fn harmless(text: &str) -> bool {
    let invisible =
        ['\u{200B}', '\u{200C}', '\u{200E}', '\u{200F}', '\u{2028}', '\u{2029}', '\u{2060}', '\u{FEFF}', '\u{AD}'];
    let directs = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{61C}');
    !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' || invisible.contains(&c) || directs(c))
}

#[test]
fn hostile_strings_come_out_harmless() {
    let Some(folder) = corpus() else { return };
    let strings = strings(&folder);
    assert!(strings.len() > 500, "{}", strings.len());
    for bytes in strings {
        let shown = text::sanitize_bytes(&bytes);
        assert!(harmless(&shown), "{shown:?}");
        let mut stream = text::StreamSanitizer::new();
        let mut out = String::new();
        for byte in &bytes {
            out += &stream.push(&[*byte]);
        }
        out += &stream.finish();
        assert!(harmless(&out), "{out:?}");
        let line = text::sanitize_line(&String::from_utf8_lossy(&bytes)).into_owned();
        assert!(harmless(&line) && !line.contains(['\n', '\t']), "{line:?}");
    }
}

#[test]
fn visible_letters_stay_in_order() {
    let Some(folder) = corpus() else { return };
    for bytes in strings(&folder) {
        let Ok(before) = String::from_utf8(bytes) else { continue };
        let after = text::sanitize(&before);
        let mut rest = after.chars();
        let letter = |c: &char| c.is_alphanumeric() && text::width(c.encode_utf8(&mut [0; 4])) > 0;
        for c in before.chars().filter(letter) {
            assert!(rest.any(|shown| shown == c), "{c:?} of {before:?} in {after:?}");
        }
    }
}

#[test]
fn widths_are_ratatuis_and_rows_fit() {
    use unicode_segmentation::UnicodeSegmentation as _;
    let Some(folder) = corpus() else { return };
    for bytes in strings(&folder) {
        let shown = text::sanitize_bytes(&bytes);
        for line in shown.lines().filter(|line| !line.contains('\t')) {
            let drawn: usize = line.graphemes(true).map(|grapheme| usize::from(grapheme.cell_width())).sum();
            assert_eq!(text::width(line), drawn, "{line:?}");
            assert!(text::width(&text::truncate(line, 10)) <= 10, "{line:?}");
            for row in text::wrap(line, 10) {
                assert!(text::width(&line[row.clone()]) <= 10, "{line:?}");
            }
        }
    }
}
