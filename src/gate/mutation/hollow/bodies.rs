//! Where tests begin and end in a file, in the languages that are looked at.

use std::sync::LazyLock;

use regex::Regex;

/// A test: its name and its lines.
pub(super) struct Body<'a> {
    pub name: &'a str,
    /// The index of its first line.
    pub first: usize,
    /// Its lines, the first one included.
    pub lines: Vec<&'a str>,
    /// What stands right above it: marks and attributes.
    pub marks: Vec<&'a str>,
    /// It is switched off by the way it is called: `it.skip`, `xit`.
    pub off: bool,
}

static BEGINS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"(?:async )?def (?P<python>test\w*)\(",
        r#"(?P<call>(?:x?it|x?test|fit)(?:\.(?:only|skip|concurrent|todo|failing))*)\(\s*(?:'(?P<s1>[^']*)'|"(?P<s2>[^"]*)"|`(?P<s3>[^`]*)`)"#,
        r"func (?P<go>Test(?:[A-Z_0-9]\w*)?)\(",
        r"(?:pub(?:\(\w+\))? )?(?:async )?fn (?P<rust>\w+)\(\)",
        r"(?:@\w+(?:\([^)]*\))? )*(?:public |private |protected |internal |final |static |suspend )*(?:void|fun) (?P<java>\w+|`[^`]+`)\(",
    ];
    Regex::new(&format!(r"^\s*(?:{})", shapes.join("|"))).ok()
});

static FUNCTIONS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"(?:async )?def (\w+)\(",
        r"(?:export )?(?:async )?function (\w+)\(",
        r"(?:export )?(?:const|let|var) (\w+) = (?:async )?\(?[\w\s,{}=:]*\)?\s*=>",
        r"func (?:\([^)]*\) )?(\w+)\(",
        r"(?:pub(?:\(\w+\))? )?(?:async )?fn (\w+)",
        r"macro_rules! (\w+)",
        r"(?:public |private |protected |static |final )*(?:void|fun|boolean|[A-Z]\w*) (\w+)\(",
    ];
    Regex::new(&format!(r"^\s*(?:{})", shapes.join("|"))).ok()
});

/// The functions of a file with their names.
pub(super) fn functions<'a>(path: &str, lines: &[&'a str]) -> impl Iterator<Item = (&'a str, Vec<&'a str>)> {
    let name = |line: &&'a str| {
        let found = FUNCTIONS.as_ref()?.captures(line)?;
        found.iter().skip(1).flatten().next().map(|name| name.as_str())
    };
    lines.iter().enumerate().filter_map(move |(index, line)| Some((name(line)?, extent(path, lines, index))))
}

/// The tests of a file, outermost first.
pub(super) fn bodies<'a>(path: &str, lines: &[&'a str]) -> Vec<Body<'a>> {
    let mut found: Vec<Body<'_>> = Vec::new();
    for index in 0..lines.len() {
        // What is called a test within another belongs to it.
        if found.last().is_none_or(|last| last.first + last.lines.len() <= index) {
            found.extend(body(path, lines, index));
        }
    }
    found
}

fn body<'a>(path: &str, lines: &[&'a str], index: usize) -> Option<Body<'a>> {
    let found = BEGINS.as_ref()?.captures(lines[index])?;
    let marks = marks(lines, index);
    let marked = |word: &str| marks.iter().any(|mark| mark.contains(word));
    let named = |name: &str| found.name(name).map(|name| name.as_str());
    let language = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    let name = if language(&[".rs"]) {
        named("rust").filter(|_| marks.iter().any(|mark| mark.starts_with("#[") && mark.contains("test")))
    } else if language(&[".java", ".kt", ".groovy"]) {
        named("java").filter(|_| ["@Test", "@ParameterizedTest", "@RepeatedTest"].iter().any(|word| marked(word)))
    } else if language(&[".py"]) {
        named("python")
    } else if language(&[".go"]) {
        named("go").filter(|name| *name != "TestMain")
    } else {
        ["s1", "s2", "s3"].iter().find_map(|name| named(name))
    }?;
    let call = named("call").unwrap_or_default();
    let off = call.starts_with('x') || call.contains(".skip") || call.contains(".todo");
    Some(Body { name, first: index, lines: extent(path, lines, index), marks, off })
}

/// The marks above a line, and those at its own beginning.
fn marks<'a>(lines: &[&'a str], index: usize) -> Vec<&'a str> {
    let above = lines[..index].iter().rev().map(|line| line.trim());
    let mut marks: Vec<&str> =
        above.take_while(|line| line.starts_with(['@', '#']) || line.starts_with("//")).collect();
    if lines[index].trim_start().starts_with('@') {
        marks.push(lines[index].trim());
    }
    marks.retain(|mark| !mark.starts_with("//") && (!mark.starts_with('#') || mark.starts_with("#[")));
    marks
}

/// The lines of a function: up to the brace that ends it; in Python, those indented deeper. What stands in a string over
/// several lines may be indented as it likes.
fn extent<'a>(path: &str, lines: &[&'a str], index: usize) -> Vec<&'a str> {
    let end = if path.ends_with(".py") { end_of_indented(lines, index) } else { end_of_braces(lines, index) };
    lines[index..end].to_vec()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn end_of_braces(lines: &[&str], index: usize) -> usize {
    let own = indent(lines[index]);
    let first = lines[index].trim_end().trim_end_matches([';', ',', ')']);
    let opened = first.ends_with(['{', '(', '>', '=']) || !first.contains('{') && !first.contains("=>");
    if !opened {
        return index + 1;
    }
    let ends = |line: &str| {
        let text = line.trim();
        let signature = text.ends_with('{') || text.ends_with('(') || text.ends_with("=>");
        indent(line) == own && text.starts_with(['}', ')']) && !(text.starts_with(')') && signature)
    };
    lines[index + 1..].iter().position(|line| ends(line)).map_or(lines.len(), |at| index + 1 + at)
}

fn end_of_indented(lines: &[&str], index: usize) -> usize {
    let own = indent(lines[index]);
    let mut within = false;
    for (at, line) in lines.iter().enumerate().skip(index + 1) {
        let text = line.trim();
        let goes_on = within || text.is_empty() || indent(line) > own || text.starts_with(')') && text.ends_with(':');
        if !goes_on {
            return at;
        }
        within ^= (line.matches("\"\"\"").count() + line.matches("'''").count()) % 2 == 1;
    }
    lines.len()
}
