//! Migrations in files of SQL, applied by the engine itself to a scratch database.

use std::collections::BTreeSet;

use super::database::Database;
use super::dialect::Dialect;
use super::find::{self, Set};
use super::model::State;
use super::rows::Filling;
use super::walk::{End, Script, Unit, Walk, judge, told};
use super::{Outcome, locks, sql};
use crate::domain::{Finding, Severity, mark_old};

/// What a set of migrations is proven with.
pub(super) struct Conditions<'a> {
    /// Makes an empty database of the project's kind; why there is none, in words.
    pub empty: &'a dyn Fn() -> Result<Box<dyn Database>, Missing>,
    /// The change itself says that something has no way back.
    pub admitted: bool,
    /// What the project's database understands.
    pub dialect: Dialect,
}

/// Why there is no database to walk on.
pub(super) struct Missing(pub String);

/// Proves what a change does to the migrations of a folder. Blocking.
pub(super) fn prove(before: Option<&Set>, after: Option<&Set>, folder: &str, conditions: &Conditions<'_>) -> Outcome {
    let tool = after.or(before).map_or("SQL", |set| set.layout.tool);
    let mut outcome = Outcome::of(&format!("{tool} in {}", if folder.is_empty() { "." } else { folder }));
    let none: &[Unit] = &[];
    let (old, new) = (before.map_or(none, |set| &set.units), after.map_or(none, |set| &set.units));
    let (Some(set), true) = (after, !new.is_empty()) else {
        outcome.findings = old.iter().map(gone).collect();
        return outcome;
    };
    outcome.findings = order(before, set);
    let changed: Vec<&Unit> = new.iter().filter(|unit| !old.iter().any(|known| same(known, unit))).collect();
    outcome.findings.extend(edited(old, set));
    if changed.is_empty() && old.iter().all(|unit| new.iter().any(|now| same(now, unit))) {
        return outcome;
    }
    let first_one = match (conditions.empty)() {
        Ok(database) => database,
        Err(Missing(why)) => {
            for unit in &changed {
                outcome.findings.extend(no_way_back(unit, before, set, conditions.admitted));
                outcome.findings.extend(dangers(&unit.up, conditions.dialect));
            }
            return outcome.unproven(format!(
                "the migrations are written for {}: they were read, not run ({why})",
                conditions.dialect.name()
            ));
        }
    };
    let mut spare = Some(first_one);
    // What base has and is changed is walked over as well, with all that stands on it.
    let first = old.iter().position(|unit| !new.iter().any(|now| same(now, unit)));
    let start: Vec<&Unit> = old[..first.unwrap_or(old.len())].iter().collect();
    let mut walked: Vec<Unit> =
        new.iter().filter(|unit| !start.iter().any(|known| same(known, unit))).cloned().collect();
    if conditions.dialect == Dialect::Postgres {
        for unit in &mut walked {
            unit.statements = sql::statements(&unit.up.text, unit.up.line);
        }
    }
    outcome.walked = walked.len();
    if walked.is_empty() {
        return outcome;
    }
    let mut walking = |units: &[Unit], filling| {
        let database = spare.take().map_or_else(|| (conditions.empty)().map_err(|Missing(why)| why), Ok)?;
        walk(database, &start, units, &Sets { now: set, before, filling })
    };
    let mut filling = Filling::WithNulls;
    let (mut walk, mut empty) = match walking(&walked, filling) {
        Ok(found) => found,
        Err(why) => return outcome.unproven(why),
    };
    if let Some((index, error, line)) = walk.broke() {
        for fewer in Filling::FEWER {
            let Ok(other) = walking(&walked, fewer) else { continue };
            if other.0.broke().is_none() {
                outcome.findings.push(super::needs_fewer(&walked[index], &error, line, fewer));
                ((walk, empty), filling) = (other, fewer);
                break;
            }
        }
    }
    outcome.log.extend(empty.into_iter().map(|line| format!("not filled: {line}")));
    outcome.log.extend(told(&walked, &walk, filling));
    let mut findings = judge(&walked, &walk, conditions.admitted);
    if let Some(first) = first
        && let Ok((walk, _)) = walking(&old[first..], filling)
    {
        findings = mark_old(findings, &judge(&old[first..], &walk, conditions.admitted));
    }
    outcome.findings.extend(findings);
    for unit in walked.iter().filter(|_| !set.layout.reversible && !has_ways_back(before)) {
        soften(&mut outcome.findings, unit, set.layout.tool);
    }
    outcome
}

