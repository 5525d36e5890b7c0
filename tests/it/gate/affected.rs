//! The tests a change can reach run first; what they show is told before the others are through. One test file names
//! the changed module, one names a module that does, one reaches it in a way nobody can see.

use std::path::Path;
use std::sync::Arc;

use tenon::config::TestGateSettings;
use tenon::domain::{ContentHash, GateStatus};
use tenon::gate::{Gate, GateContext, Report, TestGate};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bare, proposal};
use crate::support::beds::{self, Needs};

/// A project of sixteen test files.
struct Project {
    source: &'static str,
    files: Vec<(String, String)>,
    /// What is linked into it: the name, and the bed's folder.
    packages: Option<(&'static str, std::path::PathBuf)>,
}

const DIRECT: usize = 3;
const THROUGH: usize = 5;
const UNSEEN: usize = 7;

/// Fills `NUMBER`, `MODULE` and `CHECK` of a test file.
fn test_files(path: &str, template: &str, checks: [(&str, &str); 3], unseen: &str) -> Vec<(String, String)> {
    let [direct, through, other] = checks;
    let file = |number: usize| {
        let (module, check) = match number {
            DIRECT => direct,
            THROUGH => through,
            _ => other,
        };
        let template = if number == UNSEEN { unseen } else { template };
        let text = template.replace("MODULE", module).replace("CHECK", check).replace("NUMBER", &number.to_string());
        (path.replace("NUMBER", &format!("{number:02}")), text)
    };
    (0..16).map(file).collect()
}

fn with(source: &'static str, files: &[(&str, &str)], tests: Vec<(String, String)>) -> Project {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).chain(tests).collect();
    Project { source, files, packages: None }
}

fn script(runner: &str, head: &str, test: &str) -> Project {
    let manifest = format!("{{\"name\": \"shop\", \"scripts\": {{\"test\": \"{runner}\"}}}}\n");
    let sources = [
        ("package.json", manifest.as_str()),
        ("src/orders.js", "exports.total = (a, b) => {\n  return a + b;\n};\n"),
        ("src/bill.js", "const orders = require('./orders');\nexports.sum = () => orders.total(1, 2);\n"),
        ("src/users.js", "exports.name = () => 'n';\n"),
    ];
    let checks = [("orders", "m.total(1, 2), 3"), ("bill", "m.sum(), 3"), ("users", "m.name(), 'n'")];
    let import = "const m = require('../src/MODULE');\n";
    let unseen = "const fs = require('node:fs');\nconst file = fs.readdirSync('src').find((name) => name.startsWith('or'));\n\
                  const text = fs.readFileSync('src/' + file, 'utf8');\n";
    let template = format!("{head}{import}{test}");
    let unseen = format!("{head}{unseen}{}", test.replace("CHECK", "text.includes('a + b'), true"));
    with("src/orders.js", &sources, test_files("test/tNUMBER.test.js", &template, checks, &unseen))
}

const ASSERT: &str = "const assert = require('node:assert');\n";

fn pytest() -> Project {
    let sources = [
        ("requirements.txt", "pytest\n"),
        ("shop/__init__.py", ""),
        ("shop/orders.py", "def total(a, b):\n    return a + b\n"),
        ("shop/bill.py", "from . import orders\n\n\ndef sum():\n    return orders.total(1, 2)\n"),
        ("shop/users.py", "def name():\n    return 'n'\n"),
    ];
    let checks = [("orders", "m.total(1, 2) == 3"), ("bill", "m.sum() == 3"), ("users", "m.name() == 'n'")];
    let template = "from shop import MODULE as m\n\n\ndef test_case_NUMBER():\n    assert CHECK\n";
    let unseen = "import glob\nimport runpy\n\n\ndef test_case_NUMBER():\n    \
                  assert runpy.run_path(glob.glob('shop/or*.py')[0])['total'](1, 2) == 3\n";
    with("shop/orders.py", &sources, test_files("tests/test_tNUMBER.py", template, checks, unseen))
}

fn go() -> Project {
    let sources = [
        ("go.mod", "module example.com/shop\n\ngo 1.18\n"),
        ("orders/orders.go", "package orders\n\nfunc Total(a, b int) int {\n\treturn a + b\n}\n"),
        (
            "bill/bill.go",
            "package bill\n\nimport \"example.com/shop/orders\"\n\nfunc Sum() int {\n\treturn orders.Total(1, 2)\n}\n",
        ),
        ("users/users.go", "package users\n\nfunc Name() string {\n\treturn \"n\"\n}\n"),
    ];
    let checks = [("orders", "m.Total(1, 2) != 3"), ("bill", "m.Sum() != 3"), ("users", "m.Name() != \"n\"")];
    let template = "package tNUMBER\n\nimport (\n\t\"testing\"\n\n\tm \"example.com/shop/MODULE\"\n)\n\n\
                    func TestCaseNUMBER(t *testing.T) {\n\tif CHECK {\n\t\tt.Fatal(\"wrong\")\n\t}\n}\n";
    let unseen = "package tNUMBER\n\nimport (\n\t\"os\"\n\t\"path/filepath\"\n\t\"strings\"\n\t\"testing\"\n)\n\n\
                  func TestCaseNUMBER(t *testing.T) {\n\tfound, _ := filepath.Glob(\"../or*/*.go\")\n\ttext, _ := os.ReadFile(found[0])\n\
                  \tif !strings.Contains(string(text), \"a + b\") {\n\t\tt.Fatal(\"wrong\")\n\t}\n}\n";
    with("orders/orders.go", &sources, test_files("tNUMBER/t_test.go", template, checks, unseen))
}

fn cargo() -> Project {
    let sources = [
        ("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", "pub mod bill;\npub mod orders;\npub mod users;\n"),
        ("src/orders.rs", "pub fn total(a: i32, b: i32) -> i32 {\n    a + b\n}\n"),
        ("src/bill.rs", "use crate::orders::total;\n\npub fn sum() -> i32 {\n    total(1, 2)\n}\n"),
        ("src/users.rs", "pub fn name() -> &'static str {\n    \"n\"\n}\n"),
    ];
    let checks = [("orders", "orders::total(1, 2), 3"), ("bill", "bill::sum(), 3"), ("users", "users::name(), \"n\"")];
    let template = "use shop::MODULE;\n\n#[test]\nfn case_NUMBER() {\n    assert_eq!(CHECK);\n}\n";
    let unseen = "#[test]\nfn case_NUMBER() {\n    let mut files = std::fs::read_dir(\"src\").unwrap().flatten();\n    \
                  let file = files.find(|file| file.file_name().to_string_lossy().starts_with(\"or\")).unwrap();\n    \
                  assert!(std::fs::read_to_string(file.path()).unwrap().contains(\"a + b\"));\n}\n";
    with("src/orders.rs", &sources, test_files("tests/tNUMBER.rs", template, checks, unseen))
}

/// Runs the gate on a change of the source; what it says at the end, before, and meanwhile.
async fn prove(project: &Project, change: (&str, &str)) -> (Report, Vec<Report>, String) {
    let bare = |change: (&str, &str)| {
        let text = |path: &str, text: &str| {
            if path == project.source { text.replace(change.0, change.1) } else { text.to_owned() }
        };
        let files: Vec<(&str, String)> =
            project.files.iter().map(|(path, of)| (path.as_str(), text(path, of))).collect();
        let bare = Bare::new(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
        if let Some((name, packages)) = &project.packages {
            std::os::unix::fs::symlink(packages, bare.root.path().join(Path::new(name))).unwrap();
        }
        bare
    };
    let (output, mut pieces) = mpsc::channel(8);
    let (early, mut told) = mpsc::channel(8);
    let (subject, base): (Arc<Bare>, Arc<Bare>) = (bare(change), bare(("", "")));
    let mut proposal = proposal(&[project.source]);
    proposal.changes[0].result = Some(ContentHash::of(b"the source with the change"));
    let mut context = GateContext::new(proposal, subject, base, output, CancellationToken::new());
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

fn failed(report: &Report) -> Vec<String> {
    let failed = report.cases.iter().filter(|case| case.status == tenon::domain::TestStatus::Failed);
    let place = |path: &Option<String>| path.clone().unwrap_or_default();
    let mut names: Vec<String> = failed.map(|case| format!("{} @ {}", case.name, place(&case.path))).collect();
    names.sort();
    names
}

/// The reachable tests run first with this command; what they show is told early, and the failure nobody could expect
/// at the end.
async fn a_failure_is_told_early(project: &Project, command: &str, names: [&str; 3]) {
    let (report, early, streamed) = prove(project, ("a + b", "a - b")).await;
    let first = format!("2 of 16 test files first: those the change can reach\n$ {command}\n");
    assert!(streamed.starts_with(&first), "{streamed}");
    let [early] = early.as_slice() else { panic!("told once: {early:?}\n{streamed}") };
    assert!(early.partial && early.status == GateStatus::Fail, "{early:?}");
    assert_eq!(early.tests.map(|tests| (tests.passed, tests.failed)), Some((0, 2)), "{early:?}");
    assert_eq!(failed(early), names[..2], "{early:?}");
    let reason = early.reason.as_deref().unwrap_or_default();
    assert!(reason.ends_with("(the tests the change can reach; the others still run)"), "{reason}");
    assert!(!report.partial && report.status == GateStatus::Fail);
    assert_eq!(report.tests.map(|tests| (tests.passed, tests.failed)), Some((13, 3)), "all of them ran: {report:?}");
    assert_eq!(failed(&report), names, "{report:?}");
}

#[tokio::test]
async fn with_node() {
    let project = script(
        "node --test",
        &format!("const test = require('node:test');\n{ASSERT}"),
        "test('case NUMBER', () => assert.equal(CHECK));\n",
    );
    let names = ["case 3 @ test/t03.test.js", "case 5 @ test/t05.test.js", "case 7 @ test/t07.test.js"];
    a_failure_is_told_early(&project, "npm test -- test/t03.test.js test/t05.test.js", names).await;
    let (report, early, streamed) = prove(&project, ("(a, b) =>", "(b, a) =>")).await;
    assert!(early.is_empty(), "what passes is told once: {early:?}");
    assert!(streamed.contains("2 of 16 test files first"), "{streamed}");
    assert_eq!(report.status, GateStatus::Pass, "{report:?}");
}

#[tokio::test]
async fn with_mocha() {
    let Some(packages) = beds::installed(Needs::Node) else { return };
    let mut project = script("mocha", ASSERT, "it('case NUMBER', () => assert.equal(CHECK));\n");
    project.packages = Some(("node_modules", packages.join("node_modules")));
    let names = ["case 3 @ test/t03.test.js", "case 5 @ test/t05.test.js", "case 7 @ test/t07.test.js"];
    a_failure_is_told_early(&project, "npm test -- test/t03.test.js test/t05.test.js", names).await;
    // Files that a configuration names would run in any case.
    project.files.push((".mocharc.json".to_owned(), "{\"spec\": [\"test/*.js\"]}".to_owned()));
    let (_, early, streamed) = prove(&project, ("a + b", "a - b")).await;
    assert!(early.is_empty() && !streamed.contains("first"), "{streamed}");
}

#[tokio::test]
async fn with_jest() {
    let Some(packages) = beds::installed(Needs::Node) else { return };
    let mut project = script(
        "jest",
        "",
        "test('case NUMBER', () => expect([CHECK].every((x, _, all) => x === all[0])).toBe(true));\n",
    );
    project.packages = Some(("node_modules", packages.join("node_modules")));
    let names = ["case 3 @ test/t03.test.js", "case 5 @ test/t05.test.js", "case 7 @ test/t07.test.js"];
    a_failure_is_told_early(&project, "npm test -- --findRelatedTests src/orders.js", names).await;
}

#[tokio::test]
async fn with_pytest() {
    let Some(packages) = beds::installed(Needs::Python) else { return };
    let project = Project { packages: Some((".venv", packages)), ..pytest() };
    let names =
        [3, 5, 7].map(|number| format!("tests/test_t0{number}.py::test_case_{number} @ tests/test_t0{number}.py"));
    let command = ".venv/bin/python -m pytest tests/test_t03.py tests/test_t05.py";
    a_failure_is_told_early(&project, command, names.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn with_go() {
    if beds::installed(Needs::Go).is_none() {
        return;
    }
    let names = [3, 5, 7].map(|number| format!("example.com/shop/t0{number} TestCase{number} @ t0{number}/t_test.go"));
    let project = go();
    a_failure_is_told_early(&project, "go test -v ./t03 ./t05", names.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn with_cargo() {
    let names = ["case_3 @ tests/t03.rs", "case_5 @ tests/t05.rs", "case_7 @ tests/t07.rs"];
    a_failure_is_told_early(&cargo(), "cargo test --no-fail-fast --lib --test t03 --test t05", names).await;
}
