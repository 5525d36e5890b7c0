//! Finds the rows to show, laying out no more than them.

use super::{ChatPane, Frame, Layout, Look, layout};

/// Layouts that are kept; beyond it those far from the screen are dropped.
const KEPT: usize = 400;

impl ChatPane {
    /// Scrolls with the next frame; up is negative.
    pub fn scroll(&mut self, rows: isize) {
        self.pending_scroll = self.pending_scroll.saturating_add(rows);
    }

    /// Scrolls by pages with the next frame.
    pub fn scroll_pages(&mut self, pages: isize) {
        let page = isize::try_from(self.height.saturating_sub(2).max(1)).unwrap_or(1);
        self.scroll(pages * page);
    }

    /// Goes to the beginning.
    pub fn to_top(&mut self) {
        self.top = Some((0, 0));
        self.pending_scroll = 0;
    }

    /// Goes to the end and follows it.
    pub fn to_bottom(&mut self) {
        self.top = None;
        self.pending_scroll = 0;
    }

    /// Whether new rows come into view by themselves.
    pub fn follows(&self) -> bool {
        self.top.is_none()
    }

    /// Lays out what a frame needs and remembers which rows it shows.
    pub fn prepare(&mut self, frame: Frame<'_>) {
        self.flush_stream();
        self.height = frame.height;
        let scroll = std::mem::take(&mut self.pending_scroll);
        self.paged = scroll.unsigned_abs() > frame.height / 2;
        if scroll != 0 {
            let top = self.top.unwrap_or_else(|| self.bottom_anchor(frame));
            self.top = Some(self.moved(top, scroll, frame));
        }
        if let Some(top) = self.top {
            let top = (top.0.min(self.entries.len().saturating_sub(1)), top.1);
            self.collect_from(top, frame);
            if self.visible.len() < frame.height {
                self.top = None;
            }
        }
        if self.top.is_none() {
            let top = self.following(frame);
            self.collect_from(top, frame);
            self.resting = self.visible.first().copied();
        }
        self.forget();
    }

    /// Lays out the page above for somebody who leafs back, so that the next key finds it there. What is below was shown.
    pub fn look_ahead(&mut self, frame: Frame<'_>) {
        if let Some(top) = self.top.filter(|_| std::mem::take(&mut self.paged)) {
            let page = isize::try_from(frame.height).unwrap_or(0);
            self.moved(top, -page, frame);
        }
    }

    /// The anchor while the end is followed. What is being written grows into free rows and moves up a good piece when
    /// they are full: text that moves with every line cannot be read, and sends the whole pane each time.
    fn following(&mut self, frame: Frame<'_>) -> (usize, usize) {
        let Some(resting) = self.resting.filter(|_| frame.growing) else { return self.bottom_anchor(frame) };
        let resting = (resting.0.min(self.entries.len().saturating_sub(1)), resting.1);
        self.collect_from(resting, frame);
        let last = self.visible.last().copied();
        let end = self.entries.len().checked_sub(1).map(|item| (item, self.height_of(item, frame).saturating_sub(1)));
        if self.visible.len() < frame.height || last == end {
            let bottom = self.bottom_anchor(frame);
            return if self.visible.len() * 2 > frame.height { resting } else { bottom };
        }
        self.bottom_anchor(Frame { height: frame.height - frame.height / 4, ..frame })
    }

    /// The anchor that shows the end of the conversation at the bottom.
    fn bottom_anchor(&mut self, frame: Frame<'_>) -> (usize, usize) {
        let mut missing = frame.height;
        for index in (0..self.entries.len()).rev() {
            let rows = self.height_of(index, frame);
            if rows >= missing {
                return (index, rows - missing);
            }
            missing -= rows;
        }
        (0, 0)
    }

    fn moved(&mut self, (mut item, mut row): (usize, usize), by: isize, frame: Frame<'_>) -> (usize, usize) {
        let mut left = by.unsigned_abs();
        if by < 0 {
            while left > row {
                if item == 0 {
                    return (0, 0);
                }
                left -= row;
                item -= 1;
                row = self.height_of(item, frame);
            }
            (item, row - left)
        } else {
            loop {
                let below = self.height_of(item, frame).saturating_sub(row);
                if left < below || item + 1 >= self.entries.len() {
                    return (item, row + left);
                }
                left -= below;
                (item, row) = (item + 1, 0);
            }
        }
    }

    fn collect_from(&mut self, (first, mut row): (usize, usize), frame: Frame<'_>) {
        self.visible.clear();
        for index in first..self.entries.len() {
            let rows = self.height_of(index, frame);
            while row < rows && self.visible.len() < frame.height {
                self.visible.push((index, row));
                row += 1;
            }
            if self.visible.len() >= frame.height {
                return;
            }
            row = 0;
        }
    }

    fn height_of(&mut self, index: usize, frame: Frame<'_>) -> usize {
        let (Some(entry), Some(slot)) = (self.entries.get(index), self.layouts.get_mut(index)) else { return 0 };
        if let Some(kept) = slot
            && kept.revision == entry.revision
            && kept.open == entry.open
            && kept.width == frame.width
            && kept.theme == frame.theme.name
        {
            return kept.rows.len();
        }
        let rows = layout::rows(entry, Look { width: frame.width, theme: frame.theme, painter: frame.painter });
        let height = rows.len();
        *slot = Some(Layout {
            revision: entry.revision,
            open: entry.open,
            width: frame.width,
            theme: frame.theme.name.clone(),
            rows,
        });
        height
    }

    /// Drops layouts far from the screen once there are many.
    fn forget(&mut self) {
        let (Some((first, _)), Some((last, _))) = (self.visible.first(), self.visible.last()) else { return };
        let near = first.saturating_sub(KEPT / 2)..last + KEPT / 2;
        let window = near.start.saturating_sub(2 * KEPT)..near.end.saturating_add(2 * KEPT).min(self.layouts.len());
        for index in window {
            if !near.contains(&index)
                && let Some(slot) = self.layouts.get_mut(index)
            {
                *slot = None;
            }
        }
    }
}
