//! Tests that cannot fail: without an assertion, with one that is always true, one that is swallowed, one about a stand-in
//! alone; and tests that are switched off.

mod bodies;

use std::sync::LazyLock;

use regex::Regex;

use super::super::changed::Changed;
use super::super::prepare::is_script;
use super::super::tests::is_test;
use crate::domain::{Finding, Severity};
use bodies::{Body, bodies, functions};

/// An assertion that is always true.
static TAUTOLOGY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let always = [
        r"^\s*assert (?:True|1|not False|not None|\w+ or True)\s*(?:,.*)?$",
        r"^\s*assert len\([^()]*\) >= 0\s*(?:,.*)?$",
        r"assertTrue\(\s*[Tt]rue\s*[,)]",
        r"assertFalse\(\s*[Ff]alse\s*[,)]",
        r"expect\(\s*true\s*\)\s*\.\s*(?:toBe\(\s*true\s*\)|toEqual\(\s*true\s*\)|toBeTruthy\(\)|to\.be\.true)",
        r"\.length\s*\)\s*\.\s*toBeGreaterThanOrEqual\(\s*0\s*\)",
        r"assert(?:\.ok|\.True|\.isTrue|That)?\((?:\s*t\s*,)?\s*true\s*\)",
        r"assert!\(\s*true\s*[,)]",
    ];
    Regex::new(&always.join("|")).ok()
});

/// Both sides of a comparison, which are the same words in a test that compares a thing with itself.
static SIDES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = r#"[\w.\[\]"']+"#;
    let sides = [
        r"^\s*assert (A) (?:==|is) (B)\s*(?:,.*)?$",
        r"assertEquals?\(\s*(A),\s*(B)\s*[,)]",
        r"assertSame\(\s*(A),\s*(B)\s*[,)]",
        r"assertThat\((A)\)\.isEqualTo\((B)\)",
        r"expect\((A)\)\s*\.\s*(?:toBe|toEqual|toStrictEqual|to\.equal|to\.eql)\((B)\)",
        r"assert\.(?:equal|strictEqual|deepEqual|deepStrictEqual)\(\s*(A),\s*(B)\s*[,)]",
        r"(?:assert|require)\.Equal\(\s*t,\s*(A),\s*(B)\s*[,)]",
        r"assert_eq!\(\s*(A),\s*(B)\s*[,)]",
    ];
    Regex::new(&sides.join("|").replace("(A)", &format!("({word})")).replace("(B)", &format!("({word})"))).ok()
});

/// What asserts something, strings and comments left out.
static ASSERTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = [
        r"(?i:assert)",
        r"(?i:expect)",
        r"raises|rejects|\bthrows?\b|[a-z]Throws?\b",
        r"\bshould[.(]|\.should\b|\bshould[A-Z]",
        r"\bt\.(?:Error|Fatal|Fail)|\b[sb]\.(?:Error|Fatal|Fail)|require\.|\bmust\w*\.|\bis\.\w+\(",
        r"\bfail\(|\bfail!|panic!?\(|\.unwrap\(|\bunreachable!|\bensure|\?;|\?\)?$",
        r"(?i:\b\w*check\w*!?\(|\bverify\w*\()",
        r"\bdone\(\w|\bcmp\.Diff|snapshot",
        // What is handed Go's `t`, a macro of the project's own, what is itself called a test, or told what to expect.
        r"[(,]\s*t\s*[,)]|\b[tT]est\w*!?\(|\b(?:want|wanted|golden)\b",
        r"\bt\.(?:is|true|false|deepEqual|equal|same|ok|not|like|match|end|plan|pass|compile_fail)\(",
    ];
    Regex::new(&words.join("|")).ok()
});

/// Names of tests that only say that nothing goes wrong.
static SMOKE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:no|not|never|without)[\s_]*(?:raise|throw|panic|crash|fail|error|exception|deadlock|leak|block)|smoke|compiles|race|concurren|importable|can be imported").ok()
});

static STAND_IN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:const |let |var )?(\w+)\s*=\s*(?:mock\.|unittest\.mock\.)?(?:Magic|Async)?Mock\(|^\s*(?:const|let|var) (\w+)\s*=\s*(?:jest|vi|sinon)\.(?:fn|stub|spy)\(").ok()
});

