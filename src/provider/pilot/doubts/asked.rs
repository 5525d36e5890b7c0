//! What a task asks for, held against what a change says.

use regex::Regex;

use crate::provider::pilot::words::Terms;

use super::TAKES_AWAY;

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

/// What was forgotten, with the demands of the task that name it: the names alone tell a model little.
pub(super) fn forgotten(task: &str, missing: &[String]) -> Option<String> {
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
pub(super) fn speaks(text: &str, name: &str) -> bool {
    let lower = text.to_lowercase();
    let called = STATUSES.iter().find(|(number, _)| *number == name).map(|(_, called)| *called);
    let plain = || lower.replace(['_', ' '], "");
    lower.contains(&name.to_lowercase()) || called.is_some_and(|called| plain().contains(called))
}

/// What a task names and its result must hold: numbers of answers, short texts in quotes, names of code.
pub(super) fn named(task: &str, terms: &Terms) -> Vec<String> {
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

/// Numbers of answers that neither the task nor the file knew.
pub(super) fn unasked(task: &str, terms: &Terms, old: &str, new: &str) -> Vec<String> {
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
