//! Folds events and progress into the conversation.

use crate::domain::{CallId, Event, MessageId, NoteLevel, Progress, Standing, Thinking, TurnEnd, review_in_words};

use super::item::{Call, CallState, Entry, Item, StepState};
use super::layout::count;
use super::segments::Segment;
use super::{ChatPane, Stream, tool_line};

/// Bytes of a running tool's output that are kept for the conversation; the log pane keeps more.
const OUTPUT_KEPT: usize = 64 * 1024;

impl ChatPane {
    /// Takes something that happened.
    pub fn event(&mut self, event: &Event) {
        if ends_gates(event) {
            self.settle_checks();
        }
        match event {
            Event::UserSaid { message, text, queued: true } => self.queued.push((message.clone(), text.clone())),
            Event::UserSaid { message, text, queued: false } => {
                self.unqueue(message);
                let entry = self.push(Item::User { text: text.clone() });
                self.marks.push((message.clone(), entry));
            }
            Event::Withdrawn { message } => self.unqueue(message),
            Event::AssistantSaid { text, thinking, complete, .. } => self.said(text, thinking, *complete),
            Event::ToolCalled { call, name, input, invalid } => self.called(call, name, input, invalid.as_deref()),
            Event::ToolReturned { call, ok, output, ms } => self.returned(call, *ok, output, *ms),
            Event::PermissionAsked { permission, what, .. } => {
                let index = self.push(Item::Permission { id: permission.clone(), what: what.clone(), allowed: None });
                self.waiting.push(index);
            }
            Event::PermissionGiven { permission, allowed, .. } => self.permitted(permission, *allowed),
            Event::Proposed { proposal } => self.proposed(proposal),
            Event::GateReported(evidence) => self.checked(evidence),
            Event::Committed { oid, message, .. } => {
                let subject = message.lines().next().unwrap_or_default();
                let short = oid.get(..7).unwrap_or(oid);
                self.push(Item::Fact(format!("committed {short} {subject}; u in the diff takes it back")));
            }
            Event::Undone { oid, redo, .. } => {
                let what = if *redo { "brought again" } else { "taken back" };
                self.push(Item::Fact(format!("{what}: {}", oid.get(..7).unwrap_or(oid))));
            }
            Event::Applied { paths, .. } => {
                self.push(Item::Fact(format!("{} written to your tree", count(paths.len(), "file"))));
            }
            Event::Delegated { agent, task, .. } => {
                self.push(Item::Fact(format!("delegated to {agent}: {task}")));
            }
            Event::Compacted { before, after, .. } => {
                self.note(NoteLevel::Info, format!("the conversation was compacted: {before} → {after} tokens"));
            }
            Event::StepChecked { step, check, ok, reason, .. } => self.step_checked(*step, check, *ok, reason),
            Event::SelfReviewed { items, .. } => {
                let open = items.iter().any(|item| item.standing == Standing::Open);
                let level = if open { NoteLevel::Warning } else { NoteLevel::Info };
                self.note(level, format!("self-review: {}", review_in_words(items)));
            }
            Event::TurnEnded { reason, detail, .. } => self.ended(*reason, detail.clone()),
            Event::Noted { level, text } => self.note(*level, text.clone()),
            _ => {}
        }
    }

    /// Takes something that passes by.
    pub fn progress(&mut self, progress: &Progress) {
        match progress {
            Progress::Text { text } => self.text(text),
            Progress::Thinking { text } => self.thinking(text),
            Progress::ToolOutput { call, text } => {
                if let Some(index) = self.calls.get(call).copied() {
                    self.change(index, |item| {
                        if let Item::Tool(call) = item {
                            append(&mut call.output, text);
                        }
                    });
                }
            }
            Progress::Restarted => self.restart(),
            Progress::GateOutput { .. } | Progress::Waiting { .. } => {}
        }
    }

    /// Shows what came of the session, from its beginning.
    pub fn report(&mut self, text: String) {
        let item = self.push(Item::Report(text));
        self.top = Some((item, 0));
    }

    /// Shows a note of the screen's own.
    pub fn note(&mut self, level: NoteLevel, text: String) {
        self.push(Item::Note { level, text });
    }

    fn unqueue(&mut self, message: &MessageId) {
        self.queued.retain(|(queued, _)| queued != message);
    }

    fn text(&mut self, piece: &str) {
        self.end_thinking();
        if self.stream.text.is_empty() {
            self.runs += 1;
        }
        self.stream.text.push_str(piece);
        self.stream.dirty = true;
    }

