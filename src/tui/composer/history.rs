//! Messages sent before, walked with Up and Down.

/// The messages, the oldest first, and where one is among them.
#[derive(Debug, Default)]
pub struct History {
    messages: Vec<String>,
    at: Option<usize>,
    draft: String,
}

impl History {
    /// Puts older messages before those of this session.
    pub fn prepend(&mut self, mut older: Vec<String>) {
        older.append(&mut self.messages);
        self.messages = older;
    }

    /// A message was sent.
    pub fn push(&mut self, message: String) {
        if self.messages.last() != Some(&message) {
            self.messages.push(message);
        }
        self.at = None;
        self.draft.clear();
    }

    /// A message was cleared without being sent.
    pub fn stash(&mut self, message: String) {
        if !message.trim().is_empty() {
            self.push(message);
        }
    }

    /// The message before; what stands in the composer is kept for the way back.
    pub fn older(&mut self, current: &str) -> Option<String> {
        let next = match self.at {
            None => {
                self.draft = current.to_owned();
                self.messages.len().checked_sub(1)?
            }
            Some(at) => at.checked_sub(1)?,
        };
        self.at = Some(next);
        self.messages.get(next).cloned()
    }

    /// The message after, and at last what stood in the composer.
    pub fn newer(&mut self) -> Option<String> {
        let at = self.at?;
        match self.messages.get(at + 1) {
            Some(message) => {
                self.at = Some(at + 1);
                Some(message.clone())
            }
            None => {
                self.at = None;
                Some(std::mem::take(&mut self.draft))
            }
        }
    }

    /// The newest message that holds a text, after passing over some.
    pub fn find(&self, wanted: &str, skip: usize) -> Option<&str> {
        let wanted = wanted.to_lowercase();
        let mut found = self.messages.iter().rev().filter(|message| message.to_lowercase().contains(&wanted));
        found.nth(skip).map(String::as_str)
    }
}
