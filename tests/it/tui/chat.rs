//! The conversation.

use std::time::Duration;

use serde_json::json;
use tenon::domain::{Budget, Command, Event, NoteLevel, Progress, TurnEnd, Usage};
use tenon::tui::msg::{Effect, Msg};

use super::harness::Player;

fn say(text: &str) -> Command {
    Command::Say { text: text.to_owned() }
}

fn turn(player: &mut Player) {
    player.event(Event::TurnStarted { turn: 1, budget: Budget::default() });
}

#[test]
fn what_is_typed_before_the_session_is_open_is_sent_when_it_is() {
    let mut player = Player::new(100, 30);
    player.types("hello\n");
    assert_eq!(player.taken(), []);
    let mut player = player.open();
    assert_eq!(player.taken(), [say("hello")]);
}

#[test]
fn a_session_that_cannot_be_opened_says_why_and_what_next() {
    let mut player = Player::new(100, 30);
    player.types("hello\n");
    player.msg(Msg::NotOpened(tenon::engine::EngineError {
        message: "the state folder is read-only".to_owned(),
        hints: vec!["set XDG_STATE_HOME to a folder of yours".to_owned()],
    }));
    player.shows("the state folder is read-only");
    player.shows("set XDG_STATE_HOME");
    assert_eq!(player.app.composer.full_text(), "hello", "what waited is not lost");
    player.types(" again\n");
    player.shows("nothing was sent");
    assert_eq!(player.taken(), []);
    assert_eq!(player.app.composer.full_text(), "hello again");
    player.types(" and\n");
    assert_eq!(player.app.composer.full_text(), "hello again and");
}

#[test]
fn an_answer_streams_and_stays_when_it_is_complete() {
    let mut player = Player::new(100, 30).open();
    turn(&mut player);
    for piece in ["I added **the en", "dpoint**.\n\n```py\nx = 1\n```\n\n- one\n- t", "wo\n"] {
        player.streams(piece);
        player.draw();
    }
    let streamed = player.rows();
    player.said("I added **the endpoint**.\n\n```py\nx = 1\n```\n\n- one\n- two\n");
    player.event(Event::TurnEnded { reason: TurnEnd::Done, usage: Usage::default(), detail: None });
    player.shows("I added the endpoint.");
    player.shows("  x = 1");
    player.shows("• two");
    let settled = player.rows();
    let body = |rows: &[String]| rows.iter().filter(|row| row.contains("one") || row.contains("x = 1")).count();
    assert_eq!(body(&streamed), body(&settled));
}

#[test]
fn an_answer_that_starts_again_is_shown_once() {
    let mut player = Player::new(100, 30).open();
    turn(&mut player);
    player.streams("first attempt\n\nwith more");
    player.draw();
    player.progress(Progress::Restarted);
    player.streams("second attempt");
    player.draw();
    player.hides("first attempt");
    player.said("second attempt");
    player.shows("second attempt");
}

#[test]
fn what_was_not_streamed_is_shown_whole() {
    let mut player = Player::new(100, 30).open();
    player.streams("half of");
    player.event(Event::Noted { level: NoteLevel::Warning, text: "the line was cut".to_owned() });
    player.said("half of it and the rest");
    player.shows("half of it and the rest");
    player.shows("! the line was cut");
    assert_eq!(player.screen().matches("half of").count(), 1);
}

#[test]
fn calls_are_one_line_each_with_their_state() {
    let mut player = Player::new(100, 40).open();
    turn(&mut player);
    for (call, name, input) in [
        ("c1", "edit", json!({"path": "src/a.py", "edits": [{"old": "a\nb", "new": "a\nc\nd"}]})),
        ("c2", "run", json!({"command": "pytest -q"})),
        ("c3", "read", json!({"path": "gone.py"})),
    ] {
        player.event(Event::ToolCalled { call: call.into(), name: name.to_owned(), input, invalid: None });
    }
    player.progress(Progress::ToolOutput { call: "c2".into(), text: "collecting\n1\n2\n3 passed\n".to_owned() });
    player.shows("⚙ edit src/a.py  +2 −1  …");
    player.event(Event::ToolReturned { call: "c1".into(), ok: true, output: "ok".to_owned(), ms: 5 });
    player.event(Event::ToolReturned {
        call: "c2".into(),
        ok: true,
        output: "collecting\n1\n2\n3 passed\n".to_owned(),
        ms: 2140,
    });
    player.event(Event::ToolReturned {
        call: "c3".into(),
        ok: false,
        output: "gone.py does not exist".to_owned(),
        ms: 1,
    });
    player.shows("⚙ run pytest -q  2.1s");
    player.shows("… 1 line above");
    player.shows("3 passed");
    player.shows("✗ read gone.py");
    player.shows("gone.py does not exist");
    player.hides("  ok");
    player.keys("Ctrl-o");
    player.shows("  collecting");
}

