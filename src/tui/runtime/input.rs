//! Keys from the terminal, read by a thread of their own.
//!
//! crossterm's reader is not used: it spins for ever on a terminal that is gone, and what is left of more than a
//! kilobyte at once waits there until the next key.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsFd as _;
use std::time::Duration;

use crossterm::event::Event;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::mpsc;

use super::decode::Decoder;

/// Events that wait for the screen before the terminal has to.
const AHEAD: usize = 1_024;
/// How long the rest of a key may take before a lone Esc is an Esc.
const ESCAPE_MS: u16 = 30;
/// How long the thread may take to stop.
const STOPPING: Duration = Duration::from_millis(200);

/// What comes from the terminal. Ends when the terminal is gone.
pub(super) struct Input {
    events: mpsc::Receiver<Event>,
    stop: Option<PipeWriter>,
}

impl Input {
    /// Begins to read.
    pub(super) fn start() -> std::io::Result<Self> {
        let (stopped, stop) = std::io::pipe()?;
        let (sender, events) = mpsc::channel(AHEAD);
        // Ending drops the sender, which tells the other side.
        std::thread::Builder::new().name("terminal input".to_owned()).spawn(move || read(&stopped, &sender))?;
        Ok(Self { events, stop: Some(stop) })
    }

    /// The next event; `None` when the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// An event that is there already.
    pub(super) fn ready(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Stops reading, so that another program can.
    pub(super) async fn stop(mut self) {
        self.stop = None;
        let ended = async { while self.events.recv().await.is_some() {} };
        let _ = tokio::time::timeout(STOPPING, ended).await;
    }
}

/// What the thread was woken by.
#[derive(PartialEq)]
enum Woken {
    Bytes,
    Silence,
    Over,
}

fn read(stopped: &PipeReader, sender: &mpsc::Sender<Event>) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let patience = if decoder.waits() { PollTimeout::from(ESCAPE_MS) } else { PollTimeout::NONE };
        let events = match wait(stopped, patience) {
            Woken::Over => return,
            Woken::Silence => decoder.give_up(),
            Woken::Bytes => match rustix::io::read(std::io::stdin(), &mut buffer) {
                Ok(0) => return,
                Ok(count) => decoder.feed(buffer.get(..count).unwrap_or_default()),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(_) => return,
            },
        };
        for event in events {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    }
}

fn wait(stopped: &PipeReader, patience: PollTimeout) -> Woken {
    let stdin = std::io::stdin();
    let mut both = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut both, patience) {
            Err(Errno::EINTR) => continue,
            Err(_) => return Woken::Over,
            Ok(0) => return Woken::Silence,
            Ok(_) => break,
        }
    }
    let [terminal, stop] = both.map(|fd| fd.revents().unwrap_or(PollFlags::POLLERR));
    // Bytes that came before the end are read first; reading then finds the end by itself.
    if !stop.is_empty() || !terminal.contains(PollFlags::POLLIN) { Woken::Over } else { Woken::Bytes }
}
