//! Says in one line what a call is about.

use serde_json::Value;

use super::item::StepState;

fn field<'a>(input: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| input.get(name).and_then(Value::as_str))
}

/// What a call is about: its path, command, pattern or the first text in its input. As it came, unsanitised.
pub fn about(name: &str, input: &Value) -> String {
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    match name {
        "search" => {
            let pattern = field(input, &["pattern"]).unwrap_or_default();
            let place = field(input, &["path", "glob"]).map(|place| format!(" in {place}")).unwrap_or_default();
            format!("{pattern}{place}")
        }
        "read" => {
            let path = field(input, &["path"]).unwrap_or_default();
            match (input.get("from").and_then(Value::as_u64), input.get("to").and_then(Value::as_u64)) {
                (None, None) => path.to_owned(),
                (from, to) => {
                    format!("{path}:{}-{}", from.unwrap_or(1), to.map(|to| to.to_string()).unwrap_or_default())
                }
            }
        }
        "http" if input.get("url").is_some() => {
            let method = field(input, &["method"]).unwrap_or("GET");
            format!("{method} {}", first_line(field(input, &["url"]).unwrap_or_default()))
        }
        "api_test" | "verify" => {
            let listed = |key: &str| match input.get(key) {
                Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" + "),
                other => other.and_then(Value::as_str).unwrap_or_default().to_owned(),
            };
            let parts = [listed(if name == "verify" { "gates" } else { "mode" }), listed("ops")];
            first_line(parts.join(" ").trim())
        }
        "apply_patch" => patched_paths(field(input, &["patch"]).unwrap_or_default()),
        _ => field(input, &["path", "command", "title", "question", "task", "url", "pattern"])
            .map(first_line)
            .or_else(|| input.as_object().and_then(|map| map.values().find_map(Value::as_str)).map(first_line))
            .unwrap_or_default(),
    }
}

fn patched_paths(patch: &str) -> String {
    let paths: Vec<&str> = patch
        .lines()
        .filter_map(|line| line.strip_prefix("*** ")?.split_once(" File: ").map(|(_, path)| path.trim()))
        .collect();
    paths.join(", ")
}

/// Lines added and removed by a call that changes files, as far as its input tells.
pub fn counts(name: &str, input: &Value) -> Option<(usize, usize)> {
    let lines = |value: Option<&Value>| value.and_then(Value::as_str).map_or(0, |text| text.lines().count());
    match name {
        "edit" => {
            let edits = input.get("edits")?.as_array()?;
            Some(edits.iter().fold((0, 0), |(added, removed), edit| {
                let (old, new) = (
                    edit.get("old").and_then(Value::as_str).unwrap_or_default(),
                    edit.get("new").and_then(Value::as_str).unwrap_or_default(),
                );
                let (plus, minus) = changed_lines(old, new);
                (added + plus, removed + minus)
            }))
        }
        "write" => Some((lines(input.get("content")), 0)),
        "apply_patch" => {
            let patch = field(input, &["patch"])?;
            let count = |sign| patch.lines().filter(|line| line.starts_with(sign)).count();
            Some((count('+'), count('-')))
        }
        _ => None,
    }
}

/// Lines added and removed as the tool that writes whole files answers: `Replaced `a.py`: +1 -2.`
pub fn counted(name: &str, output: &str) -> Option<(usize, usize)> {
    let (_, counts) = output.trim_end().strip_suffix('.').filter(|_| name == "write")?.rsplit_once(": +")?;
    let (added, removed) = counts.split_once(" -")?;
    Some((added.parse().ok()?, removed.parse().ok()?))
}

/// Lines that differ between two short texts, common head and tail left out.
fn changed_lines(old: &str, new: &str) -> (usize, usize) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().skip(head).rev().zip(new.iter().skip(head).rev()).take_while(|(a, b)| a == b).count();
    (new.len() - head - tail, old.len() - head - tail)
}

/// The steps in the input of the `plan` tool.
pub fn steps(input: &Value) -> Vec<(String, StepState)> {
    let Some(steps) = input.get("steps").and_then(Value::as_array) else { return Vec::new() };
    steps
        .iter()
        .filter_map(|step| {
            let title = field(step, &["title", "step", "content"]).or_else(|| step.as_str())?;
            let state = match field(step, &["status", "state"]) {
                Some("done" | "completed" | "complete") => StepState::Done,
                Some("doing" | "in_progress" | "active" | "current") => StepState::Doing,
                _ if step.get("done").and_then(Value::as_bool) == Some(true) => StepState::Done,
                _ => StepState::Open,
            };
            Some((title.to_owned(), state))
        })
        .collect()
}

/// The question and the answers to choose from in the input of the `ask` tool.
pub fn question(input: &Value) -> (String, Vec<String>) {
    let options = input.get("options").and_then(Value::as_array).map(|options| {
        options
            .iter()
            .filter_map(|option| option.as_str().or_else(|| field(option, &["label", "title"])))
            .map(str::to_owned)
            .collect()
    });
    (field(input, &["question"]).unwrap_or_default().to_owned(), options.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tool_counts_what_a_whole_file_hides() {
        assert_eq!(counted("write", "Replaced `a: +1.py`: +3 -12."), Some((3, 12)));
        assert_eq!(counted("write", "`a.py` already holds exactly this; nothing changed."), None);
        assert_eq!(counted("run", "Replaced `a.py`: +3 -12."), None);
    }

    #[test]
    fn says_what_a_call_is_about() {
        for (name, input, expected) in [
            ("read", json!({"path": "a.py"}), "a.py"),
            ("read", json!({"path": "a.py", "from": 3, "to": 9}), "a.py:3-9"),
            ("run", json!({"command": "pytest -q\nls"}), "pytest -q"),
            ("search", json!({"pattern": "x+", "path": "src"}), "x+ in src"),
            ("apply_patch", json!({"patch": "*** Begin Patch\n*** Update File: a.py\n*** Add File: b\n"}), "a.py, b"),
            ("unheard_of", json!({"n": 1, "text": "hello"}), "hello"),
            ("http", json!({"url": "/items"}), "GET /items"),
            ("http", json!({"method": "POST", "url": "/items"}), "POST /items"),
            ("api_test", json!({"mode": ["contract", "auth"], "ops": ["GET /a"]}), "contract + auth GET /a"),
            ("api_test", json!({"mode": "load"}), "load"),
            ("verify", json!({"gates": ["tests"]}), "tests"),
            ("run", Value::Null, ""),
        ] {
            assert_eq!(about(name, &input), expected);
        }
    }

    #[test]
    fn counts_changed_lines() {
        let edit = json!({"edits": [{"old": "a\nb\nc", "new": "a\nx\ny\nc"}]});
        assert_eq!(counts("edit", &edit), Some((2, 1)));
        assert_eq!(counts("write", &json!({"content": "a\nb\n"})), Some((2, 0)));
        assert_eq!(counts("read", &json!({})), None);
    }
}
