//! Requests as they go out and answers as they come in, over real connections.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::config::{ProviderSettings, Settings};
use tenon::provider::{Chunk, ErrorKind, Registry, Stop};

use super::support::{ask, environment, impatient, registry, text, waits};
use crate::support::{Answer, Delivery, ScriptedServer, bodies};

const SAID: &str = "Naïve café ☃ 🦀.";

fn body_of(model: &str) -> Answer {
    let calls = [("call_1", "read", json!({"path": "ü.rs"})), ("call_2", "read", json!({"path": "b"}))];
    if model.starts_with("anthropic") { bodies::anthropic(SAID, &calls) } else { bodies::chat(SAID, &calls) }
}

#[tokio::test]
async fn an_answer_arrives_however_it_is_cut() {
    for model in ["anthropic/claude-test", "openai/gpt-test", "ollama/qwen"] {
        for delivery in [
            Delivery::Whole,
            Delivery::Pieces(1),
            Delivery::Pieces(7),
            Delivery::Pieces(4_096),
            Delivery::Slow(512, Duration::from_millis(5)),
        ] {
            let server = ScriptedServer::start([body_of(model).delivered(delivery.clone())]);
            let (reply, chunks) = ask(&registry(&server.url()), model).await;
            let reply = reply.unwrap();
            assert_eq!(reply.text, SAID, "{model} {delivery:?}");
            assert_eq!(text(&chunks), SAID, "{model} {delivery:?}");
            let calls: Vec<_> = reply.calls.iter().map(|call| (call.call.as_str(), &call.input["path"])).collect();
            assert_eq!(calls, [("call_1", &json!("ü.rs")), ("call_2", &json!("b"))]);
            assert!(chunks.contains(&Chunk::Call { name: "read".into() }));
            assert_eq!((reply.stop, reply.complete), (Stop::Calls, true));
            assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (11, 7));
        }
    }
}

#[tokio::test]
async fn the_request_is_what_the_wire_wants() {
    let server = ScriptedServer::start([bodies::anthropic_text("a"), bodies::chat_text("b"), bodies::chat_text("c")]);
    let registry = registry(&server.url());
    for model in ["anthropic/sonnet", "openai/gpt-5.4", "ollama/qwen"] {
        ask(&registry, model).await.0.unwrap();
    }
    let requests = server.requests();
    let header = |index: usize, name: &str| requests[index].header(name).map(str::to_owned);
    assert_eq!(requests[0].path, "/v1/messages");
    assert_eq!(header(0, "x-api-key").as_deref(), Some("sk-ant-secret-1234"));
    assert_eq!(header(0, "authorization"), None);
    assert_eq!(header(0, "anthropic-version").as_deref(), Some("2023-06-01"));
    let body = requests[0].json();
    assert_eq!((&body["stream"], &body["max_tokens"]), (&json!(true), &json!(1_000)));
    assert_eq!(body["system"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(body["tools"][0]["input_schema"]["type"], "object");
    assert_eq!(requests[1].path, "/v1/chat/completions");
    assert_eq!(header(1, "authorization").as_deref(), Some("Bearer sk-secret-5678"));
    let body = requests[1].json();
    assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(1_000), &Value::Null));
    assert_eq!(body["stream_options"]["include_usage"], true);
    assert_eq!(body["tools"][0]["function"]["name"], "read");
    assert_eq!(requests[2].path, "/api/chat");
    assert_eq!(header(2, "authorization"), None);
    assert_eq!(requests[2].json()["options"]["num_predict"], 1_000);
}

