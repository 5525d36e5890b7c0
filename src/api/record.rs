//! The record of exchanges: in memory, and one JSON line each in a file of the session's own.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::ApiError;
use super::exchange::Exchange;

/// The most exchanges that are kept at hand; the file keeps all up to its limit.
const MOST_AT_HAND: usize = 2_000;
/// A file that would grow beyond this is set aside, and a new one begun.
const MOST_BYTES: u64 = 32 << 20;

/// Keeps exchanges.
#[derive(Debug, Default)]
pub struct Recorder {
    file: Option<PathBuf>,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    exchanges: Vec<Exchange>,
    next: usize,
}

impl Recorder {
    /// Keeps them in this file as well; what it holds already is at hand again.
    pub fn in_file(file: PathBuf) -> Self {
        Self { file: Some(file), kept: Mutex::default() }
    }

    /// Keeps an exchange and gives it its name. A file that cannot be written loses the line, not the exchange.
    pub fn add(&self, mut exchange: Exchange) -> Exchange {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get_or_insert_with(|| Kept::read(self.file.as_deref()));
        kept.next += 1;
        exchange.id = format!("x{}", kept.next);
        if let Some(file) = &self.file {
            let _ = append(file, &exchange);
        }
        if kept.exchanges.len() >= MOST_AT_HAND {
            kept.exchanges.remove(0);
        }
        kept.exchanges.push(exchange.clone());
        exchange
    }

    /// The exchange of this name; `last` is the newest.
    pub fn find(&self, id: &str) -> Option<Exchange> {
        let all = self.all();
        if id == "last" { all.last().cloned() } else { all.into_iter().rev().find(|exchange| exchange.id == id) }
    }

    /// The same, and where there is none by that name what there is.
    ///
    /// # Errors
    /// There is no such exchange.
    pub fn named(&self, id: &str) -> Result<Exchange, ApiError> {
        self.find(id).ok_or_else(|| {
            let known: Vec<String> = self.all().iter().rev().take(5).map(|kept| kept.id.clone()).collect();
            let known = if known.is_empty() { "none is recorded".to_owned() } else { known.join(", ") };
            ApiError::Input(format!("there is no exchange `{id}`; the last ones are: {known}"))
        })
    }

    /// Every exchange that is at hand, oldest first.
    pub fn all(&self) -> Vec<Exchange> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert_with(|| Kept::read(self.file.as_deref())).exchanges.clone()
    }
}

impl Kept {
    fn read(file: Option<&Path>) -> Self {
        let Some(Ok(file)) = file.map(File::open) else { return Self::default() };
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        // A line that a crash cut off is left out.
        let mut exchanges: Vec<Exchange> = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
        let number = |exchange: &Exchange| exchange.id.trim_start_matches('x').parse().ok();
        let next = exchanges.iter().filter_map(number).max().unwrap_or(0);
        exchanges.drain(..exchanges.len().saturating_sub(MOST_AT_HAND));
        Self { exchanges, next }
    }
}

fn append(path: &Path, exchange: &Exchange) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if path.metadata().is_ok_and(|metadata| metadata.len() > MOST_BYTES) {
        std::fs::rename(path, path.with_extension("old.jsonl"))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut line = serde_json::to_vec(exchange)?;
    line.push(b'\n');
    options.open(path)?.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::message::Request;

    fn exchange(url: &str) -> Exchange {
        Exchange::new(url, &Request::new("GET", url), Err("nothing there".into()), None, Vec::new())
    }

    #[test]
    fn names_go_on_after_a_restart_and_a_torn_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/exchanges.jsonl");
        let recorder = Recorder::in_file(file.clone());
        assert_eq!(recorder.add(exchange("http://h/1")).id, "x1");
        assert_eq!(recorder.add(exchange("http://h/2")).id, "x2");
        let mut torn = std::fs::read(&file).unwrap();
        torn.extend(b"{\"id\":\"x3\",\"at");
        std::fs::write(&file, torn).unwrap();
        let again = Recorder::in_file(file);
        assert_eq!(again.find("x1").unwrap().url, "http://h/1");
        assert_eq!(again.find("last").unwrap().url, "http://h/2");
        assert_eq!(again.find("x9"), None);
        assert_eq!(again.add(exchange("http://h/3")).id, "x3");
        assert_eq!(again.all().len(), 3);
    }
}
