//! From two runs of the tests to a finding: what is new counts against the proposal, what is old does not.

use std::time::Duration;

use super::Report;
use super::capture::Run;
use super::reading::Outcome;
use super::results::NO_TEST;
use crate::domain::{GateStatus, TestCount, TestStatus};
use crate::workspace::Exit;

/// Judges the run on the subject by the run on base.
pub(super) fn judge(subject: &Run, base: &Run, limit: Duration) -> Report {
    let verdict = verdict(subject, base, limit);
    let known = base.outcome.as_ref().map(|outcome| &outcome.failed);
    let mut cases = subject.cases.clone();
    for case in cases.iter_mut().filter(|case| case.status == TestStatus::Failed) {
        case.old = known.is_some_and(|known| known.contains(&case.name));
    }
    Report {
        cases,
        status: verdict.status,
        reason: verdict.reason,
        new: verdict.new,
        old: verdict.old,
        tests: subject.outcome.as_ref().map(|outcome| outcome.count),
        base_tests: base.outcome.as_ref().map(|outcome| outcome.count),
        ..Report::pass(None).with_command(&subject.command).with_log(&subject.tail)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    status: GateStatus,
    reason: Option<String>,
    new: u32,
    old: u32,
}

impl Verdict {
    fn pass(reason: Option<String>, old: u32) -> Self {
        Self { status: GateStatus::Pass, reason, new: 0, old }
    }

    fn fail(reason: String, new: u32, old: u32) -> Self {
        Self { status: GateStatus::Fail, reason: Some(reason), new, old }
    }

    fn not_run(reason: String) -> Self {
        Self { status: GateStatus::NotRun, reason: Some(reason), new: 0, old: 0 }
    }
}

fn verdict(subject: &Run, base: &Run, limit: Duration) -> Verdict {
    if let Some(missing) = &subject.missing {
        return Verdict::not_run(missing.clone());
    }
    if let Some((file, place)) = subject.watched.elsewhere.iter().next() {
        let text = format!(
            "the tests import {file} from {place}, not from the tree under test; set PYTHONPATH in the test command, or use --isolation overlay where it works"
        );
        return Verdict::not_run(text);
    }
    if let (Some(why), None) = (&subject.unreadable, &subject.outcome) {
        let crashed = subject.exit != Some(Exit::Code(0)) && base.outcome.is_some();
        let text = format!("report unreadable: {why}; the log below is all there is");
        return if crashed { Verdict::fail(text, 1, 0) } else { Verdict::not_run(text) };
    }
    match (subject.exit, &subject.outcome) {
        (None, _) => Verdict::not_run(format!("could not be started: {}", subject.last)),
        (Some(Exit::Cancelled), _) => Verdict::not_run("interrupted".into()),
        (Some(Exit::TimedOut), _) => late(base, limit),
        (Some(exit), Some(outcome)) => counted(exit, outcome, subject, base),
        (Some(exit), None) => uncounted(exit, subject, base),
    }
}

fn late(base: &Run, limit: Duration) -> Verdict {
    let seconds = limit.as_secs();
    if base.exit == Some(Exit::TimedOut) {
        return Verdict::not_run(format!("not done within {seconds} s, on base neither"));
    }
    Verdict::fail(format!("not done within {seconds} s"), 1, 0)
}

/// The runner's summary was recognised.
fn counted(exit: Exit, outcome: &Outcome, subject: &Run, base: &Run) -> Verdict {
    let TestCount { passed, failed, skipped } = outcome.count;
    let before = base.outcome.as_ref();
    let ran_before = before.map_or(0, |before| before.count.passed + before.count.failed);
    if passed + failed == 0 {
        let skipped = if skipped > 0 { format!(" ({skipped} skipped)") } else { String::new() };
        return match ran_before {
            0 => Verdict::not_run(format!("no test ran{skipped}")),
            _ => Verdict::fail(format!("no test ran{skipped}; {ran_before} ran on base"), 1, 0),
        };
    }
    if failed == 0 {
        return all_passed(exit, passed + skipped, subject, base);
    }
    let (new, old) = new_and_old(outcome, before);
    if new == 0 && passed == 0 {
        let first = outcome.failed.iter().next().cloned().unwrap_or_default();
        return Verdict::not_run(format!("nothing passed, on base neither: {first}"));
    }
    if new == 0 {
        return Verdict::pass(Some(format!("{} on base too", plural(old, "failure is", "failures are"))), old);
    }
    let empty = std::collections::BTreeSet::new();
    let known = before.map_or(&empty, |before| &before.failed);
    let names: Vec<&str> = outcome.failed.difference(known).map(String::as_str).collect();
    Verdict::fail(listed(plural(new, "new failure", "new failures"), &names), new, old)
}

fn all_passed(exit: Exit, total: u32, subject: &Run, base: &Run) -> Verdict {
    if exit != Exit::Code(0) {
        let how = ended(exit);
        // A coverage threshold, for instance, that base does not reach either.
        return match base.exit {
            Some(before) if before == exit => {
                Verdict::pass(Some(format!("every test passes; the command {how}, as on base")), 1)
            }
            _ => Verdict::fail(format!("every test passes, but the command {how}"), 1, 0),
        };
    }
    let before =
        base.outcome.as_ref().map_or(0, |before| before.count.passed + before.count.failed + before.count.skipped);
    let fewer = before.saturating_sub(total);
    let mut said = Vec::new();
    if fewer > 0 {
        let gone: Vec<&str> = ran(base).filter(|name| subject.cases.iter().all(|case| case.name != *name)).collect();
        said.push(listed(plural(fewer, "test fewer than on base", "tests fewer than on base"), &gone));
    }
    // A test that is switched off looks like one that passes.
    let skipped = subject.cases.iter().filter(|case| case.status == TestStatus::Skipped);
    let off: Vec<&str> =
        skipped.map(|case| case.name.as_str()).filter(|name| ran(base).any(|one| one == *name)).collect();
    if let Ok(count @ 1..) = u32::try_from(off.len()) {
        said.push(listed(
            plural(count, "test is skipped that ran on base", "tests are skipped that ran on base"),
            &off,
        ));
    }
    let known = |name: &str| base.cases.iter().any(|case| case.name == name);
    let empty = subject.cases.iter().filter(|case| case.message.as_deref() == Some(NO_TEST) && !known(&case.name));
    let empty: Vec<&str> = empty.map(|case| case.name.as_str()).collect();
    if let Ok(count @ 1..) = u32::try_from(empty.len()) {
        said.push(listed(plural(count, "test file runs no test", "test files run no test"), &empty));
    }
    Verdict::pass((!said.is_empty()).then(|| said.join("; ")), 0)
}

/// The names of the tests that came to an end.
fn ran(run: &Run) -> impl Iterator<Item = &str> {
    run.cases.iter().filter(|case| case.status != TestStatus::Skipped).map(|case| case.name.as_str())
}

/// What is said, with the first few names it is about.
fn listed(said: String, names: &[&str]) -> String {
    const SHOWN: usize = 3;
    match names {
        [] => said,
        _ if names.len() > SHOWN => format!("{said}: {}, …", names[..SHOWN].join(", ")),
        _ => format!("{said}: {}", names.join(", ")),
    }
}

fn new_and_old(outcome: &Outcome, before: Option<&Outcome>) -> (u32, u32) {
    let failed = outcome.count.failed;
    let Some(before) = before else { return (failed, 0) };
    if outcome.failed.is_empty() {
        let old = failed.min(before.count.failed);
        return (failed - old, old);
    }
    let new = outcome.failed.difference(&before.failed).count();
    // Suites are named beside their tests, so there may be more names than failures.
    let new = u32::try_from(new).unwrap_or(u32::MAX).min(failed);
    (new, failed - new)
}

/// No summary was recognised: only the exit code speaks.
fn uncounted(exit: Exit, subject: &Run, base: &Run) -> Verdict {
    let ran_before = base.outcome.as_ref().map_or(0, |before| before.count.passed + before.count.failed);
    if exit == Exit::Code(0) {
        return match ran_before {
            0 if subject.trusted => {
                Verdict::pass(Some("the command succeeded; how many tests ran is not known".into()), 0)
            }
            0 => Verdict::not_run(
                "the command ended well and told of no test; set gates.tests.command if its end is all there is to know".into(),
            ),
            _ => Verdict::fail(format!("it ended well and told of no test; {ran_before} ran on base"), 1, 0),
        };
    }
    let how = ended(exit);
    let last = if subject.last.is_empty() { "it said nothing" } else { &subject.last };
    if base.outcome.is_none() && base.exit == Some(exit) {
        return Verdict::not_run(format!("the command {how}, as on base: {last}"));
    }
    Verdict::fail(format!("the command {how}: {last}"), 1, 0)
}

fn ended(exit: Exit) -> String {
    match exit {
        // A shell tells of a signal in this way.
        Exit::Code(code @ 129..=159) => format!("was killed by signal {}", code - 128),
        Exit::Code(code) => format!("ends with code {code}"),
        Exit::Signal(signal) => format!("was killed by signal {signal}"),
        Exit::TimedOut => "was too slow".into(),
        Exit::Cancelled => "was interrupted".into(),
        Exit::Exceeded(limit) => format!("was stopped: {limit}"),
    }
}

fn plural(number: u32, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Puts the findings of several projects together: the worst one speaks.
pub(super) fn together(findings: Vec<Report>) -> Report {
    let rank = |finding: &Report| match finding.status {
        GateStatus::Fail => 0,
        GateStatus::NotRun => 1,
        GateStatus::Pass => 2,
    };
    let sum = |counts: Vec<Option<TestCount>>| {
        counts.into_iter().flatten().reduce(|a, b| TestCount {
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
        })
    };
    let Some(worst) = findings.iter().min_by_key(|finding| rank(finding)).cloned() else {
        return Report::not_run("no tests found");
    };
    let commands: Vec<String> = findings.iter().filter_map(|finding| finding.command.clone()).collect();
    Report {
        new: findings.iter().map(|finding| finding.new).sum(),
        old: findings.iter().map(|finding| finding.old).sum(),
        cached: findings.iter().all(|finding| finding.cached),
        command: (!commands.is_empty()).then(|| commands.join(" && ")),
        cases: findings.iter().flat_map(|finding| finding.cases.clone()).collect(),
        tests: sum(findings.iter().map(|finding| finding.tests).collect()),
        base_tests: sum(findings.iter().map(|finding| finding.base_tests).collect()),
        ..worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TestCase;

    fn run(exit: Exit, counts: Option<(u32, u32, u32)>, failed: &[&str]) -> Run {
        let outcome = counts.map(|(passed, failed_count, skipped)| Outcome {
            count: TestCount { passed, failed: failed_count, skipped },
            failed: failed.iter().map(|name| (*name).to_owned()).collect(),
        });
        Run { exit: Some(exit), outcome, last: "last line".into(), ..Run::default() }
    }

    fn check(subject: &Run, base: &Run) -> (GateStatus, u32, u32, String) {
        let verdict = verdict(subject, base, Duration::from_secs(9));
        (verdict.status, verdict.new, verdict.old, verdict.reason.unwrap_or_default())
    }

    #[test]
    fn what_is_new_counts_and_what_is_old_does_not() {
        use GateStatus::{Fail, NotRun, Pass};
        let ok = |passed| run(Exit::Code(0), Some((passed, 0, 0)), &[]);
        let bad =
            |passed, names: &[&str]| run(Exit::Code(1), Some((passed, u32::try_from(names.len()).unwrap(), 0)), names);
        let bare = |exit| run(exit, None, &[]);
        let nothing = Run::default();
        type Case = (&'static str, Run, Run, (GateStatus, u32, u32, &'static str));
        let cases: Vec<Case> = vec![
            ("green on both", ok(3), ok(2), (Pass, 0, 0, "")),
            ("fewer tests", ok(2), ok(5), (Pass, 0, 0, "3 tests fewer than on base")),
            ("new failure", bad(3, &["a"]), ok(4), (Fail, 1, 0, "1 new failure: a")),
            ("new beside old", bad(3, &["a", "b"]), bad(3, &["b"]), (Fail, 1, 1, "1 new failure: a")),
            ("old only", bad(3, &["b"]), bad(3, &["b"]), (Pass, 0, 1, "1 failure is on base too")),
            ("another one fails", bad(3, &["a"]), bad(3, &["b"]), (Fail, 1, 0, "1 new failure: a")),
            (
                "nothing passes on either",
                bad(0, &["b"]),
                bad(0, &["b"]),
                (NotRun, 0, 0, "nothing passed, on base neither: b"),
            ),
            ("no base to compare", bad(3, &["b"]), nothing.clone(), (Fail, 1, 0, "1 new failure: b")),
            ("none collected", ok(0), ok(0), (NotRun, 0, 0, "no test ran")),
            ("tests gone", ok(0), ok(7), (Fail, 1, 0, "no test ran; 7 ran on base")),
            (
                "runner replaced",
                bare(Exit::Code(0)),
                ok(7),
                (Fail, 1, 0, "it ended well and told of no test; 7 ran on base"),
            ),
            (
                "killed behind a shell",
                bare(Exit::Code(139)),
                ok(4),
                (Fail, 1, 0, "the command was killed by signal 11: last line"),
            ),
            ("all skipped", run(Exit::Code(0), Some((0, 0, 2)), &[]), ok(0), (NotRun, 0, 0, "no test ran (2 skipped)")),
            (
                "only an exit code",
                bare(Exit::Code(0)),
                bare(Exit::Code(0)),
                (
                    NotRun,
                    0,
                    0,
                    "the command ended well and told of no test; set gates.tests.command if its end is all there is to know",
                ),
            ),
            (
                "an exit code that is trusted",
                Run { trusted: true, ..bare(Exit::Code(0)) },
                bare(Exit::Code(0)),
                (Pass, 0, 0, "the command succeeded; how many tests ran is not known"),
            ),
            ("does not build", bare(Exit::Code(101)), ok(4), (Fail, 1, 0, "the command ends with code 101: last line")),
            (
                "builds on neither",
                bare(Exit::Code(2)),
                bare(Exit::Code(2)),
                (NotRun, 0, 0, "the command ends with code 2, as on base: last line"),
            ),
            ("killed", bare(Exit::Signal(9)), ok(4), (Fail, 1, 0, "the command was killed by signal 9: last line")),
            ("too slow", bare(Exit::TimedOut), ok(4), (Fail, 1, 0, "not done within 9 s")),
            (
                "too slow on both",
                bare(Exit::TimedOut),
                bare(Exit::TimedOut),
                (NotRun, 0, 0, "not done within 9 s, on base neither"),
            ),
            ("interrupted", bare(Exit::Cancelled), ok(4), (NotRun, 0, 0, "interrupted")),
            (
                "not started",
                Run { last: "why".into(), ..nothing.clone() },
                ok(4),
                (NotRun, 0, 0, "could not be started: why"),
            ),
            (
                "coverage too low",
                run(Exit::Code(2), Some((3, 0, 0)), &[]),
                ok(3),
                (Fail, 1, 0, "every test passes, but the command ends with code 2"),
            ),
            (
                "coverage too low before",
                run(Exit::Code(2), Some((3, 0, 0)), &[]),
                run(Exit::Code(2), Some((3, 0, 0)), &[]),
                (Pass, 0, 1, "every test passes; the command ends with code 2, as on base"),
            ),
        ];
        for (what, subject, base, (status, new, old, reason)) in cases {
            assert_eq!(check(&subject, &base), (status, new, old, reason.to_owned()), "{what}");
        }
    }

    #[test]
    fn what_was_switched_off_or_taken_away_is_named() {
        let of = |cases: &[(&str, TestStatus)]| {
            let cases: Vec<TestCase> = cases
                .iter()
                .map(|(name, status)| TestCase { name: (*name).to_owned(), status: *status, ..TestCase::default() })
                .collect();
            let outcome = Some(super::super::results::outcome(&cases));
            Run { exit: Some(Exit::Code(0)), cases, outcome, ..Run::default() }
        };
        use TestStatus::{Passed, Skipped};
        let base = of(&[("a", Passed), ("b", Passed), ("c", Skipped)]);
        let subject = of(&[("a", Skipped), ("c", Skipped)]);
        assert_eq!(check(&of(&[("b", Passed), ("c", Skipped)]), &base).3, "1 test fewer than on base: a");
        let off = of(&[("a", Skipped), ("b", Passed), ("c", Skipped)]);
        assert_eq!(check(&off, &base).3, "1 test is skipped that ran on base: a");
        assert_eq!(check(&subject, &base).3, "no test ran (2 skipped); 2 ran on base");
    }

    #[test]
    fn numbers_decide_where_names_are_unknown() {
        let with = |failed| run(Exit::Code(1), Some((5, failed, 0)), &[]);
        assert_eq!(check(&with(3), &with(1)), (GateStatus::Fail, 2, 1, "2 new failures".to_owned()));
        assert_eq!(check(&with(1), &with(1)).0, GateStatus::Pass);
    }

    #[test]
    fn the_worst_project_speaks_and_numbers_add_up() {
        let finding = |status, passed| Report {
            status,
            reason: Some(format!("{status:?}")),
            new: 1,
            tests: Some(TestCount { passed, failed: 0, skipped: 0 }),
            ..Report::not_run("")
        };
        let sum =
            together(vec![finding(GateStatus::Pass, 3), finding(GateStatus::Fail, 4), finding(GateStatus::NotRun, 0)]);
        assert_eq!((sum.status, sum.reason.as_deref(), sum.new), (GateStatus::Fail, Some("Fail"), 3));
        assert_eq!(sum.tests.map(|tests| tests.passed), Some(7));
        assert_eq!(together(vec![]).status, GateStatus::NotRun);
    }
}
