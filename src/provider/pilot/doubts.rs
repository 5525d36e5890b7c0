//! What speaks against a change before anything is run. None of it is certain, so it is a reason to ask once more and
//! never one to refuse.

use regex::Regex;

use super::words::Terms;
use super::{advice, change, languages};

/// How the doubt begins that says that nothing was done.
const UNTOUCHED: &str = "Change ";
/// The most doubts that are told at once.
const MOST: usize = 5;
/// Words of a task that say what is there goes.
const TAKES_AWAY: [&str; 8] =
    ["rename", "remove", "delete the", "drop the", "replace", "get rid", "no longer", "instead"];
/// Words of JavaScript and what its programs are given.
const JAVASCRIPT: [&str; 64] = [
    "if",
    "else",
    "for",
    "while",
    "do",
    "return",
    "switch",
    "case",
    "break",
    "continue",
    "new",
    "delete",
    "typeof",
    "instanceof",
    "void",
    "in",
    "of",
    "throw",
    "try",
    "catch",
    "finally",
    "this",
    "super",
    "class",
    "extends",
    "function",
    "const",
    "let",
    "var",
    "async",
    "await",
    "yield",
    "import",
    "export",
    "default",
    "from",
    "static",
    "get",
    "set",
    "null",
    "undefined",
    "true",
    "false",
    "require",
    "module",
    "exports",
    "process",
    "console",
    "globalThis",
    "global",
    "setTimeout",
    "clearTimeout",
    "setInterval",
    "clearInterval",
    "setImmediate",
    "queueMicrotask",
    "fetch",
    "parseInt",
    "parseFloat",
    "isNaN",
    "isFinite",
    "structuredClone",
    "encodeURIComponent",
    "decodeURIComponent",
];
/// What numbers of answers are called in code.
const STATUSES: [(&str, &str); 13] = [
    ("201", "created"),
    ("202", "accepted"),
    ("204", "nocontent"),
    ("400", "badrequest"),
    ("401", "unauthorized"),
    ("403", "forbidden"),
    ("404", "notfound"),
    ("409", "conflict"),
    ("412", "preconditionfailed"),
    ("422", "unprocessableentity"),
    ("429", "toomanyrequests"),
    ("500", "internalservererror"),
    ("503", "serviceunavailable"),
];

/// What seems wrong with the new lines, in sentences for the model. `beside` is what else it was shown.
pub(super) fn doubts(
    path: &str,
    task: &str,
    terms: &Terms,
    old: &[String],
    new: &[String],
    beside: &str,
) -> Vec<String> {
    let text = new.join("\n");
    let before = old.join("\n");
    let mut found = undeclared(&before, &text);
    if languages::of(path).fence == "javascript" {
        found.extend(never_set(&before, &text));
    }
    found.extend(advice::slips(task, path, old, new));
    found.extend(never_matches(old, new));
    found.extend(lost(task, &before, &text));
    found.extend(taken_away(task, old, new));
    found.extend(unasked(task, terms, &before, &text));
    let missing: Vec<String> =
        named(task, terms).into_iter().filter(|name| !speaks(&text, name) && !speaks(beside, name)).collect();
    found.extend(forgotten(task, &missing));
    found.extend(untouched(terms, old, new));
    found.truncate(MOST);
    found
}

/// Whether what is wrong can be put right without knowing the task.
pub(super) fn can_stand_alone(doubts: &[String]) -> bool {
    !doubts.iter().any(|doubt| doubt.starts_with(UNTOUCHED))
}

/// A function the task speaks of that is as it was, although something else in the file is not.
fn untouched(terms: &Terms, old: &[String], new: &[String]) -> Option<String> {
    let named: Vec<&String> = terms.names.iter().filter(|name| body(old, name).is_some()).collect();
    let same = |name: &&&String| body(new, name) == body(old, name);
    // Of several some may only be mentioned.
    let all = !named.is_empty() && named.iter().filter(same).count() == named.len();
    all.then(|| format!("{UNTOUCHED}`{}`: it is still as it was.", named[0]))
}

