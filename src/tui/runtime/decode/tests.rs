use super::*;
use crate::tui::keymap::Chord;

fn named(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            Event::Key(key) => Chord::of(key).to_string(),
            Event::Paste(text) => format!("paste {text:?}"),
            Event::Mouse(mouse) => format!("{:?} {} {}", mouse.kind, mouse.column, mouse.row),
            other => format!("{other:?}"),
        })
        .collect()
}

fn all(bytes: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::default();
    let mut events = decoder.feed(bytes);
    events.extend(decoder.give_up());
    named(&events)
}

const CASES: &[(&[u8], &[&str])] = &[
    (b"aA~", &["a", "A", "~"]),
    ("é日👩".as_bytes(), &["é", "日", "👩"]),
    (b"\r\n\t\x7f\x08", &["Enter", "Ctrl-j", "Tab", "Backspace", "Ctrl-h"]),
    (b"\x01\x1a\x00", &["Ctrl-a", "Ctrl-z", "Ctrl-Space"]),
    (b"\x1b", &["Esc"]),
    (b"\x1b\x1b[A", &["Esc", "Up"]),
    (b"\x1bx\x1b\r", &["Alt-x", "Alt-Enter"]),
    (b"\x1b[A\x1bOB\x1b[1;5C\x1b[1;2D", &["Up", "Down", "Ctrl-Right", "Shift-Left"]),
    (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[1;5H", &["Home", "End", "Home", "End", "Ctrl-Home"]),
    (b"\x1b[5~\x1b[6~\x1b[3~", &["PageUp", "PageDown", "Delete"]),
    (b"\x1bOP\x1b[12~\x1b[24~\x1b[[C", &["F1", "F2", "F12", "F3"]),
    (b"\x1b[Z", &["Shift-Tab"]),
    (b"\x1b[27u\x1b[13;2u\x1b[106;5u\x1b[9;2u", &["Esc", "Shift-Enter", "Ctrl-j", "Shift-Tab"]),
    (b"\x1b[97;6u\x1b[104;5u", &["Ctrl-a", "Ctrl-h"]),
    (b"\x1b[27;5;106~\x1b[27;2;13~", &["Ctrl-j", "Shift-Enter"]),
    (b"\x1b[97;5:3u\x1b[97;5:1u", &["Ctrl-a"]),
    (b"\x1b[<64;10;5M\x1b[<65;1;1M", &["ScrollUp 9 4", "ScrollDown 0 0"]),
    (b"\x1b[<0;3;4M\x1b[<0;3;4m", &["Down(Left) 2 3", "Up(Left) 2 3"]),
    (b"\x1b[200~a\x1b[31m\nb\x1b[201~c", &["paste \"a\\u{1b}[31m\\nb\"", "c"]),
    // Answers of terminals are no typing.
    (b"\x1b[?62;22c\x1b[12;40R\x1b[?1u\x1b[Ix", &["x"]),
    (b"\xff\xc3(x", &["(", "x"]),
];

#[test]
fn bytes_become_keys() {
    for (bytes, expected) in CASES {
        assert_eq!(all(bytes), *expected, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for (bytes, expected) in CASES {
        for size in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut events = Vec::new();
            for piece in bytes.chunks(size) {
                events.extend(decoder.feed(piece));
            }
            events.extend(decoder.give_up());
            assert_eq!(named(&events), *expected, "{:?} by {size}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn a_paste_of_a_megabyte_is_one_event() {
    let mut decoder = Decoder::default();
    let mut events = decoder.feed(b"\x1b[200~");
    for _ in 0..256 {
        events.extend(decoder.feed(&[b'x'; 4096]));
    }
    assert!(events.is_empty() && !decoder.waits());
    events.extend(decoder.feed(b"\x1b[201~"));
    assert!(matches!(&events[..], [Event::Paste(text)] if text.len() == 1 << 20));
}

#[test]
fn garbage_ends_in_no_panic_and_no_endless_wait() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2_000 {
        let bytes: Vec<u8> =
            (0..random.usize(0..200)).map(|_| random.u8(..) & if random.bool() { 0x7f } else { 0xff }).collect();
        let mut decoder = Decoder::default();
        decoder.feed(&bytes);
        if decoder.paste.is_none() {
            decoder.give_up();
            assert!(!decoder.waits());
        }
    }
}
