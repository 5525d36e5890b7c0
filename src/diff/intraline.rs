//! What is different within a line.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation as _;

/// Longer lines are marked as a whole.
const LONGEST: usize = 2000;

/// Lines that share less than this part of their text are marked as a whole: bits of agreement are only noise.
const LEAST_SHARED: f64 = 0.3;

/// The byte ranges of two lines that differ, word by word. Both are empty when the lines are the same, or so
/// different that marks would say nothing.
pub fn intraline(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    if old == new || old.len() > LONGEST || new.len() > LONGEST {
        return (Vec::new(), Vec::new());
    }
    let (old_words, new_words) = (words(old), words(new));
    let text = |words: &[(usize, &str)]| words.iter().map(|(_, word)| (*word).to_owned()).collect::<Vec<_>>();
    let ops = capture_diff_slices(Algorithm::Myers, &text(&old_words), &text(&new_words));
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let mut shared = 0;
    for op in &ops {
        if let DiffOp::Equal { old_index, len, .. } = op {
            shared += old_words[*old_index..old_index + len].iter().map(|(_, word)| word.trim().len()).sum::<usize>();
            continue;
        }
        push(&mut removed, old, &old_words, op.old_range());
        push(&mut added, new, &new_words, op.new_range());
    }
    let longer = old.trim().len().max(new.trim().len()).max(1);
    if (shared as f64) < LEAST_SHARED * longer as f64 {
        return (Vec::new(), Vec::new());
    }
    (removed, added)
}

/// Words with their places: runs of letters and digits, runs of white space, and every other grapheme alone.
fn words(line: &str) -> Vec<(usize, &str)> {
    line.split_word_bound_indices().flat_map(|(at, word)| parts(at, word)).collect()
}

/// Parts of an identifier count on their own: `user_name` is three, `userName` one.
fn parts(at: usize, word: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = at;
    word.split_inclusive(['_', '.']).flat_map(move |piece| {
        let body = piece.trim_end_matches(['_', '.']);
        let (first, second) = ((from, body), (from + body.len(), &piece[body.len()..]));
        from += piece.len();
        [first, second].into_iter().filter(|(_, text)| !text.is_empty())
    })
}

/// Adds a range; ranges with nothing but a space between them become one.
fn push(ranges: &mut Vec<Range<usize>>, line: &str, words: &[(usize, &str)], indices: Range<usize>) {
    let (Some(first), Some(last)) =
        (words.get(indices.start), indices.clone().next_back().and_then(|at| words.get(at)))
    else {
        return;
    };
    if indices.is_empty() {
        return;
    }
    let range = first.0..last.0 + last.1.len();
    match ranges.last_mut() {
        Some(before) if line[before.end..range.start].trim().is_empty() => before.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        let (removed, added) = intraline(old, new);
        let text = |line: &str, ranges: Vec<Range<usize>>| {
            ranges.into_iter().map(|range| line[range].to_owned()).collect::<Vec<_>>()
        };
        (text(old, removed), text(new, added))
    }

    #[test]
    fn marks_the_words_that_differ() {
        for (old, new, removed, added) in [
            ("same", "same", vec![], vec![]),
            ("let a = 1;", "let b = 1;", vec!["a"], vec!["b"]),
            ("fn load(path: &str)", "fn load(path: &Path, all: bool)", vec!["str"], vec!["Path, all: bool"]),
            ("user_name = 1", "user_email = 1", vec!["name"], vec!["email"]),
            ("return x", "return await x", vec![], vec!["await "]),
            ("größe: 10", "größe: 12", vec!["10"], vec!["12"]),
            ("everything here", "=> nothing { alike }", vec![], vec![]),
        ] {
            let expected =
                (removed.iter().map(ToString::to_string).collect(), added.iter().map(ToString::to_string).collect());
            assert_eq!(marked(old, new), expected, "{old} -> {new}");
        }
    }
}