/// The lines of a definition, without blank ones.
fn body<'a>(lines: &'a [String], name: &str) -> Option<Vec<&'a str>> {
    let start = lines.iter().position(|line| change::defined(line) == Some(name))?;
    let depth = |line: &str| line.len() - line.trim_start().len();
    let inside = |line: &&String| line.trim().is_empty() || depth(line) > depth(&lines[start]) || line.trim() == "}";
    let body = lines[start + 1..].iter().take_while(inside).map(|line| line.trim_end());
    Some(std::iter::once(lines[start].trim_end()).chain(body).filter(|line| !line.is_empty()).collect())
}

/// What was forgotten, with the demands of the task that name it: the names alone tell a model little.
fn forgotten(task: &str, missing: &[String]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let mut demands: Vec<&str> = missing.iter().filter_map(|name| demand(task, name)).collect();
    demands.dedup();
    if demands.is_empty() {
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        return Some(format!("Do not forget {}.", names.join(", ")));
    }
    demands.truncate(2);
    Some(format!("Still missing: {}.", demands.join("; ")))
}

/// The part of a task that names this, as short as it can stand alone.
fn demand<'a>(task: &'a str, name: &str) -> Option<&'a str> {
    let long = |part: &&str| part.split_whitespace().count() >= 4;
    let holds = |part: &&str| part.contains(name);
    let sentence = task.split(". ").flat_map(|part| part.split('\n')).find(holds)?;
    let even = |part: &&str| {
        part.matches('{').count() == part.matches('}').count() && part.matches('(').count() == part.matches(')').count()
    };
    let part = sentence.split("; ").find(holds)?;
    let clause = [": ", ", "]
        .iter()
        .fold(part, |part, mark| part.split(mark).find(holds).filter(long).filter(even).unwrap_or(part));
    let clause = clause.strip_prefix("and ").unwrap_or(clause).trim().trim_end_matches(['.', ',', ';']);
    (clause.len() <= 160).then_some(clause)
}

/// Whether a text holds a name, however it is written.
fn speaks(text: &str, name: &str) -> bool {
    let lower = text.to_lowercase();
    let called = STATUSES.iter().find(|(number, _)| *number == name).map(|(_, called)| *called);
    let plain = || lower.replace(['_', ' '], "");
    lower.contains(&name.to_lowercase()) || called.is_some_and(|called| plain().contains(called))
}

/// What a task names and its result must hold: numbers of answers, short texts in quotes, names of code.
fn named(task: &str, terms: &Terms) -> Vec<String> {
    let lower = task.to_lowercase();
    if TAKES_AWAY.iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    let mut names = Vec::new();
    if terms.speaks_of_http() {
        let words = task.split(|c: char| !c.is_alphanumeric());
        names.extend(words.filter(|word| STATUSES.iter().any(|(number, _)| number == word)).map(str::to_owned));
    }
    names.extend(quoted(task));
    if terms.has_route {
        names.extend(task.split_whitespace().filter_map(route_end));
    }
    let is_code = |name: &&String| {
        name.contains('_') || name.chars().skip(1).any(char::is_uppercase) && name.chars().any(char::is_lowercase)
    };
    names.extend(terms.names.iter().filter(is_code).cloned());
    names.sort();
    names.dedup();
    names
}

/// The last part of a route behind a parameter (`/coupon` of `/carts/{id}/coupon`): whoever serves it has to name it.
fn route_end(word: &str) -> Option<String> {
    let route = word.trim_matches(|c: char| "`'\",.;:()".contains(c));
    let (before, last) = route.rsplit_once('/')?;
    let named = last.len() > 2 && last.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    (route.starts_with('/') && before.contains(['{', ':', '<']) && named).then(|| format!("/{last}"))
}