#[tokio::test]
async fn cost_is_known_where_the_price_is() {
    let server = ScriptedServer::start([
        bodies::anthropic_text("a"),
        bodies::anthropic_text("a"),
        Answer::events(
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\
             \"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"cost\":0.5}}\n\ndata: [DONE]\n\n",
        ),
    ]);
    let registry = registry(&server.url());
    let mut costs = Vec::new();
    for model in ["anthropic/claude-opus-4-6", "anthropic/claude-unheard-of", "openai/gpt-5.4"] {
        costs.push(ask(&registry, model).await.0.unwrap().usage.cost_usd);
    }
    let expected = 11.0 * 5e-6 + 7.0 * 25e-6;
    assert!((costs[0].unwrap() - expected).abs() < 1e-12, "{costs:?}");
    assert_eq!(costs[1..], [None, Some(0.5)]);
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_read_too() {
    let call = json!({"id": "c", "function": {"name": "read", "arguments": "{\"path\":\"a\"}"}});
    let server = ScriptedServer::start([
        Answer::json(
            200,
            &json!({"model": "m", "choices": [{"finish_reason": "tool_calls",
                "message": {"role": "assistant", "content": "whole", "tool_calls": [call]}}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
        ),
        Answer::json(
            200,
            &json!({"type": "message", "model": "m", "stop_reason": "tool_use", "content": [
                {"type": "text", "text": "whole"},
                {"type": "tool_use", "id": "c", "name": "read", "input": {"path": "a"}}],
                "usage": {"input_tokens": 3, "output_tokens": 4}}),
        ),
    ]);
    let registry = registry(&server.url());
    for model in ["openai/x", "anthropic/x"] {
        let (reply, chunks) = ask(&registry, model).await;
        let reply = reply.unwrap();
        assert_eq!((reply.text.as_str(), text(&chunks).as_str(), reply.complete), ("whole", "whole", true));
        assert_eq!(reply.calls[0].input, json!({"path": "a"}), "{model}");
        assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (3, 4));
    }
}

#[tokio::test]
async fn a_local_model_that_writes_its_call_as_text_calls() {
    let written = "```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```";
    let server =
        ScriptedServer::start([bodies::chat_text(written), bodies::chat_text(written), bodies::chat_text("{}")]);
    let registry = registry(&server.url());
    let (reply, chunks) = ask(&registry, "ollama/qwen").await;
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), text(&chunks).as_str()), ("", ""));
    assert_eq!((reply.calls[0].name.as_str(), &reply.calls[0].input), ("read", &json!({"path": "a"})));
    assert_eq!(reply.stop, Stop::Calls);
    // Any model on this machine may do that, whatever provider's place its server takes.
    let (reply, _) = ask(&registry, "openai/local").await;
    assert_eq!(reply.unwrap().calls.len(), 1);
    let (reply, chunks) = ask(&registry, "ollama/qwen").await;
    assert_eq!((reply.unwrap().text.as_str(), text(&chunks).as_str()), ("{}", "{}"));
}

