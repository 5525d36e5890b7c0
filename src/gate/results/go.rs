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
    #[serde(default)]
    failed_build: String,
}

/// Collects events; what tests print goes on as text.
#[derive(Debug, Default)]
pub(in crate::gate) struct GoEvents {
    cases: BTreeMap<(String, String), TestCase>,
    texts: BTreeMap<(String, String), String>,
    /// What the compiler says of a package, in a toolchain that does not make events of it.
    building: Option<(String, String)>,
    seen: bool,
}

/// The most that is kept of what a test prints.
const TEXT: usize = 16 * 1024;
/// What a test program that died leaves behind.
const DIED: [&str; 3] = ["panic: ", "fatal error: ", "signal: "];

impl GoEvents {
    /// Takes a line; gives the text people read. `None` when the line is no event and is to be shown as it is.
    pub(in crate::gate) fn line(&mut self, line: &str) -> Option<String> {
        let Some(event) = serde_json::from_str::<GoEvent>(line).ok().filter(|_| line.starts_with('{')) else {
            self.plain(line);
            return None;
        };
        self.seen = true;
        let key = (event.package.clone(), event.test.clone());
        let status = match event.action.as_str() {
            "pass" => TestStatus::Passed,
            "fail" => TestStatus::Failed,
            "skip" => TestStatus::Skipped,
            "output" | "build-output" => {
                let text = self.texts.entry(key).or_default();
                if text.len() < TEXT {
                    text.push_str(&event.output);
                }
                return Some(event.output);
            }
            _ => return Some(String::new()),
        };
        let mut text = self.texts.remove(&key).unwrap_or_default();
        if !event.failed_build.is_empty() {
            let said = self.texts.remove(&(event.failed_build.clone(), String::new())).unwrap_or_default();
            text.insert_str(0, &said);
        }
        if event.test.is_empty() && status == TestStatus::Failed {
            self.package_failed(&event.package, text);
        } else if !event.test.is_empty() && !event.test.contains('/') {
            let message = (status != TestStatus::Passed).then_some(text);
            let ms = (event.elapsed * 1000.0) as u64;
            let name = format!("{} {}", event.package, event.test);
            self.cases.insert(key, TestCase { name, status, ms, message, ..TestCase::default() });
        } else if status == TestStatus::Failed {
            // Tests inside tests are part of the outer one, and the words of a failed one explain it.
            let outer = event.test.split('/').next().unwrap_or_default().to_owned();
            self.texts.entry((event.package, outer)).or_default().push_str(&text);
        }
        Some(String::new())
    }

    /// A package fails with its tests. When its program died, those that had not ended tell why; when it does not build,
    /// nothing but the package fails.
    fn package_failed(&mut self, package: &str, text: String) {
        let unfinished: Vec<(String, String)> =
            self.texts.keys().filter(|(of, test)| of == package && !test.is_empty()).cloned().collect();
        for key in unfinished {
            let said = self.texts.remove(&key).unwrap_or_default();
            if DIED.iter().any(|words| said.contains(words)) {
                let name = format!("{package} {}", key.1.split('/').next().unwrap_or_default());
                self.fail(key, name, said + &text);
            }
        }
        if !self.failed_in(package) {
            let name = match text.contains("[build failed]") {
                true => format!("{package} [build failed]"),
                false => package.to_owned(),
            };
            self.fail((package.to_owned(), String::new()), name, text);
        }
    }

    fn fail(&mut self, key: (String, String), name: String, message: String) {
        let case = TestCase { name, status: TestStatus::Failed, message: Some(message), ..TestCase::default() };
        self.cases.insert(key, case);
    }

    /// Older toolchains print what does not build beside the events: `# package [package.test]`, the mistakes, and
    /// `FAIL package [build failed]`.
    fn plain(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("# ") {
            let package = rest.split(' ').next().unwrap_or(rest).to_owned();
            self.building = Some((package, format!("{line}\n")));
        } else if let Some(rest) = line.strip_prefix("FAIL\t") {
            let Some(package) = rest.strip_suffix(" [build failed]").or_else(|| rest.strip_suffix(" [setup failed]"))
            else {
                return;
            };
            self.seen = true;
            let said = self.building.take().filter(|(of, _)| of.trim_end_matches("_test") == package);
            let name = format!("{package} [build failed]");
            self.fail((package.to_owned(), String::new()), name, said.map(|(_, said)| said).unwrap_or_default());
        } else if let Some((_, said)) = self.building.as_mut().filter(|(_, said)| said.len() < TEXT) {
            said.push_str(line);
            said.push('\n');
        }
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
                ("bad [build failed]", TestStatus::Failed, 0),
                ("shop TestA", TestStatus::Passed, 250),
                ("shop TestB", TestStatus::Failed, 0)
            ]
        );
        assert!(cases[2].message.as_ref().unwrap().contains("a_test.go:9"));
    }

    fn failed(lines: &[&str]) -> Vec<(String, String)> {
        let mut events = GoEvents::default();
        lines.iter().for_each(|line| _ = events.line(line));
        let cases = events.finish().unwrap_or_default().into_iter();
        let failed = cases.filter(|case| case.status == TestStatus::Failed);
        failed.map(|case| (case.name, case.message.unwrap_or_default())).collect()
    }

    #[test]
    fn what_does_not_build_is_told_with_the_compilers_words() {
        let plain =
            ["# shop/api [shop/api.test]", "./a_test.go:6:2: undefined: x", "FAIL\tshop/api [build failed]", "FAIL"];
        let events = [
            r#"{"ImportPath":"shop/api [shop/api.test]","Action":"build-output","Output":"./a_test.go:6:2: undefined: x\n"}"#,
            r#"{"ImportPath":"shop/api [shop/api.test]","Action":"build-fail"}"#,
            r#"{"Action":"output","Package":"shop/api","Output":"FAIL\tshop/api [build failed]\n"}"#,
            r#"{"Action":"fail","Package":"shop/api","Elapsed":0,"FailedBuild":"shop/api [shop/api.test]"}"#,
        ];
        for lines in [&plain[..], &events[..]] {
            let found = failed(lines);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, "shop/api [build failed]");
            assert!(found[0].1.contains("a_test.go:6:2"), "{found:?}");
        }
    }

    #[test]
    fn a_test_during_which_the_program_died_is_named() {
        let found = failed(&[
            r#"{"Action":"pass","Package":"shop","Test":"TestA","Elapsed":0}"#,
            r#"{"Action":"output","Package":"shop","Test":"TestP","Output":"=== PAUSE TestP\n"}"#,
            r#"{"Action":"output","Package":"shop","Test":"TestX","Output":"panic: late\n\ngoroutine 8 [running]:\n"}"#,
            r#"{"Action":"output","Package":"shop","Output":"FAIL\tshop\t0.006s\n"}"#,
            r#"{"Action":"fail","Package":"shop","Elapsed":0}"#,
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == "shop TestX" && found[0].1.starts_with("panic: late"), "{found:?}");
    }
}
