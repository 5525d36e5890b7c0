//! What gates found, in the log pane: the way into the diff, labels, and the second key.

use tenon::domain::{
    Command, CommitChoice, ContentHash, Event, Evidence, Finding, GateStatus, HunkId, NoteLevel, Proposal, TestCase,
    TestStatus, Verdict,
};
use tenon::tui::keymap::Place;

use super::harness::Player;

fn two_files(player: &mut Player) -> Proposal {
    let numbered = |changed: &[usize]| -> String {
        let line =
            |number| if changed.contains(&number) { format!("CHANGED {number}\n") } else { format!("line {number}\n") };
        (1..=40).map(line).collect()
    };
    let (old, new) = (numbered(&[]), numbered(&[5, 20, 35]));
    player.proposes("p1", &[("src/a.py", Some(&old), Some(&new)), ("src/b.py", None, Some("new file\n"))])
}

fn hunks(proposal: &Proposal) -> Vec<HunkId> {
    proposal.hunks().map(|(_, hunk)| hunk.id.clone()).collect()
}

fn verdicts(commands: &[Command]) -> Vec<(HunkId, Verdict)> {
    let decided = commands.iter().filter_map(|command| match command {
        Command::Decide { verdicts, .. } => Some(verdicts),
        _ => None,
    });
    decided.flatten().map(|one| (one.hunk.clone(), one.verdict)).collect()
}

fn reported(player: &mut Player, gate: &str, change: impl FnOnce(&mut Evidence)) {
    let mut found = Evidence::new("p1".into(), ContentHash::of(b"p1"), gate, GateStatus::Fail);
    change(&mut found);
    player.event(Event::GateReported(Box::new(found)));
}

#[test]
fn a_finding_in_the_log_leads_to_its_hunk_in_the_diff() {
    let mut player = Player::new(160, 50).open();
    let proposal = two_files(&mut player);
    let ids = hunks(&proposal);
    reported(&mut player, "lint", |found| {
        found.reason = Some("1 new finding".to_owned());
        found.findings = vec![Finding {
            path: Some("src/a.py".to_owned()),
            line: Some(20),
            rule: Some("F401".to_owned()),
            message: "unused import".to_owned(),
            ..Finding::default()
        }];
    });
    player.keys("Alt-3");
    player.shows("✗ src/a.py:20: unused import [F401]");
    player.keys("/");
    player.types("unused\n");
    player.keys("Enter");
    assert_eq!(player.app.focus(), Place::Diff);
    player.keys("a");
    assert_eq!(verdicts(&player.taken()), [(ids[1].clone(), Verdict::Accept)], "the hunk with line 20");
}

#[test]
fn a_flaky_test_and_a_known_result_are_labelled_in_the_log() {
    let mut player = Player::new(160, 50).open();
    two_files(&mut player);
    reported(&mut player, "tests", |found| {
        found.status = GateStatus::Pass;
        found.cached = true;
        found.cases = vec![TestCase {
            name: "test_sometimes".to_owned(),
            status: TestStatus::Failed,
            path: Some("src/b.py".to_owned()),
            line: Some(1),
            flaky: true,
            ..TestCase::default()
        }];
    });
    reported(&mut player, "lint", |found| {
        found.partial = true;
        found.ms = 2140;
        found.reason = Some("1 new finding".to_owned());
    });
    player.keys("Alt-3");
    player.shows("! src/b.py:1: test_sometimes (flaky: passed when it ran again)");
    player.shows("✓ tests cached");
    player.shows("✗ lint failed: 1 new finding 2.1s, so far");
}

#[test]
fn what_stands_in_the_way_is_the_first_of_many_gates() {
    let mut player = Player::new(80, 50).open();
    two_files(&mut player);
    for gate in ["scope", "secrets", "format", "lint", "build", "contract", "migration", "deploy", "coverage", "steps"]
    {
        reported(&mut player, gate, |found| {
            found.status = GateStatus::Pass;
            found.reason = Some("nothing was found that is new".to_owned());
        });
    }
    reported(&mut player, "tests", |found| found.reason = Some("2 tests fail".to_owned()));
    reported(&mut player, "mutation", |found| {
        found.status = GateStatus::NotRun;
        found.reason = Some("no test".to_owned());
    });
    player.keys("Alt-3");
    player.shows("✗ tests failed: 2 tests fail   – mutation not run: no test");
    player.shows("8 more");
}

#[test]
fn a_secret_needs_a_second_key_and_says_how_it_is_allowed() {
    let mut player = Player::new(120, 40).open();
    two_files(&mut player);
    reported(&mut player, "secrets", |found| {
        found.reason = Some("1 new secret: src/b.py:1: an AWS key".to_owned());
    });
    player.keys("Tab A A Enter Enter");
    assert!(player.taken().iter().all(|command| !matches!(command, Command::Commit { .. })), "not with one key");
    player.shows("A gate is not green. Commit all the same?");
    player.keys("y");
    assert!(matches!(player.taken()[..], [Command::Commit { choice: CommitChoice::Despite, .. }]));
    let text = "nothing was committed: 1 new secret. Take it out; if it is no secret, put its fingerprint into gates.secrets.allow of your config.toml";
    player.event(Event::Noted { level: NoteLevel::Error, text: text.to_owned() });
    player.shows("gates.secrets.allow");
}
