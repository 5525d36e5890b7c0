//! Takes the terminal and gives it back, whatever happens.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use base64::Engine as _;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags,
    PushKeyboardEnhancementFlags,
};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tui::app::App;
use crate::tui::{TuiError, view};

/// Buttons and wheel only: reports of every movement would wake the program all the time.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
/// Bytes that terminals take through OSC 52; more is dropped by many without a word.
const CLIPBOARD: usize = 100_000;
/// Room for a whole frame, so that it leaves in one write.
const BUFFER: usize = 64 * 1024;

/// The terminal while it is ours.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
    ours: bool,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> Result<Self, TuiError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(TuiError::NoTerminal);
        }
        restore_on_panic();
        let backend = CrosstermBackend::new(BufWriter::with_capacity(BUFFER, io::stdout()));
        take(true)?;
        let terminal = Terminal::new(backend).inspect_err(|_| give_back())?;
        Ok(Self { terminal, mouse: true, ours: true })
    }

    /// Takes it again after [`Screen::leave`].
    pub(super) fn enter(&mut self) -> io::Result<()> {
        take(self.mouse)?;
        self.ours = true;
        self.clear()
    }

    /// Through a resize to the same size: ratatui's own clearing asks the terminal where its cursor is and waits for
    /// an answer that the input thread takes.
    fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives it back.
    pub(super) fn leave(&mut self) {
        if std::mem::take(&mut self.ours) {
            give_back();
        }
    }

    /// The next frame draws everything again.
    pub(super) fn forget(&mut self) {
        // A terminal that cannot be cleared shows its error with the next frame.
        let _ = self.clear();
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub(super) fn mouse(&mut self, on: bool) {
        self.mouse = on;
        let _ = execute!(io::stdout(), Print(if on { MOUSE_ON } else { MOUSE_OFF }));
    }

    /// Puts a text on the clipboard of whatever terminal is at the far end.
    pub(super) fn copy(&mut self, text: &str) -> Result<(), String> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        if encoded.len() > CLIPBOARD {
            return Err(format!("too long for the terminal's clipboard: {} KB", text.len() / 1000));
        }
        execute!(io::stdout(), Print(format!("\x1b]52;c;{encoded}\x07"))).map_err(|error| error.to_string())
    }

    /// Draws a frame: what differs from the last one is sent, as one write.
    pub(super) fn draw(&mut self, app: &mut App) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| {
            app.prepare(frame.area());
            if let Some(cursor) = view::draw(app, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        Print(if mouse { MOUSE_ON } else { "" }),
        PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
        Hide,
    )
    .inspect_err(|_| give_back())
}

/// Errors are of no use here: there is nowhere left to show them.
fn give_back() {
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        PopKeyboardEnhancementFlags,
        Print(MOUSE_OFF),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show,
    );
    let _ = disable_raw_mode();
}

/// A panic gives the terminal back before it speaks.
fn restore_on_panic() {
    let speak = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // Work beside the screen may panic without ending the program; the screen then goes on.
        if std::thread::current().name() == Some("main") {
            give_back();
            // Where the message cannot be written, a second panic would only hide the first.
            let words = "Tenon crashed; the session's journal is kept: `tenon --continue` goes on with it.";
            let _ = writeln!(io::stderr(), "{words}");
            speak(info);
        }
    }));
}

/// The signals that concern the screen.
pub(super) struct Signals {
    terminate: Signal,
    hang_up: Signal,
    resize: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    pub(super) async fn any(&mut self) -> super::Woken {
        tokio::select! {
            _ = self.terminate.recv() => super::Woken::Signal,
            _ = self.hang_up.recv() => super::Woken::Terminal(None),
            _ = self.resize.recv() => super::Woken::Resized,
        }
    }
}