/// Short texts in quotes that would stand in code like that.
fn quoted(task: &str) -> Vec<String> {
    let Ok(quotes) = Regex::new(r#"(?:^|[\s(\[{,:])(?:'([^'\n]{1,40})'|"([^"\n]{1,40})")"#) else { return Vec::new() };
    let text = |found: regex::Captures<'_>| found.get(1).or(found.get(2)).map(|text| text.as_str().to_owned());
    let usable = |text: &String| {
        let says = text.chars().any(char::is_alphanumeric);
        let plain = !text.contains(['{', '<', '*', '/', '=']) && !text.contains("..");
        // What is written in capitals between other words stands for something.
        let sample = text.contains(' ') && text.chars().any(char::is_uppercase);
        says && plain && !sample
    };
    quotes.captures_iter(task).filter_map(text).filter(usable).collect()
}

/// Names that were declared before, are used still and declared no more.
fn undeclared(old: &str, new: &str) -> Vec<String> {
    let Ok(declares) = Regex::new(
        r"(?m)^[ \t]*(?:export )?(?:(?:async )?(?:const|let|var|function|class|def|func|type|import)[ \t]+([A-Za-z_]\w*)|([A-Za-z_]\w*)[ \t]*:?=[^=])",
    ) else {
        return Vec::new();
    };
    let names = |text: &str| -> Vec<String> {
        let name = |found: regex::Captures<'_>| found.get(1).or(found.get(2)).map(|name| name.as_str().to_owned());
        declares.captures_iter(text).filter_map(name).collect()
    };
    let still = names(new);
    let mut gone: Vec<String> = names(old).into_iter().filter(|name| !still.contains(name)).collect();
    gone.sort();
    gone.dedup();
    let used = |name: &String| {
        let pattern = format!(r"(?m)(?:^|[^\w.\x22'`]){name}(?:\.\w|\[|\()");
        let declared = format!(r"[({{,]\s*{name}\s*[,:=)}}]|\b(?:for|as|catch|range)\b[^\n]*\b{name}\b");
        Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(new))
            && !Regex::new(&declared).is_ok_and(|declared| declared.is_match(new))
    };
    gone.into_iter().filter(used).map(|name| format!("Keep what sets `{name}`: it is used.")).collect()
}

/// Names in changed lines of JavaScript that nothing in the file sets.
fn never_set(old: &str, new: &str) -> Vec<String> {
    let plain = |text: &str| {
        let strings = Regex::new(
            r#""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|//[^\n]*|/\*(?s:.*?)\*/|/[^/\s]+/[gimsuy]*[.,;)]"#,
        );
        strings.map_or_else(|_| text.to_owned(), |strings| strings.replace_all(text, "\"\"").into_owned())
    };
    let (old, new) = (plain(old), plain(new));
    let (Ok(bare), Ok(sets), Ok(takes)) = (
        Regex::new(r"(?:^|[^\w.$])([A-Za-z_$][\w$]*)\s*(?:[.\[(,);&|<>+*/=!-]|$)"),
        Regex::new(r"\b(?:const|let|var|function|class|import|catch)\b([^=;\n]*)"),
        Regex::new(r"(\w*)\s*\(([^()]*)\)\s*(?:=>|\{)|(\w+)\s*=>"),
    ) else {
        return Vec::new();
    };
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_alphanumeric() || "_$".contains(c))).map(str::to_owned).collect()
    };
    let mut known: Vec<String> = sets.captures_iter(&new).flat_map(|found| words(&found[1])).collect();
    for found in takes.captures_iter(&new) {
        let before = found.get(1).map_or("", |word| word.as_str());
        if !matches!(before, "if" | "while" | "switch" | "for") {
            known.extend(found.get(2).or(found.get(3)).map(|text| words(text.as_str())).unwrap_or_default());
        }
        known.push(before.to_owned());
    }
    let there = words(&old);
    let mut fresh: Vec<String> = bare.captures_iter(&new).map(|found| found[1].to_owned()).collect();
    fresh.sort();
    fresh.dedup();
    let unset = |name: &String| {
        !known.contains(name)
            && !there.contains(name)
            && (!name.starts_with(char::is_uppercase) || is_constant(name))
            && !JAVASCRIPT.contains(&name.as_str())
    };
    fresh
        .into_iter()
        .filter(unset)
        .map(|name| format!("Nothing is called `{name}` here: use the names of this file."))
        .collect()
}

/// Written in capitals throughout: nothing that comes with the language, as a class may.
fn is_constant(name: &str) -> bool {
    name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase()) && !matches!(name, "JSON" | "URL")
}

