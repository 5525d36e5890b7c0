//! Runs of changes moved to where they read best.
//!
//! When a run of added lines ends with the line that stands before it, the run can be moved up by one and mean the
//! same. git moves runs so that they line up with a run in the other version, or else to the place whose indentation
//! and blank lines look most like a border; the hunks are git's own only if we choose the same place. The weights
//! are those git arrived at by rating real diffs by hand (`diff.indentHeuristic`).

use super::lines::Numbered;
use super::script::Changed;

/// A run is rated at this many places at most.
const FARTHEST: usize = 100;
/// Deeper indentation counts as this.
const DEEPEST: i32 = 200;
/// More blank lines count as this.
const MOST_BLANKS: i32 = 20;

/// Slides the runs of both versions.
pub(super) fn slide(changed: &mut Changed, numbered: &Numbered, old: &[&[u8]], new: &[&[u8]]) {
    Slider::new(&mut changed.old, &changed.new, &numbered.old, old).slide();
    Slider::new(&mut changed.new, &changed.old, &numbered.new, new).slide();
}

/// A run of marks, possibly empty: between any two unchanged lines lies exactly one.
#[derive(Clone, Copy, Default)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn first(marks: &[bool]) -> Self {
        Self { start: 0, end: end_of(marks, 0) }
    }

    fn next(self, marks: &[bool]) -> Option<Self> {
        (self.end < marks.len()).then(|| Self { start: self.end + 1, end: end_of(marks, self.end + 1) })
    }

    fn previous(self, marks: &[bool]) -> Option<Self> {
        let end = self.start.checked_sub(1)?;
        Some(Self { start: start_of(marks, end), end })
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn len(self) -> usize {
        self.end - self.start
    }
}

fn end_of(marks: &[bool], from: usize) -> usize {
    from + marks.get(from..).map_or(0, |rest| rest.iter().take_while(|mark| **mark).count())
}

fn start_of(marks: &[bool], to: usize) -> usize {
    to - marks[..to].iter().rev().take_while(|mark| **mark).count()
}

/// Slides the runs of one version, keeping step with the runs of the other.
struct Slider<'a> {
    marks: &'a mut [bool],
    other_marks: &'a [bool],
    numbers: &'a [u32],
    lines: &'a [&'a [u8]],
    group: Group,
    other: Group,
}

