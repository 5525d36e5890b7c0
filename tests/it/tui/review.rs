//! Deciding on a proposal and committing it.

use tenon::domain::{
    Command, CommitChoice, CommitWay, ContentHash, Event, Evidence, GateStatus, HunkId, HunkVerdict, NoteLevel,
    Proposal, TestCount, Verdict,
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
    player.shows("▾ A b.py");
    player.keys("p j j j");
    assert_eq!(player.app.diff.cursor(), 3);
}

#[test]
fn selected_lines_become_a_part_of_their_own_and_the_others_stay_open() {
    let mut player = Player::new(120, 40).open();
    let old = "one\ntwo\nthree\n";
    let proposal = player.proposes("p1", &[("a.txt", Some(old), Some("ONE\ntwo\nTHREE\n"))]);
    let id = hunks(&proposal)[0].clone();
    // The rule, then -one +ONE: both are selected, the others are not.
    player.keys("Tab j Space Space a");
    assert_eq!(verdicts(&player.taken()), [(id.part([1, 2]), Verdict::Accept)]);
    player.shows("hunk 1/2 part ── ● accepted");
    player.shows("hunk 2/2 part ── ○ open");
    assert_eq!(player.app.diff.hunk_index(), 1);
    player.keys("r");
    assert_eq!(verdicts(&player.taken()), [(id.part([3, 4]), Verdict::Reject)]);
    player.shows("all decided: 1 accepted, 1 rejected");
    // A range, of which only the changed lines count.
    player.keys("g j j v j j r");
    assert_eq!(verdicts(&player.taken()), [(id.part([2, 2]), Verdict::Reject)]);
    player.keys("Backspace Backspace");
    assert_eq!(verdicts(&player.taken()).last(), Some(&(id, Verdict::Open)));
    player.shows("hunk 1/1 ── ○ open");
}

#[test]
fn a_hunk_is_split_where_unchanged_lines_part_it_or_at_the_cursor() {
    let mut player = Player::new(120, 40).open();
    let proposal = player.proposes("p1", &[("a.txt", Some("one\ntwo\nthree\n"), Some("ONE\ntwo\nTHREE\n"))]);
    let id = hunks(&proposal)[0].clone();
    player.keys("Tab S");
    assert_eq!(verdicts(&player.taken()), [(id.part([1, 2]), Verdict::Open), (id.part([3, 4]), Verdict::Open)]);
    player.shows("hunk 1/2 part ── ○ open");
    player.keys("S");
    player.shows("put the cursor on the changed line");
    player.keys("j j S");
    assert_eq!(verdicts(&player.taken()), [(id.part([1, 1]), Verdict::Open), (id.part([2, 2]), Verdict::Open)]);
    player.keys("a o o");
    assert_eq!(player.app.diff.hunk_index(), 1);
}

#[test]
fn everything_open_is_decided_with_one_key_and_open_hunks_are_walked() {
    let mut player = Player::new(120, 40).open();
    let ids = hunks(&two_files(&mut player));
    player.keys("Tab J r");
    player.shows("3 of 4 left to decide");
    player.keys("O");
    assert_eq!(player.app.diff.hunk_index(), 0);
    player.taken();
    player.keys("Alt-a");
    let accepted: Vec<_> = [0, 2, 3].map(|at: usize| (ids[at].clone(), Verdict::Accept)).to_vec();
    assert_eq!(verdicts(&player.taken()), accepted);
    player.shows("all 4 decided");
    player.keys("F");
    player.shows("lines folded; f shows them");
    player.keys("f");
    player.shows("-line 5");
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
    player.shows("▌ comment: use a constant");
    // On a line that was removed too, and on the hunk as a whole.
    player.keys("k c");
    player.shows("Comment on src/a.py:5 (removed)");
    player.types("keep it\n");
    player.shows("▌ comment: keep it");
    player.keys("J c");
    player.types("? why twenty\n");
    let commands = player.taken();
    let Some(Command::Say { text }) = commands.last() else { panic!("{commands:?}") };
    assert!(text.contains("src/a.py") && text.contains("why twenty"), "{text}");
}