#[test]
fn a_plan_is_brought_up_to_date_in_place() {
    let mut player = Player::new(100, 30).open();
    turn(&mut player);
    let plan =
        |status: &str| json!({"steps": [{"title": "read", "status": "done"}, {"title": "write", "status": status}]});
    player.event(Event::ToolCalled { call: "c1".into(), name: "plan".to_owned(), input: plan("open"), invalid: None });
    player.shows("plan ✓ read");
    player.shows("     ○ write");
    player.event(Event::ToolCalled { call: "c2".into(), name: "plan".to_owned(), input: plan("doing"), invalid: None });
    player.shows("     ● write");
    player.hides("○ write");
}

#[test]
fn a_permission_takes_one_key_unless_somebody_is_writing() {
    let mut player = Player::new(100, 30).open();
    turn(&mut player);
    player.event(Event::PermissionAsked {
        permission: "a1".into(),
        call: "c1".into(),
        what: "run `npm install` with network access".to_owned(),
    });
    player.shows("y yes   n no   a always");
    player.types("hey");
    assert_eq!(player.taken(), []);
    player.keys("Ctrl-u");
    player.types("a");
    assert_eq!(player.taken(), [Command::Permit { permission: "a1".into(), allowed: true, always: true }]);
    player.event(Event::PermissionGiven { permission: "a1".into(), allowed: true, always: true });
    player.shows("✓ allowed: run `npm install`");
    player.hides("a always");
}

#[test]
fn a_question_is_answered_by_number_or_in_words() {
    for (typed, answer) in [("2", "MySQL"), ("neither\n", "neither")] {
        let mut player = Player::new(100, 30).open();
        turn(&mut player);
        let input = json!({"question": "Which database?", "options": ["SQLite", "MySQL"]});
        player.event(Event::ToolCalled { call: "c9".into(), name: "ask".to_owned(), input, invalid: None });
        player.shows("Which database?");
        player.shows("2. MySQL");
        player.types(typed);
        assert_eq!(player.taken(), [Command::Answer { call: "c9".into(), text: answer.to_owned() }]);
    }
}

#[test]
fn a_queued_message_is_marked_and_can_be_taken_back() {
    let mut player = Player::new(100, 30).open();
    turn(&mut player);
    player.event(Event::UserSaid { message: "m2".into(), text: "and tests".to_owned(), queued: true });
    player.shows("↳ queued: and tests");
    player.keys("Up");
    assert_eq!(player.taken(), [Command::Withdraw { message: "m2".into() }]);
    player.event(Event::Withdrawn { message: "m2".into() });
    player.hides("↳ queued");
    player.shows("› and tests");
}

#[test]
fn escape_interrupts_once_and_then_clears() {
    let mut player = Player::new(100, 30).open();
    turn(&mut player);
    player.types("draft");
    player.keys("Esc Esc");
    assert_eq!(player.taken(), [Command::Interrupt]);
    player.shows("stopping");
    player.event(Event::TurnEnded { reason: TurnEnd::Interrupted, usage: Usage::default(), detail: None });
    player.shows("interrupted");
    player.shows("› draft");
    player.keys("Esc");
    player.hides("draft");
}

