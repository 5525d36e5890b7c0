//! Going back to before a message.

use crate::domain::MessageId;

use super::item::Item;
use super::{ChatPane, Stream};

impl ChatPane {
    /// The messages that were said, oldest first.
    pub fn messages(&self) -> Vec<(MessageId, String)> {
        let text = |entry: usize| match self.entries.get(entry).map(|entry| &entry.item) {
            Some(Item::User { text }) => Some(text.clone()),
            _ => None,
        };
        self.marks.iter().filter_map(|(message, entry)| Some((message.clone(), text(*entry)?))).collect()
    }

    /// Drops a message and all that came after it. Returns its words.
    pub fn rewound(&mut self, message: &MessageId) -> Option<String> {
        let place = self.marks.iter().rposition(|(known, _)| known == message)?;
        let entry = self.marks.get(place)?.1;
        let words = self.messages().get(place).map(|(_, text)| text.clone());
        self.marks.truncate(place);
        self.entries.truncate(entry);
        self.layouts.truncate(entry);
        self.calls.retain(|_, index| *index < entry);
        self.waiting.retain(|index| *index < entry);
        self.visible.clear();
        self.queued.clear();
        self.stream = Stream::default();
        (self.top, self.resting, self.pending_scroll) = (None, None, 0);
        words
    }
}
