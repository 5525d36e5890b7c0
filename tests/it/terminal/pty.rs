//! The real program in a pseudo-terminal, with a screen emulator on the other side.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longer than anything here takes on a loaded machine; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Seen {
    screen: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

/// A running program with its screen.
pub struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    /// Starts the program in `folder` with exactly this environment.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(String, String)], size: (u16, u16)) -> Self {
        Self::run(env!("CARGO_BIN_EXE_tenon"), folder, arguments, environment, size)
    }

    /// The same for another program.
    pub fn run(
        program: &str,
        folder: &Path,
        arguments: &[&str],
        environment: &[(String, String)],
        size: (u16, u16),
    ) -> Self {
        let (rows, cols) = size;
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(cells(rows), cells(cols), 0);
        let seen = Arc::new((Mutex::new(Seen { screen, raw: Vec::new(), ended: false }), Condvar::new()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut piece = [0; 65_536];
            loop {
                let read = reader.read(&mut piece).unwrap_or(0);
                let (seen, changed) = &*shared;
                let mut seen = seen.lock().unwrap();
                if read == 0 {
                    seen.ended = true;
                    changed.notify_all();
                    return;
                }
                seen.screen.process(&piece[..read]);
                seen.raw.extend_from_slice(&piece[..read]);
                changed.notify_all();
            }
        });
        Self { seen, master: pair.master, writer, child }
    }

    /// Types keys as a terminal sends them.
    pub fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until the screen's text fulfils the condition and returns it.
    pub fn wait(&self, what: &str, fulfilled: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        let (seen, changed) = &*self.seen;
        let mut guard = seen.lock().unwrap();
        loop {
            let text = guard.screen.screen().contents();
            if fulfilled(&text) {
                return text;
            }
            let left = PATIENCE.checked_sub(begun.elapsed());
            let (Some(left), false) = (left, guard.ended) else {
                panic!("waiting for {what}, the screen is:\n{text}");
            };
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }

    /// Waits until the screen shows this text.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Another size, as when a window is dragged.
    pub fn resize(&self, rows: u16, cols: u16) {
        self.seen.0.lock().unwrap().screen.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Everything the program wrote so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().raw.clone()
    }

    /// Sends a signal to the program.
    #[cfg(unix)]
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).unwrap();
    }

    /// Waits for the end; returns the exit code and all that was written.
    pub fn end(mut self) -> (u32, String) {
        let begun = Instant::now();
        {
            let (seen, changed) = &*self.seen;
            let mut guard = seen.lock().unwrap();
            while !guard.ended {
                let left = PATIENCE.checked_sub(begun.elapsed());
                let left = left.unwrap_or_else(|| panic!("it does not end:\n{}", guard.screen.screen().contents()));
                guard = changed.wait_timeout(guard, left).unwrap().0;
            }
        }
        let status = self.child.wait().unwrap();
        (status.exit_code(), String::from_utf8_lossy(&self.raw()).into_owned())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn cells(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).unwrap()
}
