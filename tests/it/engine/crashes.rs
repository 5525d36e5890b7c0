//! Killed at any moment: the session goes on with everything that was in its journal.

use serde_json::json;
use tenon::domain::{TurnEnd, Verdict};

use super::world::{Front, World, calls, text, write};

/// A session cut off after so many records, as a crash leaves it.
async fn resume_after(world: &World, front_session: &tenon::domain::SessionId, lines: &[&str], upto: usize) -> Front {
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
