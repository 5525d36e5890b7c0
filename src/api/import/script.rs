//! The few sentences most scripts of Postman and of the JetBrains editors are made of. Everything else is not run, and said so.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::Imported;
use crate::api::expect::plain;

/// Lines of an event's script that say something.
pub(super) fn lines(event: &Value) -> impl Iterator<Item = String> {
    let exec = &event["script"]["exec"];
    let lines: Vec<String> = match exec {
        Value::Array(lines) => lines.iter().map(plain).collect(),
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    lines.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// Reads the scripts of an item.
pub(super) fn read(item: &Value, into: &mut Imported) {
    for event in item["event"].as_array().into_iter().flatten() {
        let kind = plain(&event["listen"]);
        lines(event).for_each(|line| read_line(&kind, &line, into));
    }
}

/// Reads one line of a script; what comes before a request is never understood.
pub(super) fn read_line(kind: &str, line: &str, into: &mut Imported) {
    // One line often holds a whole test; its frame says nothing.
    for sentence in line.split(';').map(str::trim).filter(|sentence| !is_frame(sentence)) {
        if kind != "test" || !understood(sentence, into) {
            let shown: String = sentence.chars().take(80).collect();
            into.not_run.push(format!("{kind} script: {shown}"));
        }
    }
}

/// `pm.test("…", function () {`, `});`, `const body = pm.response.json()`.
fn is_frame(sentence: &str) -> bool {
    static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"^(?:[})\]\s,]*|(?:const|let|var)\s+\w+\s*=\s*(?:pm\.response\.json\(\)|JSON\.parse\(responseBody\)))$"#,
        )
        .ok()
    });
    FRAME.as_ref().is_some_and(|frame| frame.is_match(sentence))
}

