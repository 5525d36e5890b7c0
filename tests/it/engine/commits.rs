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

#[tokio::test]
async fn overlapping_work_of_the_user_is_named_once_and_nothing_is_shown_again() {
    let world = World::new(&[("a.txt", TWENTY)]);
    let mine = TWENTY.replace("3\n4\n", "mine\n4\n");
    world.write("a.txt", &mine);
    world.says(calls(&[write("c1", "a.txt", &mine.replace("mine\n", "mine, and better\n"))]));
    let mut front = world.open().await;
    front.say("Better that line").await;
    front.turn_end().await;
    let proposal = front.proposal();
    front.decide(&proposal, "", Verdict::Accept).await;
    front.commit(&proposal, CommitChoice::Despite).await;
    let note = front.note("nothing was committed").await;
    assert!(note.contains("a.txt") && note.contains("Commit your own changes"), "{note}");
    assert_eq!(world.read("a.txt").as_deref(), Some(mine.as_str()));
    world.git(&["commit", "-q", "-am", "mine"]);
    front.commit(&proposal, CommitChoice::Despite).await;
    front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
    assert!(world.git(&["show", "HEAD:a.txt"]).contains("mine, and better\n"));
    let shown = front.events().iter().filter(|event| matches!(event, Event::Proposed { .. })).count();
    assert_eq!(shown, 1, "the same proposal is not shown again and again");
    front.close().await;
}

fn hook(world: &World, text: &str) {
    let hook = world.tree().join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, text).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn what_a_hook_makes_of_the_files_is_shown_before_it_is_committed() {
    let stages = "#!/bin/sh\nsed -i 's/three/THREE/' a.txt && git add a.txt\n";
    let refuses = "#!/bin/sh\ngrep -q three a.txt || exit 0\nsed -i 's/three/THREE/' a.txt\necho formatted; exit 1\n";
    for script in [stages, refuses] {
        let world = World::new(&[("a.txt", TWENTY)]);
        hook(&world, script);
        world.says(calls(&[write("c1", "a.txt", &TWENTY.replace("3\n4\n", "three\n4\n"))]));
        let mut front = world.open().await;
        front.say("Spell it out").await;
        front.turn_end().await;
        let proposal = front.proposal();
        front.decide(&proposal, "", Verdict::Accept).await;
        front.commit(&proposal, CommitChoice::Despite).await;
        let note = front.note("pre-commit hook changed").await;
        assert!(note.contains("a.txt") && note.contains("its version is shown now"), "{note}");
        let again = front.until("its version", |event| matches!(event, Event::Proposed { .. })).await;
        let Event::Proposed { proposal: again } = again else { unreachable!() };
        assert_eq!(again.id, proposal.id);
        assert_ne!(again.hash, proposal.hash);
        assert_eq!(world.read("a.txt").as_deref(), Some(TWENTY), "nobody has approved its version yet");
        assert_eq!(world.git(&["log", "--format=%s"]).trim(), "first");
        assert_eq!(front.session().open_offer().unwrap().verdict(&again.changes[0].hunks[0].id), Verdict::Open);
        front.decide(&again, "", Verdict::Accept).await;
        front.commit(&again, CommitChoice::Despite).await;
        front.until("the commit", |event| matches!(event, Event::Committed { .. })).await;
        assert!(world.git(&["show", "HEAD:a.txt"]).contains("\nTHREE\n"));
        assert_eq!(world.git(&["status", "--porcelain"]), "");
        front.close().await;
    }
}