    /// Makes items of what was streamed since the last time. Once a frame, not once a piece.
    pub(super) fn flush_stream(&mut self) {
        if !std::mem::take(&mut self.stream.dirty) {
            return;
        }
        let finished = self.stream.segmenter.finished(&self.stream.text);
        for segment in &finished {
            self.put_tail(segment);
            self.stream.tail = None;
        }
        let rest = self.stream.segmenter.rest(&self.stream.text);
        if !rest.range.is_empty() {
            self.put_tail(&rest);
        }
    }

    /// Puts a segment where the stream grows, making a new item when the last one is finished.
    fn put_tail(&mut self, segment: &Segment) {
        let text = self.stream.text.get(segment.range.clone()).unwrap_or_default().to_owned();
        match self.stream.tail {
            Some(index) => self.change(index, |item| {
                if let Item::Answer { text: shown, .. } = item {
                    *shown = text;
                }
            }),
            None => {
                let item = Item::Answer { text, inside: segment.inside.clone(), apart: segment.apart, run: self.runs };
                self.stream.tail = Some(self.push_entry(item));
            }
        }
    }

    /// Something else is shown below a growing answer: what comes next begins a new item.
    pub(super) fn close_tail(&mut self) {
        self.flush_stream();
        if self.stream.tail.take().is_some() {
            let end = self.stream.text.len();
            self.stream.segmenter.settle(end);
        }
    }

    fn thinking(&mut self, piece: &str) {
        match self.stream.thinking {
            Some(index) => self.change(index, |item| {
                if let Item::Thinking { text, .. } = item {
                    text.push_str(piece);
                }
            }),
            None => self.stream.thinking = Some(self.push(Item::Thinking { text: piece.to_owned(), done: false })),
        }
    }

    fn end_thinking(&mut self) {
        if let Some(index) = self.stream.thinking.take() {
            self.change(index, |item| {
                if let Item::Thinking { done, .. } = item {
                    *done = true;
                }
            });
        }
    }

    fn said(&mut self, text: &str, thinking: &[Thinking], complete: bool) {
        let streamed = !self.stream.text.is_empty() || self.stream.thinking.is_some();
        self.end_thinking();
        if !streamed {
            for thought in thinking.iter().filter(|thought| !thought.text.trim().is_empty()) {
                self.push(Item::Thinking { text: thought.text.clone(), done: true });
            }
        }
        if self.stream.text != text {
            self.drop_run();
            self.stream = Stream::default();
            if !text.is_empty() {
                self.text(text);
            }
        }
        self.flush_stream();
        self.stream = Stream::default();
        if !complete {
            self.note(NoteLevel::Warning, "the answer was cut off here".to_owned());
        }
    }

    fn restart(&mut self) {
        self.drop_run();
        self.end_thinking();
        self.stream = Stream::default();
    }

    /// Takes the pieces of the growing answer out again.
    fn drop_run(&mut self) {
        self.stream.dirty = false;
        if self.stream.text.is_empty() {
            return;
        }
        let run = self.runs;
        let keep: Vec<bool> =
            self.entries.iter().map(|entry| !matches!(&entry.item, Item::Answer { run: r, .. } if *r == run)).collect();
        let mut flags = keep.iter();
        self.entries.retain(|_| flags.next().copied().unwrap_or(true));
        let mut flags = keep.iter();
        self.layouts.retain(|_| flags.next().copied().unwrap_or(true));
        let moved = |index: usize| keep.iter().take(index).filter(|keep| **keep).count();
        for index in self.calls.values_mut().chain(&mut self.waiting) {
            *index = moved(*index);
        }
        self.top = self.top.map(|(item, row)| (moved(item), row));
    }

    fn called(&mut self, call: &CallId, name: &str, input: &serde_json::Value, invalid: Option<&str>) {
        let item = match name {
            "plan" if invalid.is_none() => {
                let steps = self.with_checks(tool_line::steps(input));
                if let Some(index) = self.last_plan() {
                    self.change(index, |item| *item = Item::Plan(steps));
                    return;
                }
                Item::Plan(steps)
            }
            "ask" if invalid.is_none() => {
                let (text, options) = tool_line::question(input);
                Item::Question { call: call.clone(), text, options, answered: false }
            }
            _ => Item::Tool(Call {
                name: name.to_owned(),
                about: invalid.map_or_else(|| tool_line::about(name, input), |_| "arguments cut off".to_owned()),
                state: CallState::Running,
                counts: tool_line::counts(name, input),
                output: String::new(),
            }),
        };
        let asks = matches!(item, Item::Question { .. });
        let index = self.push(item);
        self.calls.insert(call.clone(), index);
        if asks {
            self.waiting.push(index);
        }
    }

