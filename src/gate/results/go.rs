//! `go test -json`: events line by line.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{TestCase, TestStatus};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoEvent {
    action: String,
    #[serde(default, alias = "ImportPath")]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    elapsed: f64,
    #[serde(default)]
    output: String,
}

/// Collects events; what tests print goes on as text.
#[derive(Debug, Default)]
pub(in crate::gate) struct GoEvents {
    cases: BTreeMap<(String, String), TestCase>,
    texts: BTreeMap<(String, String), String>,
    seen: bool,
}

impl GoEvents {
    /// Takes a line; gives the text people read. `None` when the line is no event and is to be shown as it is.
    pub(in crate::gate) fn line(&mut self, line: &str) -> Option<String> {
        let event: GoEvent = serde_json::from_str(line).ok().filter(|_| line.starts_with('{'))?;
        self.seen = true;
        let key = (event.package.clone(), event.test.clone());
        let status = match event.action.as_str() {
            "pass" => TestStatus::Passed,
            "fail" => TestStatus::Failed,
            "skip" => TestStatus::Skipped,
            "output" | "build-output" => {
                let text = self.texts.entry(key).or_default();
                if text.len() < 16 * 1024 {
                    text.push_str(&event.output);
                }
                return Some(event.output);
            }
            _ => return Some(String::new()),
        };
        let text = self.texts.remove(&key).unwrap_or_default();
        // Tests inside tests are part of the outer one; a package fails by itself when it does not build.
        let alone = event.test.is_empty() && status == TestStatus::Failed && !self.failed_in(&event.package);
        if !event.test.is_empty() && !event.test.contains('/') || alone {
            let name = if alone { event.package.clone() } else { format!("{} {}", event.package, event.test) };
            let message = (status != TestStatus::Passed).then_some(text);
            let ms = (event.elapsed * 1000.0) as u64;
            self.cases.insert(key, TestCase { name, status, ms, message, ..TestCase::default() });
        } else if status == TestStatus::Failed {
            // The words of a failed inner test explain the outer one.
            let outer = event.test.split('/').next().unwrap_or_default().to_owned();
            self.texts.entry((event.package, outer)).or_default().push_str(&text);
        }
        Some(String::new())
    }

    fn failed_in(&self, package: &str) -> bool {
        self.cases.iter().any(|((known, _), case)| known == package && case.status == TestStatus::Failed)
    }

    /// All tests, when there were any events.
    pub(in crate::gate) fn finish(self) -> Option<Vec<TestCase>> {
        self.seen.then(|| self.cases.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_tests_and_text() {
        let mut events = GoEvents::default();
        let mut shown = String::new();
        for line in [
            r#"{"Action":"run","Package":"shop","Test":"TestA"}"#,
            r#"{"Action":"output","Package":"shop","Test":"TestA","Output":"=== RUN TestA\n"}"#,
            r#"{"Action":"pass","Package":"shop","Test":"TestA","Elapsed":0.25}"#,
            r#"{"Action":"output","Package":"shop","Test":"TestB/x","Output":"    a_test.go:9: no\n"}"#,
            r#"{"Action":"fail","Package":"shop","Test":"TestB/x","Elapsed":0}"#,
            r#"{"Action":"fail","Package":"shop","Test":"TestB","Elapsed":0}"#,
            r#"{"Action":"fail","Package":"shop","Elapsed":0.3}"#,
            r#"{"Action":"output","Package":"bad","Output":"FAIL bad [build failed]\n"}"#,
            r#"{"Action":"fail","Package":"bad","Elapsed":0}"#,
        ] {
            shown.push_str(&events.line(line).unwrap());
        }
        assert_eq!(events.line("plain text"), None);
        assert!(shown.starts_with("=== RUN TestA\n"));
        let cases = events.finish().unwrap();
        let names: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.status, case.ms)).collect();
        assert_eq!(
            names,
            [
                ("bad", TestStatus::Failed, 0),
                ("shop TestA", TestStatus::Passed, 250),
                ("shop TestB", TestStatus::Failed, 0)
            ]
        );
        assert!(cases[2].message.as_ref().unwrap().contains("a_test.go:9"));
    }
}