/// Numbers of answers and texts that were there and are gone, although the task does not speak of them.
fn lost(task: &str, old: &str, new: &str) -> Vec<String> {
    let lower = task.to_lowercase();
    if TAKES_AWAY.iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    let Ok(values) = Regex::new(r#"\b[2-5]\d\d\b|"[\w /.-]{3,40}"|'[\w /.-]{3,40}'"#) else { return Vec::new() };
    let bare = |value: &str| value.trim_matches(['"', '\'']).to_owned();
    let mut gone: Vec<String> = values
        .find_iter(old)
        .map(|value| bare(value.as_str()))
        .filter(|value| !new.contains(value.as_str()) && !lower.contains(&value.to_lowercase()))
        .collect();
    gone.sort();
    gone.dedup();
    // The line it stands in and the one before, which usually says when: shown as they are, they are written again.
    let lines: Vec<&str> = old.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut kept: Vec<String> = Vec::new();
    for at in gone.iter().filter_map(|value| lines.iter().position(|line| line.contains(value.as_str()))) {
        for line in &lines[at.saturating_sub(1)..=at] {
            let line = format!("`{line}`");
            if kept.len() < MOST && !kept.contains(&line) {
                kept.push(line);
            }
        }
    }
    if kept.is_empty() { kept } else { vec![stay(&kept)] }
}

/// Lines that are gone although the task only adds something.
fn taken_away(task: &str, old: &[String], new: &[String]) -> Vec<String> {
    if !task.trim_start().to_lowercase().starts_with("add ") {
        return Vec::new();
    }
    let is_there = |line: &str| new.iter().any(|other| other.trim() == line);
    let says = |line: &str| line.chars().filter(|c| c.is_alphanumeric()).count() > 6;
    let gone = old.iter().map(|line| line.trim()).filter(|line| says(line) && !is_there(line));
    let gone: Vec<String> = gone.take(3).map(|line| format!("`{line}`")).collect();
    if gone.is_empty() { gone } else { vec![stay(&gone)] }
}

fn stay(lines: &[String]) -> String {
    format!("These lines have to stay: {}.", lines.join(" "))
}

/// Numbers of answers that neither the task nor the file knew.
fn unasked(task: &str, terms: &Terms, old: &str, new: &str) -> Vec<String> {
    let Ok(answers) = Regex::new(r#"(?:return|\(|status\w*["']?[:=(]|["'])\s*([45]\d\d)\b"#) else { return Vec::new() };
    // A task that names none leaves them to the model.
    if !terms.speaks_of_http() || !STATUSES.iter().any(|(number, _)| task.contains(number)) {
        return Vec::new();
    }
    let mut fresh: Vec<&str> = answers.captures_iter(new).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    fresh.sort_unstable();
    fresh.dedup();
    let unknown = |number: &&str| !task.contains(number) && !old.contains(number);
    fresh
        .into_iter()
        .filter(unknown)
        .map(|number| format!("The task does not ask for the status {number}: answer what the task says in that case."))
        .collect()
}

/// Routes with a parameter that are compared as if they were addresses.
fn never_matches(old: &[String], new: &[String]) -> Vec<String> {
    let Ok(compared) = Regex::new(r#"={2,3}\s*["'`](/[^"'`\s]*/[:{<]\w+[^"'`]*)["'`]"#) else { return Vec::new() };
    new.iter()
        .filter(|line| !old.contains(line))
        .filter_map(|line| Some(compared.captures(line)?.get(1)?.as_str().to_owned()))
        .map(|route| format!("No path is ever equal to `{route}`: take the parameter out of the path."))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::pilot::files::split;
    use crate::provider::pilot::words::terms;

    #[test]
    fn a_function_that_is_as_it_was_is_told() {
        let old = "A = 1\n\n\ndef load_all(db):\n    return db\n\n\ndef save(db):\n    return db\n";
        let said = |new: &str| of("load_all in a.py reads everything at once.", old, new);
        assert_eq!(said(&old.replace("A = 1", "A = 2")), ["Change `load_all`: it is still as it was."]);
        assert!(said(&old.replacen("return db", "return db.all()", 1)).is_empty());
        assert!(!can_stand_alone(&said(&old.replace("A = 1", "A = 2"))));
    }

    #[test]
    fn a_route_that_nobody_serves_is_told() {
        let said = |new: &str| of("Add POST /carts/{id}/coupon to a.py.", "CARTS = {}\n", new);
        assert_eq!(said("CARTS = {}\nCOUPONS = {}\n"), ["Still missing: Add POST /carts/{id}/coupon to a.py."]);
        assert!(said("CARTS = {}\nROUTE = r'/carts/(\\d+)/coupon'\n").is_empty());
    }

    #[test]
    fn what_is_forgotten_is_told_as_the_task_demands_it() {
        let task =
            "Tighten a.sql: the email is unique, and the status of a post may only be 'draft' or 'published'. Go on.";
        let said = of_file(
            "a.sql",
            task,
            "CREATE TABLE a (b TEXT DEFAULT 'draft');\n",
            "CREATE TABLE a (b TEXT DEFAULT 'draft', c);\n",
        );
        assert_eq!(said, ["Still missing: the status of a post may only be 'draft' or 'published'."]);
    }

    fn of(task: &str, old: &str, new: &str) -> Vec<String> {
        of_file("a.py", task, old, new)
    }

    fn of_file(path: &str, task: &str, old: &str, new: &str) -> Vec<String> {
        doubts(path, task, &terms(task), &split(old), &split(new), "")
    }

    #[test]
    fn what_a_task_names_has_to_be_there() {
        let task =
            "get_note answers 404 with {\"error\": \"not found\"}, 'draft' is 'done' for '../', it's 'Bearer TOKEN'";
        let said = of(task, "", "def get_note():\n    return NOT_FOUND, {\"error\": 1}\n");
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("Still missing: 'draft' is 'done'"), "{said:?}");
        assert!(of("Rename 'draft' to done_state", "", "x").is_empty());
        assert!(of("answers 404", "", "http.StatusNotFound").is_empty());
        assert!(doubts("a.py", "use get_user", &terms("use get_user"), &[], &[], "def get_user").is_empty());
    }

    #[test]
    fn what_is_used_has_to_be_set() {
        let old = "function f(body) {\n  let event;\n  event = JSON.parse(body);\n  push(event.type);\n}\n";
        let said = of("", old, "function f(body) {\n  push(event.type);\n}\n");
        assert_eq!(said, ["Keep what sets `event`: it is used."]);
        assert!(of("", old, old).is_empty());
        assert!(of("", old, "function f(event) {\n  push(event.type);\n}\n").is_empty());
        assert!(of("", "rows = all()\n", "for rows in all():\n    rows.go()\n").is_empty());
    }

    #[test]
    fn names_of_an_advice_are_not_taken_for_those_of_the_file() {
        let old = "const crypto = require(\"node:crypto\");\nfunction check(headers) {\n  return 204;\n}\n";
        let new = "const crypto = require(\"node:crypto\");\nconst { a } = crypto;\nfunction check(headers) {\n  const b = Buffer.from(sent || \"\");\n  for (const [key, value] of list(b)) key.map((x) => x.at(value, a));\n  if (!b.ok) { return 204; }\n}\nfunction list(all) { try { return all; } catch (error) { throw error; } }\n";
        assert_eq!(of_file("a.js", "", old, new), ["Nothing is called `sent` here: use the names of this file."]);
    }

    #[test]
    fn what_was_there_has_to_stay() {
        let old = "function f() {\n  if (!exists(file)) return { status: 404, body: \"no file\" };";
        let said = of("status 403 for bad names", old, "return { status: 403 };");
        assert_eq!(
            said,
            [
                "These lines have to stay: `function f() {` `if (!exists(file)) return { status: 404, body: \"no file\" };`."
            ]
        );
        assert!(of("Replace 404 by 403", old, "").is_empty());
    }

    #[test]
    fn what_is_added_takes_nothing_away() {
        let (old, new) = (
            "if path == \"/users\":\n    return all_users()\n",
            "if path.startswith(\"/users/\"):\n    return one()\n",
        );
        assert_eq!(
            of("Add GET /users/{id}", old, new),
            ["These lines have to stay: `if path == \"/users\":` `return all_users()`."]
        );
        assert!(of("Let GET /users find one", old, new).is_empty());
        assert!(of("Add GET /users/{id}", old, &format!("{old}{new}")).is_empty());
    }

    #[test]
    fn a_status_nobody_asked_for_is_doubted() {
        let task = "GET /users/{id} answers 404 when the id is no number";
        let said = of(task, "", "reply(start, \"400 Bad Request\", 404)");
        assert_eq!(said, ["The task does not ask for the status 400: answer what the task says in that case."]);
        assert!(of(task, "x = 400", "return 400, 404").is_empty());
        assert!(of("GET /users answers an error", "", "return 400").is_empty());
    }

    #[test]
    fn a_pattern_is_no_address() {
        let said = of("", "", "if (request.url === \"/tasks/:id\") {");
        assert_eq!(said, ["No path is ever equal to `/tasks/:id`: take the parameter out of the path."]);
        assert!(of("", "", "if path == \"/tasks\":").is_empty());
    }
}
