//! The gates on real frameworks: seeded defects are found, and what changes nothing gives no finding.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::beds;

pub(super) struct Bed {
    folder: tempfile::TempDir,
    pub root: PathBuf,
    state: tempfile::TempDir,
}

impl Bed {
    pub fn open(name: &str) -> Option<Self> {
        let folder = beds::repository(name)?;
        let root = if name == "gin" { folder.path().join("src/shop") } else { folder.path().to_owned() };
        Some(Self { folder, root, state: tempfile::tempdir().unwrap() })
    }

    /// Puts another text in the place of one, which has to be there.
    pub fn change(&self, path: &str, from: &str, to: &str) {
        let path = self.root.join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {}", path.display());
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    pub fn append(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, old + text).unwrap();
    }

    /// Takes every change back.
    pub fn restore(&self) {
        let done = Command::new("git").args(["checkout", "-q", "."]).current_dir(&self.root).status().unwrap();
        assert!(done.success());
    }

    pub fn verify(&self, gates: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenon"));
        command.args(["verify", "--json"]).args(gates).current_dir(&self.root);
        for (variable, folder) in
            [("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")]
        {
            command.env(variable, self.state.path().join(folder));
        }
        if self.root.ends_with("src/shop") {
            let path = format!("{}:/usr/share/gocode", self.folder.path().display());
            command.env("GO111MODULE", "off").env("GOPATH", path).env("GOFLAGS", "");
            command.env("GOCACHE", self.folder.path().join("cache"));
        }
        let done = command.output().unwrap();
        serde_json::from_slice(&done.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
        })
    }
}

pub(super) fn gate<'a>(found: &'a [Value], name: &str) -> &'a Value {
    found.iter().find(|gate| gate["gate"] == name).unwrap_or_else(|| panic!("no gate {name} in {found:#?}"))
}

/// Name, result and place of the single tests that failed.
fn failed(gate: &Value) -> Vec<String> {
    let cases = gate["cases"].as_array().cloned().unwrap_or_default();
    let place = |case: &Value| match (case["path"].as_str(), case["line"].as_u64()) {
        (Some(path), Some(line)) => format!(" @ {path}:{line}"),
        _ => String::new(),
    };
    cases
        .iter()
        .filter(|case| case["status"] == "failed")
        .map(|case| format!("{}{}", case["name"].as_str().unwrap(), place(case)))
        .collect()
}

fn count(gate: &Value) -> (u64, u64) {
    let number = |key: &str| gate["tests"][key].as_u64().unwrap_or(0);
    (number("passed"), number("failed"))
}

#[test]
fn a_defect_is_found_by_the_tests_of_every_framework_with_its_place() {
    for (bed, path, from, to, expected, place) in [
        (
            "fastapi",
            "app/stock.py",
            "self.last += 1",
            "self.last += 2",
            (4, 1),
            "tests/test_items.py::test_stock_counts @ tests/test_items.py:3",
        ),
        (
            "flask",
            "shop.py",
            "(100 - discount)",
            "(100 + discount)",
            (1, 1),
            "tests/test_shop.py::test_total @ tests/test_shop.py:1",
        ),
        (
            "django",
            "orders/views.py",
            "number > 100",
            "number > 900",
            (1, 1),
            "orders.tests.Orders.test_an_unknown_order_is_404 @ orders/tests.py:9",
        ),
        (
            "express",
            "src/price.js",
            "100 - discount",
            "100 + discount",
            (2, 1),
            "price a discount is taken off @ test/price.test.js:7",
        ),
        (
            "mocha",
            "src/price.js",
            "100 - discount",
            "100 + discount",
            (1, 1),
            "price takes a discount off @ test/price.js:8",
        ),
        (
            "vitest",
            "src/price.js",
            "100 - discount",
            "100 + discount",
            (1, 1),
            "src/price.test.js price > a discount is taken off @ src/price.test.js:8",
        ),
        (
            "nest",
            "src/orders.service.ts",
            "100 - percent",
            "100 + percent",
            (2, 1),
            "a discount is taken off @ src/orders.test.ts:30",
        ),
        ("gin", "main.go", "price * count", "price + count", (1, 1), "shop TestTotal @ main_test.go:1"),
    ] {
        let Some(opened) = Bed::open(bed) else { continue };
        opened.change(path, from, to);
        let found = opened.verify(&["tests"]);
        let tests = gate(&found, "tests");
        assert_eq!((tests["status"].as_str(), count(tests)), (Some("fail"), expected), "{bed}: {tests:#}");
        let failures = failed(tests);
        assert!(failures.len() == 1 && failures[0].starts_with(place), "{bed}: {failures:?}");
        assert_eq!(tests["new"], 1, "{bed}");
        let timed = tests["cases"].as_array().unwrap().iter().filter(|case| case["name"].is_string()).count();
        assert_eq!(timed as u64, expected.0 + expected.1, "{bed}: every test is told");
    }
}

