//! The look at a change for its self-review: what its lines say about security, cost, failures, documentation and tests.
//! Advice: it never stands against a proposal, and what it cannot see the author is asked.

use std::sync::LazyLock;

use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;

use super::changed::{Changed, changed};
use super::prepare::is_script;
use super::tests::is_test;
use super::{Gate, GateContext, Report, Stage};
use crate::domain::{Finding, REVIEW, Severity, TOUCHED, Topic};

/// Looks at what a change adds.
pub struct ReviewGate;

/// The most findings of one rule.
const MOST: usize = 20;
/// A change with more added lines is hard to review in one piece.
const LARGE: usize = 600;
/// How far up the loop around a query is looked for.
const NEAR: usize = 15;

#[derive(Deserialize)]
struct Table {
    rule: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    topic: Topic,
    name: String,
    message: String,
    endings: Vec<String>,
    adds: String,
    unless: Option<String>,
}

struct Rule {
    topic: Topic,
    name: String,
    message: String,
    endings: Vec<String>,
    adds: Regex,
    unless: Option<Regex>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let table = crate::text::from_toml::<Table>(include_str!("../../assets/review.toml"));
    let rules = table.map(|table| table.rule).unwrap_or_default();
    rules.into_iter().filter_map(Rule::read).collect()
});

impl Rule {
    fn read(raw: Raw) -> Option<Self> {
        let unless = match &raw.unless {
            Some(text) => Some(Regex::new(text).ok()?),
            None => None,
        };
        let Raw { topic, name, message, endings, adds, .. } = raw;
        Some(Self { topic, name, message, endings, adds: Regex::new(&adds).ok()?, unless })
    }

    fn fits(&self, line: &str) -> bool {
        self.adds.is_match(line) && !self.unless.as_ref().is_some_and(|unless| unless.is_match(line))
    }

    fn is_about(&self, path: &str) -> bool {
        self.endings.iter().any(|end| path.ends_with(end.as_str()))
    }
}

/// A changed source: its text, and which of its lines are new.
struct Source<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
    added: Vec<usize>,
}

impl Source<'_> {
    fn added(&self) -> impl Iterator<Item = (usize, &str)> {
        self.added.iter().filter_map(|number| Some((*number, *self.lines.get(number.checked_sub(1)?)?)))
    }

    /// The loop a line stands in, as far as indentation tells.
    fn loop_around(&self, number: usize) -> bool {
        let Some(line) = number.checked_sub(1).and_then(|index| self.lines.get(index)) else { return false };
        let mut depth = indent(line);
        let above = self.lines.iter().take(number - 1).rev().take(NEAR).filter(|line| !line.trim().is_empty());
        for line in above {
            if indent(line) >= depth {
                continue;
            }
            depth = indent(line);
            let text = line.trim();
            if text.starts_with("def ") || text.starts_with("async def ") || text.starts_with("func ") {
                return false;
            }
            if LOOPS.iter().any(|word| text.starts_with(word) || text.contains(&format!(".{word}"))) {
                return true;
            }
        }
        false
    }
}

const LOOPS: [&str; 7] = ["for ", "for(", "async for ", "while ", "while(", "forEach(", "map(async"];

fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

fn is_comment(line: &str) -> bool {
    let text = line.trim_start();
    ["#", "//", "*", "/*", "--", "\"\"\""].iter().any(|start| text.starts_with(start)) && !text.starts_with("#[")
}

fn is_source(path: &str) -> bool {
    let known = [".py", ".go", ".rs", ".java", ".kt", ".rb", ".php", ".cs"].iter().any(|end| path.ends_with(end));
    (known || is_script(path)) && !is_test(path) && !path.ends_with("conftest.py")
}

fn is_document(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    name.ends_with(".md")
        || name.ends_with(".rst")
        || name.contains("openapi")
        || name.contains("swagger")
        || name.starts_with(".env.")
        || lower.starts_with("docs/")
        || name.ends_with(".graphql")
}

fn finding(topic: Topic, rule: &str, severity: Severity, place: (&str, Option<usize>), message: &str) -> Finding {
    Finding {
        severity,
        path: Some(place.0.to_owned()),
        line: place.1,
        rule: Some(format!("{}/{rule}", topic.name())),
        message: message.to_owned(),
        old: false,
    }
}

