//! The screen: first frame, a key after a long conversation, streaming, paging through a diff.
//!
//! Budget on the machine of the design card, at 120x40: first frame far below the 50 ms of a start, a key after 100,000
//! lines 1 ms, 202 KB of streamed markdown 300 ms of CPU in all its frames, a page of a coloured 5,000-line diff 2 ms.

use std::sync::Arc;
use std::time::Instant;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use divan::{Bencher, black_box};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use tenon::domain::{
    Change, ContentHash, Event, FileMode, FileState, Progress, Proposal, RECORD_VERSION, Record, RepoPath, Update,
};
use tenon::journal::BlobStore;
use tenon::tui::app::App;
use tenon::tui::msg::{Effect, Msg};
use tenon::tui::paint::Painter;
use tenon::tui::{StartInfo, TerminalHints, view};

const SCREEN: Rect = Rect::new(0, 0, 120, 40);

fn app() -> App {
    let hints = TerminalHints { colorterm: Some("truecolor".to_owned()), ..TerminalHints::default() };
    App::new(StartInfo { hints, ..StartInfo::default() }, Instant::now(), jiff::Timestamp::UNIX_EPOCH)
}

fn frame(app: &mut App, buffer: &mut Buffer) {
    buffer.reset();
    app.prepare(SCREEN);
    black_box(view::draw(app, buffer));
}

fn happen(app: &mut App, event: Event) -> Vec<Effect> {
    let record = Record { v: RECORD_VERSION, seq: 1, at: jiff::Timestamp::UNIX_EPOCH, event };
    app.handle(Msg::Update(Update::Record(record)))
}

fn press(app: &mut App, code: KeyCode, modifiers: KeyModifiers) {
    black_box(app.handle(Msg::Terminal(TerminalEvent::Key(KeyEvent::new(code, modifiers)))));
}

fn markdown(bytes: usize) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        text.push_str(match number % 9 {
            0 => "## A heading\n\n",
            3 => "```py\ndef f(x):\n    return x + 1  # one more\n```\n\n",
            5 => "- one item\n- **another** item\n- `third` item\n\n",
            _ => {
                "A paragraph with some *words*, a [link](https://example.org) and enough text to be wrapped twice.\n\n"
            }
        });
    }
    text
}

#[divan::bench]
fn first_frame(bencher: Bencher) {
    bencher.bench_local(|| {
        let mut app = app();
        let mut buffer = Buffer::empty(SCREEN);
        frame(&mut app, &mut buffer);
        buffer
    });
}

#[divan::bench]
fn key_after_100_000_lines(bencher: Bencher) {
    let mut app = app();
    let mut buffer = Buffer::empty(SCREEN);
    let text = markdown(80_000);
    let lines = text.lines().count();
    for _ in 0..100_000 / lines {
        let event = Event::AssistantSaid {
            text: text.clone(),
            complete: true,
            thinking: Vec::new(),
            stop: None,
            usage: tenon::domain::Usage::default(),
        };
        happen(&mut app, event);
    }
    frame(&mut app, &mut buffer);
    bencher.bench_local(|| {
        press(&mut app, KeyCode::Char('x'), KeyModifiers::NONE);
        frame(&mut app, &mut buffer);
        press(&mut app, KeyCode::Backspace, KeyModifiers::NONE);
    });
}

#[divan::bench]
fn page_up_after_100_000_lines(bencher: Bencher) {
    let mut app = app();
    let mut buffer = Buffer::empty(SCREEN);
    let text = markdown(80_000);
    for _ in 0..100_000 / text.lines().count() {
        app.handle(Msg::Update(Update::Progress(Progress::Text { text: text.clone() })));
    }
    frame(&mut app, &mut buffer);
    bencher.bench_local(|| {
        press(&mut app, KeyCode::PageUp, KeyModifiers::NONE);
        frame(&mut app, &mut buffer);
    });
}

/// One piece a token, one frame every hundred of them.
#[divan::bench]
fn streaming_202_kb(bencher: Bencher) {
    let text = markdown(202_000);
    let pieces: Vec<&str> = text.as_bytes().chunks(16).filter_map(|piece| std::str::from_utf8(piece).ok()).collect();
    bencher.bench_local(|| {
        let mut app = app();
        let mut buffer = Buffer::empty(SCREEN);
        for batch in pieces.chunks(100) {
            for piece in batch {
                let progress = Progress::Text { text: (*piece).to_owned() };
                app.handle(Msg::Update(Update::Progress(progress)));
            }
            frame(&mut app, &mut buffer);
        }
    });
}

#[divan::bench(args = [5_000, 100_000])]
fn page_down_in_a_diff(bencher: Bencher, lines: usize) {
    let folder = tempfile::tempdir().ok();
    let Some(folder) = folder else { return };
    let blobs = Arc::new(BlobStore::new(folder.path()));
    let old: String = (0..lines).map(|n| format!("def handler_{n}(request, value={n}):  # number {n}\n")).collect();
    let new: String = (0..lines)
        .map(|n| {
            if n % 3 == 0 {
                format!("def handler_{n}(request, other={n}):  # number {n}\n")
            } else {
                format!("def handler_{n}(request, value={n}):  # number {n}\n")
            }
        })
        .collect();
    let state = |text: &str| {
        blobs.put(text.as_bytes()).ok().map(|_| FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
    };
    let Ok(path) = RepoPath::parse("src/handlers.py") else { return };
    let (change, _) = tenon::diff::plain_change(&Change { path, base: state(&old), result: state(&new) });
    let proposal = Proposal {
        id: "p1".into(),
        title: String::new(),
        message: String::new(),
        hash: ContentHash::of(b"p1"),
        changes: vec![change],
    };
    let mut app = app();
    let mut buffer = Buffer::empty(SCREEN);
    app.handle(Msg::Opened { session: "s".into(), blobs });
    for effect in happen(&mut app, Event::Proposed { proposal }) {
        if let Effect::Load(job) = effect {
            app.handle(Msg::Loaded(Box::new(job.load())));
            if let Some(paints) = job.paint(&Painter::new()) {
                app.handle(Msg::Painted(Box::new(paints)));
            }
        }
    }
    frame(&mut app, &mut buffer);
    press(&mut app, KeyCode::Tab, KeyModifiers::NONE);
    let mut pages = 0;
    bencher.bench_local(|| {
        pages += 1;
        let key = if pages % 200 == 0 { KeyCode::Home } else { KeyCode::PageDown };
        press(&mut app, key, KeyModifiers::NONE);
        frame(&mut app, &mut buffer);
    });
}
