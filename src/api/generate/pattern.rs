//! A text that a regular expression matches.

use fastrand::Rng;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A match of the pattern within these lengths; `None` when none was found. The pattern is the one of JSON Schema,
/// where it may match anywhere in the text.
pub(super) fn matching(pattern: &str, rng: &mut Rng, least: usize, most: usize) -> Option<String> {
    let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok();
    let hir = hir.or_else(|| regex_syntax::parse(pattern).ok())?;
    (0..20).find_map(|tried| {
        let mut out = String::new();
        write(&hir, rng, if tried < 10 { 3 } else { 12 }, &mut out)?;
        while out.chars().count() < least && !pattern.ends_with('$') {
            out.push('a');
        }
        let length = out.chars().count();
        (length >= least && length <= most).then_some(out)
    })
}

/// `more` is how much more than the least a repetition may have.
fn write(hir: &Hir, rng: &mut Rng, more: u32, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(character(class, rng)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(more));
            let most = most.min(repetition.min.saturating_add(more));
            for _ in 0..rng.u32(repetition.min..=most.max(repetition.min)).min(4_096) {
                write(&repetition.sub, rng, more, out)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, rng, more, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, rng, more, out))?,
        HirKind::Alternation(parts) => write(&parts[rng.usize(..parts.len())], rng, more, out)?,
    }
    Some(())
}

/// A plain character where the class has one.
fn character(class: &Class, rng: &mut Rng) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let plain = |low: u32, high: u32| (low.max(0x21), high.min(0x7e));
    let good: Vec<(u32, u32)> =
        ranges.iter().map(|(low, high)| plain(*low, *high)).filter(|(low, high)| low <= high).collect();
    let from = if good.is_empty() { &ranges } else { &good };
    if from.is_empty() {
        return None;
    }
    let (low, high) = from[rng.usize(..from.len())];
    char::from_u32(rng.u32(low..=high))
}
