//! Deciding on a proposal and committing it.

use tenon::domain::{
    Command, CommitChoice, ContentHash, Event, Evidence, GateStatus, HunkId, HunkVerdict, Proposal, TestCount, Verdict,
};
use tenon::tui::StartInfo;
use tenon::tui::msg::{Effect, Msg, Purpose};

use super::harness::Player;

fn numbered(changed: &[(usize, &str)]) -> String {
    (1..=40)
        .map(|number| match changed.iter().find(|(at, _)| *at == number) {
            Some((_, text)) => format!("{text}\n"),
            None => format!("line {number}\n"),
        })
        .collect()
}

fn two_files(player: &mut Player) -> Proposal {
    let old = numbered(&[]);
    let new = numbered(&[(5, "FIVE"), (20, "TWENTY"), (35, "THIRTYFIVE")]);
    player.proposes("p1", &[("src/a.py", Some(&old), Some(&new)), ("src/b.py", None, Some("new file\n"))])
}

fn hunks(proposal: &Proposal) -> Vec<HunkId> {
    proposal.hunks().map(|(_, hunk)| hunk.id.clone()).collect()
}

fn verdicts(commands: &[Command]) -> Vec<(HunkId, Verdict)> {
    commands
        .iter()
        .filter_map(|command| match command {
            Command::Decide { verdicts, .. } => Some(verdicts.iter().map(|v| (v.hunk.clone(), v.verdict))),
            _ => None,
        })
        .flatten()
        .collect()
}

fn evidence(gate: &str, status: GateStatus, reason: Option<&str>) -> Evidence {
    Evidence {
        reason: reason.map(str::to_owned),
        ms: 2140,
        tests: Some(TestCount { passed: 48, failed: 0, skipped: 0 }),
        base_tests: Some(TestCount { passed: 45, failed: 0, skipped: 0 }),
        log: "48 passed\n".to_owned(),
        ..Evidence::new("p1".into(), ContentHash::of(b"p1"), gate, status)
    }
}

#[test]
fn verdicts_go_out_at_once_and_the_cursor_goes_to_the_next_open_hunk() {
    let mut player = Player::new(120, 40).open();
    let ids = hunks(&two_files(&mut player));
    assert_eq!(ids.len(), 4);
    player.keys("Tab a r a a");
    let expected = [Verdict::Accept, Verdict::Reject, Verdict::Accept, Verdict::Accept];
    assert_eq!(verdicts(&player.taken()), Vec::from_iter(ids.into_iter().zip(expected)));
    player.shows("all decided: 3 accepted, 1 rejected");
    player.shows("●✗●");
}

#[test]
fn whole_files_are_decided_with_capitals_and_taken_back() {
    let mut player = Player::new(120, 40).open();
    let ids = hunks(&two_files(&mut player));
    player.keys("Tab A");
    assert_eq!(verdicts(&player.taken()).len(), 3);
    player.keys("R");
    assert_eq!(verdicts(&player.taken()), [(ids[3].clone(), Verdict::Reject)]);
    player.keys("p Backspace");
    assert_eq!(verdicts(&player.taken()), [(ids[0].clone(), Verdict::Open)]);
    player.shows("hunk 1/3 ── ○ open");
}

#[test]
fn keys_walk_lines_hunks_and_files() {
    let mut player = Player::new(120, 40).open();
    two_files(&mut player);
    player.keys("Tab");
    assert_eq!(player.app.diff.hunk_index(), 0);
    player.keys("J");
    assert_eq!(player.app.diff.hunk_index(), 1);
    player.keys("] ]");
    assert_eq!(player.app.diff.file(), 1);
    player.keys("K");
    assert_eq!((player.app.diff.file(), player.app.diff.hunk_index()), (0, 2));
    player.keys("n");
    player.shows("▾ A src/b.py");
    player.keys("p j j j");
    assert_eq!(player.app.diff.cursor(), 3);
}

