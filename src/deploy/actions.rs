//! Workflows of GitHub Actions.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::{self, Document, names, unknown_keys};
use super::expression;
use super::rules::{hint, rules};
use super::{Sink, Tree, is_placeholder, is_secret};

pub(super) fn check(text: &str, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let documents = document::read(text, sink);
    if documents.len() > 1 {
        sink.error(documents[1].line(&[]), "yaml", "a workflow is one YAML document");
    }
    let Some(document) = documents.into_iter().next() else { return };
    let Some(top) = document.value.as_object() else {
        sink.error(1, "syntax", "a workflow is an object with `on` and `jobs`");
        return;
    };
    if top.contains_key("true") && !top.contains_key("on") {
        // A writer that follows YAML 1.1 makes `true:` of `on:`.
        sink.error(document.line(&["true"]), "on", "the key is `true`, not `on`: YAML 1.1 reads a bare `on` as true");
    }
    unknown_keys(&document, &[], &rules().actions.top, true, "a workflow", sink);
    for key in ["on", "jobs"]
        .into_iter()
        .filter(|key| !top.contains_key(*key) && (*key == "jobs" || !top.contains_key("true")))
    {
        sink.error(1, "missing-key", format!("a workflow needs `{key}`"));
    }
    events(&document, top, sink);
    let Some(jobs) = document.map(&["jobs"]) else { return };
    for (name, job) in jobs {
        Job { name, document: &document, jobs, job }.check(tree, sink);
    }
    let needs = |name: &str| jobs.get(name).and_then(|job| job.get("needs")).map(names).unwrap_or_default();
    if let Some(circle) = document::circle(jobs.keys().map(String::as_str), &needs) {
        sink.error(
            document.line(&["jobs", &circle[0], "needs"]),
            "needs-cycle",
            format!("these jobs wait for each other: {}", circle.join(" → ")),
        );
    }
    expressions(&document, jobs, sink);
    plain_secrets(&document, sink);
}

fn events(document: &Document, top: &Map<String, Value>, sink: &mut Sink<'_>) {
    let Some(on) = top.get("on") else { return };
    let known = &rules().actions.events;
    for event in names(on).iter().filter(|event| !known.contains(event)) {
        let line = document.line_with(&["on"], event);
        let hint = hint(event, known);
        let message = format!("there is no event `{event}`{hint}");
        sink.either(!hint.is_empty(), line, "event", message);
    }
}

struct Job<'a> {
    name: &'a str,
    document: &'a Document,
    jobs: &'a Map<String, Value>,
    job: &'a Value,
}

impl Job<'_> {
    fn line(&self, path: &[&str]) -> usize {
        self.document.line(&[&["jobs", self.name], path].concat())
    }

    fn check(&self, tree: &Tree<'_>, sink: &mut Sink<'_>) {
        let Some(job) = self.job.as_object() else {
            sink.error(self.line(&[]), "syntax", format!("job `{}` says nothing", self.name));
            return;
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !self.name.chars().all(valid) || self.name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            sink.error(
                self.line(&[]),
                "job-name",
                format!("`{}` is no name of a job: letters, digits, `-` and `_`", self.name),
            );
        }
        unknown_keys(
            self.document,
            &["jobs", self.name],
            &rules().actions.job,
            true,
            &format!("job `{}`", self.name),
            sink,
        );
        unknown_keys(
            self.document,
            &["jobs", self.name, "strategy"],
            &rules().actions.strategy,
            true,
            "`strategy`",
            sink,
        );
        let called = job.get("uses").and_then(Value::as_str);
        if called.is_none() && !job.contains_key("runs-on") {
            sink.error(self.line(&[]), "missing-key", format!("job `{}` needs `runs-on`", self.name));
        }
        if called.is_none() && job.get("steps").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            sink.error(self.line(&[]), "missing-key", format!("job `{}` needs `steps`", self.name));
        }
        if let Some(path) = called.and_then(|uses| uses.strip_prefix("./"))
            && tree.paths.iter().any(|known| known == sink.path)
            && !tree.has(path)
        {
            sink.error(self.line(&["uses"]), "uses", format!("there is no workflow `{path}`"));
        }
        let known: Vec<String> = self.jobs.keys().cloned().collect();
        for need in job.get("needs").map(names).unwrap_or_default() {
            if !self.jobs.contains_key(&need) && !need.contains("${{") {
                let line = self.document.line_with(&["jobs", self.name, "needs"], &need);
                sink.error(
                    line,
                    "needs",
                    format!("job `{}` needs `{need}`, which is no job{}", self.name, hint(&need, &known)),
                );
            }
        }
        self.steps(sink);
    }

    fn steps(&self, sink: &mut Sink<'_>) {
        let steps = self.job.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut ids = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            let number = index.to_string();
            let at = ["jobs", self.name, "steps", number.as_str()];
            let line = self.document.line(&at);
            let Some(map) = step.as_object() else {
                sink.error(line, "syntax", "a step is an object with `run` or `uses`");
                continue;
            };
            unknown_keys(self.document, &at, &rules().actions.step, true, "a step", sink);
            match (map.contains_key("run"), map.get("uses").and_then(Value::as_str)) {
                (false, None) => sink.error(line, "step", "a step needs `run` or `uses`"),
                (true, Some(_)) => sink.error(line, "step", "a step has `run` or `uses`, not both"),
                (false, Some(uses)) => pinned(uses, self.document.line(&[&at[..], &["uses"]].concat()), sink),
                (true, None) => {}
            }
            if let Some(id) = map.get("id").and_then(Value::as_str)
                && !ids.insert(id.to_lowercase())
            {
                sink.error(
                    self.document.line(&[&at[..], &["id"]].concat()),
                    "step-id",
                    format!("two steps of job `{}` are called `{id}`", self.name),
                );
            }
        }
    }
}

fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.chars().all(|c| c.is_ascii_hexdigit())
}

fn pinned(uses: &str, line: usize, sink: &mut Sink<'_>) {
    if uses.starts_with("./") || uses.starts_with("docker://") || uses.contains("${{") {
        return;
    }
    let Some((action, reference)) = uses.rsplit_once('@') else {
        sink.error(line, "uses", format!("`{uses}` names no version: write `{uses}@…`"));
        return;
    };
    let owner = action.split('/').next().unwrap_or_default();
    if !action.contains('/') {
        sink.error(line, "uses", format!("`{uses}` is no action: owner/name@version"));
    } else if !rules().actions.own.iter().any(|own| own == owner) && !is_commit(reference) {
        let said = sink
            .found
            .iter()
            .any(|one| one.rule.as_deref() == Some("unpinned") && one.message.contains(&format!("`{action}`")));
        if !said {
            sink.warn(
                line,
                "unpinned",
                format!(
                    "`{action}` of a third party is not pinned to a commit: `{reference}` can be moved to other code"
                ),
            );
        }
    }
}

fn expressions(document: &Document, jobs: &Map<String, Value>, sink: &mut Sink<'_>) {
    let mut all: Vec<(Vec<String>, &str)> = Vec::new();
    document::texts(&document.value, &mut Vec::new(), &mut |path, text| all.push((path.to_vec(), text)));
    for (path, text) in all {
        let at: Vec<&str> = path.iter().map(String::as_str).collect();
        let bare = path.last().is_some_and(|key| key == "if") && !text.contains("${{");
        let found = if bare { vec![Ok(text)] } else { expression::inside(text) };
        for one in found {
            let one = match one {
                Ok(one) => one,
                Err(open) => {
                    sink.error(document.line_with(&at, open), "expression", "this `${{` has no `}}`");
                    continue;
                }
            };
            let line = document.line_with(&at, one.trim());
            let read = expression::read(one);
            for message in expression::unknown(&read) {
                sink.error(line, "context", message);
            }
            references(&read, &at, jobs, line, sink);
            let script = matches!(at.as_slice(), ["jobs", _, "steps", _, "run"])
                || matches!(at.as_slice(), ["jobs", _, "steps", _, "with", "script"]);
            if let Some(untrusted) = expression::untrusted(&read).filter(|_| script) {
                sink.error(line, "injection", format!("`{untrusted}` is what a stranger writes, and becomes part of this script; hand it over in `env`"));
            }
        }
    }
}

