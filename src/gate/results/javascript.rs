//! The JSON of Jest and Mocha.

use serde_json::Value;

use crate::domain::{TestCase, TestStatus};

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(plain)
}

/// Takes colours away.
fn plain(text: &str) -> String {
    crate::gate::capture::plain(text)
}

pub(super) fn jest(bytes: &[u8]) -> Result<Vec<TestCase>, String> {
    let report: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let suites = report.get("testResults").and_then(Value::as_array).ok_or("it holds no `testResults`")?;
    let mut cases = Vec::new();
    for suite in suites {
        let file = text(suite, "name");
        let tests = suite.get("assertionResults").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if tests.is_empty() && suite.get("status").and_then(Value::as_str) == Some("failed") {
            // A file that does not load has no tests to fail.
            let name = file.as_deref().and_then(|file| file.rsplit('/').next()).unwrap_or("a test file").to_owned();
            cases.push(TestCase {
                name: format!("{name} (does not load)"),
                status: TestStatus::Failed,
                path: file.clone(),
                message: text(suite, "message"),
                ..TestCase::default()
            });
        }
        cases.extend(tests.iter().map(|test| {
            let messages = test.get("failureMessages").and_then(Value::as_array).into_iter().flatten();
            let message: Vec<String> = messages.filter_map(Value::as_str).map(plain).collect();
            TestCase {
                name: text(test, "fullName").unwrap_or_default(),
                status: match test.get("status").and_then(Value::as_str) {
                    Some("passed") => TestStatus::Passed,
                    Some("failed") => TestStatus::Failed,
                    _ => TestStatus::Skipped,
                },
                ms: test.get("duration").and_then(Value::as_u64).unwrap_or(0),
                path: file.clone(),
                message: (!message.is_empty()).then(|| message.join("\n")),
                ..TestCase::default()
            }
        }));
    }
    Ok(cases)
}

pub(super) fn mocha(bytes: &[u8]) -> Result<Vec<TestCase>, String> {
    let report: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut cases = Vec::new();
    for (list, status) in
        [("passes", TestStatus::Passed), ("failures", TestStatus::Failed), ("pending", TestStatus::Skipped)]
    {
        let tests = report.get(list).and_then(Value::as_array).ok_or_else(|| format!("it holds no `{list}`"))?;
        cases.extend(tests.iter().map(|test| {
            let error = test.get("err").filter(|error| error.as_object().is_some_and(|fields| !fields.is_empty()));
            TestCase {
                name: text(test, "fullTitle").unwrap_or_default(),
                status,
                ms: test.get("duration").and_then(Value::as_u64).unwrap_or(0),
                path: text(test, "file"),
                message: error.and_then(|error| text(error, "stack").or_else(|| text(error, "message"))),
                ..TestCase::default()
            }
        }));
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_read_and_halves_are_errors() {
        let jest_report = r#"{"testResults":[{"name":"/r/a.test.js","status":"failed","assertionResults":[
            {"fullName":"cart adds","status":"passed","duration":3},
            {"fullName":"cart pays","status":"failed","duration":5,"failureMessages":["Error: \u001b[31mx\u001b[39m\n at (/r/a.test.js:4:1)"]},
            {"fullName":"cart waits","status":"pending"}]},
            {"name":"/r/b.test.js","status":"failed","message":"SyntaxError","assertionResults":[]}]}"#;
        let cases = jest(jest_report.as_bytes()).unwrap();
        let shown: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.status)).collect();
        assert_eq!(
            shown,
            [
                ("cart adds", TestStatus::Passed),
                ("cart pays", TestStatus::Failed),
                ("cart waits", TestStatus::Skipped),
                ("b.test.js (does not load)", TestStatus::Failed)
            ]
        );
        assert!(cases[1].message.as_ref().unwrap().starts_with("Error: x\n"));
        assert!(jest(&jest_report.as_bytes()[..200]).is_err());
        let mocha_report = r#"{"passes":[{"fullTitle":"a b","duration":2,"file":"/r/t.js","err":{}}],
            "failures":[{"fullTitle":"a c","err":{"stack":"Error: y\n at /r/t.js:3:1"}}],"pending":[]}"#;
        let cases = mocha(mocha_report.as_bytes()).unwrap();
        assert_eq!((cases[0].ms, cases[1].name.as_str(), cases[1].status), (2, "a c", TestStatus::Failed));
        assert!(mocha(b"{}").is_err());
    }
}
