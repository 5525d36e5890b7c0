//! What speaks against a change before anything is run. None of it is certain, so it is a reason to ask once more and
//! never one to refuse.

mod asked;
mod kept;
mod names;

use regex::Regex;

use super::words::Terms;
use super::{advice, change, languages};

use asked::{forgotten, named, speaks, unasked};
use kept::{lost, taken_away};
use names::{never_set, undeclared};

/// How the doubt begins that says that nothing was done.
const UNTOUCHED: &str = "Change ";
/// The most doubts that are told at once.
const MOST: usize = 5;
/// Words of a task that say what is there goes.
const TAKES_AWAY: [&str; 8] =
    ["rename", "remove", "delete the", "drop the", "replace", "get rid", "no longer", "instead"];

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