    /// The plan said anew: what was seen to be done stays so as long as it is still said to be.
    fn with_checks(&self, mut steps: Vec<(String, StepState)>) -> Vec<(String, StepState)> {
        let known = self.last_plan().and_then(|index| self.entries.get(index));
        let Some(Item::Plan(known)) = known.map(|entry| &entry.item) else { return steps };
        for step in steps.iter_mut().filter(|(_, state)| *state == StepState::Done) {
            if known.contains(&(step.0.clone(), StepState::Checked)) {
                step.1 = StepState::Checked;
            }
        }
        steps
    }

    fn step_checked(&mut self, number: usize, check: &str, ok: bool, reason: &str) {
        let Some(index) = self.last_plan() else { return };
        self.change(index, |item| {
            let Item::Plan(steps) = item else { return };
            if let Some((_, state)) = number.checked_sub(1).and_then(|at| steps.get_mut(at)) {
                *state = if ok { StepState::Checked } else { StepState::Refuted };
            }
        });
        if !ok {
            self.note(NoteLevel::Warning, format!("step {number} is not done: `{check}` {reason}"));
        }
    }

    /// The plan to bring up to date: the last one since the user spoke.
    fn last_plan(&self) -> Option<usize> {
        let since = self.entries.iter().rposition(|entry| matches!(entry.item, Item::User { .. }));
        let found = self.entries.iter().rposition(|entry| matches!(entry.item, Item::Plan(_)))?;
        since.is_none_or(|since| found > since).then_some(found)
    }

    fn returned(&mut self, call: &CallId, ok: bool, output: &str, ms: u64) {
        let Some(index) = self.calls.get(call).copied() else { return };
        self.change(index, |item| match item {
            Item::Tool(call) => {
                call.state = if ok { CallState::Done { ms } } else { CallState::Failed { ms } };
                // A file written anew may be the old one but for a line: the tool has counted what its input cannot tell.
                call.counts = tool_line::counted(&call.name, output).or(call.counts);
                call.output.clear();
                append(&mut call.output, output);
            }
            Item::Question { answered, .. } => *answered = true,
            _ => {}
        });
    }

    fn permitted(&mut self, permission: &crate::domain::PermissionId, given: bool) {
        let index = self.waiting.iter().copied().find(|index| {
            matches!(self.entries.get(*index).map(|entry| &entry.item), Some(Item::Permission { id, .. }) if id == permission)
        });
        if let Some(index) = index {
            self.waiting.retain(|waiting| *waiting != index);
            self.change(index, |item| {
                if let Item::Permission { allowed, .. } = item {
                    *allowed = Some(given);
                }
            });
        }
    }

    /// The end of a turn answers every question that was still open: nobody waits any more.
    fn ended(&mut self, reason: TurnEnd, detail: Option<String>) {
        self.flush_stream();
        self.end_thinking();
        self.stream = Stream::default();
        for index in std::mem::take(&mut self.waiting) {
            self.change(index, |item| match item {
                Item::Permission { allowed, .. } => *allowed = allowed.or(Some(false)),
                Item::Question { answered, .. } => *answered = true,
                _ => {}
            });
        }
        // The engine has often said the same as a note just before.
        let noted = |entry: &Entry| matches!((&entry.item, &detail), (Item::Note { text, .. }, Some(detail)) if text.starts_with(detail.as_str()));
        if self.entries.iter().rev().take(3).any(noted) && reason == TurnEnd::Failed {
            return;
        }
        if reason != TurnEnd::Done || detail.is_some() {
            self.push(Item::Ended { reason, detail });
        }
    }
}

/// Appends output, keeping only its end.
/// Whether something happens only once the gates that ran have ended.
fn ends_gates(event: &Event) -> bool {
    matches!(
        event,
        Event::AssistantSaid { .. }
            | Event::Decided { .. }
            | Event::Proposed { .. }
            | Event::SelfReviewed { .. }
            | Event::SentBack { .. }
            | Event::ToolReturned { .. }
            | Event::TurnEnded { .. }
            | Event::TurnStarted { .. }
    )
}

fn append(output: &mut String, piece: &str) {
    output.push_str(piece);
    if output.len() > 2 * OUTPUT_KEPT {
        output.drain(..output.len() - crate::text::tail(output, OUTPUT_KEPT).len());
    }
}
