//! Tasks for other agents: sessions of their own, in workspaces of their own.

use serde_json::json;
use tenon::domain::{Command, CommitChoice, Event, NoteLevel, TurnEnd, Verdict};
use tenon::engine::{Child, Opening};
use tokio::sync::mpsc;

use super::sessions::ended;
use super::world::{Front, Line, World, calls, text, write};

fn front(child: Child) -> Front {
    Front { handle: child.handle, updates: child.updates, records: Vec::new(), passed: Vec::new() }
}

async fn open(world: &World) -> (Front, mpsc::Receiver<Child>) {
    let (children, born) = mpsc::channel(8);
    let opening = Opening { children: Some(children), ..world.opening() };
    (world.open_as(opening).await.expect("the session opens"), born)
}

#[tokio::test]
async fn a_delegated_task_is_a_session_whose_proposal_waits_and_whose_words_come_back() {
    let world = World::new(&[("a.txt", "a\n")]);
    world.says(calls(&[("c1", "delegate", json!({"agent": "senior-backend-dev", "task": "Say b instead"}))]));
    world.says(calls(&[write("w1", "a.txt", "b\n")]));
    world.says(text("I said b."));
    world.says(text("The other agent did it."));
    let (mut parent, mut born) = open(&world).await;
    parent.say("have it done").await;
    let child = born.recv().await.expect("a task is born");
    let delegated = parent.until("the task", |event| matches!(event, Event::Delegated { .. })).await;
    let Event::Delegated { session, agent, task, call } = delegated else { unreachable!() };
    assert_eq!((&session, agent.as_str(), task.as_str()), (&child.session, "senior-backend-dev", "Say b instead"));
    assert_eq!(call.map(|call| call.to_string()).as_deref(), Some("c1"));
    let mut child = front(child);
    let opened = child.until("its beginning", |event| matches!(event, Event::SessionOpened { .. })).await;
    assert!(matches!(opened, Event::SessionOpened { parent: Some(of), .. } if of == parent.handle.session));
    assert_eq!(ended(&child.turn_end().await), TurnEnd::Done);
    assert_eq!(ended(&parent.turn_end().await), TurnEnd::Done);
    let (ok, told) = parent.result("c1");
    assert!(ok && told.contains("changes 1 file") && told.contains("I said b."), "{told}");
    assert!(parent.session().open_offer().is_none(), "what the task did is not in this workspace");
    assert_eq!(world.read("a.txt").as_deref(), Some("a\n"), "nothing touches the tree before a verdict");

    let proposal = child.proposal();
    child.decide(&proposal, "", Verdict::Accept).await;
    child.commit(&proposal, CommitChoice::Despite).await;
    child.until("its commit", |event| matches!(event, Event::Committed { .. })).await;
    assert_eq!(world.read("a.txt").as_deref(), Some("b\n"));
    child.close().await;
    parent.close().await;
}

#[tokio::test]
async fn two_tasks_run_side_by_side_and_an_interrupt_stops_both() {
    let world = World::new(&[]);
    let task = |name: &str| json!({"agent": "reviewer", "task": name});
    world.says(calls(&[("c1", "delegate", task("one")), ("c2", "delegate", task("two"))]));
    world.script.add(Line::Hang("I begin"));
    world.script.add(Line::Hang("I begin"));
    let (mut parent, mut born) = open(&world).await;
    parent.say("both").await;
    let (one, two) = (born.recv().await.unwrap(), born.recv().await.unwrap());
    let (mut one, mut two) = (front(one), front(two));
    for child in [&mut one, &mut two] {
        child.until("its turn", |event| matches!(event, Event::TurnStarted { .. })).await;
    }
    parent.send(Command::Interrupt).await;
    assert_eq!(ended(&parent.turn_end().await), TurnEnd::Interrupted);
    for child in [&mut one, &mut two] {
        assert_eq!(ended(&child.turn_end().await), TurnEnd::Interrupted);
    }
}

#[tokio::test]
async fn a_task_of_the_users_runs_beside_the_session_and_survives_its_interrupt() {
    let world = World::new(&[("a.txt", "a\n")]);
    world.script.add(Line::Hang("the task thinks"));
    let (mut parent, mut born) = open(&world).await;
    parent.send(Command::Delegate { agent: "reviewer".to_owned(), task: "think".to_owned() }).await;
    let mut child = front(born.recv().await.unwrap());
    child.until("its turn", |event| matches!(event, Event::TurnStarted { .. })).await;
    world.says(text("hello"));
    parent.say("hello").await;
    assert_eq!(ended(&parent.turn_end().await), TurnEnd::Done);
    parent.send(Command::Interrupt).await;
    child.send(Command::Interrupt).await;
    assert_eq!(ended(&child.turn_end().await), TurnEnd::Interrupted);
    parent.note("came to rest").await;

    parent.send(Command::Delegate { agent: "reviewr".to_owned(), task: "think".to_owned() }).await;
    let refused = parent.until("the refusal", |event| matches!(event, Event::Noted { level: NoteLevel::Error, .. }));
    assert!(matches!(refused.await, Event::Noted { text, .. } if text.contains("Did you mean `reviewer`")));
}

#[tokio::test]
async fn nobody_is_told_of_delegation_where_nobody_would_show_the_tasks() {
    let world = World::new(&[]);
    let mut alone = world.open().await;
    alone.say("hello").await;
    alone.turn_end().await;
    let (mut parent, _born) = open(&world).await;
    parent.say("hello").await;
    parent.turn_end().await;
    let tools: Vec<bool> = world
        .script
        .requests()
        .iter()
        .map(|request| {
            request.tools.iter().any(|tool| tool.name == "delegate" && tool.description.contains("reviewer"))
        })
        .collect();
    assert_eq!(tools, [false, true]);
}