fn same(one: &Unit, other: &Unit) -> bool {
    let text = |script: Option<&Script>| script.map(|script| sql::normal(&script.text));
    one.title == other.title
        && text(Some(&one.up)) == text(Some(&other.up))
        && text(one.down.as_ref()) == text(other.down.as_ref())
}

/// What a walk is about.
struct Sets<'a> {
    now: &'a Set,
    before: Option<&'a Set>,
    filling: Filling,
}

/// Applies what both sides have, puts rows in, and walks over the rest.
fn walk(
    mut database: Box<dyn Database>,
    start: &[&Unit],
    units: &[Unit],
    sets: &Sets<'_>,
) -> Result<(Walk, Vec<String>), String> {
    for unit in start {
        database.run(&unit.up)?.map_err(|broken| {
            let line = broken.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("base cannot be migrated: {}{line}: {}", unit.up.path, broken.error)
        })?;
    }
    let empty = database.fill(sets.filling)?;
    let mut walk = Walk { start: database.state()?, ..Walk::default() };
    walk.up = units.iter().map(|_| End::NotReached).collect();
    (walk.down, walk.again) = (walk.up.clone(), walk.up.clone());
    let mut reached = 0;
    for (index, unit) in units.iter().enumerate() {
        walk.up[index] = step(database.as_mut(), &unit.up)?;
        if walk.up[index].state().is_none() {
            break;
        }
        reached = index + 1;
    }
    let mut lowest = reached;
    for index in (0..reached).rev() {
        walk.down[index] = match &units[index].down {
            Some(down) => step(database.as_mut(), down)?,
            None => End::NoWayBack(why_none(sets.now, sets.before)),
        };
        if walk.down[index].state().is_none() {
            break;
        }
        lowest = index;
    }
    for (unit, again) in units[..reached].iter().zip(&mut walk.again).skip(lowest) {
        *again = step(database.as_mut(), &unit.up)?;
        if again.state().is_none() {
            break;
        }
    }
    Ok((walk, empty))
}

fn step(database: &mut dyn Database, script: &Script) -> Result<End, String> {
    let done = database.run(script)?;
    let state: State = database.state()?;
    Ok(match done {
        Ok(()) => End::Done(Box::new(state)),
        Err(broken) => {
            End::Broke { error: broken.error, line: broken.line, left: (broken.stay > 0).then(|| Box::new(state)) }
        }
    })
}

fn why_none(set: &Set, before: Option<&Set>) -> String {
    match (set.layout.reversible || has_ways_back(before), set.layout.tool) {
        (false, tool) => format!("{tool} have none"),
        (true, "goose" | "dbmate" | "sql-migrate" | "rambler") => {
            "its part for going down is missing or empty".to_owned()
        }
        (true, _) => "its file for going down is missing or empty".to_owned(),
    }
}

fn has_ways_back(set: Option<&Set>) -> bool {
    set.is_some_and(|set| set.units.iter().any(|unit| unit.down.is_some()))
}

/// A tool that knows no way back is no mistake of the change.
fn soften(findings: &mut [Finding], unit: &Unit, tool: &str) {
    let ours = |finding: &&mut Finding| {
        finding.rule.as_deref() == Some("irreversible") && finding.path.as_deref() == Some(unit.up.path.as_str())
    };
    for finding in findings.iter_mut().filter(ours) {
        finding.severity = Severity::Warning;
        finding.message = format!("{} has no way back, as {tool} know none; a restore plan is needed", unit.title);
    }
}

fn no_way_back(unit: &Unit, before: Option<&Set>, set: &Set, admitted: bool) -> Option<Finding> {
    if unit.down.is_some() {
        return None;
    }
    let expected = set.layout.reversible || has_ways_back(before);
    let severity = if expected && !admitted && !unit.up.admits() { Severity::Error } else { Severity::Warning };
    let text = format!("{} has no way back: {}; a restore plan is needed", unit.title, why_none(set, before));
    Some(unit.up.finding(severity, "irreversible", "", text))
}

