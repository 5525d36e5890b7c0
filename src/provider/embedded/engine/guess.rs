//! What comes next, guessed from what was said before: most of a changed file is the file.
//!
//! Reading a few tokens costs little more than writing one, so guesses are read along and kept as far as the model
//! would have written the same.

/// The most tokens guessed at once.
pub const MOST: usize = 15;
/// Fewer tokens that are alike say nothing.
const ALIKE: usize = 3;
/// More say no more.
const ENOUGH: usize = 24;

/// Guesses from the text so far.
#[derive(Clone, Debug)]
pub(super) struct Guesser {
    /// How many tokens are guessed.
    length: usize,
    /// Where the last guess that held went on.
    at: usize,
}

impl Default for Guesser {
    fn default() -> Self {
        Self { length: 4, at: 0 }
    }
}

impl Guesser {
    /// What may follow `text`; nothing where nothing like its end was there before.
    pub(super) fn guess(&mut self, text: &[i32]) -> Vec<i32> {
        let mut best: Option<(usize, usize)> = None;
        for end in ALIKE..text.len() {
            let alike = alike(&text[..end], text);
            if alike < ALIKE {
                continue;
            }
            // Of equal places the one where the last guess went on, then the latest.
            let worth = alike * 4 + if end >= self.at && end <= self.at + 64 { 2 } else { 0 };
            if best.is_none_or(|(most, _)| worth >= most) {
                best = Some((worth, end));
            }
        }
        let Some((_, end)) = best else { return Vec::new() };
        self.at = end;
        text[end..text.len().min(end + self.length)].to_vec()
    }

    /// Learns how many of the guessed tokens were right.
    pub(super) fn held(&mut self, right: usize, guessed: usize) {
        self.at += right;
        if guessed == 0 {
            return;
        }
        self.length = if right == guessed { (self.length * 2).min(MOST) } else { (right + 1).clamp(2, MOST) };
    }
}

/// How many tokens at the end of both are the same.
fn alike(before: &[i32], text: &[i32]) -> usize {
    before.iter().rev().zip(text.iter().rev()).take(ENOUGH).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_guessed_again() {
        let mut guesser = Guesser::default();
        let text = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3];
        assert_eq!(guesser.guess(&text), [4, 5, 6, 7]);
        guesser.held(4, 4);
        let more = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4];
        assert_eq!(guesser.guess(&more), [5, 6, 7, 8, 9, 1, 2, 3]);
        guesser.held(0, 8);
        assert_eq!(guesser.guess(&more).len(), 2);
        assert!(guesser.guess(&[1, 2, 3]).is_empty());
        assert!(guesser.guess(&[1, 2, 3, 4, 5, 9, 3]).is_empty());
    }
}
