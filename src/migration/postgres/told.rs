//! What a server writes of the statements it is given, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

/// A longer line is not looked at to its end.
const MOST: usize = 4_096;

/// Counts the questions a server says it was asked, until it ends.
pub(super) fn count(mut said: mpsc::Receiver<Vec<u8>>, asked: Arc<AtomicUsize>) -> Arc<AtomicUsize> {
    let counting = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut lines = Lines::default();
        while let Some(piece) = said.recv().await {
            counting.fetch_add(lines.questions(&piece), Ordering::Relaxed);
        }
    });
    asked
}

/// Lines as they come in pieces.
#[derive(Default)]
struct Lines {
    open: Vec<u8>,
    /// A statement was announced whose text begins on the next line.
    announced: bool,
}

impl Lines {
    /// How many questions begin in a piece.
    fn questions(&mut self, piece: &[u8]) -> usize {
        let mut count = 0;
        for byte in piece {
            if *byte == b'\n' {
                let line = String::from_utf8_lossy(&self.open).into_owned();
                count += usize::from(self.is_question(&line));
                self.open.clear();
            } else if self.open.len() < MOST {
                self.open.push(*byte);
            }
        }
        count
    }

    /// `LOG:  statement: SELECT 1`, `LOG:  execute <unnamed>: SELECT $1`; what follows of a statement is indented.
    fn is_question(&mut self, line: &str) -> bool {
        let text = match line.strip_prefix("LOG:") {
            Some(rest) => {
                let rest = rest.trim_start();
                let statement = rest.strip_prefix("statement:");
                statement.or_else(|| rest.strip_prefix("execute ").and_then(|rest| Some(rest.split_once(':')?.1)))
            }
            None => line.strip_prefix('\t').filter(|_| self.announced),
        };
        let text = text.map(|text| text.trim_start_matches([' ', '\t', '(']));
        self.announced = text.is_some_and(str::is_empty);
        let first = text.and_then(|text| text.split_whitespace().next()).unwrap_or_default().to_ascii_uppercase();
        matches!(first.as_str(), "SELECT" | "WITH")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_what_else_a_server_writes() {
        let log = "LOG:  database system is ready to accept connections\nLOG:  statement: SELECT 1;\n\
                   LOG:  execute <unnamed>: select a from b where c = $1\nDETAIL:  parameters: $1 = 'SELECT'\n\
                   LOG:  statement: \n\t  SELECT a\n\tFROM b\nLOG:  statement: INSERT INTO a\n\tSELECT * FROM b\n\
                   LOG:  execute s1/C_2: WITH a AS (SELECT 1) SELECT * FROM a\nERROR:  no\nSTATEMENT:  SELECT 2\n";
        let mut lines = Lines::default();
        let counted: usize = log.as_bytes().chunks(7).map(|piece| lines.questions(piece)).sum();
        assert_eq!(counted, 4);
    }
}
