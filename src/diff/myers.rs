//! The shortest way from one version to the other, as git finds it.
//!
//! Myers' search from both ends for the middle of the path, divided and conquered. Where several paths are equally
//! short, and where a search gets so long that any good path has to do, git's choice decides what its hunks are. We
//! make the same choices, so that what is reviewed here is what `git diff` shows. `similar` chooses otherwise, which
//! shows in one heavily changed file of fifteen; it serves within lines, where nobody compares.
//!
//! The work is bounded by the size of the input, never by a clock: the same versions give the same hunks.

use std::ops::Range;

use super::lines::Numbered;
use super::script::Changed;

/// A run of equal lines this long is worth following.
const LONG_RUN: isize = 20;
/// The cost from which a search may stop at a good run.
const PATIENCE: isize = 256;
/// How much farther than its cost a path has to be to count as good.
const GOOD: isize = 4;
/// How far the neighbourhood of a frequent line is looked at.
const NEIGHBOURHOOD: usize = 100;
/// A line that occurs this often on the other side is frequent, whatever the size of the file.
const FREQUENT: usize = 1024;

/// Marks the lines that are not common to both versions.
pub(super) fn changed(numbered: &Numbered) -> Changed {
    let Numbered { old, new } = numbered;
    let mut marks = Changed { old: vec![false; old.len()], new: vec![false; new.len()] };
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let counts = Counts::of(numbered);
    let kept_old = kept(old, head..old.len() - tail, &counts.new, &mut marks.old);
    let kept_new = kept(new, head..new.len() - tail, &counts.old, &mut marks.new);
    let number = |from: &[u32], kept: &[usize]| kept.iter().map(|at| from[*at]).collect::<Vec<u32>>();
    let sides = Sides { old: number(old, &kept_old), new: number(new, &kept_new) };
    for area in sides.unmatched() {
        area.old.for_each(|at| marks.old[kept_old[at as usize]] = true);
        area.new.for_each(|at| marks.new[kept_new[at as usize]] = true);
    }
    marks
}

/// How often each line occurs on each side.
struct Counts {
    old: Vec<usize>,
    new: Vec<usize>,
}

impl Counts {
    fn of(numbered: &Numbered) -> Self {
        let distinct = numbered.old.iter().chain(&numbered.new).max().map_or(0, |most| *most as usize + 1);
        let count = |lines: &[u32]| {
            let mut counts = vec![0; distinct];
            lines.iter().for_each(|line| counts[*line as usize] += 1);
            counts
        };
        Self { old: count(&numbered.old), new: count(&numbered.new) }
    }
}

/// How a line stands to the other side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    None,
    Some,
    Frequent,
}

/// The lines worth searching. A line the other side does not have is marked at once, and so is a frequent one that
/// stands among such: matching stray braces only tears a rewritten block apart.
fn kept(lines: &[u32], range: Range<usize>, other: &[usize], marks: &mut [bool]) -> Vec<usize> {
    let limit = rough_root(lines.len()).min(FREQUENT);
    let start = range.start;
    let matches: Vec<Match> = lines[range]
        .iter()
        .map(|line| match other[*line as usize] {
            0 => Match::None,
            count if count >= limit => Match::Frequent,
            _ => Match::Some,
        })
        .collect();
    let mut kept = Vec::with_capacity(matches.len());
    for (at, found) in matches.iter().enumerate() {
        if *found == Match::Some || *found == Match::Frequent && !is_stray(&matches, at) {
            kept.push(start + at);
        } else {
            marks[start + at] = true;
        }
    }
    kept
}

fn is_stray(matches: &[Match], at: usize) -> bool {
    let around = |found: &mut dyn Iterator<Item = &Match>| {
        let (mut none, mut frequent) = (0, 1);
        for found in found.take(NEIGHBOURHOOD) {
            match found {
                Match::None => none += 1,
                Match::Frequent => frequent += 1,
                Match::Some => break,
            }
        }
        (none, frequent)
    };
    let (none_before, frequent_before) = around(&mut matches[..at].iter().rev());
    let (none_after, frequent_after) = around(&mut matches[at + 1..].iter());
    let (none, frequent) = (none_before + none_after, frequent_before + frequent_after);
    none_before > 0 && none_after > 0 && frequent * 4 < frequent + none
}

/// A power of two near the square root.
fn rough_root(mut number: usize) -> usize {
    let mut root = 1;
    while number > 0 {
        root <<= 1;
        number >>= 2;
    }
    root
}

/// The lines that are searched.
struct Sides {
    old: Vec<u32>,
    new: Vec<u32>,
}

/// A part of the two sides: a rectangle the path crosses from corner to corner.
#[derive(Clone, Debug)]
struct Area {
    old: Range<isize>,
    new: Range<isize>,
    /// Only the shortest path will do.
    exact: bool,
}