/// The hollow tests among those that a change adds or touches.
pub(super) fn look(file: &Changed) -> Vec<Finding> {
    let path = file.path.as_str();
    let Some(text) = file.text().filter(|_| is_test(path) || path.ends_with(".rs")) else { return Vec::new() };
    let added: std::collections::BTreeSet<usize> = file.added_lines().into_iter().collect();
    let comparison = file.comparison();
    let touched = |first: usize, length: usize| {
        comparison.hunks.iter().any(|hunk| {
            let [from, number] = hunk.hunk.new;
            from < first + length + 1 && first + 1 < from + number.max(1)
        })
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut say = |line: usize, (rule, message): (&str, String)| {
        found.push(Finding {
            // A snapshot that is kept does assert something.
            severity: if rule == "snapshot-only" { Severity::Note } else { Severity::Warning },
            path: Some(path.to_owned()),
            line: Some(line),
            rule: Some(rule.to_owned()),
            message,
            ..Finding::default()
        });
    };
    let helpers = helpers(path, &lines);
    for body in bodies(path, &lines).iter().filter(|body| touched(body.first, body.lines.len())) {
        let code: Vec<String> = body.lines.iter().map(|line| bare(line)).collect();
        for (offset, line) in
            body.lines.iter().enumerate().filter(|(offset, _)| added.contains(&(body.first + offset + 1)))
        {
            if let Some(what) = hollow_line(path, line) {
                say(body.first + offset + 1, what);
            }
        }
        let helped = || helpers.iter().any(|name| code.iter().skip(1).any(|line| calls(line, name)));
        let hollow = || hollow_body(body, &code).filter(|(rule, _)| *rule != "no-assertion" || !helped());
        if let Some(what) = switched_off(body, &code).or_else(hollow) {
            say(body.first + 1, what);
        }
    }
    found
}

/// The functions and macros of a file in which something is asserted, directly or by another of them.
fn helpers<'a>(path: &str, lines: &[&'a str]) -> Vec<&'a str> {
    let defined: Vec<(&str, Vec<String>)> = functions(path, lines)
        .map(|(name, body)| (name, body.iter().skip(1).map(|line| bare(line)).collect()))
        .collect();
    let mut known: Vec<&str> =
        defined.iter().filter(|(_, code)| code.iter().any(|line| asserts(line))).map(|(name, _)| *name).collect();
    for (name, code) in &defined {
        if !known.contains(name) && known.iter().any(|known| code.iter().any(|line| calls(line, known))) {
            known.push(name);
        }
    }
    known
}

fn calls(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let inner = line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &line[at + name.len()..];
        !inner && ["(", "!(", "!{", "! {", "::<", "<"].iter().any(|begin| rest.starts_with(begin))
    })
}

/// A line without the words of its strings, and nothing of a comment.
fn bare(line: &str) -> String {
    let text = line.trim_start();
    if text.starts_with("//")
        || text.starts_with('*')
        || text.starts_with("/*")
        || text.starts_with('#') && !text.starts_with("#[")
    {
        return String::new();
    }
    let mut out = String::with_capacity(line.len());
    let (mut quote, mut escaped) = (None, false);
    for c in line.chars() {
        match quote {
            Some(end) => {
                if c == end && !escaped {
                    quote = None;
                    out.push(c);
                }
                escaped = c == '\\' && !escaped;
            }
            None => {
                // A lone quote is a lifetime of Rust.
                quote = matches!(c, '"' | '\'' | '`').then_some(c).filter(|c| line.matches(*c).count() > 1);
                out.push(c);
            }
        }
    }
    out.split(" // ").next().unwrap_or_default().split("  # ").next().unwrap_or_default().trim_end().to_owned()
}

fn asserts(code: &str) -> bool {
    ASSERTS.as_ref().is_some_and(|regex| regex.is_match(code)) || own_macro(code)
}

