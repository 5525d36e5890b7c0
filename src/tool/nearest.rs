//! The lines of a file that are most like a text that was not found: what a model needs to write it right.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::document::{self, bare};
use super::show;

/// Lines compared at most, and characters of a line compared at most: this only helps, so it must never be slow.
const MOST_LINES: usize = 20_000;
const MOST_CHARACTERS: usize = 160;
/// Lines shown at most.
const MOST_SHOWN: usize = 20;

/// Files of so few lines are shown whole when nothing in them is alike.
const FEW_LINES: usize = 30;

/// Numbered lines around the best place for `wanted`, or `None` when nothing is alike.
pub(super) fn region(file: &[u8], wanted: &str) -> Option<String> {
    let lines: Vec<String> = numbered_source(file);
    let bare_lines: Vec<String> = lines.iter().map(|line| bare(line.as_bytes())).collect();
    let wanted: Vec<String> = show::lines(wanted).map(|line| bare(line.as_bytes())).collect();
    let start = window_with_most_equal(&bare_lines, &wanted).or_else(|| most_alike(&bare_lines, &wanted));
    let Some(start) = start else {
        return (1..=FEW_LINES).contains(&lines.len()).then(|| around(&lines, 0, lines.len()));
    };
    let from = start.saturating_sub(2);
    let to = (start + wanted.len().min(MOST_SHOWN) + 2).min(lines.len());
    Some(around(&lines, from, to))
}

/// Numbered lines around each of some offsets.
pub(super) fn places(file: &[u8], offsets: &[usize]) -> String {
    const MOST_PLACES: usize = 6;
    let spans = document::lines(file);
    let lines = numbered_source(file);
    let mut shown = String::new();
    for offset in offsets.iter().take(MOST_PLACES) {
        let at = document::line_at(&spans, *offset);
        shown.push_str(&around(&lines, at.saturating_sub(1), (at + 2).min(lines.len())));
        shown.push_str("  ---\n");
    }
    if offsets.len() > MOST_PLACES {
        let _ = writeln!(shown, "  and {} more", offsets.len() - MOST_PLACES);
    }
    shown
}

fn numbered_source(file: &[u8]) -> Vec<String> {
    let spans = document::lines(file);
    let end = spans.get(MOST_LINES).map_or(file.len(), |line| line.start);
    let text = String::from_utf8_lossy(&file[..end]);
    show::without_secrets(&text).0.into_iter().map(Cow::into_owned).collect()
}

fn around(lines: &[String], from: usize, to: usize) -> String {
    let mut shown = String::new();
    for (index, line) in lines.iter().enumerate().take(to).skip(from) {
        show::number_line(&mut shown, index + 1, line, 200);
    }
    shown
}

/// The window that shares the most lines with what is wanted; lines that are frequent in the file weigh less.
fn window_with_most_equal(lines: &[String], wanted: &[String]) -> Option<usize> {
    let mut frequency: HashMap<&str, usize> = HashMap::new();
    for line in lines.iter().filter(|line| line.len() > 2) {
        *frequency.entry(line).or_default() += 1;
    }
    let mut votes: HashMap<usize, f64> = HashMap::new();
    for (offset, line) in wanted.iter().enumerate().filter(|(_, line)| frequency.contains_key(line.as_str())) {
        let weight = 1.0 / frequency.get(line.as_str()).map_or(1.0, |count| *count as f64);
        if weight < 0.02 {
            continue;
        }
        for (at, _) in lines.iter().enumerate().filter(|(_, other)| *other == line) {
            *votes.entry(at.saturating_sub(offset)).or_default() += weight;
        }
    }
    let best = votes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    best.map(|(start, _)| start)
}

/// The line most like the longest wanted one, by the pairs of characters they share.
fn most_alike(lines: &[String], wanted: &[String]) -> Option<usize> {
    let (offset, longest) = wanted.iter().enumerate().max_by_key(|(_, line)| line.len().min(MOST_CHARACTERS))?;
    let pairs = pairs(longest);
    let scored = lines.iter().enumerate().map(|(at, line)| (alike(&pairs, line), at));
    let (score, at) = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
    (score > 0.45).then(|| at.saturating_sub(offset))
}

fn pairs(line: &str) -> HashMap<(char, char), usize> {
    let mut pairs = HashMap::new();
    let characters: Vec<char> = line.chars().take(MOST_CHARACTERS).collect();
    for two in characters.windows(2) {
        *pairs.entry((two[0], two[1])).or_default() += 1;
    }
    pairs
}

fn alike(wanted: &HashMap<(char, char), usize>, line: &str) -> f64 {
    let having = pairs(line);
    let common: usize = wanted.iter().map(|(pair, count)| having.get(pair).map_or(0, |other| *count.min(other))).sum();
    let total: usize = wanted.values().sum::<usize>() + having.values().sum::<usize>();
    if total == 0 { 0.0 } else { 2.0 * common as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_lines_are_shown_with_their_numbers() {
        let file =
            b"import os\n\ndef alpha():\n    return 1\n\ndef beta():\n    total = compute(1, 2)\n    return total\n";
        let shown = region(file, "def beta():\n    total = compute(1)\n").unwrap();
        assert!(shown.contains("    6\tdef beta():\n    7\t    total = compute(1, 2)\n"), "{shown}");
        let shown = region(file, "    totl = compute(1, 3)").unwrap();
        assert!(shown.contains("    7\t    total = compute(1, 2)\n"), "{shown}");
        assert!(region(file, "QQQQ").unwrap().ends_with("    8\t    return total\n"));
        assert_eq!(region("x\n".repeat(40).as_bytes(), "QQQQ"), None);
        assert_eq!(region(b"", "x"), None);
    }

    #[test]
    fn long_lines_do_not_slow_it_down() {
        let file: String = (0..4_000).map(|n| format!("{n}{}\n", "x".repeat(2_000))).collect();
        let wanted: String = (0..200).map(|n| format!("{}{n}\n", "y".repeat(2_000))).collect();
        let begun = std::time::Instant::now();
        let _ = region(file.as_bytes(), &wanted);
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }
}
