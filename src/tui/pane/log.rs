//! Output of gates and commands: the last lines of it, one list, filtered as wished.

mod ring;

use std::collections::HashMap;

use crate::domain::{
    CallId, Event, Evidence, Finding, GateStatus, NoteLevel, Progress, Severity, TestCase, TestStatus,
};
use crate::text::{self, StreamSanitizer};
use crate::tui::keymap::{Action, Place};
use crate::tui::msg::Effect;
use crate::tui::popup::Popup;

use super::chat::about;
use ring::Ring;

pub use ring::LogLine;

/// Tools that ask the project's service: what comes of them is shown in whole.
const API: [&str; 4] = ["serve", "http", "api_test", "api_spec"];
/// The source their lines have, whoever called them.
const API_SOURCE: &str = "api";

/// The state of the log pane.
#[derive(Debug, Default)]
pub struct LogPane {
    ring: Ring,
    sources: Vec<Source>,
    calls: HashMap<CallId, String>,
    /// Rows between the end and the last row on screen.
    cursor: Option<u64>,
    top: u64,
    height: usize,
    clock: u32,
}

#[derive(Debug)]
struct Source {
    name: String,
    sanitizer: StreamSanitizer,
    partial: String,
    streamed: bool,
}

impl LogPane {
    /// Sets the seconds since the session began, shown beside new lines.
    pub fn set_clock(&mut self, seconds: u32) {
        self.clock = seconds;
    }

