//! Output of programs in pieces: bytes come in as they come, text goes out without a letter cut in two.

use tokio::sync::mpsc;

use crate::domain::Progress;

use super::Bench;

/// Passes pieces on as progress until the sender is gone.
pub async fn show(bench: Bench, mut pieces: mpsc::Receiver<Vec<u8>>, wrap: impl Fn(String) -> Progress) {
    let mut all = Pieces::default();
    while let Some(piece) = pieces.recv().await {
        let text = all.take(&piece);
        if !text.is_empty() {
            bench.show(wrap(text));
        }
    }
    let rest = all.rest();
    if !rest.is_empty() {
        bench.show(wrap(rest));
    }
}

/// Bytes that are still coming in.
#[derive(Debug, Default)]
pub struct Pieces(Vec<u8>);

impl Pieces {
    /// Takes a piece, gives what is whole text.
    pub fn take(&mut self, piece: &[u8]) -> String {
        self.0.extend_from_slice(piece);
        take_text(&mut self.0)
    }

    /// What is left at the end.
    pub fn rest(self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// Takes what is whole text off the front; a letter that is still coming in stays.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        // No `error_len` means the end is missing, not wrong.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => bytes.len(),
    };
    let rest = bytes.split_off(whole);
    let text = String::from_utf8_lossy(bytes).into_owned();
    *bytes = rest;
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_is_cut_in_two() {
        let text = "aä€😀b".as_bytes();
        let (mut rest, mut out) = (Vec::new(), String::new());
        for byte in text {
            rest.push(*byte);
            out.push_str(&take_text(&mut rest));
        }
        assert_eq!((out.as_str(), rest.len()), ("aä€😀b", 0));
        let mut broken = vec![b'a', 0xff, b'b'];
        assert_eq!(take_text(&mut broken), "a\u{fffd}b");
    }
}