#[test]
fn control_c_twice_quits_and_once_does_not() {
    let mut player = Player::new(100, 30).open();
    player.keys("Ctrl-c");
    player.shows("Ctrl-c again quits");
    assert!(!player.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    player.waits(Duration::from_secs(5));
    player.keys("Ctrl-c");
    assert!(!player.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    player.keys("Ctrl-c");
    assert!(player.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    assert_eq!(player.taken(), [Command::Close]);
}

#[test]
fn slash_commands_do_what_they_say() {
    for (line, expected) in [
        ("/undo", Some(Command::Undo)),
        ("/redo", Some(Command::Redo)),
        ("/compact", Some(Command::Compact)),
        ("/model a/b", Some(Command::UseModel { model: "a/b".to_owned() })),
        ("/agent x", Some(Command::UseAgent { agent: "x".to_owned() })),
        ("/diff", Some(Command::Propose)),
        ("! ls -l", Some(Command::Shell { command: "ls -l".to_owned() })),
        ("/etc/hosts is wrong", Some(say("/etc/hosts is wrong"))),
        ("/undoo", None),
    ] {
        let mut player = Player::new(100, 30).open();
        player.msg(Msg::Terminal(crossterm::event::Event::Paste(line.to_owned())));
        player.keys("Esc");
        if !player.app.composer.is_empty() {
            player.keys("Enter");
        } else {
            player.types(line);
            player.keys("Enter");
        }
        assert_eq!(player.taken(), Vec::from_iter(expected), "{line}");
    }
    let mut player = Player::new(100, 30).open();
    player.types("/undoo\n");
    player.shows("there is no /undoo, /undo is near");
    player.shows("› /undoo");
}

#[test]
fn cost_context_doctor_and_export_answer_from_what_is_known() {
    let mut player = Player::new(100, 30).open();
    player.event(Event::UserSaid { message: "m1".into(), text: "hi".to_owned(), queued: false });
    let usage = Usage { input_tokens: 1500, output_tokens: 500, cost_usd: Some(0.0123), ..Usage::default() };
    player.event(Event::AssistantSaid {
        text: "hello".to_owned(),
        complete: true,
        thinking: Vec::new(),
        stop: None,
        usage,
    });
    player.types("/cost\n");
    player.shows("1 request, 1.5k tokens in, 500 out, 0 from the cache; $0.0123");
    player.types("/context\n");
    player.shows("context: 2.0k tokens");
    player.types("/doctor\n");
    player.shows("session    s1");
    player.keys("Esc");
    player.types("/report\n");
    assert!(player.effects.iter().any(|effect| matches!(effect, Effect::Report(session) if session.as_str() == "s1")));
    let rows: String = (1..40).map(|number| format!("| test {number} | pass | 1 |\n")).collect();
    let report = format!(
        "# Report of s1\n\n## Tests\n\n| test | result | ms |\n|---|---|---|\n{rows}\n## Suggestions\n\n- sleep\n"
    );
    player.msg(Msg::Reported(Ok(report)));
    player.shows("# Report of s1");
    player.shows("│ test 1 ");
    player.hides("sleep");
    player.keys("Ctrl-End");
    player.shows("• sleep");
    player.msg(Msg::Reported(Err("the disk is full".to_owned())));
    player.shows("no report: the disk is full");
    player.types("/export notes.md\n");
    let exported = player.effects.iter().find_map(|effect| match effect {
        Effect::Export { path, text } => Some((path.clone(), text.clone())),
        _ => None,
    });
    let (path, text) = exported.unwrap();
    assert_eq!(path.as_deref(), Some("notes.md"));
    assert!(text.contains("# Report of s1"), "{text}");
    assert!(text.contains("## You\n\nhi\n") && text.contains("## Agent\n\nhello"), "{text}");
    player.shows("2.0k tok  $0.01");
}

#[test]
fn scrolling_back_stays_while_more_comes_and_returns_to_the_end() {
    let mut player = Player::new(100, 20).open();
    for number in 0..200 {
        player.event(Event::UserSaid {
            message: format!("m{number}").into(),
            text: format!("message {number}."),
            queued: false,
        });
    }
    player.shows("message 199.");
    player.keys("PageUp PageUp");
    player.hides("message 199.");
    let before = player.rows();
    player.event(Event::UserSaid { message: "mx".into(), text: "the newest".to_owned(), queued: false });
    assert_eq!(player.rows(), before);
    player.keys("Ctrl-Home");
    player.shows("message 0.");
    player.keys("Ctrl-End");
    player.shows("the newest");
    player.keys("PageUp PageDown PageDown");
    player.shows("the newest");
    assert!(player.app.chat.follows());
}

#[test]
fn several_lines_are_written_with_alt_enter() {
    let mut player = Player::new(100, 30).open();
    player.types("one");
    player.keys("Alt-Enter");
    player.types("two");
    player.keys("Ctrl-j");
    player.types("three\n");
    assert_eq!(player.taken(), [say("one\ntwo\nthree")]);
}

#[test]
fn the_header_names_what_the_project_is_as_long_as_there_is_room() {
    for (width, shown) in [(120, true), (100, true), (60, false)] {
        let mut player = Player::new(width, 30).open();
        let header = player.rows().first().cloned().unwrap_or_default();
        assert_eq!(header.contains("python/fastapi"), shown, "{width}: {header}");
        assert!(header.contains("orders-api"), "{width}: {header}");
    }
}