    /// Takes something that happened.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::ToolCalled { call, name, input, .. } => {
                let command = input.get("command").and_then(serde_json::Value::as_str);
                let own = command.is_some_and(|command| command.starts_with("/api"));
                let line = match command {
                    Some(command) => format!("$ {command}"),
                    None if API.contains(&name.as_str()) => format!("{name} {}", about(name, input)),
                    None => return,
                };
                let source = if own || API.contains(&name.as_str()) { API_SOURCE } else { name };
                self.calls.insert(call.clone(), source.to_owned());
                let source = self.source(source);
                self.line(source, &text::sanitize_line(&line));
            }
            Event::ToolReturned { call, ok, output, .. } => {
                if let Some(name) = self.calls.remove(call) {
                    let streamed = self.finish(&name, output);
                    // What a service writes meanwhile is not what came of the call: the exchange, the findings.
                    if streamed && name == API_SOURCE {
                        self.finish(&name, output);
                    }
                    let source = self.source(&name);
                    self.line(source, if *ok { "✓ ended" } else { "✗ failed" });
                }
            }
            Event::GateReported(evidence) => self.gate(evidence),
            Event::Noted { level: NoteLevel::Warning | NoteLevel::Error, text } => {
                let source = self.source("tenon");
                for line in text.lines() {
                    self.line(source, &text::sanitize_line(line));
                }
            }
            _ => {}
        }
    }

    /// Takes output that passes by.
    pub fn progress(&mut self, progress: &Progress) {
        match progress {
            Progress::ToolOutput { call, text } => {
                let name = self.calls.get(call).cloned().unwrap_or_else(|| "tool".to_owned());
                self.output(&name, text);
            }
            Progress::GateOutput { gate, text, .. } => self.output(gate, text),
            _ => {}
        }
    }

    fn gate(&mut self, evidence: &Evidence) {
        self.finish(&evidence.gate, &evidence.log);
        let source = self.source(&evidence.gate);
        for finding in &evidence.findings {
            self.line(source, &finding_words(finding));
        }
        for case in evidence.cases.iter().filter(|case| case.status == TestStatus::Failed || case.flaky) {
            self.line(source, &case_words(case));
        }
        self.line(source, &gate_words(evidence));
    }

    fn source(&mut self, name: &str) -> usize {
        let name = text::sanitize_line(name);
        if let Some(index) = self.sources.iter().position(|source| source.name == name) {
            return index;
        }
        self.sources.push(Source {
            name: name.into_owned(),
            sanitizer: StreamSanitizer::new(),
            partial: String::new(),
            streamed: false,
        });
        self.sources.len() - 1
    }

    fn output(&mut self, name: &str, piece: &str) {
        let index = self.source(name);
        let Some(source) = self.sources.get_mut(index) else { return };
        source.streamed = true;
        let safe = source.sanitizer.push(piece.as_bytes());
        source.partial.push_str(&safe);
        if let Some(end) = source.partial.rfind('\n') {
            let rest = source.partial.split_off(end + 1);
            let whole = std::mem::replace(&mut source.partial, rest);
            for line in whole.lines() {
                self.line(index, line);
            }
        }
    }

    /// Ends a stream: shows what has no line end, or everything when nothing was streamed (a session read again).
    /// Whether something was.
    fn finish(&mut self, name: &str, whole: &str) -> bool {
        let index = self.source(name);
        let Some(source) = self.sources.get_mut(index) else { return false };
        let streamed = std::mem::take(&mut source.streamed);
        if streamed {
            let mut rest = std::mem::take(&mut source.partial);
            rest.push_str(&source.sanitizer.finish());
            for line in rest.lines() {
                self.line(index, line);
            }
        } else {
            for line in text::sanitize_output(whole).lines() {
                self.line(index, line);
            }
        }
        streamed
    }

    fn line(&mut self, source: usize, text: &str) {
        self.ring.push(LogLine { second: self.clock, source, text: text::expand_tabs(text, 8).into_owned() });
    }

    /// The name of a line's source.
    pub fn source_name(&self, line: &LogLine) -> &str {
        self.sources.get(line.source).map_or("", |source| source.name.as_str())
    }

    /// How many lines are shown, after filtering.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether nothing was printed yet.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Whether new lines come into view by themselves.
    pub fn follows(&self) -> bool {
        self.cursor.is_none()
    }

    /// What is shown beside the title: the filter and the chosen source.
    pub fn narrowed(&self) -> Option<String> {
        let source = self.ring.source().and_then(|index| self.sources.get(index)).map(|source| source.name.clone());
        let filter = (!self.ring.filter().is_empty()).then(|| format!("/{}", text::sanitize_line(self.ring.filter())));
        match (source, filter) {
            (None, None) => None,
            (a, b) => Some([a, b].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        }
    }

    /// Tells how many rows there are.
    pub fn set_height(&mut self, height: usize) {
        self.height = height;
        self.settle();
    }

    /// The lines on screen with their numbers, and the number of the one under the cursor.
    pub fn visible(&self) -> (Vec<(u64, &LogLine)>, Option<u64>) {
        (self.ring.window(self.top, self.height), self.cursor)
    }

    fn settle(&mut self) {
        let height = self.height.max(1) as u64;
        let (first, end) = (self.ring.first(), self.ring.end());
        match &mut self.cursor {
            None => self.top = end.saturating_sub(height).max(first),
            Some(cursor) => {
                *cursor = (*cursor).clamp(first, end.saturating_sub(1).max(first));
                self.top = self.top.clamp(cursor.saturating_sub(height - 1), *cursor).max(first);
            }
        }
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        let page = i64::try_from(self.height.saturating_sub(2).max(1)).unwrap_or(1);
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::PageDown => self.step(page),
            Action::PageUp => self.step(-page),
            Action::Top => self.step(i64::MIN),
            Action::Bottom => self.cursor = None,
            Action::Follow => {
                self.cursor = if self.cursor.is_some() { None } else { Some(self.ring.end().saturating_sub(1)) };
            }
            Action::NextSource => {
                let next = match self.ring.source() {
                    None if self.sources.is_empty() => None,
                    None => Some(0),
                    Some(index) if index + 1 < self.sources.len() => Some(index + 1),
                    Some(_) => None,
                };
                self.ring.show_source(next);
                self.cursor = None;
            }
            Action::Search => return vec![Effect::Open(Popup::filter(self.ring.filter()))],
            Action::Copy => {
                let (lines, _) = self.visible();
                return vec![Effect::Copy(lines.iter().map(|(_, line)| format!("{}\n", line.text)).collect())];
            }
            Action::Jump => return self.jump(),
            Action::Back => {
                if self.narrowed().is_none() {
                    return vec![Effect::Focus(Place::Chat)];
                }
                self.ring.show_source(None);
                self.ring.set_filter(String::new());
            }
            _ => {}
        }
        self.settle();
        Vec::new()
    }

    /// Scrolls by rows; up is negative. Reaching the end follows it.
    pub fn step(&mut self, by: i64) {
        let end = self.ring.end();
        let from = self.cursor.unwrap_or(if by < 0 { self.top + by.unsigned_abs().min(1) } else { end });
        let to = from.saturating_add_signed(by);
        self.cursor = (to + 1 < end || by < 0 && end > 0).then_some(to.min(end.saturating_sub(1)));
        self.settle();
    }

    /// Shows only lines that hold a text.
    pub fn filter(&mut self, filter: String) {
        self.ring.set_filter(filter);
        self.cursor = None;
        self.settle();
    }

    fn jump(&self) -> Vec<Effect> {
        let (lines, cursor) = self.visible();
        let wanted = lines.iter().rev().find(|(number, _)| cursor.is_none_or(|cursor| *number == cursor));
        match wanted.and_then(|(_, line)| place_in(&line.text)) {
            Some((path, line)) => vec![Effect::Jump { path, line }],
            None => vec![Effect::Status("no file:line in this log line".to_owned())],
        }
    }
}

/// Finds `path:12` or `File "path", line 12` in a line.
fn place_in(text: &str) -> Option<(String, usize)> {
    if let Some((path, rest)) = text.split_once("File \"").and_then(|(_, rest)| rest.split_once('"')) {
        let digits: String =
            rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        return digits.parse().ok().map(|line| (path.to_owned(), line));
    }
    text.split([' ', '(', ')', '[', ']', '"', '\'', ',']).find_map(|word| {
        let mut parts = word.split(':');
        let (path, line) = (parts.next()?, parts.next()?);
        let digits: String = line.chars().take_while(char::is_ascii_digit).collect();
        (path.contains('.') && !path.is_empty()).then(|| digits.parse().ok().map(|line| (path.to_owned(), line)))?
    })
}

