//! Killed at any moment: the session goes on with everything that was in its journal.

use serde_json::json;
use tenon::domain::{Change, Command, CommitChoice, Event, FileMode, FileState, RepoPath, SessionId, TurnEnd, Verdict};
use tenon::git::{Fault, Mark, Repository, Selection};

use super::world::{Front, World, calls, text, write};

/// A session cut off after so many records, as a crash leaves it.
async fn resume_after(world: &World, front_session: &SessionId, lines: &[&str], upto: usize) -> Front {
    let mut journal = lines[..upto].join("\n");
    journal.push('\n');
    std::fs::write(world.journal(front_session), journal).unwrap();
    world.resume(front_session).await
}

#[tokio::test]
async fn a_session_goes_on_after_a_crash_at_any_record() {
    let world = World::new(&[("a.txt", "a\n")]);
    world.says(calls(&[("c1", "read", json!({"path": "a.txt"})), write("c2", "a.txt", "b\n")]));
    world.says(calls(&[("c3", "propose", json!({"title": "Say b", "message": "fix: say b"}))]));
    world.says(text("done"));
    let mut front = world.open().await;
    let session = front.handle.session.clone();
    front.say("Say b instead").await;
    front.turn_end().await;
    let proposal = front.proposal();
    front.decide(&proposal, "", Verdict::Accept).await;
    front.close().await;
    let whole = std::fs::read_to_string(world.journal(&session)).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    for upto in 2..=lines.len() {
        let mut front = resume_after(&world, &session, &lines, upto).await;
        front.say("still there?").await;
        let end = front.turn_end_of_last().await;
        assert_eq!(end, TurnEnd::Done, "after {upto} records");
        let state = front.session();
        assert_eq!(state.unanswered().count(), 0);
        assert_eq!(state.open_offer().map(|offer| offer.proposal.hash.clone()), Some(proposal.hash.clone()), "{upto}");
        front.close().await;
    }
}

#[tokio::test]
async fn a_session_of_another_repository_is_not_gone_on_with() {
    let (one, other) = (World::new(&[]), World::new(&[]));
    let front = one.open().await;
    let session = front.handle.session.clone();
    front.close().await;
    let opening = tenon::engine::Opening { session: Some(session), folder: other.tree(), ..one.opening() };
    let error = one.open_as(opening).await.err().expect("it is refused");
    assert!(error.message.contains("belongs to"), "{error}");
}

/// A session whose agent turned `a.txt` from a into b, with that accepted, closed again: its journal, line by line.
async fn decided(world: &World) -> (SessionId, Vec<String>) {
    world.says(calls(&[write("c1", "a.txt", "b\n")]));
    let mut front = world.open().await;
    let session = front.handle.session.clone();
    front.say("Say b instead").await;
    front.turn_end().await;
    let proposal = front.proposal();
    front.decide(&proposal, "", Verdict::Accept).await;
    front.close().await;
    let journal = std::fs::read_to_string(world.journal(&session)).unwrap();
    (session, journal.lines().map(ToOwned::to_owned).collect())
}

fn cut(world: &World, session: &SessionId, lines: &[String]) {
    std::fs::write(world.journal(session), lines.join("\n") + "\n").unwrap();
}

/// What a session that is opened now says about commits, in order: `+` a commit, `-` one taken back, `>` forward again.
async fn commits(world: &World, session: &SessionId) -> String {
    let records = world.resume(session).await.close().await;
    let sign = |event: &Event| match event {
        Event::Committed { .. } => Some('+'),
        Event::Undone { redo, .. } => Some(if *redo { '>' } else { '-' }),
        _ => None,
    };
    records.iter().filter_map(|record| sign(&record.event)).collect()
}