#[test]
fn selected_lines_become_an_edit_with_the_others_left() {
    let mut player = Player::new(120, 40).open();
    let old = "one\ntwo\nthree\n";
    let proposal = player.proposes("p1", &[("a.txt", Some(old), Some("ONE\ntwo\nTHREE\n"))]);
    let id = hunks(&proposal)[0].clone();
    // The rule, then -one +ONE: both are selected, the others are not.
    player.keys("Tab j Space Space a");
    let Some(Command::Decide { verdicts, .. }) = player.taken().pop() else { panic!("nothing was decided") };
    assert_eq!((&verdicts[0].hunk, verdicts[0].verdict), (&id, Verdict::Edit));
    assert_eq!(verdicts[0].replacement.as_deref(), Some("ONE\ntwo\nthree\n"));
    player.shows("✎ accepted with your edit");
    player.keys("g j v j r");
    let Some(Command::Decide { verdicts, .. }) = player.taken().pop() else { panic!("nothing was decided") };
    assert_eq!(verdicts[0].replacement.as_deref(), Some("one\ntwo\nTHREE\n"));
}

#[test]
fn a_comment_stays_with_the_line_and_a_question_is_asked_at_once() {
    let mut player = Player::new(120, 40).open();
    two_files(&mut player);
    player.keys("Tab j j j j j c");
    player.shows("Comment on src/a.py:5");
    player.types("use a constant\n");
    let Some(Command::Decide { verdicts, .. }) = player.taken().pop() else { panic!("nothing was decided") };
    assert_eq!((verdicts[0].comment.as_deref(), verdicts[0].line), (Some("use a constant"), Some(5)));
    assert_eq!(verdicts[0].verdict, Verdict::Open);
    player.shows("comment 5: “use a constant”");
    player.keys("J c");
    player.types("why twenty?\n");
    let commands = player.taken();
    assert!(matches!(commands.last(), Some(Command::Review { text: None, .. })), "{commands:?}");
}

#[test]
fn rejections_are_sent_back_with_what_is_added() {
    let mut player = Player::new(120, 40).open();
    two_files(&mut player);
    player.keys("Tab s");
    player.shows("nothing to send back");
    player.keys("r s");
    player.types("smaller steps\n");
    let review = Command::Review { proposal: "p1".into(), text: Some("smaller steps".to_owned()) };
    assert_eq!(player.taken().last(), Some(&review));
}

#[test]
fn a_green_proposal_commits_with_one_enter_and_an_edited_message() {
    let mut player = Player::new(120, 40).open();
    two_files(&mut player);
    player.event(Event::GateReported(Box::new(evidence("tests", GateStatus::Pass, None))));
    player.shows("✓ tests 48 (base 45) 2.1s");
    player.keys("Tab Enter");
    player.shows("Nothing is accepted yet");
    player.keys("Esc A A Enter");
    player.shows("● 4 accepted   ✗ 0 rejected   ○ 0 open");
    player.types("!");
    player.taken();
    player.keys("Enter");
    let message = Some("feat: add order cancellation!".to_owned());
    assert_eq!(player.taken(), [Command::Commit { proposal: "p1".into(), message, choice: CommitChoice::Green }]);
    player.event(Event::Committed {
        proposal: "p1".into(),
        oid: "0123456789".to_owned(),
        message: "feat: x".to_owned(),
        branch: None,
    });
    player.shows("committed");
    player.keys("u");
    assert_eq!(player.taken(), [Command::Undo]);
}

#[test]
fn what_is_not_green_needs_a_second_key() {
    for (status, reason, shown) in [
        (GateStatus::Fail, "2 tests fail", "✗ tests failed: 2 tests fail"),
        (GateStatus::NotRun, "no tool", "✗ tests not run: no tool"),
    ] {
        let mut player = Player::new(120, 40).open();
        two_files(&mut player);
        player.event(Event::GateReported(Box::new(evidence("tests", status, Some(reason)))));
        player.shows(shown);
        player.keys("Tab A A Enter");
        player.taken();
        player.keys("Enter");
        assert_eq!(player.taken(), []);
        player.shows("Commit all the same?");
        player.keys("n Enter y");
        let commands = player.taken();
        assert!(matches!(commands[..], [Command::Commit { choice: CommitChoice::Despite, .. }]), "{commands:?}");
    }
}

#[test]
fn a_proposal_made_again_keeps_verdicts_on_hunks_that_are_still_there() {
    let mut player = Player::new(120, 40).open();
    let first = two_files(&mut player);
    player.keys("Tab a r");
    player.taken();
    let old = numbered(&[]);
    let new = numbered(&[(5, "FIVE"), (20, "ANOTHER")]);
    let second = player.proposes("p2", &[("src/a.py", Some(&old), Some(&new))]);
    assert_eq!(hunks(&first)[0], hunks(&second)[0]);
    let [Command::Decide { proposal, verdicts }] = &player.taken()[..] else {
        panic!("verdicts were not carried over")
    };
    assert_eq!(proposal.as_str(), "p2");
    assert_eq!(
        verdicts.iter().map(|v| (v.hunk.clone(), v.verdict)).collect::<Vec<_>>(),
        [(hunks(&first)[0].clone(), Verdict::Accept)]
    );
    player.shows("●○");
}

