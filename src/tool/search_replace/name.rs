//! The file a block is about: named in one of the lines above it, plainly or with markup around it.

use super::Fence;

/// The file named in the lines above a block: the one right above, and further up only past fences.
pub(super) fn above(lines: &[&str], fence: Fence<'_>, known: &[String]) -> Option<String> {
    let mut names = Vec::new();
    for line in lines.iter().rev().take(3) {
        names.extend(bare(line, fence));
        if !line.starts_with(fence.open) && !line.starts_with("```") {
            break;
        }
    }
    best(&names, known)
}

fn best(names: &[String], known: &[String]) -> Option<String> {
    if let Some(name) = names.iter().find(|name| known.contains(name)) {
        return Some(name.clone());
    }
    let last_part = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    if let Some(path) = names.iter().find_map(|name| known.iter().find(|path| last_part(path) == *name)) {
        return Some(path.clone());
    }
    let known_names: Vec<&str> = known.iter().map(String::as_str).collect();
    let alike = |name: &String| {
        similar::get_close_matches(name.as_str(), &known_names, 1, 0.8).first().map(|path| (*path).to_owned())
    };
    if let Some(path) = names.iter().find_map(alike) {
        return Some(path);
    }
    names.iter().find(|name| name.contains('.')).or_else(|| names.first()).cloned()
}

/// A line without the markup models put around a path; `None` when no path is left.
fn bare(line: &str, fence: Fence<'_>) -> Option<String> {
    let line = line.trim();
    if line == "..." {
        return None;
    }
    for open in [fence.open, "```"] {
        if let Some(rest) = line.strip_prefix(open) {
            return (rest.contains('.') || rest.contains('/')).then(|| rest.to_owned());
        }
    }
    let name = line.trim_end_matches(':').trim_start_matches('#').trim();
    let name = name.trim_matches('`').trim_matches('*');
    (!name.is_empty()).then(|| name.to_owned())
}
