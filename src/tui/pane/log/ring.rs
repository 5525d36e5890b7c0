//! The last lines of a log, numbered among those that pass the filter.

use std::collections::VecDeque;

/// Lines that are kept.
const CAPACITY: usize = 50_000;

/// A line, already safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Seconds since the session began.
    pub second: u32,
    /// Which source printed it.
    pub source: usize,
    /// The words.
    pub text: String,
}

/// Lines with a filter. Numbers count the lines that pass, and go on counting when old ones are dropped.
#[derive(Debug, Default)]
pub(super) struct Ring {
    lines: VecDeque<LogLine>,
    dropped: u64,
    /// Absolute numbers of the lines that pass, only kept while there is a filter.
    passing: Option<VecDeque<u64>>,
    passing_dropped: u64,
    filter: String,
    source: Option<usize>,
}

impl Ring {
    pub(super) fn push(&mut self, line: LogLine) {
        let number = self.dropped + self.lines.len() as u64;
        let passes = self.passes(&line);
        self.lines.push_back(line);
        if let Some(passing) = &mut self.passing
            && passes
        {
            passing.push_back(number);
        }
        if self.lines.len() > CAPACITY {
            self.lines.pop_front();
            self.dropped += 1;
            if let Some(passing) = &mut self.passing
                && passing.front().is_some_and(|first| *first < self.dropped)
            {
                passing.pop_front();
                self.passing_dropped += 1;
            }
        }
    }

    fn passes(&self, line: &LogLine) -> bool {
        self.source.is_none_or(|source| source == line.source)
            && (self.filter.is_empty() || line.text.to_lowercase().contains(&self.filter.to_lowercase()))
    }

    fn sift(&mut self) {
        self.passing_dropped = 0;
        self.passing = (self.source.is_some() || !self.filter.is_empty()).then(|| {
            let numbered = self.lines.iter().enumerate();
            numbered.filter(|(_, line)| self.passes(line)).map(|(index, _)| self.dropped + index as u64).collect()
        });
    }

    pub(super) fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.sift();
    }

    pub(super) fn show_source(&mut self, source: Option<usize>) {
        self.source = source;
        self.sift();
    }

    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    pub(super) fn source(&self) -> Option<usize> {
        self.source
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.passing.as_ref().map_or(self.lines.len(), VecDeque::len)
    }

    /// The number of the first line that passes.
    pub(super) fn first(&self) -> u64 {
        if self.passing.is_some() { self.passing_dropped } else { self.dropped }
    }

    /// One past the number of the last line that passes.
    pub(super) fn end(&self) -> u64 {
        self.first() + self.len() as u64
    }

    /// The lines from a number on.
    pub(super) fn window(&self, top: u64, height: usize) -> Vec<(u64, &LogLine)> {
        let start = top.saturating_sub(self.first());
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        (start..self.len().min(start.saturating_add(height)))
            .filter_map(|index| {
                let line = match &self.passing {
                    None => self.lines.get(index)?,
                    Some(passing) => {
                        let number = passing.get(index)?.checked_sub(self.dropped)?;
                        self.lines.get(usize::try_from(number).ok()?)?
                    }
                };
                Some((self.first() + index as u64, line))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_and_their_numbers() {
        let mut ring = Ring::default();
        for number in 0..CAPACITY + 10 {
            ring.push(LogLine { second: 0, source: number % 2, text: format!("n{number}") });
        }
        assert_eq!((ring.first(), ring.len()), (10, CAPACITY));
        assert_eq!(ring.window(10, 1)[0].1.text, "n10");
        assert_eq!(ring.window(0, 1)[0].1.text, "n10");
        ring.show_source(Some(1));
        assert_eq!(ring.len(), CAPACITY / 2);
        assert_eq!(ring.window(0, 1)[0].1.text, "n11");
        ring.push(LogLine { second: 0, source: 1, text: "x".to_owned() });
        ring.push(LogLine { second: 0, source: 1, text: "y".to_owned() });
        assert_eq!(ring.window(ring.end() - 1, 5)[0].1.text, "y");
    }
}