#[test]
fn a_comment_whose_line_changed_is_stale_and_one_whose_line_moved_follows_it() {
    let mut player = Player::new(120, 40).open();
    let old = numbered(&[]);
    let form = |at: usize, text: &str| numbered(&[(at, text), (20, "TWENTY")]);
    player.proposes("p1", &[("a.py", Some(&old), Some(&form(5, "FIVE")))]);
    player.keys("Tab j j j j j c");
    player.types("use a constant\n");
    player.keys("J j j j j j c");
    player.types("a number\n");
    player.proposes("p1", &[("a.py", Some(&old), Some(&form(5, "SIX")))]);
    player.shows("stale comment: use a constant");
    player.shows("(its line has changed: `FIVE`)");
    player.shows("▌ comment: a number");
    player.proposes("p1", &[("a.py", Some(&old), Some(&form(5, "FIVE")))]);
    player.hides("stale");
}

#[test]
fn what_changed_since_the_last_review_is_shown_with_one_key() {
    let mut player = Player::new(120, 40).open();
    let old = numbered(&[]);
    let first = numbered(&[(5, "FIVE"), (20, "TWENTY")]);
    let second = numbered(&[(5, "FIVE"), (20, "A SCORE")]);
    player.proposes("p1", &[("a.py", Some(&old), Some(&first)), ("b.py", None, Some("same\n"))]);
    player.keys("Tab i");
    player.shows("nothing was proposed before this");
    player.keys("a");
    player.proposes("p1", &[("a.py", Some(&old), Some(&second)), ("b.py", None, Some("same\n"))]);
    player.shows("↻");
    player.keys("i");
    player.shows("-TWENTY");
    player.shows("+A SCORE");
    player.hides("FIVE");
    player.hides("b.py");
    player.taken();
    player.keys("a");
    player.shows("i goes back to decide");
    assert_eq!(player.taken(), []);
    player.keys("i");
    player.shows("+FIVE");
}

#[test]
fn a_hunk_that_needs_a_rejected_one_is_marked_before_the_commit() {
    let mut player = Player::new(120, 40).open();
    let uses = ("a.py", Some("x = 1\n"), Some("x = brand_new(1)\n"));
    let defines = ("b.py", Some("y = 1\n"), Some("y = 1\ndef brand_new(n):\n    return n\n"));
    player.proposes("p1", &[uses, defines]);
    player.keys("Tab");
    player.hides("needs `brand_new`");
    player.keys("a r p");
    player.shows("⚠ needs `brand_new`, rejected in b.py");
    player.keys("Enter");
    player.shows("⚠ a.py uses `brand_new`, whose hunk in b.py is rejected");
}

#[test]
fn generated_files_are_folded_and_image_sizes_told() {
    let mut player = Player::new(120, 40).open();
    let lock = |name: &str| format!("[[package]]\nname = \"{name}\"\n");
    player.proposes("p1", &[("Cargo.lock", Some(&lock("a")), Some(&lock("b"))), ("z.png", None, Some("\u{1}\0"))]);
    player.keys("Tab");
    player.shows("written by a program, so it is folded");
    player.hides("+name");
    player.keys("f");
    player.shows("+name");
    player.keys("a");
    player.shows("binary content, decided as a whole: 2 B");
}