/// A finding as a row: where, what, and whether base has it too.
fn finding_words(finding: &Finding) -> String {
    let mark = match finding.severity {
        Severity::Error if !finding.old => "✗",
        Severity::Note => "i",
        _ => "!",
    };
    let rule = finding.rule.as_deref().map(|rule| format!(" [{rule}]")).unwrap_or_default();
    row(mark, finding.path.as_deref(), finding.line, &format!("{}{rule}", finding.message), finding.old)
}

/// A test that failed or did not fail twice, as a row.
fn case_words(case: &TestCase) -> String {
    let first = case.message.as_deref().and_then(|message| message.lines().next()).unwrap_or_default();
    let flaky = if case.flaky { " (flaky: passed when it ran again)" } else { "" };
    let colon = if first.is_empty() { "" } else { ": " };
    let mark = if case.old || case.flaky { "!" } else { "✗" };
    row(mark, case.path.as_deref(), case.line, &format!("{}{flaky}{colon}{first}", case.name), case.old)
}

fn row(mark: &str, path: Option<&str>, line: Option<usize>, words: &str, old: bool) -> String {
    let at = match (path, line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        _ => String::new(),
    };
    let old = if old { " (on base too)" } else { "" };
    text::sanitize_line(&format!("{mark} {at}{words}{old}")).into_owned()
}

/// A gate's result in words: never by colour alone, and what did not run never looks green.
pub fn gate_words(evidence: &Evidence) -> String {
    let name = text::sanitize_line(&evidence.gate);
    let reason = evidence.reason.as_deref().map(|reason| format!(": {}", text::sanitize_line(reason)));
    let time = super::chat::duration(evidence.ms);
    let time = match (evidence.cached, evidence.partial, time.is_empty()) {
        (true, ..) => " cached".to_owned(),
        (false, true, _) => format!(" {time}, so far").replace(" ,", ","),
        (false, false, true) => time,
        (false, false, false) => format!(" {time}"),
    };
    let tests = evidence.tests.map(|tests| match evidence.base_tests {
        Some(base) => format!(" {} (base {})", tests.passed, base.passed),
        None => format!(" {}", tests.passed),
    });
    let tests = tests.unwrap_or_default();
    match evidence.status {
        GateStatus::Pass => format!("✓ {name}{tests}{}{time}", reason.unwrap_or_default()),
        GateStatus::Fail => {
            let failed = evidence.tests.filter(|tests| tests.failed > 0).map(|t| format!(" {} failed", t.failed));
            let failed = failed.unwrap_or_else(|| " failed".to_owned());
            format!("✗ {name}{failed}{}{time}", reason.unwrap_or_default())
        }
        GateStatus::NotRun => format!("– {name} not run{}", reason.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pane: &LogPane) -> Vec<String> {
        pane.visible().0.into_iter().map(|(_, line)| line.text.clone()).collect()
    }

    fn output(pane: &mut LogPane, text: &str) {
        let progress = Progress::GateOutput { proposal: "p1".into(), gate: "tests".to_owned(), text: text.to_owned() };
        pane.progress(&progress);
    }

    #[test]
    fn output_in_pieces_becomes_lines_without_control_characters() {
        let mut pane = LogPane::default();
        pane.set_height(10);
        for piece in ["one\ntw", "o \u{1b}[3", "1mred\u{1b}[0m\n\u{1b}]0;title\u{7}x\n"] {
            output(&mut pane, piece);
        }
        pane.set_height(10);
        let lines = shown(&pane);
        assert_eq!(&lines[..2], ["one", "two red"]);
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
    }

    #[test]
    fn follows_until_somebody_scrolls_and_filters() {
        let mut pane = LogPane::default();
        pane.set_height(3);
        for number in 0..20 {
            output(&mut pane, &format!("line {number}\n"));
        }
        pane.set_height(3);
        assert_eq!(shown(&pane), ["line 17", "line 18", "line 19"]);
        pane.act(Action::Up);
        output(&mut pane, "line 20\n");
        pane.set_height(3);
        assert!(!pane.follows());
        assert!(!shown(&pane).contains(&"line 20".to_owned()));
        pane.filter("1".to_owned());
        assert_eq!(shown(&pane), ["line 17", "line 18", "line 19"]);
        pane.filter("line 2".to_owned());
        assert_eq!(shown(&pane), ["line 2", "line 20"]);
        pane.act(Action::Top);
        pane.act(Action::Back);
        assert_eq!(pane.len(), 21);
    }

    #[test]
    fn finds_the_place_behind_a_failure() {
        for (text, expected) in [
            ("  File \"tests/test_a.py\", line 12, in test", Some(("tests/test_a.py", 12))),
            ("src/lib.rs:40:5: error", Some(("src/lib.rs", 40))),
            ("(main.go:7)", Some(("main.go", 7))),
            ("12:04:31 all good", None),
            ("", None),
        ] {
            assert_eq!(place_in(text), expected.map(|(path, line)| (path.to_owned(), line)), "{text}");
        }
    }
}
