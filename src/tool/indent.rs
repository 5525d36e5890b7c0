//! Giving new text the indentation of the place it goes to.

use std::collections::BTreeMap;

/// The new lines with the indentation the file has where the old lines stand. `None` when the file's indentation
/// does not follow from the old text's, so that any answer would be a guess.
pub(super) fn apply(file: &[&[u8]], old: &[&str], new: &[&str]) -> Option<Vec<String>> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for (have, want) in file.iter().zip(old) {
        if !want.trim().is_empty() {
            let have = String::from_utf8_lossy(have);
            pairs.push((leading(want), leading(&have).to_owned()));
        }
    }
    if already_fits(&pairs, old, new) {
        return Some(new.iter().map(|line| (*line).to_owned()).collect());
    }
    let shift = Shift::between(&pairs)?;
    new.iter().map(|line| if line.trim().is_empty() { Some((*line).to_owned()) } else { shift.line(line) }).collect()
}

/// The old text lost its indentation, but the new text has that of the file: it stays as it is.
fn already_fits(pairs: &[(&str, String)], old: &[&str], new: &[&str]) -> bool {
    let least = |lines: &[&str]| {
        let indents = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| leading(line).len());
        indents.min().unwrap_or(0)
    };
    let in_file = pairs.iter().map(|(_, have)| have.len()).min().unwrap_or(0);
    least(old) != in_file && least(new) == in_file
}

fn leading(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

enum Shift {
    /// The file has this more in front of every line.
    More(String),
    /// The file has this less in front of every line.
    Less(String),
    /// Each indentation of the old text is another one in the file; `units` are one step of each.
    Table { table: BTreeMap<String, String>, units: Option<(String, String)> },
}

impl Shift {
    fn between(pairs: &[(&str, String)]) -> Option<Self> {
        let (old, have) = pairs.first()?;
        if let Some(more) = have.strip_suffix(*old)
            && pairs.iter().all(|(old, have)| *have == format!("{more}{old}"))
        {
            return Some(Self::More(more.to_owned()));
        }
        if let Some(less) = old.strip_suffix(have.as_str())
            && pairs.iter().all(|(old, have)| *old == format!("{less}{have}"))
        {
            return Some(Self::Less(less.to_owned()));
        }
        let mut table: BTreeMap<String, String> = BTreeMap::new();
        for (old, have) in pairs {
            if table.entry((*old).to_owned()).or_insert_with(|| have.clone()) != have {
                return None;
            }
        }
        let units = units(&table);
        Some(Self::Table { table, units })
    }

    fn line(&self, line: &str) -> Option<String> {
        match self {
            Self::More(more) => Some(format!("{more}{line}")),
            Self::Less(less) => line.strip_prefix(less.as_str()).map(str::to_owned),
            Self::Table { table, units } => {
                let indent = leading(line);
                if let Some(have) = table.get(indent) {
                    return Some(format!("{have}{}", &line[indent.len()..]));
                }
                let known = table.iter().filter(|(old, _)| indent.starts_with(old.as_str()));
                let (old, have) = known.max_by_key(|(old, _)| old.len())?;
                let (old_unit, have_unit) = units.as_ref()?;
                let mut rest = &indent[old.len()..];
                let mut steps = String::new();
                while let Some(shorter) = rest.strip_prefix(old_unit.as_str()) {
                    rest = shorter;
                    steps.push_str(have_unit);
                }
                rest.is_empty().then(|| format!("{have}{steps}{}", &line[indent.len()..]))
            }
        }
    }
}

/// One step of indentation on both sides: the first two entries that extend one another on both sides.
fn units(table: &BTreeMap<String, String>) -> Option<(String, String)> {
    let mut entries: Vec<(&String, &String)> = table.iter().collect();
    entries.sort_by_key(|(old, _)| old.len());
    let steps = entries.windows(2).filter_map(|two| {
        let [(old, have), (deeper_old, deeper_have)] = two else { return None };
        let old_step = deeper_old.strip_prefix(old.as_str())?;
        let have_step = deeper_have.strip_prefix(have.as_str())?;
        (!old_step.is_empty() && !have_step.is_empty()).then(|| (old_step.to_owned(), have_step.to_owned()))
    });
    steps.min_by_key(|(old_step, _)| old_step.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(file: &str, old: &str, new: &str) -> Option<String> {
        let file: Vec<&[u8]> = file.lines().map(str::as_bytes).collect();
        let old: Vec<&str> = old.lines().collect();
        let new: Vec<&str> = new.lines().collect();
        apply(&file, &old, &new).map(|lines| lines.join("\n"))
    }

    #[test]
    fn new_text_moves_as_the_old_text_would() {
        for (file, old, new, expected) in [
            ("    a\n        b", "a\n    b", "a\n    c\n\nd", Some("    a\n        c\n\n    d")),
            ("a\n    b", "    a\n        b", "    a\n        c", Some("a\n    c")),
            ("\ta\n\t\tb", "  a\n    b", "  a\n    c\n      d", Some("\ta\n\t\tc\n\t\t\td")),
            ("\tif x:\n\t\ty", "    if x:\n        y", "    if x:\n        z", Some("\tif x:\n\t\tz")),
            ("a\n  b\n    c", "a\n    b\n        c", "a\n    d", Some("a\n  d")),
            ("  a", "a", "  b", Some("  b")),
            ("    a\n  b", "a\nb", "c", None),
            ("a\nb", "  a\n  b", "c", Some("c")),
            ("  a\n  b", "    a\n    b", " c", None),
        ] {
            assert_eq!(applied(file, old, new).as_deref(), expected, "{file:?} {old:?} {new:?}");
        }
    }
}