/// A point on the path, and whether the parts before and after it want an exact search.
struct Split {
    old: isize,
    new: isize,
    exact: (bool, bool),
}

impl Sides {
    fn same(&self, old: isize, new: isize) -> bool {
        // A negative number becomes one beyond every end.
        match (self.old.get(old as usize), self.new.get(new as usize)) {
            (Some(old), Some(new)) => old == new,
            _ => false,
        }
    }

    /// The areas in which nothing matches any more: one of their sides is empty.
    fn unmatched(&self) -> Vec<Area> {
        let (old, new) = (self.old.len() as isize, self.new.len() as isize);
        let mut search = Search::new(self);
        let mut found = Vec::new();
        let mut open = vec![Area { old: 0..old, new: 0..new, exact: false }];
        while let Some(area) = open.pop() {
            let area = self.shrunk(area);
            if area.old.is_empty() || area.new.is_empty() {
                found.push(area);
                continue;
            }
            let split = search.split(&area);
            open.push(Area { old: split.old..area.old.end, new: split.new..area.new.end, exact: split.exact.1 });
            open.push(Area { old: area.old.start..split.old, new: area.new.start..split.new, exact: split.exact.0 });
        }
        found
    }

    /// The area without equal lines at its two corners.
    fn shrunk(&self, mut area: Area) -> Area {
        while !area.old.is_empty() && !area.new.is_empty() && self.same(area.old.start, area.new.start) {
            area.old.start += 1;
            area.new.start += 1;
        }
        while !area.old.is_empty() && !area.new.is_empty() && self.same(area.old.end - 1, area.new.end - 1) {
            area.old.end -= 1;
            area.new.end -= 1;
        }
        area
    }
}

/// How far paths from one corner have come, by diagonal (old line minus new line).
struct Front {
    reach: Vec<isize>,
    zero: isize,
    low: isize,
    high: isize,
}

impl Front {
    fn new(sides: &Sides) -> Self {
        let zero = sides.new.len() as isize + 1;
        Self { reach: vec![0; sides.old.len() + sides.new.len() + 3], zero, low: 0, high: 0 }
    }

    fn start(&mut self, diagonal: isize, at: isize) {
        (self.low, self.high) = (diagonal, diagonal);
        self.set(diagonal, at);
    }

    fn at(&self, diagonal: isize) -> isize {
        self.reach[(self.zero + diagonal) as usize]
    }

    fn set(&mut self, diagonal: isize, at: isize) {
        self.reach[(self.zero + diagonal) as usize] = at;
    }

    /// One diagonal more on each side; at the border of the area one less, which keeps the parity.
    fn widen(&mut self, lowest: isize, highest: isize, outside: isize) {
        if self.low > lowest {
            self.low -= 1;
            self.set(self.low - 1, outside);
        } else {
            self.low += 1;
        }
        if self.high < highest {
            self.high += 1;
            self.set(self.high + 1, outside);
        } else {
            self.high -= 1;
        }
    }

    fn covers(&self, diagonal: isize) -> bool {
        self.low <= diagonal && diagonal <= self.high
    }

    /// Every second diagonal, from the highest down.
    fn diagonals(&self) -> Diagonals {
        Diagonals { next: self.high, low: self.low }
    }
}

/// Plain counting: the standard library's inclusive ranges cost a third of the search.
struct Diagonals {
    next: isize,
    low: isize,
}

impl Iterator for Diagonals {
    type Item = isize;

    fn next(&mut self) -> Option<isize> {
        let diagonal = self.next;
        self.next -= 2;
        (diagonal >= self.low).then_some(diagonal)
    }
}

struct Search<'a> {
    sides: &'a Sides,
    forward: Front,
    backward: Front,
    most: isize,
}

impl<'a> Search<'a> {
    fn new(sides: &'a Sides) -> Self {
        let diagonals = sides.old.len() + sides.new.len() + 3;
        let most = (rough_root(diagonals) as isize).max(256);
        Self { sides, forward: Front::new(sides), backward: Front::new(sides), most }
    }

    /// Finds where to divide an area: the middle of its shortest path, or a good place when that takes too long.
    fn split(&mut self, area: &Area) -> Split {
        let lowest = area.old.start - area.new.end;
        let highest = area.old.end - area.new.start;
        let (first, last) = (area.old.start - area.new.start, area.old.end - area.new.end);
        let odd = (first - last) % 2 != 0;
        self.forward.start(first, area.old.start);
        self.backward.start(last, area.old.end);
        let mut cost = 0;
        loop {
            cost += 1;
            self.forward.widen(lowest, highest, -1);
            let (met, long) = self.forwards(area, odd);
            if let Some(split) = met {
                return split;
            }
            self.backward.widen(lowest, highest, isize::MAX);
            let (met, also_long) = self.backwards(area, odd);
            if let Some(split) = met {
                return split;
            }
            if area.exact {
                continue;
            }
            if (long || also_long)
                && cost > PATIENCE
                && let Some(split) = self.good_start(area, cost, first).or_else(|| self.good_end(area, cost, last))
            {
                return split;
            }
            if cost >= self.most {
                return self.farthest(area);
            }
        }
    }