#[tokio::test]
async fn a_web_page_and_garbage_are_told_as_such() {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Hotel Wi-Fi</body></html>";
    for (answer, kind, words) in [
        (Answer::typed(200, "text/html", page), ErrorKind::Protocol, "Sign in Hotel Wi-Fi"),
        (Answer::typed(404, "text/html", page), ErrorKind::Protocol, "HTTP 404 with a web page"),
        (Answer::typed(200, "text/event-stream", "what is this"), ErrorKind::Protocol, "\"what is this\""),
        (Answer::typed(200, "application/json", "{\"a\":"), ErrorKind::Protocol, "{\"a\":"),
        (Answer::typed(200, "text/event-stream", ""), ErrorKind::Network, "the answer is empty"),
        (Answer::typed(302, "text/plain", "").header("location", "https://x.test/"), ErrorKind::Request, "x.test"),
    ] {
        for model in ["anthropic/claude-test", "openai/gpt-test"] {
            let again = answer.clone();
            let server = ScriptedServer::start_with(move |_| again.clone());
            let error = ask(&registry(&server.url()), model).await.0.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn errors_never_hold_the_key() {
    let told = json!({"error": {"message": "Incorrect API key provided: sk-secret-5678."}});
    let server = ScriptedServer::start([Answer::json(401, &told)]);
    let error = ask(&registry(&server.url()), "openai/gpt-5.4").await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert_eq!(error.message, "Incorrect API key provided: [redacted]. (HTTP 401)");
    assert!(error.hints[0].contains("OPENAI_API_KEY"), "{:?}", error.hints);
    assert!(!format!("{error:?}{error}").contains("secret"));
}

#[tokio::test]
async fn nobody_listening_stops_no_answer() {
    let server = ScriptedServer::start([bodies::chat_text(SAID).delivered(Delivery::Pieces(9))]);
    let registry = registry(&server.url());
    let resolved = registry.resolve("openai/gpt-5.4").unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let reply = resolved.provider.ask(super::support::request(), sender).await.unwrap();
    assert_eq!(reply.text, SAID);
}

#[tokio::test]
async fn dropping_the_ask_drops_the_connection() {
    let server = ScriptedServer::start([bodies::chat_text(SAID).delivered(Delivery::HangAfter(60))]);
    let registry = registry(&server.url());
    let asking = ask(&registry, "openai/gpt-5.4");
    let waiting = tokio::time::timeout(Duration::from_millis(150), asking).await;
    assert!(waiting.is_err());
    assert_eq!(server.wait_for(1).len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_its_start() {
    let url = {
        let server = ScriptedServer::start([]);
        server.url()
    };
    let (reply, chunks) = ask(&registry(&url), "ollama/qwen").await;
    let error = reply.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains(&format!("no connection to {url}")), "{error}");
    assert!(error.hints[0].contains("ollama serve"), "{:?}", error.hints);
    assert!(waits(&chunks).len() < 2, "{chunks:?}");
}

#[tokio::test]
async fn a_server_in_ollamas_place_may_speak_the_compatible_wire_only() {
    let server = ScriptedServer::start_with(|request| match request.path.as_str() {
        "/v1/chat/completions" => bodies::chat_text("here"),
        _ => Answer::typed(404, "text/plain", "404 page not found"),
    });
    let (reply, chunks) = ask(&registry(&server.url()), "ollama/qwen").await;
    assert_eq!(reply.unwrap().text, "here");
    assert_eq!(waits(&chunks).len(), 0);
    let missing = ScriptedServer::start([Answer::json(404, &json!({"error": "model 'qwen' not found"}))]);
    let error = ask(&registry(&missing.url()), "ollama/qwen").await.0.unwrap_err();
    assert_eq!(error.message, "model 'qwen' not found (HTTP 404)");
    assert!(error.hints.join(" ").contains("ollama pull qwen"), "{:?}", error.hints);
    assert_eq!(missing.requests().len(), 1);
}

#[tokio::test]
async fn the_other_wires_go_where_they_belong() {
    let done = json!({"type": "response.completed", "response": {"status": "completed", "model": "m", "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "responded"}]}],
        "usage": {"input_tokens": 1, "output_tokens": 2}}});
    let piece = json!({"candidates": [{"content": {"parts": [{"text": "responded"}]}, "finishReason": "STOP"}]});
    let line = json!({"message": {"content": "responded"}, "done": true, "done_reason": "stop"});
    let server = ScriptedServer::start_with(move |request| match request.path.as_str() {
        "/v1/responses" => Answer::events(format!("event: response.completed\ndata: {done}\n\n")),
        "/v1beta/models/gemini-3.7-flash:streamGenerateContent?alt=sse" => {
            Answer::events(format!("data: {piece}\r\n\r\n"))
        }
        "/api/chat" => Answer::typed(200, "application/x-ndjson", format!("{line}\n")),
        other => Answer::json(404, &json!({"error": {"message": format!("nothing at {other}")}})),
    });
    let url = server.url();
    let own = |wire: &str| ProviderSettings {
        wire: Some(wire.into()),
        base_url: Some(url.clone()),
        key_env: Some("WORK_KEY".into()),
        ..ProviderSettings::default()
    };
    let providers = [("work", own("responses")), ("goog", own("gemini")), ("box", own("ollama"))];
    let settings = Settings {
        providers: providers.into_iter().map(|(name, provider)| (name.to_owned(), provider)).collect(),
        ..Settings::default()
    };
    let registry = Registry::new(&settings, &environment(&[("WORK_KEY", "k-123")])).with_patience(impatient());
    for model in ["work/gpt-5.4", "goog/gemini-3.7-flash", "box/qwen"] {
        let (reply, chunks) = ask(&registry, model).await;
        let reply = reply.unwrap();
        assert_eq!((reply.text.as_str(), text(&chunks).as_str(), reply.complete), ("responded", "responded", true));
    }
    let requests = server.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer k-123"));
    assert_eq!(requests[1].header("x-goog-api-key"), Some("k-123"));
    assert_eq!(requests[1].header("authorization"), None);
}

#[tokio::test]
async fn an_answer_in_another_wire_than_asked_is_read() {
    let server = ScriptedServer::start([bodies::chat_text("other"), bodies::anthropic_text("other")]);
    let registry = registry(&server.url());
    for model in ["anthropic/claude-test", "openai/gpt-test"] {
        assert_eq!(ask(&registry, model).await.0.unwrap().text, "other");
    }
}

#[tokio::test]
async fn an_encrypted_line_to_a_plain_server_fails_as_a_line() {
    let server = ScriptedServer::start([]);
    let url = server.url().replace("http://", "https://");
    let error = ask(&registry(&url), "openai/gpt-test").await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Network, "{error}");
    assert!(error.message.contains("no connection to https://127.0.0.1"), "{error}");
}
