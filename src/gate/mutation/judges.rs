//! Who says whether a change is noticed: the tests that pass with the whole proposal. What fails on base as well, or one
//! time and not the next, is no judge.

use std::collections::BTreeSet;

use super::super::capture::Run;
use crate::workspace::Exit;

/// The run of all tests on the proposal, by which others are judged.
pub(super) struct Judges {
    /// That run.
    pub whole: Run,
    /// What failed in it and is left out, by name.
    left_out: BTreeSet<String>,
    old: u32,
    flaky: u32,
}

/// What a run says of the change that was taken back for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A judge fails.
    Caught,
    /// No judge fails.
    Missed,
    /// The rest does not build without the change, so no test has its say.
    Broken,
}

impl Judges {
    /// Those of a run, with what base says and the tests that passed when they were run again.
    ///
    /// # Errors
    /// Nobody is left, or something fails that base does not know of.
    pub(super) fn of(whole: Run, base: Option<&Run>, flaky: BTreeSet<String>) -> Result<Self, String> {
        let first = || whole.missing.clone().unwrap_or_else(|| "the tests have to pass first".to_owned());
        let Some(outcome) = &whole.outcome else { return Err(first()) };
        if outcome.count.passed == 0 || !matches!(whole.exit, Some(Exit::Code(_))) {
            return Err(first());
        }
        let before = base.and_then(|base| base.outcome.as_ref());
        let known = |name: &String| before.is_some_and(|before| before.failed.contains(name));
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let unsteady = count(outcome.failed.iter().filter(|name| !known(name) && flaky.contains(*name)).count());
        let all_known = if outcome.failed.is_empty() {
            before.map_or(0, |before| before.count.failed) >= outcome.count.failed
        } else {
            outcome.failed.iter().all(|name| known(name) || flaky.contains(name))
        };
        // A threshold of the coverage, for instance, that base does not reach either.
        let same_end = base.is_some_and(|base| base.exit == whole.exit);
        if !all_known || outcome.count.failed == 0 && whole.exit != Some(Exit::Code(0)) && !same_end {
            return Err(first());
        }
        let old = outcome.count.failed.saturating_sub(unsteady);
        let left_out = outcome.failed.union(&flaky).cloned().collect();
        Ok(Self { whole, left_out, old, flaky: unsteady })
    }

    /// Whether a run sees what the whole run did not. `None` when it did not come to an end.
    pub(super) fn notice(&self, run: &Run) -> Option<Notice> {
        let caught = match (run.exit?, &run.outcome) {
            (Exit::Cancelled, _) => return None,
            // A change that takes the end away was noticed, too.
            (Exit::TimedOut, _) => return (self.whole.ms < 5_000).then_some(Notice::Caught),
            (Exit::Code(0), _) => false,
            _ if does_not_build(run) => return Some(Notice::Broken),
            (_, Some(outcome)) if outcome.failed.is_empty() => {
                outcome.count.failed > self.whole.outcome.as_ref().map_or(0, |whole| whole.count.failed)
            }
            (_, Some(outcome)) => outcome.failed.difference(&self.left_out).next().is_some(),
            (_, None) => run.missing.is_none(),
        };
        Some(if caught { Notice::Caught } else { Notice::Missed })
    }

    /// Who was left out, in words; empty when nobody was.
    pub(super) fn left_out(&self) -> String {
        let several = |number: u32, what: &str| match number {
            0 => None,
            1 => Some(format!("1 {what} failure")),
            _ => Some(format!("{number} {what} failures")),
        };
        let said: Vec<String> =
            [several(self.old, "old"), several(self.flaky, "flaky")].into_iter().flatten().collect();
        if said.is_empty() { String::new() } else { format!(" ({} left out)", said.join(", ")) }
    }
}