impl<'a> Slider<'a> {
    fn new(marks: &'a mut [bool], other_marks: &'a [bool], numbers: &'a [u32], lines: &'a [&'a [u8]]) -> Self {
        let (group, other) = (Group::first(marks), Group::first(other_marks));
        Self { marks, other_marks, numbers, lines, group, other }
    }

    fn slide(&mut self) {
        loop {
            if !self.group.is_empty() {
                self.settle();
            }
            match (self.group.next(self.marks), self.other.next(self.other_marks)) {
                (Some(group), Some(other)) => (self.group, self.other) = (group, other),
                _ => return,
            }
        }
    }

    /// Finds how far the run can go, swallowing runs it bumps into, and leaves it at the best place.
    fn settle(&mut self) {
        let (earliest, matching) = loop {
            let size = self.group.len();
            let mut matching = false;
            while self.up() {}
            let earliest = self.group.end;
            matching |= !self.other.is_empty();
            while self.down() {
                matching |= !self.other.is_empty();
            }
            if self.group.len() == size {
                break (earliest, matching);
            }
        };
        if self.group.end == earliest {
            return;
        }
        if matching {
            while self.other.is_empty() && self.up() {}
            return;
        }
        let best = self.best_end(earliest);
        while self.group.end > best && self.up() {}
    }

    fn up(&mut self) -> bool {
        let Group { start, end } = self.group;
        if start == 0 || self.numbers[start - 1] != self.numbers[end - 1] {
            return false;
        }
        self.marks[start - 1] = true;
        self.marks[end - 1] = false;
        self.group = Group { start: start_of(self.marks, start - 1), end: end - 1 };
        self.other = self.other.previous(self.other_marks).unwrap_or(self.other);
        true
    }

    fn down(&mut self) -> bool {
        let Group { start, end } = self.group;
        if end >= self.numbers.len() || self.numbers[start] != self.numbers[end] {
            return false;
        }
        self.marks[start] = false;
        self.marks[end] = true;
        self.group = Group { start: start + 1, end: end_of(self.marks, end + 1) };
        self.other = self.other.next(self.other_marks).unwrap_or(self.other);
        true
    }

    /// Where the run, now as far down as it goes, should end.
    fn best_end(&self, earliest: usize) -> usize {
        let Group { end, .. } = self.group;
        let size = self.group.len();
        let from = earliest.max(end.saturating_sub(size + 1)).max(end.saturating_sub(FARTHEST));
        let mut best: Option<(usize, Badness)> = None;
        for candidate in from..=end {
            let mut badness = Badness::default();
            badness.add(&Border::at(self.lines, candidate));
            badness.add(&Border::at(self.lines, candidate - size));
            if best.as_ref().is_none_or(|(_, least)| badness.compare(least) <= 0) {
                best = Some((candidate, badness));
            }
        }
        best.map_or(end, |(candidate, _)| candidate)
    }
}

/// The surroundings of a place between two lines.
struct Border {
    end_of_file: bool,
    /// Indentation of the line after the place; `None` when it is blank or there is none.
    indent: Option<i32>,
    blanks_before: i32,
    indent_before: Option<i32>,
    blanks_after: i32,
    indent_after: Option<i32>,
}

impl Border {
    fn at(lines: &[&[u8]], place: usize) -> Self {
        let (blanks_before, indent_before) = first_text(lines[..place].iter().rev());
        let (blanks_after, indent_after) = first_text(lines.get(place + 1..).unwrap_or_default().iter());
        Self {
            end_of_file: place >= lines.len(),
            indent: lines.get(place).and_then(|line| indentation(line)),
            blanks_before,
            indent_before,
            blanks_after,
            indent_after,
        }
    }
}

/// How many blank lines come first, and the indentation of the line that follows them.
fn first_text<'a>(lines: impl Iterator<Item = &'a &'a [u8]>) -> (i32, Option<i32>) {
    let mut blanks = 0;
    for line in lines {
        if let Some(indent) = indentation(line) {
            return (blanks, Some(indent));
        }
        blanks += 1;
        if blanks == MOST_BLANKS {
            return (blanks, Some(0));
        }
    }
    (blanks, None)
}

/// Columns of white space at the start; `None` for a blank line.
fn indentation(line: &[u8]) -> Option<i32> {
    let mut columns = 0;
    for byte in line {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += 8 - columns % 8,
            b'\n' | b'\r' | 0x0B | 0x0C => {}
            _ => return Some(columns),
        }
        if columns >= DEEPEST {
            return Some(DEEPEST);
        }
    }
    None
}

/// How bad a place for a border is.
#[derive(Default)]
struct Badness {
    indent: i32,
    penalty: i32,
}

impl Badness {
    fn add(&mut self, border: &Border) {
        if border.indent_before.is_none() && border.blanks_before == 0 {
            self.penalty += 1;
        }
        if border.end_of_file {
            self.penalty += 21;
        }
        let blanks_after = if border.indent.is_none() { 1 + border.blanks_after } else { 0 };
        let blanks = border.blanks_before + blanks_after;
        self.penalty += -30 * blanks + 6 * blanks_after;
        let indent = border.indent.or(border.indent_after);
        self.indent += indent.unwrap_or(-1);
        if let (Some(indent), Some(before)) = (indent, border.indent_before) {
            self.penalty += step(indent, before, border.indent_after, blanks != 0);
        }
    }

    /// Negative when this is the better one.
    fn compare(&self, other: &Self) -> i32 {
        60 * (self.indent - other.indent).signum() + self.penalty - other.penalty
    }
}

/// What the step from the indentation before to the one after says.
fn step(indent: i32, before: i32, after: Option<i32>, blanks: bool) -> i32 {
    let (plain, with_blanks) = match indent.cmp(&before) {
        std::cmp::Ordering::Equal => (0, 0),
        std::cmp::Ordering::Greater => (-4, 10),
        // Less than before, but more follows: `} else {`. Otherwise the end of a block.
        std::cmp::Ordering::Less if after.is_some_and(|after| after > indent) => (24, 17),
        std::cmp::Ordering::Less => (23, 17),
    };
    if blanks { with_blanks } else { plain }
}
