//! The mouse: wheel and click. Selecting text belongs to the terminal.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::tui::keymap::Place;
use crate::tui::msg::Effect;
use crate::tui::view;

use super::App;

/// Rows a notch of the wheel scrolls.
const NOTCH: i8 = 3;

impl App {
    pub(super) fn mouse_event(&mut self, event: MouseEvent) -> Vec<Effect> {
        if self.popup.is_some() {
            return Vec::new();
        }
        let at = Position::new(event.column, event.row);
        let Some(place) = Place::ALL.into_iter().find(|place| self.screen.pane(*place).contains(at)) else {
            return Vec::new();
        };
        match event.kind {
            MouseEventKind::ScrollUp => self.wheel(place, -NOTCH),
            MouseEventKind::ScrollDown => self.wheel(place, NOTCH),
            MouseEventKind::Down(MouseButton::Left) => return self.click(place, at),
            _ => {}
        }
        Vec::new()
    }

    fn wheel(&mut self, place: Place, rows: i8) {
        match place {
            Place::Chat => self.chat.scroll(isize::from(rows)),
            Place::Diff => self.diff.wheel(isize::from(rows)),
            Place::Log => self.log.step(i64::from(rows)),
            Place::Tasks => {}
        }
    }

    fn click(&mut self, place: Place, at: Position) -> Vec<Effect> {
        self.go(place);
        if place == Place::Diff {
            let areas = view::diff::areas(self, self.screen.pane(Place::Diff));
            if areas.files.contains(at) {
                let row = usize::from(at.y - areas.files.y);
                let file = view::diff::file_at(self, areas.files, row);
                return file.map(|file| self.diff.choose_file(file)).unwrap_or_default();
            }
            if areas.body.contains(at) {
                self.diff.click(usize::from(at.y - areas.body.y));
            }
        }
        Vec::new()
    }
}