/// Whether a macro of Rust is called that is none of those everybody has: what it does is not known here.
fn own_macro(code: &str) -> bool {
    const COMMON: &[&str] = &[
        "print",
        "println",
        "eprint",
        "eprintln",
        "vec",
        "format",
        "dbg",
        "write",
        "writeln",
        "matches",
        "todo",
        "json",
        "include_str",
        "include_bytes",
        "concat",
        "env",
        "stringify",
        "trace",
        "debug",
        "info",
        "warn",
        "error",
        "line",
        "file",
        "select",
        "join",
        "pin",
        "thread_local",
        "cfg",
        "macro_rules",
    ];
    code.match_indices('!').any(|(at, _)| {
        let name = code[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let called = code[at + 1..].trim_start().starts_with(['(', '{', '[']);
        called && name.starts_with(|c: char| c.is_ascii_lowercase()) && !COMMON.contains(&name)
    })
}

/// An assertion that cannot fail.
fn hollow_line(path: &str, line: &str) -> Option<(&'static str, String)> {
    if bare(line).is_empty() {
        return None;
    }
    let text = line.trim();
    let always = "this assertion is always true";
    if always_true(line) {
        return Some(("always-true", always.to_owned()));
    }
    if let Some(rest) = text.strip_prefix("assert ")
        && closes_at_end(rest)
        && comma_inside(rest)
    {
        return Some(("always-true", format!("{always}: it is about a tuple, and one with something in it is true")));
    }
    if !is_script(path) {
        return None;
    }
    let call = text.trim_end_matches(';');
    if call.strip_prefix("expect").is_some_and(closes_at_end) {
        return Some(("no-assertion", "this `expect` asserts nothing: nothing is called on it".to_owned()));
    }
    let promised = text.starts_with("expect(") && (text.contains(").resolves.") || text.contains(").rejects."));
    promised.then(|| ("not-awaited", "nobody waits for this assertion: put `await` or `return` before it".to_owned()))
}

fn always_true(line: &str) -> bool {
    let constant = TAUTOLOGY.as_ref().is_some_and(|regex| regex.is_match(line));
    let sides = SIDES.as_ref().and_then(|regex| regex.captures(line)).is_some_and(|found| {
        let groups: Vec<&str> = found.iter().skip(1).flatten().map(|group| group.as_str()).collect();
        // A call may give another result the second time, which is what such a test is about.
        groups.len() == 2 && groups[0] == groups[1]
    });
    constant || sides
}

/// Whether a text is one pair of parentheses with what is in them.
fn closes_at_end(text: &str) -> bool {
    let text = bare(text);
    let mut depth = 0_i32;
    let end = text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (depth == 0).then_some(at)
    });
    text.starts_with('(') && end == Some(text.len() - 1)
}

/// Whether a comma stands directly within the outermost parentheses.
fn comma_inside(text: &str) -> bool {
    let mut depth = 0_i32;
    bare(text).chars().any(|c| {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        c == ',' && depth == 1
    })
}

fn switched_off(body: &Body<'_>, code: &[String]) -> Option<(&'static str, String)> {
    let marks = ["mark.skip", "unittest.skip", "@skip", "#[ignore", "@Disabled", "@Ignore"];
    let conditional = ["skipif", "skipIf", "skipUnless", "DisabledIf", "DisabledOn"];
    let marked = body.marks.iter().any(|mark| {
        marks.iter().any(|word| mark.contains(word)) && !conditional.iter().any(|word| mark.contains(word))
    });
    let first = code.iter().skip(1).map(|line| line.trim()).find(|line| !line.is_empty()).unwrap_or_default();
    let skips = ["t.Skip", "pytest.skip(", "self.skipTest(", "t.skip(", "this.skip("]
        .iter()
        .any(|word| first.starts_with(word));
    (body.off || marked || skips).then(|| ("switched-off", format!("`{}` is switched off", body.name)))
}