#[tokio::test]
async fn a_commit_that_was_killed_at_any_write_is_recorded_when_it_happened_and_only_then() {
    let world = World::new(&[("a.txt", "a\n")]);
    let (session, lines) = decided(&world).await;
    let state = |text: &str| Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular });
    let change = Change { path: RepoPath::parse("a.txt").unwrap(), base: state("a\n"), result: state("b\n") };
    let selection = Selection { files: vec![change], message: "fix: say b".to_owned() };
    let mark = Mark { session: session.clone(), proposal: Some("p1".into()), amends: None, after: lines.len() as u64 };
    let first = world.git(&["rev-parse", "HEAD"]);
    let (mut happened, mut failed) = (0, 0);
    for after in 0..100 {
        cut(&world, &session, &lines);
        let fault = Some(Fault { after, kill: true });
        let done = Repository::open(world.tree()).unwrap().marked(mark.clone()).with_fault(fault).commit(&selection);
        let said = commits(&world, &session).await;
        let moved = world.git(&["rev-parse", "HEAD"]) != first;
        assert_eq!(said == "+", moved, "killed after {after} writes: {said}");
        assert_eq!(world.read("a.txt").as_deref(), Some(if moved { "b\n" } else { "a\n" }), "{after} writes");
        assert_eq!(world.git(&["status", "--porcelain"]), "", "killed after {after} writes");
        assert_eq!(commits(&world, &session).await, said, "it is recorded once");
        if moved {
            happened += 1;
            world.git(&["reset", "-q", "--hard", first.trim()]);
        } else {
            failed += 1;
        }
        if done.is_ok() && happened > 1 {
            break;
        }
    }
    assert!(happened > 1 && failed > 3, "{happened} happened, {failed} did not");
}

/// Copies a folder as it is.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn hunks_that_were_rejected_do_not_come_back_when_the_draft_had_not_followed_the_commit() {
    let world = World::new(&[("a.txt", super::sessions::TWENTY), ("b.txt", "b\n")]);
    let edited = super::sessions::TWENTY.replace("2\n3\n", "2\nthree\n").replace("19\n", "nineteen\n");
    world.says(calls(&[write("c1", "a.txt", &edited), write("c2", "b.txt", "better\n")]));
    let mut front = world.open().await;
    let session = front.handle.session.clone();
    front.say("Change things").await;
    front.turn_end().await;
    let proposal = front.proposal();
    let hunks = &proposal.changes[0].hunks;
    let verdicts =
        vec![super::world::verdict(&hunks[0], Verdict::Accept), super::world::verdict(&hunks[1], Verdict::Reject)];
    front.decide_on(&proposal, verdicts).await;
    front.close().await;
    let cache = world.opening().cache;
    let before = cache.with_file_name("cache before");
    copy(&cache, &before);
    let mut front = world.resume(&session).await;
    front.until("the verdicts", |event| matches!(event, Event::Decided { .. })).await;
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    front.until("what is left", |event| matches!(event, Event::Proposed { .. })).await;
    front.close().await;
    // As if the program had been killed right after the commit was recorded.
    let whole = std::fs::read_to_string(world.journal(&session)).unwrap();
    let lines: Vec<String> = whole.lines().map(ToOwned::to_owned).collect();
    let committed = lines.iter().rposition(|line| line.contains(r#""type":"committed""#)).unwrap();
    cut(&world, &session, &lines[..=committed]);
    std::fs::remove_dir_all(&cache).unwrap();
    copy(&before, &cache);
    let mut front = world.resume(&session).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    let left = front.until("what is left", |event| matches!(event, Event::Proposed { .. })).await;
    let Event::Proposed { proposal: left } = left else { unreachable!() };
    let paths: Vec<&str> = left.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["b.txt"], "only what was not decided");
    front.close().await;
    // Once more: there is nothing left to do, and nothing is done.
    let records = world.resume(&session).await.close().await;
    let last = records.iter().rposition(|record| matches!(record.event, Event::Proposed { .. })).unwrap();
    assert!(records[last..].iter().skip(1).all(|record| !matches!(record.event, Event::Proposed { .. })));
}