/// Whether a compiler stopped the run before any test.
fn does_not_build(run: &Run) -> bool {
    const SAID: &[&str] =
        &["error: could not compile", "): error TS", " - error TS", "COMPILATION ERROR", "Compilation failed; see the"];
    match &run.outcome {
        Some(outcome) => {
            // Go goes on with the packages that build.
            outcome.count.passed == 0
                && !outcome.failed.is_empty()
                && outcome.failed.iter().all(|name| name.contains("[build failed]"))
                || outcome.failed.is_empty() && outcome.count.passed == 0 && run.tail.contains("[build failed]")
        }
        None => SAID.iter().any(|words| run.tail.contains(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::reading::Outcome;
    use super::*;

    fn run(code: i32, passed: u32, failed: &[&str]) -> Run {
        let mut outcome = Outcome::default();
        failed.iter().for_each(|name| outcome.fail(name));
        outcome.count.passed = passed;
        outcome.count.failed = u32::try_from(failed.len()).unwrap();
        Run { exit: Some(Exit::Code(code)), outcome: Some(outcome), ms: 100, ..Run::default() }
    }

    fn judges(whole: Run, base: &Run, flaky: &[&str]) -> Result<Judges, String> {
        Judges::of(whole, Some(base), flaky.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_run_notices_by_a_failure_that_was_not_there() {
        let all = judges(run(0, 3, &[]), &run(0, 3, &[]), &[]).unwrap();
        assert_eq!(all.notice(&run(0, 3, &[])), Some(Notice::Missed));
        assert_eq!(all.notice(&run(1, 2, &["a"])), Some(Notice::Caught));
        assert_eq!(all.notice(&Run { exit: Some(Exit::TimedOut), ..Run::default() }), Some(Notice::Caught));
        assert_eq!(all.notice(&Run { exit: Some(Exit::Cancelled), ..Run::default() }), None);
        let crashed = Run { exit: Some(Exit::Signal(11)), ..Run::default() };
        assert_eq!(all.notice(&crashed), Some(Notice::Caught));
        assert_eq!(all.left_out(), "");
        let bare = Run {
            outcome: Some(Outcome {
                count: crate::domain::TestCount { passed: 1, failed: 1, skipped: 0 },
                ..Outcome::default()
            }),
            ..run(1, 0, &[])
        };
        assert_eq!(all.notice(&bare), Some(Notice::Caught), "without names the numbers decide");
    }

    #[test]
    fn what_fails_on_base_or_now_and_then_is_no_judge() {
        let base = run(1, 3, &["old", "older"]);
        let some = judges(run(1, 3, &["old", "older"]), &base, &[]).unwrap();
        assert_eq!(some.left_out(), " (2 old failures left out)");
        assert_eq!(some.notice(&run(1, 3, &["old", "older"])), Some(Notice::Missed));
        assert_eq!(some.notice(&run(1, 0, &["old"])), Some(Notice::Missed), "the chosen tests hold an old one");
        assert_eq!(some.notice(&run(1, 2, &["a", "old"])), Some(Notice::Caught));
        let unsteady = judges(run(1, 3, &["old", "now and then"]), &base, &["now and then"]).unwrap();
        assert_eq!(unsteady.left_out(), " (1 old failure, 1 flaky failure left out)");
        assert_eq!(unsteady.notice(&run(1, 3, &["now and then"])), Some(Notice::Missed));
    }

    #[test]
    fn nobody_judges_a_proposal_that_breaks_tests() {
        let green = run(0, 3, &[]);
        for (whole, base) in [
            (run(1, 3, &["a"]), &green),
            (run(0, 0, &[]), &green),
            (run(2, 3, &[]), &green),
            (Run { outcome: None, ..run(1, 0, &[]) }, &green),
            (run(1, 3, &["a"]), &run(1, 3, &["b"])),
        ] {
            assert!(judges(whole.clone(), base, &[]).is_err(), "{whole:?}");
        }
        assert!(judges(run(2, 3, &[]), &run(2, 3, &[]), &[]).is_ok(), "a threshold that base misses as well");
        assert!(Judges::of(run(1, 3, &["a"]), None, BTreeSet::new()).is_err(), "of base nothing is known");
    }

    #[test]
    fn that_the_rest_does_not_build_is_no_catch() {
        let all = judges(run(0, 3, &[]), &run(0, 3, &[]), &[]).unwrap();
        let said = |text: &str| Run { exit: Some(Exit::Code(101)), tail: text.to_owned(), ..Run::default() };
        assert_eq!(
            all.notice(&said("error: could not compile `shop` (lib test) due to 1 previous error")),
            Some(Notice::Broken)
        );
        assert_eq!(all.notice(&said("src/a.ts(3,1): error TS2304: Cannot find name 'x'.")), Some(Notice::Broken));
        assert_eq!(all.notice(&said("thread 'main' has overflowed its stack")), Some(Notice::Caught));
        assert_eq!(all.notice(&run(1, 0, &["shop [build failed]"])), Some(Notice::Broken));
        assert_eq!(all.notice(&run(1, 2, &["shop [build failed]", "shop/api TestA"])), Some(Notice::Caught));
    }
}
