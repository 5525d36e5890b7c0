//! How far a download is: a bar on a terminal, a line now and then elsewhere. Always on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::provider::fetch::{Progress, Stage, size_in_words};
use crate::text;

const BAR: usize = 24;
/// How often the bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(10);
/// The rate is that of the last seconds, not of the whole.
const WINDOW: Duration = Duration::from_secs(5);

/// Prints progress.
pub(super) struct Meter {
    terminal: bool,
    told: usize,
    shown: Option<Instant>,
    stage: Option<(Stage, String)>,
    samples: std::collections::VecDeque<(Instant, u64)>,
}

impl Meter {
    pub(super) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { terminal, told: 0, shown: None, stage: None, samples: std::collections::VecDeque::new() }
    }

    /// Prints every change. Returns never: the work ends first.
    pub(super) async fn follow(&mut self, mut watcher: watch::Receiver<Progress>) {
        while watcher.changed().await.is_ok() {
            let now = watcher.borrow_and_update().clone();
            self.show(&now);
            tokio::time::sleep(FRAME).await;
        }
        std::future::pending::<()>().await;
    }

    fn show(&mut self, now: &Progress) {
        for note in now.notes.iter().skip(self.told) {
            self.clear();
            eprintln!("tenon: {}", text::sanitize_line(note));
        }
        self.told = now.notes.len();
        let stage = (now.stage, now.source.clone());
        let fresh = self.stage.as_ref() != Some(&stage);
        if fresh {
            self.samples.clear();
            self.stage = Some(stage);
        }
        self.sample(now.done);
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= LINE);
        if now.done == 0 && now.total.is_none() || (!self.terminal && !due && !fresh) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = self.line(now);
        if self.terminal {
            eprint!("\r\x1b[K{line}");
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("tenon: {line}");
        }
    }

    fn sample(&mut self, done: u64) {
        self.samples.push_back((Instant::now(), done));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(at, _)| at.elapsed() > WINDOW) {
            self.samples.pop_front();
        }
    }

    fn rate(&self) -> Option<f64> {
        let ((began, first), (ended, last)) = (self.samples.front()?, self.samples.back()?);
        let took = ended.duration_since(*began).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
        let rate = last.saturating_sub(*first) as f64 / took;
        (took > 0.3).then_some(rate)
    }

    fn line(&self, now: &Progress) -> String {
        let what = match now.stage {
            Stage::Looking => "looking",
            Stage::Waiting => "waiting",
            Stage::Fetching => "fetching",
            Stage::Checking => "checking",
            Stage::Copying => "copying",
        };
        let source = text::sanitize_line(&now.source).into_owned();
        let from = if now.stage == Stage::Fetching { format!(" from {source}") } else { String::new() };
        let mut line = format!("{what} ");
        match now.total {
            Some(total) => {
                if self.terminal {
                    line.push_str(&bar(now.done, total, BAR));
                    line.push(' ');
                }
                line.push_str(&format!(
                    "{:3} %  {} of {}",
                    percent(now.done, total),
                    size_in_words(now.done),
                    size_in_words(total)
                ));
            }
            None => line.push_str(&size_in_words(now.done)),
        }
        if let Some(rate) = self.rate().filter(|rate| *rate > 0.0) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is shown with three digits"
            )]
            line.push_str(&format!("  {}/s", size_in_words(rate as u64)));
            if let Some(total) = now.total {
                #[expect(clippy::cast_precision_loss, reason = "seconds are shown")]
                line.push_str(&format!("  {} left", duration(total.saturating_sub(now.done) as f64 / rate)));
            }
        }
        line + &from
    }

    /// Ends the line of the bar.
    pub(super) fn end(&mut self) {
        self.clear();
    }

    fn clear(&self) {
        if self.terminal && self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

fn percent(done: u64, total: u64) -> u64 {
    (done.min(total) * 100).checked_div(total).unwrap_or(100)
}

fn bar(done: u64, total: u64, width: usize) -> String {
    let full = usize::try_from(percent(done, total)).unwrap_or(100) * width / 100;
    format!("[{}{}]", "#".repeat(full), "-".repeat(width - full))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and nobody waits for years"
)]
fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_times() {
        assert_eq!(bar(0, 10, 4), "[----]");
        assert_eq!(bar(5, 10, 4), "[##--]");
        assert_eq!(bar(10, 10, 4), "[####]");
        assert_eq!(bar(11, 10, 4), "[####]");
        assert_eq!(
            (duration(0.2), duration(61.0), duration(7_260.0)),
            ("1 s".into(), "1 min 01 s".into(), "2 h 01 min".into())
        );
    }
}
