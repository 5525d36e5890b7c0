//! What front ends get. A slow one never stops the engine: records wait for it in order, what passes by is dropped.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::domain::{Progress, Record, Update};

/// The way to a front end.
pub struct Outlet {
    sender: mpsc::Sender<Update>,
    waiting: VecDeque<Update>,
}

impl Outlet {
    /// Sends to this channel.
    pub fn new(sender: mpsc::Sender<Update>) -> Self {
        Self { sender, waiting: VecDeque::new() }
    }

    /// A record; never lost while there is a front end.
    pub fn record(&mut self, record: Record) {
        self.push(Update::Record(record));
    }

    /// The last word.
    pub fn fail(&mut self, text: String) {
        self.push(Update::Failed(text));
    }

    /// Something that may be lost.
    pub fn progress(&mut self, progress: Progress) {
        if self.waiting.is_empty() {
            let _ = self.sender.try_send(Update::Progress(progress));
        }
    }

    /// Something waits for the front end.
    pub fn pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends one thing that waits, as soon as there is room.
    pub async fn flush(&mut self) {
        match self.sender.reserve().await {
            Ok(room) => {
                if let Some(update) = self.waiting.pop_front() {
                    room.send(update);
                }
            }
            // The front end is gone; everything is in the journal anyway.
            Err(_) => self.waiting.clear(),
        }
    }

    fn push(&mut self, update: Update) {
        if !self.waiting.is_empty() {
            self.waiting.push_back(update);
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(update)) = self.sender.try_send(update) {
            self.waiting.push_back(update);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64) -> Record {
        Record { v: 1, seq, at: jiff::Timestamp::UNIX_EPOCH, event: crate::domain::Event::Unknown }
    }

    #[tokio::test]
    async fn records_keep_their_order_and_none_is_lost_however_slow_the_reader_is() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut outlet = Outlet::new(sender);
        for seq in 1..=10 {
            outlet.record(record(seq));
            outlet.progress(Progress::Restarted);
        }
        let mut seen = Vec::new();
        while outlet.pending() || !receiver.is_empty() {
            if let Ok(Update::Record(record)) = receiver.try_recv() {
                seen.push(record.seq);
            }
            if outlet.pending() {
                outlet.flush().await;
            }
        }
        assert_eq!(seen, (1..=10).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn a_front_end_that_is_gone_stops_nothing() {
        let (sender, receiver) = mpsc::channel(1);
        let mut outlet = Outlet::new(sender);
        outlet.record(record(1));
        outlet.record(record(2));
        drop(receiver);
        outlet.flush().await;
        assert!(!outlet.pending());
    }
}
