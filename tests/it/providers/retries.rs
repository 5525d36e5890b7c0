//! What is asked again, how often and after what wait.

use std::time::{Duration, Instant};

use serde_json::json;
use tenon::provider::{Chunk, ErrorKind, Patience, Stop};

use super::support::{ask, impatient, registry, text, waits};
use crate::support::{Answer, Delivery, ScriptedServer, bodies};

fn failing(status: u16) -> Answer {
    Answer::json(status, &json!({"error": {"type": "x_error", "message": format!("told {status}")}}))
}

#[tokio::test]
async fn passing_failures_are_asked_again_and_others_never() {
    for (status, again) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (413, false),
        (422, false),
        (408, true),
        (409, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (529, true),
    ] {
        let server = ScriptedServer::start([failing(status), bodies::chat_text("well")]);
        let (reply, chunks) = ask(&registry(&server.url()), "openai/gpt-5.4").await;
        assert_eq!(server.requests().len(), if again { 2 } else { 1 }, "{status}");
        if again {
            assert_eq!(reply.unwrap().text, "well");
            let told = waits(&chunks);
            assert_eq!(told.len(), 1);
            assert!(told[0].starts_with("try 2 of 4 in 1 s: told "), "{told:?}");
            assert!(!chunks.contains(&Chunk::Restarted), "nothing had been told yet");
        } else {
            let error = reply.unwrap_err();
            assert_eq!(error.message, format!("told {status} (HTTP {status})"));
        }
    }
}

#[tokio::test]
async fn after_the_last_try_the_error_says_how_many() {
    let server = ScriptedServer::start_with(|_| failing(529));
    let (reply, chunks) = ask(&registry(&server.url()), "anthropic/claude-test").await;
    let error = reply.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert_eq!(error.message, "told 529 (HTTP 529) (after 4 tries)");
    assert_eq!((server.requests().len(), waits(&chunks).len()), (4, 3));
}

#[tokio::test]
async fn the_provider_says_how_long_to_wait() {
    for (header, value) in [("retry-after", "0.3"), ("retry-after-ms", "300")] {
        let server = ScriptedServer::start([failing(429).header(header, value), bodies::anthropic_text("well")]);
        let started = Instant::now();
        ask(&registry(&server.url()), "anthropic/claude-test").await.0.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(300), "{header}");
        let requests = server.requests();
        assert!(requests[1].at - requests[0].at >= Duration::from_millis(300), "{header}");
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_not_waited() {
    let server = ScriptedServer::start([failing(429).header("retry-after", "3600")]);
    let error = ask(&registry(&server.url()), "anthropic/claude-test").await.0.unwrap_err();
    assert_eq!((error.kind, server.requests().len()), (ErrorKind::Busy, 1));
}

#[tokio::test]
async fn a_stream_that_breaks_starts_again() {
    for (model, whole) in [
        ("anthropic/claude-test", bodies::anthropic_text("whole again")),
        ("openai/x", bodies::chat_text("whole again")),
    ] {
        let cut = String::from_utf8(whole.body.clone()).unwrap().find(" again").unwrap();
        let ended = Answer { body: whole.body[..cut].to_vec(), ..whole.clone() };
        for broken in
            [whole.clone().delivered(Delivery::CutAfter(cut)), whole.clone().delivered(Delivery::HangAfter(cut)), ended]
        {
            let server = ScriptedServer::start([broken, whole.clone()]);
            let (reply, chunks) = ask(&registry(&server.url()), model).await;
            let reply = reply.unwrap();
            assert_eq!((reply.text.as_str(), reply.complete), ("whole again", true), "{model}");
            assert!(chunks.contains(&Chunk::Restarted), "{chunks:?}");
            assert_eq!(text(&chunks), "whole again");
        }
    }
}

#[tokio::test]
async fn a_stream_that_always_ends_early_is_no_success() {
    let whole = bodies::anthropic("", &[("c", "read", json!({"path": "abcdefgh"}))]);
    let cut = String::from_utf8(whole.body.clone()).unwrap().find("efgh").unwrap();
    let ended = Answer { body: whole.body[..cut].to_vec(), ..whole };
    let server = ScriptedServer::start_with(move |_| ended.clone());
    let (reply, _) = ask(&registry(&server.url()), "anthropic/claude-test").await;
    let reply = reply.unwrap();
    assert!(!reply.complete);
    assert!(reply.calls[0].invalid.is_some(), "{:?}", reply.calls);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_line_that_stays_silent_is_given_up() {
    let server = ScriptedServer::start_with(|_| bodies::chat_text("x").delivered(Delivery::HangAfter(0)));
    let registry = registry(&server.url()).with_patience(Patience { idle: Duration::from_millis(100), ..impatient() });
    let started = Instant::now();
    let error = ask(&registry, "openai/gpt-5.4").await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("no byte for 0.1 s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_slow_line_is_no_silent_line() {
    let slow = Delivery::Slow(40, Duration::from_millis(30));
    let server = ScriptedServer::start([bodies::anthropic_text(&"slow ".repeat(100)).delivered(slow)]);
    let registry = registry(&server.url()).with_patience(Patience { idle: Duration::from_millis(250), ..impatient() });
    let (reply, chunks) = ask(&registry, "anthropic/claude-test").await;
    assert_eq!(reply.unwrap().text.len(), 500);
    assert_eq!(waits(&chunks).len(), 0);
}

#[tokio::test]
async fn an_error_in_midstream_is_told_in_its_own_words() {
    let broken = |kind: &str| {
        let whole = bodies::anthropic_body("never seen whole", &[]);
        let start = &whole[..whole.find("event: content_block_stop").unwrap()];
        let error = json!({"type": "error", "error": {"type": kind, "message": "told in midstream"}});
        Answer::events(format!("{start}event: error\ndata: {error}\n\n"))
    };
    let overloaded = broken("overloaded_error");
    let server = ScriptedServer::start([overloaded.clone(), bodies::anthropic_text("well")]);
    let (reply, chunks) = ask(&registry(&server.url()), "anthropic/claude-test").await;
    assert_eq!(reply.unwrap().text, "well");
    assert_eq!(text(&chunks), "well");

    let server = ScriptedServer::start_with(move |_| overloaded.clone());
    let error = ask(&registry(&server.url()), "anthropic/claude-test").await.0.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Busy, "told in midstream (after 3 tries)"));

    let server = ScriptedServer::start([broken("invalid_request_error")]);
    let error = ask(&registry(&server.url()), "anthropic/claude-test").await.0.unwrap_err();
    assert_eq!((error.kind, server.requests().len()), (ErrorKind::Request, 1));
}

#[tokio::test]
async fn a_refusal_and_a_limit_are_answers() {
    let stopped = |word: &str| {
        let body = bodies::anthropic_body("so far", &[]).replace("end_turn", word);
        Answer::events(body)
    };
    let server = ScriptedServer::start([stopped("refusal"), stopped("max_tokens"), stopped("pause_turn")]);
    let registry = registry(&server.url());
    let mut stops = Vec::new();
    for _ in 0..3 {
        stops.push(ask(&registry, "anthropic/claude-test").await.0.unwrap().stop);
    }
    assert_eq!(stops, [Stop::Refused, Stop::Length, Stop::Other("pause_turn".into())]);
}
