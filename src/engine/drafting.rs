//! The title and the commit message of a proposal: the agent's own words, or what can be made of the conversation.

use crate::domain::CallId;

use super::session::{Item, ItemKind, Offer, OfferState, Session};

/// The words for the next freeze: those of the call that asks for it, of the last `propose` since the last commit, of
/// the proposal that is open, or made from what was said.
pub fn words(session: &Session, call: Option<&CallId>) -> (String, String) {
    let asked = call.and_then(|call| session.call(call));
    let last = || {
        let recent = session.items.iter().rev().take_while(|item| item.seq > session.committed);
        recent.flat_map(|item| item.calls().iter().rev()).find(|call| call.call.name == "propose")
    };
    if let Some(call) = asked.or_else(last) {
        let text = |field| call.call.input.get(field).and_then(serde_json::Value::as_str).unwrap_or_default().trim();
        let (title, message) = (text("title"), text("message"));
        match (title, message) {
            ("", "") => {}
            (title, "") => return (title.to_owned(), title.to_owned()),
            ("", message) => return (first_line(message, 72), message.to_owned()),
            (title, message) => return (title.to_owned(), message.to_owned()),
        }
    }
    if let Some(offer) = session.open_offer().or_else(|| left_over(session)) {
        return (offer.proposal.title.clone(), offer.proposal.message.clone());
    }
    made_up(session)
}

/// The proposal whose commit was the last thing that happened: what is there now is what was left of it.
fn left_over(session: &Session) -> Option<&Offer> {
    let since = |item: &Item| item.seq > session.committed && !matches!(item.kind, ItemKind::Told { .. });
    let committed = session.offers.last().filter(|offer| offer.state == OfferState::Committed);
    committed.filter(|_| !session.items.iter().any(since))
}

/// Words that say what is to be done, and not what is thought of what was done.
fn is_task(text: &str) -> bool {
    let about = ["# Review of proposal ", "A question about proposal ", "[checks] "];
    !about.iter().any(|start| text.starts_with(start))
}

fn made_up(session: &Session) -> (String, String) {
    let since = session.items.iter().filter(|item| item.seq > session.committed);
    let mut task = None;
    let mut closing = None;
    for item in since {
        match &item.kind {
            ItemKind::User { text } if task.is_none() && is_task(text) => task = Some(text.as_str()),
            ItemKind::Answer(answer) if !answer.text.trim().is_empty() => closing = Some(answer.text.trim()),
            _ => {}
        }
    }
    let before = || {
        session.items.iter().rev().find_map(|item| match &item.kind {
            ItemKind::User { text } if is_task(text) => Some(text.as_str()),
            _ => None,
        })
    };
    let task = task.or_else(before).or(session.request.as_deref()).unwrap_or("Change files");
    let title = first_line(task, 60);
    let subject = format!("{}: {}", commit_type(&title), lower_first(title.trim_end_matches(['.', '!'])));
    let message = match closing.and_then(body) {
        Some(text) => format!("{subject}\n\n{text}"),
        None => subject,
    };
    (title, message)
}

/// What of the agent's closing words is worth a commit's body: a first paragraph that says something.
fn body(closing: &str) -> Option<&str> {
    let paragraph = closing.split("\n\n").map(str::trim).find(|text| !text.is_empty())?;
    let prose = paragraph.starts_with(char::is_alphanumeric) && !paragraph.ends_with([':', '?']);
    (prose && paragraph.split_whitespace().count() > 5 && paragraph.len() <= 600).then_some(paragraph)
}

fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("Change files");
    if line.chars().count() <= most {
        return line.to_owned();
    }
    let cut: String = line.chars().take(most).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{whole}…")
}

/// Conventional Commits by the first word; a wrong guess is the user's to edit.
fn commit_type(title: &str) -> &'static str {
    let first = title.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    match first.as_str() {
        "fix" | "repair" | "correct" | "solve" | "resolve" | "bug" => "fix",
        "add" | "create" | "implement" | "support" | "introduce" | "build" | "write" | "make" => "feat",
        "document" | "explain" | "describe" => "docs",
        "test" | "cover" => "test",
        "refactor" | "rename" | "clean" | "simplify" | "move" | "extract" | "split" => "refactor",
        "optimise" | "optimize" | "speed" => "perf",
        _ => "chore",
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let second_is_lower = text.chars().nth(1).is_none_or(|c| !c.is_uppercase());
    match letters.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContentHash, Event, MessageId, Proposal, Record};

    fn said(text: &str) -> Session {
        let event = Event::UserSaid { message: MessageId::new("m1"), text: text.to_owned(), queued: false };
        Session::of(&[Record { v: 1, seq: 1, at: jiff::Timestamp::UNIX_EPOCH, event }])
    }

    #[test]
    fn what_a_commit_leaves_of_a_proposal_goes_under_its_words() {
        let say = |message: &str, text: &str| Event::UserSaid {
            message: MessageId::new(message),
            text: text.to_owned(),
            queued: false,
        };
        let proposal = Proposal {
            id: "p1".into(),
            title: "Add cancelling".to_owned(),
            message: "feat: orders can be cancelled".to_owned(),
            hash: ContentHash::of(b"p1"),
            changes: vec![],
        };
        let committed = Event::Committed {
            proposal: "p1".into(),
            oid: "abc".to_owned(),
            message: "feat: orders can be cancelled".to_owned(),
            branch: None,
            amends: None,
        };
        let mut events = vec![
            say("m1", "let orders be cancelled"),
            Event::Proposed { proposal },
            say("m2", "# Review of proposal p1: Add cancelling\n\n1 hunk accepted"),
            committed,
        ];
        let session = |events: &[Event]| {
            let record = |(seq, event): (usize, &Event)| Record {
                v: 1,
                seq: seq as u64 + 1,
                at: jiff::Timestamp::UNIX_EPOCH,
                event: event.clone(),
            };
            Session::of(&events.iter().enumerate().map(record).collect::<Vec<_>>())
        };
        let expected = ("Add cancelling".to_owned(), "feat: orders can be cancelled".to_owned());
        assert_eq!(words(&session(&events), None), expected);
        events.push(say("m3", "A question about proposal p1, a.py\n\nwhy?"));
        assert_eq!(words(&session(&events), None).0, "let orders be cancelled", "a question is no task");
        events.push(say("m4", "Add a log"));
        assert_eq!(words(&session(&events), None).0, "Add a log");
    }

    #[test]
    fn a_body_says_something() {
        let said = "The total is rounded once, at the end of the sum.";
        for (closing, expected) in [
            (said.to_owned(), Some(said)),
            (format!("{said}\n\nAccept it with a, then commit."), Some(said)),
            ("Done.".to_owned(), None),
            ("Here is what I changed in the files of this project:\n\n- a.py".to_owned(), None),
            ("## Summary of all the changes in this round".to_owned(), None),
        ] {
            assert_eq!(body(&closing), expected);
        }
    }

    #[test]
    fn without_words_of_the_agent_the_task_becomes_the_subject() {
        for (task, title, message) in [
            ("Fix the total.", "Fix the total.", "fix: fix the total"),
            ("\n  Add a route\nwith details", "Add a route", "feat: add a route"),
            ("API keys leak", "API keys leak", "chore: API keys leak"),
        ] {
            assert_eq!(words(&said(task), None), (title.to_owned(), message.to_owned()));
        }
        let (title, _) = words(&said(&"word ".repeat(40)), None);
        assert!(title.chars().count() <= 61 && title.ends_with("word…"), "{title}");
    }
}
