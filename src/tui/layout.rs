//! Where the panes are, by the size of the terminal.

use ratatui::layout::Rect;

use super::keymap::Place;

/// The smallest screen that shows everything.
pub const SMALLEST: (u16, u16) = (60, 15);
/// From this width on three panes fit.
const THREE: u16 = 110;
/// From this width on two panes fit, one over the other.
const TWO: u16 = 80;

/// What is wanted on screen.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The focused pane: always visible.
    pub focus: Place,
    /// The pane beside the chat when there is room for two.
    pub beside: Place,
    /// The focused pane alone.
    pub zoom: bool,
    /// There is a chat.
    pub chat: bool,
}

/// Where everything is. A pane that is not visible has no size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// The whole.
    pub area: Rect,
    /// The first row.
    pub header: Rect,
    /// The last row.
    pub footer: Rect,
    panes: [Rect; 4],
    /// The terminal is too small for anything.
    pub too_small: bool,
}

fn index(place: Place) -> usize {
    match place {
        Place::Chat => 0,
        Place::Diff => 1,
        Place::Log => 2,
        Place::Tasks => 3,
    }
}

impl Screen {
    /// Where a pane is.
    pub fn pane(&self, place: Place) -> Rect {
        self.panes.get(index(place)).copied().unwrap_or_default()
    }

    fn put(&mut self, place: Place, area: Rect) {
        if let Some(slot) = self.panes.get_mut(index(place)) {
            *slot = area;
        }
    }
}

/// Lays the panes out.
pub fn arrange(area: Rect, wish: Wish) -> Screen {
    let mut screen = Screen { area, ..Screen::default() };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        screen.too_small = true;
        return screen;
    }
    screen.header = Rect { height: 1, ..area };
    screen.footer = Rect { y: area.bottom() - 1, height: 1, ..area };
    let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
    // The log gives its place to the tasks while they are wanted.
    let lower = if wish.focus == Place::Tasks { Place::Tasks } else { Place::Log };
    if wish.zoom || area.width < TWO {
        screen.put(wish.focus, body);
    } else if !wish.chat {
        let (upper, under) = cut_rows(body, 70);
        screen.put(Place::Diff, upper);
        screen.put(lower, under);
    } else if area.width >= THREE {
        let (left, right) = cut_columns(body, 39);
        let (upper, under) = cut_rows(right, 70);
        screen.put(Place::Chat, left);
        screen.put(Place::Diff, upper);
        screen.put(lower, under);
    } else {
        // Where the keys go is where the room is wanted.
        let (upper, under) = cut_rows(body, if wish.focus == Place::Chat { 62 } else { 38 });
        screen.put(Place::Chat, upper);
        screen.put(if wish.focus == Place::Chat { wish.beside } else { wish.focus }, under);
    }
    screen
}

fn part(whole: u16, percent: u32) -> u16 {
    u16::try_from(u32::from(whole) * percent / 100).unwrap_or(whole)
}

fn cut_columns(area: Rect, percent: u32) -> (Rect, Rect) {
    let width = part(area.width, percent);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

fn cut_rows(area: Rect, percent: u32) -> (Rect, Rect) {
    let height = part(area.height, percent);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(width: u16, height: u16, focus: Place, zoom: bool) -> Vec<Place> {
        let wish = Wish { focus, beside: Place::Diff, zoom, chat: true };
        let screen = arrange(Rect::new(0, 0, width, height), wish);
        Place::ALL.into_iter().filter(|place| !screen.pane(*place).is_empty()).collect()
    }

    #[test]
    fn panes_follow_the_size_and_the_focused_one_is_always_there() {
        use Place::{Chat, Diff, Log, Tasks};
        for (width, focus, zoom, expected) in [
            (120, Chat, false, vec![Chat, Diff, Log]),
            (120, Tasks, false, vec![Chat, Diff, Tasks]),
            (120, Log, true, vec![Log]),
            (100, Chat, false, vec![Chat, Diff]),
            (100, Log, false, vec![Chat, Log]),
            (79, Diff, false, vec![Diff]),
            (60, Chat, false, vec![Chat]),
            (59, Chat, false, vec![]),
        ] {
            assert_eq!(visible(width, 30, focus, zoom), expected, "{width} {focus:?} {zoom}");
        }
        assert!(visible(120, 14, Chat, false).is_empty());
    }

    #[test]
    fn panes_cover_the_body_without_overlap() {
        for width in 60..200 {
            for height in [15, 24, 40] {
                let wish = Wish { focus: Place::Chat, beside: Place::Log, zoom: false, chat: true };
                let screen = arrange(Rect::new(0, 0, width, height), wish);
                let sum: u32 = Place::ALL.into_iter().map(|place| screen.pane(place).area()).sum();
                assert_eq!(sum, u32::from(width) * u32::from(height - 2));
            }
        }
    }
}