/// What a change shows.
fn look(files: &[Changed]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut sources = Vec::new();
    let texts: Vec<(&str, String, Vec<usize>)> = files
        .iter()
        .filter(|file| is_source(file.path.as_str()))
        .filter_map(|file| {
            Some((file.path.as_str(), String::from_utf8_lossy(file.text()?).into_owned(), file.added_lines()))
        })
        .collect();
    for (path, text, added) in &texts {
        sources.push(Source { path, lines: text.lines().collect(), added: added.clone() });
    }
    for source in &sources {
        for rule in RULES.iter().filter(|rule| rule.is_about(source.path)) {
            found.extend(by_rule(rule, source));
        }
        found.extend(queries_in_loops(source));
    }
    one_mark_each(&mut found);
    found.extend(beside(files, &sources, &found));
    found
}

fn by_rule<'a>(rule: &'a Rule, source: &'a Source<'a>) -> impl Iterator<Item = Finding> + 'a {
    let severity = if rule.name == TOUCHED { Severity::Note } else { Severity::Warning };
    let lines = source.added().filter(|(_, line)| !is_comment(line) && rule.fits(line));
    lines
        .take(MOST)
        .map(move |(number, _)| finding(rule.topic, &rule.name, severity, (source.path, Some(number)), &rule.message))
}

/// A query for each turn of a loop: the classic that no test with three rows notices.
fn queries_in_loops(source: &Source<'_>) -> Vec<Finding> {
    let asks = RULES.iter().find(|rule| rule.topic == Topic::Performance && rule.name == TOUCHED);
    let Some(asks) = asks.filter(|rule| rule.is_about(source.path)) else { return Vec::new() };
    let lines =
        source.added().filter(|(number, line)| !is_comment(line) && asks.fits(line) && source.loop_around(*number));
    let words = "asks the database once for each turn of a loop";
    lines
        .take(MOST)
        .map(|(number, _)| {
            finding(Topic::Performance, "query-in-loop", Severity::Warning, (source.path, Some(number)), words)
        })
        .collect()
}

/// That a topic is concerned is said once.
fn one_mark_each(found: &mut Vec<Finding>) {
    let mut said = std::collections::BTreeSet::new();
    found.retain(|one| one.severity != Severity::Note || said.insert(one.rule.clone()));
}

/// What should have come with the change and did not.
fn beside(files: &[Changed], sources: &[Source<'_>], found: &[Finding]) -> Vec<Finding> {
    let mut missing = Vec::new();
    let paths = || files.iter().map(|file| file.path.as_str());
    let behaves = sources.iter().find(|source| source.added().any(|(_, line)| behaves(line)));
    if let Some(source) = behaves.filter(|_| !paths().any(is_test)) {
        let place = (source.path, source.added.first().copied());
        missing.push(finding(
            Topic::Tests,
            "none-with-it",
            Severity::Warning,
            place,
            "code changes and no test with it",
        ));
    }
    let route = found.iter().find(|one| one.rule.as_deref() == Some("security/touched"));
    if let Some((path, line)) =
        route.and_then(|one| Some((one.path.as_deref()?, one.line))).filter(|_| !paths().any(is_document))
    {
        let words = "adds a route, and no description of the interface changes with it";
        missing.push(finding(Topic::Docs, "route-undescribed", Severity::Warning, (path, line), words));
    }
    for source in sources.iter().filter(|_| !paths().any(is_document)) {
        if let Some((number, name)) = source.added().find_map(|(number, line)| Some((number, variable(line)?))) {
            let words = format!("reads {name} from the environment, and nothing says so (.env.example, README)");
            let place = (source.path, Some(number));
            missing.push(finding(Topic::Docs, "variable-undescribed", Severity::Warning, place, &words));
        }
    }
    let added: usize = files.iter().map(|file| file.added_lines().len()).sum();
    if added > LARGE {
        missing.push(Finding {
            severity: Severity::Note,
            rule: Some("size".to_owned()),
            message: format!("{added} lines are added; smaller proposals are easier to judge"),
            ..Finding::default()
        });
    }
    missing
}

fn behaves(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty()
        && !is_comment(line)
        && !text.starts_with("import ")
        && !text.starts_with("from ")
        && text.len() > 3
}

static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shape = r#"(?:process\.env\.|process\.env\[\s*['"]|os\.environ(?:\.get\(|\[)\s*['"]|os\.getenv\(\s*['"]|os\.(?:Getenv|LookupEnv)\(\s*"|env::var(?:_os)?\(\s*"|System\.getenv\(\s*")([A-Z][A-Z0-9_]+)"#;
    Regex::new(shape).ok()
});

fn variable(line: &str) -> Option<String> {
    Some(VARIABLE.as_ref()?.captures(line)?.get(1)?.as_str().to_owned())
}