#[test]
fn a_commit_is_amended_goes_on_a_branch_or_is_a_fixup() {
    let mut player = Player::new(120, 40).open();
    two_files(&mut player);
    player.keys("Tab A A");
    player.taken();
    player.keys("Enter Alt-a");
    player.shows("this session has made no commit that stands");
    player.keys("Alt-n");
    player.shows("on new branch feat/add-order-cancellation");
    player.keys("Tab");
    player.types("-2");
    player.keys("Enter");
    let branch = CommitWay::Branch("feat/add-order-cancellation-2".to_owned());
    assert!(matches!(&player.taken()[..], [Command::Commit { way, .. }] if *way == branch));
    player.event(Event::Committed {
        proposal: "p1".into(),
        oid: "0123456789".to_owned(),
        message: "feat: x\n\nTenon-Session: s\n".to_owned(),
        branch: None,
        amends: None,
    });
    two_files(&mut player);
    player.keys("A A");
    player.taken();
    player.keys("Enter Alt-a");
    player.shows("Amend the last commit");
    player.shows("feat: x");
    player.keys("Enter");
    let commands = player.taken();
    let [Command::Commit { message, way: CommitWay::Amend, .. }] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(message.as_deref(), Some("feat: x"));
    player.keys("Enter Alt-x");
    player.shows("fixup! feat: x");
    player.keys("Esc U");
    player.shows("Commits of this session");
    player.shows("01234567");
    player.keys("Enter");
    assert_eq!(player.taken(), [Command::TakeBack { commit: "0123456789".to_owned() }]);
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
    assert_eq!(
        player.taken(),
        [Command::Commit { proposal: "p1".into(), message, choice: CommitChoice::Green, way: CommitWay::New }]
    );
    player.event(Event::Committed {
        proposal: "p1".into(),
        oid: "0123456789".to_owned(),
        message: "feat: x".to_owned(),
        branch: None,
        amends: None,
    });
    player.shows("committed");
    player.keys("u");
    assert_eq!(player.taken(), [Command::Undo]);
}

#[test]
fn what_is_not_green_needs_a_second_key() {
    for (status, reason, shown) in [
        (GateStatus::Fail, "2 tests fail", "✗ tests failed: 2 tests fail"),
        (GateStatus::NotRun, "no tool", "– tests not run: no tool"),
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
    let verdict = HunkVerdict::new(hunks(&proposal)[0].clone(), Verdict::Reject);
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
    let cursor = player.app.diff.rows().get(player.app.diff.cursor()).unwrap();
    assert_eq!(player.app.diff.row_text(cursor), "TWENTY");
    player.shows("n next, N before");
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
    // What became of it is said where it is seen, and what is left does not say over it that it is there.
    let (level, text) = (NoteLevel::Info, "the review was written to reviews/worktree.md".to_owned());
    player.event(Event::Noted { level, text });
    player.shows("written to reviews/worktree.md");
    let made = Event::Committed {
        proposal: "p1".into(),
        oid: "0123456789abcdef".to_owned(),
        message: "a: changed".to_owned(),
        branch: None,
        amends: None,
    };
    player.event(made);
    two_files(&mut player);
    player.shows("committed 0123456");
    // Nobody is there to answer, so a question stays one.
    player.keys("c ? w h y Enter");
    let asked = player.taken();
    let is_question = |command: &Command| {
        matches!(command, Command::Decide { verdicts, .. }
            if verdicts.iter().any(|verdict| verdict.comment.as_deref() == Some("why?")))
    };
    assert!(asked.iter().any(is_question), "{asked:?}");
    player.keys("q");
    assert!(player.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
}

#[test]
fn lines_that_moved_together_say_so_once() {
    let mut player = Player::new(120, 40).open();
    let block = "def moved_function(argument):\n    return argument + 1\n\n";
    let between = "def other():\n    one()\n    two()\n    three()\n\n";
    player.proposes("p1", &[("a.py", Some(&format!("{block}{between}")), Some(&format!("{between}{block}")))]);
    player.keys("Tab");
    let rows = player.rows();
    let with = |words: &str| rows.iter().filter(|row| row.contains(words)).count();
    assert_eq!((with("moved to line 6"), with("moved to")), (1, 1), "{rows:#?}");
    assert_eq!((with("moved from line 1"), with("moved from")), (1, 1));
    assert_eq!((with("│«"), with("│»")), (3, 3), "each line is marked");
}