fn hollow_body(body: &Body<'_>, code: &[String]) -> Option<(&'static str, String)> {
    let smoke = SMOKE.as_ref().is_some_and(|regex| regex.is_match(body.name));
    let expected = body.marks.iter().any(|mark| mark.contains("should_panic") || mark.contains("expected"));
    let asserting: Vec<usize> = (1..code.len()).filter(|index| asserts(&code[*index])).collect();
    // A test on one line.
    let on_its_line =
        ["{", ":", "=>"].iter().any(|begin| code[0].find(begin).is_some_and(|at| asserts(&code[0][at..])));
    if expected || on_its_line {
        return None;
    }
    if asserting.is_empty() {
        return (!smoke).then(|| ("no-assertion", format!("`{}` asserts nothing", body.name)));
    }
    if asserting.iter().all(|index| swallowed(&body.lines, *index)) {
        return Some(("swallowed", format!("what `{}` asserts is caught and forgotten", body.name)));
    }
    if asserting.iter().all(|index| code[*index].to_lowercase().contains("snapshot")) {
        let message = format!("`{}` only compares with a snapshot of what the code gives now", body.name);
        return Some(("snapshot-only", message));
    }
    about_stand_ins(code, &asserting)
        .then(|| ("stand-in-only", format!("`{}` asserts only what it told a stand-in itself", body.name)))
}

/// Whether a line stands in a `try` whose handler takes every failure and does nothing with it.
fn swallowed(lines: &[&str], index: usize) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines[index]);
    let opened = lines[..index].iter().rposition(|line| {
        let text = line.trim();
        indent(line) < own && !text.is_empty() && (text == "try:" || text == "try {" || text.ends_with(" try {"))
    });
    let Some(opened) = opened else { return false };
    let depth = indent(lines[opened]);
    let handler = lines.iter().enumerate().skip(index + 1).find(|(_, line)| {
        let text = line.trim();
        indent(line) == depth
            && (text.starts_with("except") || text.starts_with("} catch") || text.starts_with("catch"))
    });
    let Some((at, line)) = handler else { return false };
    let takes_all =
        ["except:", "except Exception", "except BaseException", "except AssertionError", "Throwable", "AssertionError"];
    // A `catch` of JavaScript has no type.
    let untyped = line.contains("catch {") || line.contains("catch (") && !typed(line);
    if !takes_all.iter().any(|word| line.contains(word)) && !untyped {
        return false;
    }
    if line.trim_end().ends_with("{}") || line.contains("{ }") {
        return true;
    }
    let inside: Vec<&str> = lines[at + 1..]
        .iter()
        .take_while(|line| line.trim().is_empty() || indent(line) > depth)
        .map(|line| line.trim())
        .collect();
    let idle = |line: &&str| {
        let code = bare(line);
        code.is_empty()
            || code == "pass"
            || code == "..."
            || ["print(", "console.", "logg", "log.", "System.out", "return"]
                .iter()
                .any(|start| code.starts_with(start))
    };
    inside.iter().all(idle)
}

/// Whether a `catch` names a type, as Java's do: `catch (IOException e)`.
fn typed(line: &str) -> bool {
    let inner = line.split_once("catch (").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    inner.trim().contains(' ') && !inner.contains(':')
}

/// Whether all that is asserted is about stand-ins that nothing but the test itself calls.
fn about_stand_ins(code: &[String], asserting: &[usize]) -> bool {
    let names: Vec<&str> = code
        .iter()
        .filter_map(|line| STAND_IN.as_ref()?.captures(line)?.iter().skip(1).flatten().next().map(|name| name.as_str()))
        .collect();
    if names.is_empty() {
        return false;
    }
    let holds =
        |line: &str, name: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    // Handed to somebody, or put in the place of something: then it is about more than the stand-in.
    let alone = |name: &&str| {
        code.iter().enumerate().skip(1).all(|(index, line)| {
            let begins = line.trim_start();
            !holds(line, name)
                || asserting.contains(&index)
                || begins.starts_with(&format!("{name}("))
                || begins.starts_with(&format!("{name}."))
                || STAND_IN.as_ref().is_some_and(|regex| regex.is_match(line))
        })
    };
    let about = |line: &str| names.iter().any(|name| holds(line, name));
    names.iter().all(alone)
        && asserting
            .iter()
            .all(|index| about(&code[*index]) || STAND_IN.as_ref().is_some_and(|regex| regex.is_match(&code[*index])))
}

#[cfg(test)]
mod tests;