#[async_trait]
impl Gate for ReviewGate {
    fn name(&self) -> &'static str {
        REVIEW
    }

    fn stage(&self) -> Stage {
        Stage::First
    }

    async fn concerns(&self, context: &GateContext) -> bool {
        context.proposal.changes.iter().any(|change| is_source(change.path.as_str()))
    }

    async fn run(&self, context: &GateContext) -> Report {
        let at = context.clone();
        match tokio::task::spawn_blocking(move || look(&changed(&at))).await {
            Ok(found) => Report::found(found, "finding").as_advice(),
            Err(error) => Report::not_run(format!("broke off: {error}")).as_advice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileMode, FileState, RepoPath};

    fn changed_file(path: &str, before: &str, after: &str) -> Changed {
        let state = |text: &str| Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
        Changed { path: RepoPath::parse(path).unwrap(), before: state(before), after: state(after) }
    }

    fn rules(path: &str, after: &str) -> Vec<String> {
        let test = changed_file("tests/test_a.py", "", "x = 1\n");
        let readme = changed_file("README.md", "", "words\n");
        look(&[changed_file(path, "", after), test, readme]).into_iter().filter_map(|one| one.rule).collect()
    }

    #[test]
    fn every_rule_can_be_read() {
        let table = crate::text::from_toml::<Table>(include_str!("../../assets/review.toml"));
        let number = table.as_ref().map(|table| table.rule.len()).unwrap_or_default();
        assert!(table.is_ok(), "{:?}", table.err());
        assert_eq!(RULES.len(), number, "a pattern that is not valid");
    }

    #[test]
    fn seeded_slips_are_found_and_plain_code_is_not() {
        for (path, text, expected) in [
            (
                "a.py",
                "cursor.execute(f\"SELECT * FROM t WHERE id = {id}\")\n",
                vec!["security/sql-from-text", "performance/touched"],
            ),
            ("a.py", "cursor.execute(\"SELECT 1 WHERE id = %s\", (id,))\n", vec!["performance/touched"]),
            (
                "a.js",
                "db.query('SELECT * FROM t WHERE id = ' + id)\n",
                vec!["security/sql-from-text", "performance/touched"],
            ),
            ("a.js", "db.query('SELECT * FROM t WHERE id = $1', [id])\n", vec!["performance/touched"]),
            ("a.py", "subprocess.run(cmd, shell=True)\n", vec!["security/command-from-text"]),
            (
                "a.py",
                "requests.get(url, verify=False, timeout=3)\n",
                vec!["security/unverified-connection", "errors/touched"],
            ),
            ("a.py", "r = requests.get(url)\n", vec!["errors/touched", "errors/no-time-limit"]),
            ("a.py", "digest = hashlib.md5(password)\n", vec!["security/weak-hash"]),
            ("a.py", "try:\n    go()\nexcept:\n    pass\n", vec!["errors/swallowed"]),
            ("a.py", "raise HTTPException(500, detail=str(e))\n", vec!["errors/inner-words-outside"]),
            ("a.go", "\t_ = store.Save(order)\n", vec!["errors/ignored"]),
            ("a.py", "# cursor.execute(f\"x {y}\")\n", vec![]),
            ("a.py", "value = compute(a, b)\n", vec![]),
            ("tests/test_b.py", "cursor.execute(f\"SELECT {x}\")\n", vec![]),
        ] {
            assert_eq!(rules(path, text), expected, "{text}");
        }
    }

    #[test]
    fn a_query_in_a_loop_is_found_and_one_beside_it_is_not() {
        let inside = "def f(ids):\n    for id in ids:\n        row = session.get(Order, id)\n";
        assert!(rules("a.py", inside).contains(&"performance/query-in-loop".to_owned()));
        let beside = "def f(ids):\n    for id in ids:\n        use(id)\n    row = session.get(Order, id)\n";
        assert!(!rules("a.py", beside).contains(&"performance/query-in-loop".to_owned()));
    }

    #[test]
    fn what_should_have_come_with_the_change_is_missed() {
        let alone = |text: &str| -> Vec<String> {
            let found = look(&[changed_file("a.py", "", text)]);
            found.into_iter().filter_map(|one| one.rule).collect()
        };
        assert_eq!(
            alone("@app.get(\"/x\")\ndef x():\n    return 1\n"),
            ["security/touched", "tests/none-with-it", "docs/route-undescribed"]
        );
        assert_eq!(
            alone("import os\nLIMIT = os.environ.get(\"ADD_LIMIT\")\n"),
            ["tests/none-with-it", "docs/variable-undescribed"]
        );
        assert_eq!(alone("# a comment\n"), Vec::<String>::new());
    }
}
