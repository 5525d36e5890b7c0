//! Benchmarks of diff and highlight. Budget: compare 3 ms on 7,228 lines, 150 ms on 100,000; the rest well under a
//! frame, but for the first highlighting, which compiles the grammar.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use divan::{Bencher, black_box};
use tenon::diff::{Sheet, compare, intraline, merge, select};
use tenon::domain::RepoPath;
use tenon::highlight::Highlighter;

fn path() -> RepoPath {
    RepoPath::parse("src/commands.rs").unwrap_or_else(|error| unreachable!("{error}"))
}

/// Source-like text: functions with repeated lines, as code has them.
fn source(lines: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        let _ = match line % 9 {
            0 => writeln!(text, "/// Does step {line}."),
            1 => writeln!(text, "fn step_{line}(input: &mut Vec<u32>, limit: usize) -> Result<(), Error> {{"),
            2 => writeln!(text, "    let Some(first) = input.first() else {{"),
            3 => writeln!(text, "        return Ok(());"),
            4 => writeln!(text, "    }};"),
            5 => writeln!(text, "    input.push(*first + {}); // \"{line}\"", line % 17),
            6 => writeln!(text, "    Ok(())"),
            7 => writeln!(text, "}}"),
            _ => writeln!(text),
        };
    }
    text
}

/// The text with every so many lines changed, taken out or doubled.
fn edited(text: &str, every: usize) -> String {
    let mut out = String::new();
    for (at, line) in text.lines().enumerate() {
        match (at % every == every / 2, at / every % 3) {
            (true, 0) => out.push_str("    let changed = true;\n"),
            (true, 1) => {}
            (true, _) => out.extend([line, "\n", line, "\n"]),
            _ => out.extend([line, "\n"]),
        }
    }
    out
}

#[divan::bench(args = [(7_228, 40), (7_228, 4), (100_000, 40), (100_000, 4)])]
fn comparing(bencher: Bencher, (lines, every): (usize, usize)) {
    let (path, old) = (path(), source(lines));
    let new = edited(&old, every);
    bencher.bench(|| compare(&path, black_box(old.as_bytes()), black_box(new.as_bytes())));
}

/// What the screen does with a file: compared, its lines looked up later. Budget: 150 ms on 100,000 lines.
#[divan::bench(args = [(7_228, 40), (100_000, 40), (100_000, 4)])]
fn opening_a_sheet(bencher: Bencher, (lines, every): (usize, usize)) {
    let (path, old) = (path(), source(lines));
    let new = edited(&old, every);
    bencher.bench(|| Sheet::new(&path, black_box(old.clone().into_bytes()), black_box(new.clone().into_bytes())));
}

/// Nothing is where it was: the search has to give up gracefully.
#[divan::bench(args = [7_228, 100_000], sample_count = 10)]
fn comparing_shuffled(bencher: Bencher, lines: usize) {
    let shuffled = |step: usize| (0..lines).map(|line| format!("{}\n", line * step % 977 % 313)).collect::<String>();
    let (path, old, new) = (path(), shuffled(7_919), shuffled(104_729));
    bencher.bench(|| compare(&path, black_box(old.as_bytes()), black_box(new.as_bytes())));
}

#[divan::bench]
fn selecting_half(bencher: Bencher) {
    let (path, old) = (path(), source(7_228));
    let new = edited(&old, 40);
    let comparison = compare(&path, old.as_bytes(), new.as_bytes());
    let half: BTreeSet<_> = comparison.hunks.iter().step_by(2).map(|hunk| hunk.hunk.id.clone()).collect();
    bencher.bench(|| select(old.as_bytes(), new.as_bytes(), &comparison, black_box(&half)));
}

#[divan::bench]
fn merging(bencher: Bencher) {
    let base = source(7_228);
    let (ours, theirs) = (edited(&base, 90), edited(&base, 77));
    bencher.bench(|| merge(base.as_bytes(), black_box(ours.as_bytes()), black_box(theirs.as_bytes())));
}

#[divan::bench]
fn within_a_line(bencher: Bencher) {
    let old = "    let total = orders.iter().map(|order| order.price * order.count).sum::<u64>();";
    let new = "    let total: Money = orders.iter().map(|order| order.price() * order.quantity).sum();";
    bencher.bench(|| intraline(black_box(old), black_box(new)));
}

#[divan::bench]
fn highlighting_the_first_60_lines(bencher: Bencher) {
    let highlighter = Highlighter::new();
    let text = source(5_000);
    highlighter.highlight("a.rs", &source(100));
    bencher.bench(|| highlighter.open("a.rs", text.as_str()).lines(0..60));
}

#[divan::bench]
fn highlighting_a_page_further_down(bencher: Bencher) {
    let document = Highlighter::new().open("a.rs", source(5_000));
    document.lines(0..document.len());
    bencher.bench_local(|| document.lines(black_box(4_000)..4_040));
}