static SENTENCES: LazyLock<Vec<(Kind, Option<Regex>)>> = LazyLock::new(|| {
    let opening = r#"^(?:(?:pm|client)\.test\(\s*["'`][^"'`]*["'`]\s*,\s*(?:function\s*\(\)|\(\)\s*=>)\s*\{?\s*)?"#;
    [
        (Kind::Status, r"pm\.response\.to\.have\.status\((\d{3})\)[\s})]*$"),
        (Kind::Status, r"pm\.expect\(pm\.response\.code\)\.to\.(?:eql|equal|be\.equal)\((\d{3})\)[\s})]*$"),
        (Kind::OneOf, r"pm\.expect\(pm\.response\.code\)\.to\.be\.oneOf\(\[([\d,\s]+)\]\)[\s})]*$"),
        (Kind::Time, r"pm\.expect\(pm\.response\.responseTime\)\.to\.be\.below\((\d+)\)[\s})]*$"),
        (Kind::Header, r#"pm\.response\.to\.have\.header\(["']([\w-]+)["']\)[\s})]*$"#),
        (Kind::Equal, r"pm\.expect\((?:pm\.response\.json\(\)|\w+)((?:\.\w+|\[\d+\])+)\)\.to\.(?:eql|equal|be\.equal|deep\.equal)\((.+?)\)[\s})]*$"),
        (Kind::Keep, r#"pm\.(?:environment|collectionVariables|globals|variables)\.set\(["'](\w+)["']\s*,\s*(?:pm\.response\.json\(\)|\w+)((?:\.\w+|\[\d+\])+)\)[\s})]*$"#),
        (Kind::Succeeded, r"pm\.response\.to\.be\.(?:ok|success)[\s})]*$"),
        (Kind::Json, r"pm\.response\.to\.be\.json[\s})]*$"),
        (Kind::HeaderHolds, r#"pm\.expect\(pm\.response\.headers\.get\(["']([\w-]+)["']\)\)\.to\.(?:include|contain|eql|equal)\(["']([^"']*)["']\)[\s})]*$"#),
        (Kind::Text, r#"pm\.expect\(pm\.response\.text\(\)\)\.to\.(?:include|contain)\(["']([^"']*)["']\)[\s})]*$"#),
        (Kind::Property, r#"pm\.expect\((?:pm\.response\.json\(\)|\w+)((?:\.\w+|\[\d+\])*)\)\.to\.have\.property\(["'](\w+)["']\)[\s})]*$"#),
        (Kind::Status, r"client\.assert\(response\.status\s*={2,3}\s*(\d{3})[\s,)].*$"),
        (Kind::Equal, r#"client\.assert\(response\.body((?:\.\w+|\[\d+\])+)\s*={2,3}\s*([^,)]+?)\s*(?:,\s*["'`].*)?\)[\s})]*$"#),
        (Kind::Keep, r#"client\.global\.set\(["'](\w+)["']\s*,\s*response\.body((?:\.\w+|\[\d+\])+)\)[\s})]*$"#),
        (Kind::Nothing, r"$"),
    ]
    .into_iter()
    .map(|(kind, pattern)| (kind, Regex::new(&format!("{opening}{pattern}")).ok()))
    .collect()
});

#[derive(Clone, Copy)]
enum Kind {
    Status,
    OneOf,
    Time,
    Header,
    HeaderHolds,
    Succeeded,
    Json,
    Text,
    Property,
    Equal,
    Keep,
    Nothing,
}

fn understood(sentence: &str, into: &mut Imported) -> bool {
    for (kind, pattern) in SENTENCES.iter() {
        let Some(found) = pattern.as_ref().and_then(|pattern| pattern.captures(sentence)) else { continue };
        let number = |index: usize| found.get(index).and_then(|part| part.as_str().trim().parse::<u64>().ok());
        match kind {
            Kind::Status => into.expect.insert("status".into(), json!(number(1))),
            Kind::OneOf => {
                let list: Vec<u64> = found[1].split(',').filter_map(|part| part.trim().parse().ok()).collect();
                into.expect.insert("status".into(), json!(list))
            }
            Kind::Time => into.expect.insert("max_ms".into(), json!(number(1))),
            Kind::Header => {
                into.expect.entry("headers").or_insert_with(|| json!({}))[&found[1]] = json!("");
                None
            }
            Kind::HeaderHolds => {
                into.expect.entry("headers").or_insert_with(|| json!({}))[&found[1]] = json!(&found[2]);
                None
            }
            Kind::Succeeded => into.expect.insert("status".into(), json!("2xx")),
            Kind::Json => {
                into.expect.entry("headers").or_insert_with(|| json!({}))["content-type"] = json!("json");
                None
            }
            Kind::Text => into.expect.insert("contains".into(), json!(&found[1])),
            Kind::Property => {
                let place = format!("{}/{}", pointer(&found[1]), &found[2]);
                if let Some(list) = into.expect.entry("present").or_insert_with(|| json!([])).as_array_mut() {
                    list.push(json!(place));
                }
                None
            }
            Kind::Equal => {
                let text = found[2].trim();
                let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                let Some(value) = quoted.map(|text| json!(text)).or_else(|| serde_json::from_str(text).ok()) else {
                    return false;
                };
                into.expect.entry("body").or_insert_with(|| json!({}))[pointer(&found[1])] = value;
                None
            }
            Kind::Keep => into.save.insert(found[1].to_owned(), json!(pointer(&found[2]))),
            Kind::Nothing => None,
        };
        return true;
    }
    false
}

/// `.items[0].id` is `/items/0/id`.
pub(super) fn pointer(path: &str) -> String {
    path.replace('[', "/").replace(']', "").replace('.', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_of_jetbrains_is_understood_as_well() {
        let mut made = Imported::default();
        for line in [
            "client.test(\"ok\", function () {",
            "client.assert(response.status === 201, \"Response status is not 201\");",
            "client.assert(response.body.items[0].name === \"x\", 'name');",
            "});",
            "client.global.set(\"token\", response.body.access.token);",
            "client.log(response.body);",
        ] {
            read_line("test", line, &mut made);
        }
        assert_eq!(Value::Object(made.expect), json!({"status": 201, "body": {"/items/0/name": "x"}}));
        assert_eq!(Value::Object(made.save), json!({"token": "/access/token"}));
        assert_eq!(made.not_run, ["test script: client.log(response.body)"]);
    }

    #[test]
    fn usual_sentences_are_understood_and_others_are_told() {
        let script = r#"
            pm.test("Status code is 200", function () {
                pm.response.to.have.status(200);
            });
            const data = pm.response.json();
            pm.test("typed", function () { pm.response.to.be.ok; pm.response.to.be.json; });
            pm.test("has it", () => { pm.expect(data.items[0]).to.have.property('id'); });
            pm.test("name", () => { pm.expect(data.items[0].name).to.eql("x"); });
            pm.environment.set("token", data.access_token);
            pm.test("fast", function () { pm.expect(pm.response.responseTime).to.be.below(200); });
            pm.sendRequest("http://elsewhere", function () {});
        "#;
        let item = json!({"event": [{"listen": "test", "script": {"exec": script}}, {"listen": "prerequest", "script": {"exec": ["console.log(1)"]}}]});
        let mut made = Imported::default();
        read(&item, &mut made);
        assert_eq!(
            Value::Object(made.expect),
            json!({"status": "2xx", "headers": {"content-type": "json"},
            "present": ["/items/0/id"], "body": {"/items/0/name": "x"}, "max_ms": 200})
        );
        assert_eq!(Value::Object(made.save), json!({"token": "/access_token"}));
        assert_eq!(
            made.not_run,
            ["test script: pm.sendRequest(\"http://elsewhere\", function () {})", "prerequest script: console.log(1)"]
        );
    }
}
