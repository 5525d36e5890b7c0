//! The tests a change can reach run first; what they show is told before the others are through.

use tenon::config::TestGateSettings;
use tenon::domain::GateStatus;
use tenon::gate::{Gate, GateContext, Report, TestGate};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bare, proposal};

fn files(total: &str) -> Vec<(String, String)> {
    let mut files = vec![
        ("package.json".to_owned(), "{\"name\": \"shop\", \"scripts\": {\"test\": \"node --test\"}}\n".to_owned()),
        ("src/orders.js".to_owned(), format!("exports.total = (a, b) => {total};\n")),
        ("src/users.js".to_owned(), "exports.name = () => 'n';\n".to_owned()),
    ];
    for number in 0..16 {
        let (module, check) = if number == 3 { ("orders", "m.total(1, 2), 3") } else { ("users", "m.name(), 'n'") };
        let text = format!(
            "const test = require('node:test');\nconst assert = require('node:assert');\nconst m = require('../src/{module}');\n\
             test('case {number}', () => assert.equal({check}));\n"
        );
        files.push((format!("test/t{number:02}.test.js"), text));
    }
    files
}

async fn prove(subject: &str) -> (Report, Vec<Report>, String) {
    let bare = |files: &[(String, String)]| {
        Bare::new(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
    };
    let (output, mut pieces) = mpsc::channel(8);
    let (early, mut told) = mpsc::channel(8);
    let mut context = GateContext::new(
        proposal(&["src/orders.js"]),
        bare(&files(subject)),
        bare(&files("a + b")),
        output,
        CancellationToken::new(),
    );
    context.early = early;
    let gate = TestGate::new(TestGateSettings::default());
    let streaming = async {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend(piece);
        }
        String::from_utf8_lossy(&all).into_owned()
    };
    let telling = async {
        let mut all = Vec::new();
        while let Some(report) = told.recv().await {
            all.push(report);
        }
        all
    };
    let running = async {
        let report = gate.run(&context).await;
        drop(context);
        report
    };
    let (report, early, streamed) = tokio::join!(running, telling, streaming);
    (report, early, streamed)
}

#[tokio::test]
async fn a_new_failure_is_told_as_soon_as_the_reachable_tests_are_through() {
    let (report, early, streamed) = prove("a - b").await;
    assert!(
        streamed.starts_with("1 of 16 test files first: those the change can reach\n$ npm test test/t03.test.js\n"),
        "{streamed}"
    );
    let [early] = early.as_slice() else { panic!("told once: {early:?}\n{streamed}") };
    assert!(early.partial && early.status == GateStatus::Fail, "{early:?}");
    assert_eq!(early.tests.map(|tests| (tests.passed, tests.failed)), Some((0, 1)), "{early:?}");
    let reason = early.reason.as_deref().unwrap_or_default();
    assert!(
        reason.contains("case 3") && reason.ends_with("(the tests the change can reach; the others still run)"),
        "{reason}"
    );
    assert!(!report.partial && report.status == GateStatus::Fail);
    assert_eq!(report.tests.map(|tests| (tests.passed, tests.failed)), Some((15, 1)), "all of them ran: {report:?}");
}

#[tokio::test]
async fn what_passes_is_told_once_at_the_end() {
    let (report, early, streamed) = prove("b + a").await;
    assert!(early.is_empty(), "{early:?}");
    assert!(streamed.contains("1 of 16 test files first"), "{streamed}");
    assert_eq!(report.status, GateStatus::Pass, "{report:?}");
    assert_eq!(report.tests.map(|tests| tests.passed), Some(16));
}