#[test]
fn a_failure_in_a_built_file_is_told_at_its_source_by_the_map() {
    let Some(bed) = Bed::open("nest") else { return };
    bed.change("tsconfig.json", "\"sourceMap\": false", "\"sourceMap\": true");
    // The same line twice: what both files have in common does not tell which.
    let twice = "assert.equal(new OrdersService().discounted(200, 10), 180);\n";
    bed.change("src/orders.test.ts", twice, &format!("{twice}  {twice}"));
    bed.change("src/orders.service.ts", "100 - percent", "100 + percent");
    let found = bed.verify(&["tests"]);
    let failures = failed(gate(&found, "tests"));
    assert!(failures.len() == 1 && failures[0].contains("@ src/orders.test.ts:30"), "{failures:?}");
}

#[test]
fn a_refactoring_gives_no_finding_and_its_lines_are_covered() {
    let Some(bed) = Bed::open("fastapi") else { return };
    bed.change(
        "app/stock.py",
        "        return list(self.items.values())[:limit]",
        "        items = list(self.items.values())\n        return items[:limit]",
    );
    let found = bed.verify(&[]);
    for gate in &found {
        assert_eq!(gate["status"], "pass", "{gate:#}");
        assert_eq!(gate["new"], 0, "{gate:#}");
    }
    assert_eq!(gate(&found, "coverage")["reason"], "2 of 2 added lines ran");
    assert_eq!(gate(&found, "mutation")["findings"], Value::Null, "{found:#?}");
}

#[test]
fn added_lines_that_no_test_runs_are_told_by_every_runner() {
    for (bed, path, from, to, line) in [
        (
            "express",
            "src/price.js",
            "  return Math",
            "  if (amount > 1000) {\n    return 0;\n  }\n  return Math",
            "return 0;",
        ),
        (
            "mocha",
            "src/price.js",
            "  return Math",
            "  if (amount > 1000) {\n    return 0;\n  }\n  return Math",
            "return 0;",
        ),
        (
            "vitest",
            "src/price.js",
            "  return price",
            "  if (count > 1000) {\n    return price;\n  }\n  return price",
            "return price;",
        ),
        (
            "gin",
            "main.go",
            "\treturn price",
            "\tif count > 1000 {\n\t\treturn price\n\t}\n\treturn price",
            "\t\treturn price",
        ),
    ] {
        let Some(opened) = Bed::open(bed) else { continue };
        opened.change(path, from, to);
        let found = opened.verify(&["tests", "coverage"]);
        let coverage = gate(&found, "coverage");
        assert_eq!(coverage["status"], "pass", "{bed}: {found:#?}");
        assert!(coverage["reason"].as_str().unwrap().ends_with("added lines ran"), "{bed}: {coverage:#}");
        let finding = &coverage["findings"][0];
        let text = std::fs::read_to_string(opened.root.join(path)).unwrap();
        let told = finding["line"].as_u64().and_then(|number| text.lines().nth(usize::try_from(number).unwrap() - 1));
        assert!(told.is_some_and(|told| told.contains(line.trim())), "{bed}: {coverage:#}");
    }
}

#[test]
fn a_test_that_is_switched_off_or_never_runs_is_said() {
    let Some(bed) = Bed::open("vitest") else { return };
    bed.change("src/price.test.js", "  test('a discount", "  test.skip('a discount");
    let tests = &bed.verify(&["tests"])[0];
    assert_eq!(tests["status"], "pass", "{tests:#}");
    let reason = tests["reason"].as_str().unwrap();
    assert!(reason.starts_with("1 test is skipped that ran on base: src/price.test.js price > a"), "{reason}");
    let Some(bed) = Bed::open("gin") else { return };
    bed.append("main_test.go", "\nfunc TestMain(m *testing.M) {}\n");
    let tests = &bed.verify(&["tests"])[0];
    assert_eq!(tests["status"], "fail", "{tests:#}");
    assert!(tests["reason"].as_str().unwrap().starts_with("no test ran; "), "{tests:#}");
}

#[test]
fn changes_that_no_test_notices_are_counted_and_hollow_tests_are_named() {
    let Some(bed) = Bed::open("fastapi") else { return };
    bed.change(
        "app/stock.py",
        "        item = {\"id\": self.last,",
        "        quantity = max(quantity, 0)\n        item = {\"id\": self.last,",
    );
    bed.change("app/main.py", "between 1 and 100", "from 1 to 100");
    bed.change(
        "app/main.py",
        "        raise HTTPException(404, \"no such item\")",
        "        raise HTTPException(410, \"no such item\")",
    );
    bed.change("tests/test_items.py", "status_code == 404", "status_code == 410");
    bed.append("tests/test_items.py", "\n\ndef test_nothing():\n    assert True\n");
    let found = bed.verify(&[]);
    let mutation = gate(&found, "mutation");
    let reason = mutation["reason"].as_str().unwrap();
    assert!(reason.contains("would catch 1 of 3 changes"), "{mutation:#}");
    let rules: Vec<&str> =
        mutation["findings"].as_array().unwrap().iter().filter_map(|one| one["rule"].as_str()).collect();
    assert!(
        rules.contains(&"always-true") && rules.iter().filter(|rule| **rule == "unnoticed").count() == 2,
        "{rules:?}"
    );
    assert_eq!(mutation["status"], "pass", "it informs only");
}