#[test]
fn verdicts_from_elsewhere_and_from_the_journal_are_shown() {
    let mut player = Player::new(120, 40).open();
    let proposal = two_files(&mut player);
    let verdict = HunkVerdict {
        hunk: hunks(&proposal)[0].clone(),
        verdict: Verdict::Reject,
        comment: None,
        line: None,
        replacement: None,
    };
    player.event(Event::Decided { proposal: "p1".into(), verdicts: vec![verdict] });
    player.shows("✗○○");
}

#[test]
fn a_hunk_is_edited_in_the_users_editor() {
    let mut player = Player::new(120, 40).open();
    let proposal = player.proposes("p1", &[("a.txt", Some("one\ntwo\n"), Some("one\nTWO\n"))]);
    let hunk = hunks(&proposal)[0].clone();
    player.keys("Tab e");
    let purpose = Purpose::Hunk { proposal: "p1".into(), hunk: hunk.clone() };
    match player.effects.pop() {
        Some(Effect::Edit { purpose: asked, text, suffix }) => {
            assert_eq!((asked, text.as_str(), suffix.as_str()), (purpose.clone(), "one\nTWO\n", "-a.txt"));
        }
        other => panic!("{other:?}"),
    }
    player.msg(Msg::Edited(purpose, Ok("one\nzwei\n".to_owned())));
    let Some(Command::Decide { verdicts, .. }) = player.taken().pop() else { panic!("nothing was decided") };
    assert_eq!((verdicts[0].verdict, verdicts[0].replacement.as_deref()), (Verdict::Edit, Some("one\nzwei\n")));
}

#[test]
fn shapes_of_the_diff_change_with_single_keys() {
    let mut player = Player::new(120, 60).open();
    two_files(&mut player);
    player.keys("Tab z");
    player.shows("   5     │-line 5");
    player.shows("       5 │+FIVE");
    player.hides("line 12");
    player.keys("x");
    player.shows("line 12");
    player.keys("t");
    player.shows("   5 │-line 5");
    let row = player.rows().into_iter().find(|row| row.contains("-line 5")).unwrap();
    assert!(row.contains("+FIVE"), "{row}");
    player.keys("t w");
    player.types("/twenty\n");
    player.shows("+TWENTY");
    let cursor = player.app.diff.rows()[player.app.diff.cursor()];
    assert_eq!(player.app.diff.row_text(cursor), "TWENTY");
}

#[test]
fn what_has_no_text_is_shown_and_decided_as_a_whole() {
    let mut player = Player::new(120, 40).open();
    let proposal = player.proposes("p1", &[("logo.png", Some("\0old"), Some("\0new")), ("empty", None, Some(""))]);
    player.keys("Tab");
    player.shows("binary content");
    player.shows("hunk 1/1 ── ○ open");
    player.keys("a");
    player.shows("new file");
    player.keys("a");
    let expected: Vec<_> = hunks(&proposal).into_iter().map(|hunk| (hunk, Verdict::Accept)).collect();
    assert_eq!(verdicts(&player.taken()), expected);
}

#[test]
fn bytes_that_are_gone_are_said_and_nothing_breaks() {
    let mut player = Player::new(120, 40).open();
    let mut proposal = player.proposal("p1", &[("a.txt", Some("one\n"), Some("two\n"))]);
    proposal.changes[0].result = Some(ContentHash::of(b"never stored"));
    player.event(Event::Proposed { proposal });
    player.shows("cannot be shown");
    player.keys("Tab j k a r e c Esc x t v Space");
}

#[test]
fn a_review_without_a_chat_has_two_panes_and_q_leaves() {
    let start = StartInfo { review_only: true, ..super::harness::start() };
    let mut player = Player::with(start, 120, 40).open();
    two_files(&mut player);
    player.hides(" Chat");
    player.shows("Diff · p1");
    player.keys("Tab Tab a");
    assert_eq!(verdicts(&player.taken()).len(), 1);
    player.keys("q");
    assert!(player.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
}