/// What a script takes away, and how long it shuts out others, read from its text.
fn dangers(script: &Script, dialect: Dialect) -> Vec<Finding> {
    let statements = sql::statements(&script.text, script.line);
    let taken = statements.iter().filter_map(|statement| Some((statement.line, sql::danger(&statement.text)?)));
    let at = |(line, danger): (usize, sql::Danger)| Finding {
        line: Some(line),
        ..script.finding(Severity::Warning, danger.rule, "", danger.text)
    };
    let mut found: Vec<Finding> = taken.map(at).collect();
    if dialect == Dialect::Postgres {
        found.extend(locks::findings(script, &statements, &|_| true));
    }
    found
}

fn gone(unit: &Unit) -> Finding {
    let text = format!("{} is on base and is gone: databases that have it know no way on", unit.title);
    Finding { line: None, ..unit.up.finding(Severity::Error, "edited", "", text) }
}

/// Migrations that are on base and have changed since.
fn edited(old: &[Unit], set: &Set) -> Vec<Finding> {
    let mut findings = Vec::new();
    for unit in old {
        let Some(now) = set.units.iter().find(|now| now.id == unit.id && now.title == unit.title) else {
            findings.push(gone(unit));
            continue;
        };
        let means_the_same = sql::normal(&unit.up.text) == sql::normal(&now.up.text);
        // Nothing but its name was there: it is only written now.
        let was_empty = !find::says_something(&unit.up.text);
        if was_empty || unit.up.text == now.up.text || means_the_same && !set.layout.checksums {
            continue;
        }
        let text = if means_the_same {
            format!(
                "{} is on base and its text is changed: {} compares checksums and refuses to go on",
                unit.title, set.layout.tool
            )
        } else {
            format!(
                "{} is on base and is changed: databases that have it already never see this; write a new migration",
                unit.title
            )
        };
        findings.push(now.up.finding(Severity::Error, "edited", "", text));
    }
    findings
}

/// Numbers that are taken, left out or too low, and ways back that lead nowhere.
fn order(before: Option<&Set>, set: &Set) -> Vec<Finding> {
    let known: BTreeSet<&str> = before.iter().flat_map(|set| &set.units).map(|unit| unit.title.as_str()).collect();
    let mut findings = Vec::new();
    for pair in set.units.windows(2) {
        if find::number(&pair[0].id).is_some() && find::number(&pair[0].id) == find::number(&pair[1].id) {
            let later = if known.contains(pair[1].title.as_str()) { &pair[0] } else { &pair[1] };
            let text = format!("{} and {} have the same version", pair[0].title, pair[1].title);
            let old = known.contains(pair[0].title.as_str()) && known.contains(pair[1].title.as_str());
            findings.push(Finding { old, ..later.up.finding(Severity::Error, "duplicate-version", "", text) });
        }
    }
    let numbers: Vec<u128> =
        before.iter().flat_map(|set| &set.units).filter_map(|unit| find::number(&unit.id)).collect();
    let newest = numbers.iter().max().copied();
    for (at, unit) in set.units.iter().enumerate().filter(|(_, unit)| !known.contains(unit.title.as_str())) {
        let (Some(number), Some(newest)) = (find::number(&unit.id), newest) else { continue };
        if number < newest {
            let severity = if set.layout.skips_older { Severity::Error } else { Severity::Warning };
            let text = format!(
                "{} is older than {newest}, which base has: databases that have that one {}",
                unit.title,
                if set.layout.skips_older {
                    format!("never see it ({} passes over it)", set.layout.tool)
                } else {
                    "run it late".to_owned()
                }
            );
            findings.push(unit.up.finding(severity, "order", "", text));
        }
        // Counting numbers, not times.
        let previous = at.checked_sub(1).and_then(|at| find::number(&set.units[at].id));
        if let Some(previous) = previous.filter(|previous| number < 100_000 && number > previous + 1) {
            let text = format!("{} follows {previous}: numbers between them are left out", unit.title);
            findings.push(unit.up.finding(Severity::Warning, "gap", "", text));
        }
    }
    for path in &set.strays {
        let text = "a way back of a migration that is not there".to_owned();
        let old = before.is_some_and(|set| set.strays.contains(path));
        findings.push(Finding {
            severity: Severity::Error,
            path: Some(path.clone()),
            line: None,
            rule: Some("stray".to_owned()),
            message: text,
            old,
        });
    }
    findings
}