#[test]
fn what_gofmt_only_lists_is_not_formatted() {
    let Some(bed) = Bed::open("gin") else { return };
    bed.append("main.go", "\nfunc spare() int { return   1 }\n");
    let format = &bed.verify(&["format"])[0];
    assert_eq!((format["status"].as_str(), format["new"].as_u64()), (Some("fail"), Some(1)), "{format:#}");
    assert_eq!(format["findings"][0]["path"], "main.go");
    bed.restore();
    bed.append("main.go", "\nfunc spare() int { return 1 }\n");
    assert_eq!(bed.verify(&["format"])[0]["status"], "pass");
}

#[test]
fn format_lint_and_types_are_judged_by_what_is_new() {
    let Some(bed) = Bed::open("fastapi") else { return };
    std::fs::write(bed.root.join("pyproject.toml"), "[tool.ruff]\n[tool.ruff.format]\n[tool.mypy]\n").unwrap();
    bed.append("app/stock.py", "\n\nimport os\n");
    beds::commit(&bed.root);
    bed.append("app/stock.py", "\n\ndef half( x:int ) -> str:\n    import sys\n    return x/2\n");
    let found = bed.verify(&["format", "lint", "build"]);
    let rules = |name: &str| -> Vec<String> {
        let findings = gate(&found, name)["findings"].as_array().cloned().unwrap_or_default();
        findings
            .iter()
            .map(|one| {
                format!(
                    "{}:{} {} old={}",
                    one["path"].as_str().unwrap_or("?"),
                    one["line"],
                    one["rule"].as_str().unwrap_or("-"),
                    one["old"] == true
                )
            })
            .collect()
    };
    assert_eq!(gate(&found, "lint")["status"], "fail", "{found:#?}");
    let lint = rules("lint");
    assert!(
        lint.iter().any(|one| one.ends_with("F401 old=false")) && lint.iter().any(|one| one.ends_with("old=true")),
        "{lint:?}"
    );
    assert_eq!(gate(&found, "build")["status"], "fail", "{found:#?}");
    assert!(rules("build").iter().any(|one| one.contains("return-value old=false")), "{:?}", rules("build"));
    assert_eq!(gate(&found, "format")["new"], 1, "{found:#?}");
}

#[test]
fn what_must_not_be_committed_is_found() {
    let Some(bed) = Bed::open("express") else { return };
    let secret = ["gh", "p_", "Zk3Jq9Xw2Lr8Vt5Ny1Bc7Mf4Hd6Sg0PaQeUi"].concat();
    bed.append("src/server.js", &format!("\nconst key = '{secret}';\n"));
    bed.change("package.json", "\"express\": \"^5.3.0\"", "\"express\": \"^5.3.0\", \"lodahs\": \"1.0.0\"");
    let found = bed.verify(&["secrets", "dependencies", "build"]);
    assert_eq!(gate(&found, "secrets")["status"], "fail");
    assert!(!gate(&found, "secrets").to_string().contains(&secret));
    let dependencies = gate(&found, "dependencies");
    assert!(
        dependencies["reason"].as_str().unwrap().contains("`lodahs` is one slip away from the well-known `lodash`")
    );
    assert_eq!(gate(&found, "build")["status"], "pass");
    bed.restore();
    bed.append("src/server.js", "\nfunction (\n");
    let found = bed.verify(&["build"]);
    let build = gate(&found, "build");
    assert_eq!(build["findings"][0]["path"], "src/server.js", "{build:#}");
}

#[test]
fn a_run_without_tests_or_without_a_readable_report_is_never_green() {
    let Some(bed) = Bed::open("express") else { return };
    bed.change("package.json", "\"test\": \"jest\"", "\"test\": \"jest --passWithNoTests --testPathPatterns nothing\"");
    let tests = &bed.verify(&["tests"])[0];
    assert_eq!(tests["status"], "fail", "{tests:#}");
    assert!(tests["reason"].as_str().unwrap().contains("no test ran"), "{tests:#}");
    bed.restore();
    // The reporter dies half-way, after the runner has ended well.
    bed.change("package.json", "\"test\": \"jest\"", "\"test\": \"node half.js && mocha\"");
    std::fs::write(bed.root.join("half.js"), "").unwrap();
    let fake = Path::new("node_modules/.bin/mocha");
    let link = bed.root.join("node_modules");
    std::fs::remove_file(&link).unwrap();
    std::fs::create_dir_all(bed.root.join("node_modules/.bin")).unwrap();
    let script =
        "for word in \"$@\"; do case \"$word\" in output=*) printf '{\"passes\":[' > \"${word#output=}\";; esac; done";
    super::write_script(&bed.root.join(fake), script);
    let tests = &bed.verify(&["tests"])[0];
    assert_eq!(tests["status"], "not_run", "{tests:#}");
    assert!(tests["reason"].as_str().unwrap().starts_with("report unreadable"), "{tests:#}");
}