    /// Moves every path from the start on by one edit and the equal lines after it. Says where paths met, and
    /// whether there was a long run.
    fn forwards(&mut self, area: &Area, odd: bool) -> (Option<Split>, bool) {
        let mut long = false;
        for diagonal in self.forward.diagonals() {
            let (below, above) = (self.forward.at(diagonal - 1), self.forward.at(diagonal + 1));
            let from = if below >= above { below + 1 } else { above };
            let mut at = from;
            while at < area.old.end && at - diagonal < area.new.end && self.sides.same(at, at - diagonal) {
                at += 1;
            }
            long |= at - from > LONG_RUN;
            self.forward.set(diagonal, at);
            if odd && self.backward.covers(diagonal) && self.backward.at(diagonal) <= at {
                return (Some(Split { old: at, new: at - diagonal, exact: (true, true) }), long);
            }
        }
        (None, long)
    }

    /// The same from the end.
    fn backwards(&mut self, area: &Area, odd: bool) -> (Option<Split>, bool) {
        let mut long = false;
        for diagonal in self.backward.diagonals() {
            let (below, above) = (self.backward.at(diagonal - 1), self.backward.at(diagonal + 1));
            let from = if below < above { below } else { above - 1 };
            let mut at = from;
            while at > area.old.start && at - diagonal > area.new.start && self.sides.same(at - 1, at - diagonal - 1) {
                at -= 1;
            }
            long |= from - at > LONG_RUN;
            self.backward.set(diagonal, at);
            if !odd && self.forward.covers(diagonal) && at <= self.forward.at(diagonal) {
                return (Some(Split { old: at, new: at - diagonal, exact: (true, true) }), long);
            }
        }
        (None, long)
    }

    /// The best path from the start that is far along for its cost and ends with a long run.
    fn good_start(&self, area: &Area, cost: isize, middle: isize) -> Option<Split> {
        let mut best = (GOOD * cost, None);
        for diagonal in self.forward.diagonals() {
            let old = self.forward.at(diagonal);
            let new = old - diagonal;
            let progress = (old - area.old.start) + (new - area.new.start) - (diagonal - middle).abs();
            let inside = (area.old.start + LONG_RUN..area.old.end).contains(&old)
                && (area.new.start + LONG_RUN..area.new.end).contains(&new);
            if progress > best.0 && inside && (1..=LONG_RUN).all(|back| self.sides.same(old - back, new - back)) {
                best = (progress, Some(Split { old, new, exact: (true, false) }));
            }
        }
        best.1
    }

    /// The same from the end.
    fn good_end(&self, area: &Area, cost: isize, middle: isize) -> Option<Split> {
        let mut best = (GOOD * cost, None);
        for diagonal in self.backward.diagonals() {
            let old = self.backward.at(diagonal);
            let new = old - diagonal;
            let progress = (area.old.end - old) + (area.new.end - new) - (diagonal - middle).abs();
            let inside = (area.old.start + 1..=area.old.end - LONG_RUN).contains(&old)
                && (area.new.start + 1..=area.new.end - LONG_RUN).contains(&new);
            if progress > best.0 && inside && (0..LONG_RUN).all(|ahead| self.sides.same(old + ahead, new + ahead)) {
                best = (progress, Some(Split { old, new, exact: (false, true) }));
            }
        }
        best.1
    }

    /// The path that came farthest from either corner.
    fn farthest(&self, area: &Area) -> Split {
        let mut ahead = (-1, -1);
        for diagonal in self.forward.diagonals() {
            let old = self.forward.at(diagonal).min(area.old.end).min(area.new.end + diagonal);
            let sum = 2 * old - diagonal;
            if sum > ahead.0 {
                ahead = (sum, old);
            }
        }
        let mut behind = (isize::MAX, isize::MAX);
        for diagonal in self.backward.diagonals() {
            let old = self.backward.at(diagonal).max(area.old.start).max(area.new.start + diagonal);
            let sum = 2 * old - diagonal;
            if sum < behind.0 {
                behind = (sum, old);
            }
        }
        let left = area.old.end + area.new.end - behind.0;
        if left < ahead.0 - (area.old.start + area.new.start) {
            Split { old: ahead.1, new: ahead.0 - ahead.1, exact: (true, false) }
        } else {
            Split { old: behind.1, new: behind.0 - behind.1, exact: (false, true) }
        }
    }
}
