//! From verdicts to commits and back, on a real repository.

use tenon::domain::{ChangeKind, Command, CommitChoice, Event, NoteLevel, TurnEnd, Verdict};

use super::sessions::{TWENTY, ended};
use super::world::{Front, World, calls, text, verdict, write};

#[tokio::test]
async fn an_edit_becomes_a_proposal_and_the_accepted_part_of_it_a_commit() {
    let world = World::new(&[("a.txt", TWENTY), ("b.txt", "b\n")]);
    let edited = TWENTY.replace("2\n3\n", "2\nthree\n").replace("19\n", "nineteen\n");
    world.says(calls(&[write("c1", "a.txt", &edited), write("c2", "new/n.txt", "n\n")]));
    world.says(text("I changed three places."));
    let mut front = world.open().await;
    front.say("Change things").await;
    assert_eq!(ended(&front.turn_end().await), TurnEnd::Done);
    let proposal = front.proposal();
    let paths: Vec<_> = proposal.changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
    assert_eq!(paths, [("a.txt", ChangeKind::Edit), ("new/n.txt", ChangeKind::Add)]);
    assert_eq!(world.read("a.txt").as_deref(), Some(TWENTY), "nothing touches the tree before a verdict");

    let hunks: Vec<_> = proposal.changes[0].hunks.clone();
    assert_eq!(hunks.len(), 2);
    let verdicts = vec![verdict(&hunks[0], Verdict::Accept), verdict(&hunks[1], Verdict::Reject)];
    front.decide_on(&proposal, verdicts).await;
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    let accepted = TWENTY.replace("2\n3\n", "2\nthree\n");
    assert_eq!(world.git(&["show", "HEAD:a.txt"]), accepted);
    assert_eq!(world.read("a.txt").as_deref(), Some(accepted.as_str()));
    assert_eq!(world.read("new/n.txt"), None, "what is undecided is not committed");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    let message = world.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains(&format!("Tenon-Session: {}", front.handle.session)), "{message}");
    assert!(message.contains("Tenon-Proposal: p1"), "{message}");

    let rest = front.until("what is left", |event| matches!(event, Event::Proposed { .. })).await;
    let Event::Proposed { proposal: rest } = rest else { unreachable!() };
    assert_eq!(
        (rest.id.as_str(), rest.changes.len()),
        ("p2", 1),
        "the rejected hunk is gone, the undecided file stays"
    );
    assert_eq!(rest.changes[0].path.as_str(), "new/n.txt");

    front.send(Command::Undo).await;
    front.until("the undo", |event| matches!(event, Event::Undone { redo: false, .. })).await;
    assert_eq!(world.read("a.txt").as_deref(), Some(TWENTY));
    assert_eq!(world.git(&["log", "--format=%s"]).trim(), "first");
    front.send(Command::Redo).await;
    front.until("the redo", |event| matches!(event, Event::Undone { redo: true, .. })).await;
    assert_eq!(world.git(&["show", "HEAD:a.txt"]), accepted);
    front.close().await;
}

#[tokio::test]
async fn a_file_the_user_changed_meanwhile_is_shown_again_and_not_overwritten() {
    let world = World::new(&[("a.txt", TWENTY)]);
    world.says(calls(&[write("c1", "a.txt", &TWENTY.replace("2\n3\n", "2\nthree\n"))]));
    let mut front = world.open().await;
    front.say("Fix three").await;
    front.turn_end().await;
    let first = front.proposal();
    front.decide(&first, "", Verdict::Accept).await;
    let theirs = TWENTY.replace("19\n", "nineteen\n");
    world.write("a.txt", &theirs);
    front.commit(&first, CommitChoice::Despite).await;
    front
        .until("an answer to the commit", |event| {
            matches!(event, Event::Committed { .. } | Event::Noted { level: NoteLevel::Warning, .. })
        })
        .await;
    // Either way the user's line is still there, and the agent's is there only with what the user has.
    assert!(world.read("a.txt").unwrap().contains("nineteen"));
    if world.git(&["log", "--format=%s"]).trim() == "first" {
        let again = front.until("the proposal again", |event| matches!(event, Event::Proposed { .. })).await;
        let Event::Proposed { proposal } = again else { unreachable!() };
        assert_eq!(proposal.id, first.id);
        assert_ne!(proposal.hash, first.hash);
    }
    front.close().await;
}

#[tokio::test]
async fn verdicts_and_evidence_are_there_again() {
    let world = World::new(&[("a.txt", "a\n")]);
    world.says(calls(&[write("c1", "a.txt", "b\n")]));
    let mut front = world.open().await;
    let session = front.handle.session.clone();
    front.say("change").await;
    front.turn_end().await;
    let proposal = front.proposal();
    front.decide(&proposal, "", Verdict::Accept).await;
    let before = front.session();
    // Dropped without a word, as far as the engine can tell from outside.
    let Front { handle, mut updates, .. } = front;
    drop(handle);
    while updates.recv().await.is_some() {}
    let mut front = world.resume(&session).await;
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    assert_eq!(world.read("a.txt").as_deref(), Some("b\n"));
    assert_eq!(before.offers, tenon::engine::session::Session::of(&front.records[..before.seq as usize]).offers);
}