#[tokio::test]
async fn what_was_done_to_the_repository_and_not_recorded_any_more_is_recorded_on_resume() {
    let world = World::new(&[("a.txt", "a\n")]);
    let (session, _) = decided(&world).await;
    let mut front = world.resume(&session).await;
    front.until("the verdicts", |event| matches!(event, Event::Decided { .. })).await;
    let proposal = front.proposal();
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    front.send(Command::Undo).await;
    front.until("the undo", |event| matches!(event, Event::Undone { redo: false, .. })).await;
    front.send(Command::Redo).await;
    front.until("the redo", |event| matches!(event, Event::Undone { redo: true, .. })).await;
    front.close().await;
    let whole = std::fs::read_to_string(world.journal(&session)).unwrap();
    let lines: Vec<String> = whole.lines().map(ToOwned::to_owned).collect();
    let redone = lines.iter().rposition(|line| line.contains(r#""type":"undone""#)).unwrap();
    cut(&world, &session, &lines[..redone]);
    assert_eq!(commits(&world, &session).await, "+->", "the redo was not recorded any more");
    let mut front = world.resume(&session).await;
    front.send(Command::Undo).await;
    front.until("a second undo", |event| matches!(event, Event::Undone { redo: false, .. })).await;
    front.until("a second undo", |event| matches!(event, Event::Undone { redo: true, .. })).await;
    front.until("a second undo", |event| matches!(event, Event::Undone { redo: false, .. })).await;
    front.close().await;
    assert_eq!(world.read("a.txt").as_deref(), Some("a\n"));
    let whole = std::fs::read_to_string(world.journal(&session)).unwrap();
    let lines: Vec<String> = whole.lines().map(ToOwned::to_owned).collect();
    let undone = lines.iter().rposition(|line| line.contains(r#""type":"undone""#)).unwrap();
    cut(&world, &session, &lines[..undone]);
    assert_eq!(commits(&world, &session).await, "+->-", "the undo was not recorded any more");
}

#[tokio::test]
async fn the_message_that_is_recorded_is_the_one_a_hook_left() {
    let world = World::new(&[("a.txt", "a\n")]);
    let (session, _) = decided(&world).await;
    let hook = world.tree().join(".git/hooks/commit-msg");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nprintf '\\nTicket: 42\\n' >> \"$1\"\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut front = world.resume(&session).await;
    front.until("the verdicts", |event| matches!(event, Event::Decided { .. })).await;
    let proposal = front.proposal();
    front.commit(&proposal, CommitChoice::Despite).await;
    let committed = front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    let Event::Committed { message, .. } = committed else { unreachable!() };
    assert!(message.contains("Ticket: 42"), "{message}");
    assert_eq!(message.trim_end(), world.git(&["log", "-1", "--format=%B"]).trim_end());
}

#[tokio::test]
async fn undo_after_a_redo_that_made_a_new_commit_takes_the_new_one_back() {
    let world = World::new(&[("a.txt", "a\n"), ("other.txt", "o\n")]);
    let (session, _) = decided(&world).await;
    let mut front = world.resume(&session).await;
    front.until("the verdicts", |event| matches!(event, Event::Decided { .. })).await;
    let proposal = front.proposal();
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    front.send(Command::Undo).await;
    front.until("the undo", |event| matches!(event, Event::Undone { .. })).await;
    world.write("other.txt", "mine\n");
    world.git(&["commit", "-q", "-am", "mine"]);
    front.send(Command::Redo).await;
    let redone = front.until("the redo", |event| matches!(event, Event::Undone { redo: true, .. })).await;
    let Event::Undone { oid, head: Some(head), .. } = redone else { unreachable!() };
    assert_ne!(oid, head, "another commit lies below, so it is a new one");
    assert_eq!(world.read("a.txt").as_deref(), Some("b\n"));
    front.send(Command::Undo).await;
    let undone = front.until("the undo", |event| matches!(event, Event::Undone { redo: false, .. })).await;
    assert!(matches!(undone, Event::Undone { oid, .. } if oid == head));
    assert_eq!(world.read("a.txt").as_deref(), Some("a\n"));
    assert_eq!(world.git(&["log", "--format=%s"]), "mine\nfirst\n", "the branch moved back, no revert was needed");
    front.close().await;
}