/// Steps and jobs that an expression speaks of and that are not there.
fn references(read: &expression::Expression, at: &[&str], jobs: &Map<String, Value>, line: usize, sink: &mut Sink<'_>) {
    let ["jobs", name, ..] = at else { return };
    let Some(job) = jobs.get(*name) else { return };
    for path in &read.paths {
        let Some(wanted) = path.parts.get(1).filter(|part| *part != "*") else { continue };
        let (known, what): (Vec<String>, &str) = match path.parts[0].as_str() {
            "needs" => (job.get("needs").map(names).unwrap_or_default(), "`needs` of this job"),
            "steps" => {
                let steps = job.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                (
                    steps.iter().filter_map(|step| step.get("id")?.as_str()).map(str::to_owned).collect(),
                    "the steps of this job",
                )
            }
            _ => continue,
        };
        if !known.iter().any(|known| known.eq_ignore_ascii_case(wanted)) {
            sink.error(
                line,
                "reference",
                format!("`{}.{wanted}` is not among {what}{}", path.parts[0], hint(wanted, &known)),
            );
        }
    }
}

/// Secrets written into the file. Services of a test run have passwords nobody needs to hide.
fn plain_secrets(document: &Document, sink: &mut Sink<'_>) {
    document::texts(&document.value, &mut Vec::new(), &mut |path, text| {
        let Some((name, above)) = path.split_last() else { return };
        let variable = above.last().is_some_and(|above| above == "env" || above == "with");
        let service = path.iter().any(|part| part == "services");
        if variable && !service && is_secret(name) && !is_placeholder(text) {
            let at: Vec<&str> = path.iter().map(String::as_str).collect();
            sink.warn(
                document.line(&at),
                "secret",
                format!("`{name}` is written here in plain; take it from `secrets`"),
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    const SOUND: &str = "name: ci
on:
  push: {branches: [main]}
  pull_request:
permissions: {contents: read}
jobs:
  build:
    runs-on: ubuntu-24.04
    outputs:
      v: ${{ steps.v.outputs.v }}
    strategy:
      matrix: {os: [a, b]}
    steps:
      - uses: actions/checkout@v4
      - id: v
        name: version
        run: |
          echo \"v=${{ github.sha }}\" >> x
          echo ${{ matrix.os }}
        env:
          TOKEN: ${{ secrets.TOKEN }}
  test:
    needs: [build]
    if: always() && needs.build.result == 'success'
    uses: ./.github/workflows/test.yml
";

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_workflow_has_none() {
        seeded(
            ".github/workflows/ci.yml",
            SOUND,
            &[(".github/workflows/test.yml", "")],
            &[
                (
                    "needs: [build]",
                    "needs: [biuld]",
                    "23 error needs: job `test` needs `biuld`, which is no job, did you mean `build`?",
                ),
                ("    runs-on: ubuntu-24.04", "    runs-on: x\n    needs: test", "9 error needs-cycle"),
                (
                    "permissions:",
                    "permission:",
                    "5 error unknown-key: a workflow has no key `permission`, did you mean `permissions`?",
                ),
                ("    runs-on", "    run-on", "8 error unknown-key"),
                ("        name: version", "        nmae: version", "16 error unknown-key"),
                (
                    "secrets.TOKEN",
                    "secrts.TOKEN",
                    "21 error context: there is no context `secrts`, did you mean `secrets`?",
                ),
                ("github.sha", "github.event.issue.title", "18 error injection"),
                ("actions/checkout@v4", "someone/checkout@v4", "14 warning unpinned"),
                ("actions/checkout@v4", "actions/checkout", "14 error uses"),
                ("${{ secrets.TOKEN }}", "q7Zp2LmW9x", "21 warning secret"),
                ("on:\n", "true:\n", "2 error on"),
                ("  pull_request:", "  pull_requests:", "4 error event"),
                ("steps.v.outputs", "steps.w.outputs", "10 error reference"),
                ("./.github/workflows/test.yml", "./.github/workflows/tset.yml", "25 error uses"),
                ("      - id: v\n", "      - name: x\n      - id: v\n", "15 error step"),
                ("${{ matrix.os }}", "${{ matrix.os }", "19 error expression"),
                ("    runs-on: ubuntu-24.04\n", "", "7 error missing-key"),
            ],
        );
    }
}
