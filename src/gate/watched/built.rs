//! From a line of a file that a build made to the line of the source it was made of: a failure is looked at, and
//! mended, there.

use base64::Engine as _;
use serde::Deserialize;

use crate::domain::{RepoPath, TestCase, beside};
use crate::workspace::Workspace;

/// Endings of what compilers write, and of what they read for it.
const ENDINGS: [(&str, &[&str]); 3] =
    [(".js", &[".ts", ".tsx", ".jsx"]), (".mjs", &[".mts", ".ts"]), (".cjs", &[".cts", ".ts"])];
/// Folders that builds write to.
const BUILT: [&str; 4] = ["dist", "build", "out", "lib"];
/// What stands before the place of a map.
const MAP: &str = "//# sourceMappingURL=";

/// A source map, as far as lines go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceMap {
    sources: Vec<Option<String>>,
    #[serde(default)]
    source_root: Option<String>,
    mappings: String,
}

/// Lets a failure in a built file point into its source, by its source map or else by what both files have in common.
pub(super) fn to_source(case: &mut TestCase, workspace: &dyn Workspace) {
    let Some(path) = case.path.as_deref().filter(|path| ENDINGS.iter().any(|(end, _)| path.ends_with(end))) else {
        return;
    };
    let Some(built) = text(path, workspace) else { return };
    let by_map = || by_map(path, case.line?, &built, workspace);
    if let Some((source, line)) = by_map().or_else(|| by_name(path, case.line, &built, workspace)) {
        (case.path, case.line) = (Some(source), line);
    }
}

fn text(path: &str, workspace: &dyn Workspace) -> Option<String> {
    let state = workspace.read(&RepoPath::parse(path).ok()?).ok()?;
    String::from_utf8(state.bytes).ok()
}

type Place = (String, Option<usize>);

fn by_map(path: &str, line: usize, built: &str, workspace: &dyn Workspace) -> Option<Place> {
    let named = built.lines().rev().take(20).find_map(|line| line.trim().strip_prefix(MAP))?;
    let json = match named.strip_prefix("data:").and_then(|data| data.split_once("base64,")) {
        Some((_, encoded)) => base64::engine::general_purpose::STANDARD.decode(encoded).ok()?,
        None => text(&beside(path, named)?, workspace)?.into_bytes(),
    };
    let map: SourceMap = serde_json::from_slice(&json).ok()?;
    let (source, line) = original(&map.mappings, line.checked_sub(1)?)?;
    let source = map.sources.get(source)?.as_deref()?;
    let source = match map.source_root.as_deref().filter(|root| !root.is_empty()) {
        Some(root) => beside(path, &format!("{root}/{source}"))?,
        None => beside(path, source)?,
    };
    text(&source, workspace).map(|_| (source, Some(line + 1)))
}

/// The first place of a source that a line of the built file comes from: its number and the line, both from 0.
fn original(mappings: &str, wanted: usize) -> Option<(usize, usize)> {
    let (mut source, mut line) = (0_i64, 0_i64);
    for (number, segments) in mappings.split(';').enumerate() {
        let mut first = None;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let fields = decoded(segment)?;
            if let [_, by_source, by_line, ..] = fields[..] {
                source += by_source;
                line += by_line;
                first.get_or_insert((source, line));
            }
        }
        if number == wanted {
            let (source, line) = first?;
            return Some((usize::try_from(source).ok()?, usize::try_from(line).ok()?));
        }
    }
    None
}

/// The numbers of a segment: base 64, five bits a digit, the lowest bit of a number is its sign.
fn decoded(segment: &str) -> Option<Vec<i64>> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut numbers = Vec::new();
    let (mut value, mut shift) = (0_i64, 0_u32);
    for digit in segment.chars() {
        let bits = i64::try_from(DIGITS.find(digit)?).ok()?;
        value |= (bits & 0x1f).checked_shl(shift)?;
        if bits & 0x20 != 0 {
            shift += 5;
            continue;
        }
        numbers.push(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
        (value, shift) = (0, 0);
    }
    Some(numbers)
}

/// Without a map: the file of the same name beside the build's folder or in `src`, and the line that reads the same.
fn by_name(path: &str, line: Option<usize>, built: &str, workspace: &dyn Workspace) -> Option<Place> {
    let (before, inner) = BUILT.iter().find_map(|folder| {
        let start = path.strip_prefix(&format!("{folder}/")).map(|inner| ("", inner));
        start.or_else(|| path.split_once(&format!("/{folder}/")))
    })?;
    let (_, endings) = ENDINGS.iter().find(|(end, _)| path.ends_with(end))?;
    let stem = inner.rsplit_once('.')?.0;
    let before = if before.is_empty() { String::new() } else { format!("{before}/") };
    let candidates = ["src/", ""].iter().flat_map(|folder| endings.iter().map(move |end| (folder, end)));
    let (source, found) = candidates
        .map(|(folder, end)| format!("{before}{folder}{stem}{end}"))
        .find_map(|source| text(&source, workspace).map(|found| (source, found)))?;
    let wanted = line.and_then(|line| built.lines().nth(line.checked_sub(1)?)).map(str::trim);
    let mut same = found.lines().enumerate().filter(|(_, line)| Some(line.trim()) == wanted);
    let line = same.next().filter(|_| same.next().is_none()).map(|(number, _)| number + 1);
    Some((source, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_leads_from_each_line_to_its_source() {
        // One column, source, line and column for each segment; lines 0, 2 and 1 of source 0, then line 4 of source 1.
        let mappings = "AAAA;AAEA,KAAK;AADA;;ACGA";
        let found: Vec<_> = (0..6).map(|line| original(mappings, line)).collect();
        assert_eq!(found, [Some((0, 0)), Some((0, 2)), Some((0, 1)), None, Some((1, 4)), None]);
        assert_eq!(decoded("gBAAgBhB"), Some(vec![16, 0, 0, 16, -16]));
        assert_eq!(decoded("A!"), None);
    }
}
