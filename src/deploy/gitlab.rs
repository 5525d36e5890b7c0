//! Pipelines of GitLab.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::{self, names};
use super::rules::{hint, near, rules};
use super::{Sink, Tree, is_placeholder, is_secret};

const STAGES: [&str; 3] = ["build", "test", "deploy"];

pub(super) fn check(text: &str, _tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let documents = document::read(text, sink);
    // A `spec` of inputs may come first, in a document of its own.
    let Some(document) = documents.into_iter().next_back() else { return };
    let Some(top) = document.value.as_object() else {
        sink.error(1, "syntax", "a pipeline is an object of jobs");
        return;
    };
    let included = top.contains_key("include");
    let own: &[String] = &rules().gitlab.top;
    let jobs: Map<String, Value> = top
        .iter()
        .filter(|(name, value)| !own.contains(name) && (value.is_object() || value.is_null()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    let stages: Vec<String> = match top.get("stages").or(top.get("types")) {
        Some(stages) => names(stages),
        None => STAGES.iter().map(|stage| (*stage).to_owned()).collect(),
    };
    for (name, value) in
        top.iter().filter(|(name, value)| !own.contains(name) && !value.is_object() && !name.starts_with('.'))
    {
        let _ = value;
        sink.error(
            document.line(&[name]),
            "unknown-key",
            format!("`{name}` is no job and no keyword{}", hint(name, own)),
        );
    }
    for (name, job) in jobs.iter().filter(|(name, job)| !name.starts_with('.') && job.is_object()) {
        let line = |key: &str| document.line(&[name, key]);
        // A keyword written as a job.
        if near(name, own).is_some()
            && job.get("script").is_none()
            && job.get("extends").is_none()
            && job.get("trigger").is_none()
        {
            sink.error(document.line(&[name]), "unknown-key", format!("`{name}` is no keyword{}", hint(name, own)));
            continue;
        }
        let (merged, whole) = merged(job, &jobs, 0);
        for key in job
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .filter(|key| !rules().gitlab.job.contains(key) && *key != "<<")
        {
            let message = format!("job `{name}` has no key `{key}`{}", hint(key, &rules().gitlab.job));
            sink.either(near(key, &rules().gitlab.job).is_some(), line(key), "unknown-key", message);
        }
        let does = ["script", "trigger", "run", "pages"].iter().any(|key| merged.contains_key(*key));
        let elsewhere = included && (!whole || name == "pages");
        if !does && !elsewhere {
            sink.error(document.line(&[name]), "script", format!("job `{name}` has no `script`"));
        }
        for base in job.get("extends").map(names).unwrap_or_default() {
            if !jobs.contains_key(&base) && !included {
                let known: Vec<String> = jobs.keys().cloned().collect();
                sink.error(
                    line("extends"),
                    "extends",
                    format!("job `{name}` extends `{base}`, which is not there{}", hint(&base, &known)),
                );
            }
        }
        if let Some(stage) = merged.get("stage").and_then(Value::as_str).filter(|stage| !stage.contains('$'))
            && !stages.iter().any(|known| known == stage)
            && !matches!(stage, ".pre" | ".post")
        {
            let message = format!("there is no stage `{stage}`{}", hint(stage, &stages));
            sink.either(!included || top.contains_key("stages"), line("stage"), "stage", message);
        }
        needs(name, job, &jobs, included, &line("needs"), sink);
    }
    let waits = |name: &str| jobs.get(name).map(needed).unwrap_or_default();
    if let Some(circle) = document::circle(jobs.keys().map(String::as_str), &waits) {
        sink.error(
            document.line(&[&circle[0], "needs"]),
            "needs-cycle",
            format!("these jobs wait for each other: {}", circle.join(" → ")),
        );
    }
    document::texts(&document.value, &mut Vec::new(), &mut |path, text| {
        if let [.., above, name] = path
            && above == "variables"
            && is_secret(name)
            && !is_placeholder(text)
        {
            let at: Vec<&str> = path.iter().map(String::as_str).collect();
            sink.warn(
                document.line(&at),
                "secret",
                format!("`{name}` is written here in plain; make it a masked variable of the project"),
            );
        }
    });
}

fn needed(job: &Value) -> Vec<String> {
    let entry = |item: &Value| match item {
        Value::String(name) => Some(name.clone()),
        Value::Object(map)
            if !map.contains_key("pipeline")
                && !map.contains_key("project")
                && map.get("optional") != Some(&Value::Bool(true)) =>
        {
            map.get("job").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    };
    job.get("needs").and_then(Value::as_array).map(|needs| needs.iter().filter_map(entry).collect()).unwrap_or_default()
}

fn needs(name: &str, job: &Value, jobs: &Map<String, Value>, included: bool, line: &usize, sink: &mut Sink<'_>) {
    let known: BTreeSet<&String> = jobs.keys().collect();
    let wanted = needed(job).into_iter().chain(job.get("dependencies").map(names).unwrap_or_default());
    for need in wanted.filter(|need| !known.contains(need) && !included && !need.contains('$')) {
        let names: Vec<String> = jobs.keys().cloned().collect();
        sink.error(*line, "needs", format!("job `{name}` needs `{need}`, which is no job{}", hint(&need, &names)));
    }
}

/// A job with what it extends; the flag says that all of that was found.
fn merged(job: &Value, jobs: &Map<String, Value>, depth: usize) -> (Map<String, Value>, bool) {
    let mut all = Map::new();
    let mut whole = true;
    for base in job.get("extends").map(names).unwrap_or_default() {
        match jobs.get(&base).filter(|_| depth < 12) {
            Some(base) => {
                let (more, found) = merged(base, jobs, depth + 1);
                all.extend(more);
                whole &= found;
            }
            None => whole = false,
        }
    }
    all.extend(job.as_object().cloned().unwrap_or_default());
    (all, whole)
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_pipeline_has_none() {
        let sound = "stages: [build, check]\ndefault:\n  image: python:3.12\n.base: &base\n  stage: check\n  script: [make]\nbuild:\n  stage: build\n  script: make\n  rules:\n    - if: $CI\ntest:\n  extends: .base\n  needs: [build]\nlint:\n  <<: *base\n  needs:\n    - job: build\n      artifacts: true\n";
        seeded(
            ".gitlab-ci.yml",
            sound,
            &[],
            &[
                ("  script: make\n", "", "7 error script: job `build` has no `script`"),
                ("stage: build", "stage: biuld", "8 error stage: there is no stage `biuld`, did you mean `build`?"),
                ("needs: [build]", "needs: [bild]", "14 error needs"),
                ("extends: .base", "extends: .bse", "13 error extends"),
                ("  rules:", "  rulse:", "10 error unknown-key"),
                ("  script: make", "  needs: [test]\n  script: make", "9 error needs-cycle"),
                ("default:", "defualt:", "2 error unknown-key"),
                ("  script: make", "  variables: {DB_PASSWORD: q7Zp2LmW9x}\n  script: make", "9 warning secret"),
            ],
        );
    }
}
