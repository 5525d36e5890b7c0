//! Models that step in for one that cannot answer, and servers found on this machine.

use std::collections::BTreeMap;

use serde_json::json;
use tenon::config::Settings;
use tenon::provider::{Chunk, ErrorKind, Patience, Registry};

use super::support::{ask, environment, impatient, text, waits};
use crate::support::{Answer, ScriptedServer, bodies};

fn registry(first: &str, second: &str) -> Registry {
    let settings = Settings {
        fallback: vec!["nobody/x".into(), "mistral/m".into(), "anthropic/claude-test".into(), "openai/gpt-5.4".into()],
        ..Settings::default()
    };
    let environment = environment(&[
        ("ANTHROPIC_BASE_URL", first),
        ("ANTHROPIC_API_KEY", "k-111111"),
        ("OPENAI_BASE_URL", second),
        ("OPENAI_API_KEY", "k-222222"),
    ]);
    Registry::new(&settings, &environment).with_patience(Patience { tries: 2, ..impatient() })
}

fn down(status: u16) -> ScriptedServer {
    ScriptedServer::start_with(move |_| Answer::json(status, &json!({"error": {"message": "down"}})))
}

#[tokio::test]
async fn the_next_model_goes_on_and_is_named() {
    let (first, second) = (down(529), ScriptedServer::start([bodies::chat_text("I step in")]));
    let (reply, chunks) = ask(&registry(&first.url(), &second.url()), "anthropic/claude-test").await;
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), text(&chunks).as_str()), ("I step in", "I step in"));
    assert_eq!(reply.model.as_deref(), Some("openai/gpt-5.4"));
    let told = waits(&chunks);
    assert!(
        told.last().unwrap().ends_with("down (HTTP 529) (after 2 tries); going on with openai/gpt-5.4"),
        "{told:?}"
    );
    assert_eq!(second.requests()[0].json()["model"], "gpt-5.4");
    assert!(chunks.contains(&Chunk::Restarted));
}

#[tokio::test]
async fn a_wrong_request_stays_an_error() {
    let (first, second) = (down(400), ScriptedServer::start([bodies::chat_text("no")]));
    let error = ask(&registry(&first.url(), &second.url()), "anthropic/claude-test").await.0.unwrap_err();
    assert_eq!((error.kind, second.requests().len()), (ErrorKind::Request, 0));
}

#[tokio::test]
async fn when_all_are_down_the_last_one_says_so() {
    let (first, second) = (down(529), down(500));
    let error = ask(&registry(&first.url(), &second.url()), "anthropic/claude-test").await.0.unwrap_err();
    assert_eq!((error.provider.as_str(), error.kind), ("openai", ErrorKind::Server));
}

#[tokio::test]
async fn servers_on_this_machine_are_found_with_their_models() {
    let ollama = ScriptedServer::start_with(|request| {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/api/tags"));
        Answer::json(200, &json!({"models": [{"name": "qwen2.5-coder:7b", "size": 1}, {"name": "gemma3:1b"}]}))
    });
    let vllm = ScriptedServer::start_with(|request| {
        assert_eq!(request.path, "/v1/models");
        Answer::json(200, &json!({"object": "list", "data": [{"id": "served"}]}))
    });
    let (page, gone) = (ScriptedServer::start_with(|_| Answer::typed(200, "text/html", "<html>hi</html>")), {
        let server = ScriptedServer::start([]);
        server.url()
    });
    let places = [
        ("OLLAMA_HOST", ollama.url()),
        ("VLLM_BASE_URL", vllm.url()),
        ("LMSTUDIO_BASE_URL", page.url()),
        ("LLAMACPP_BASE_URL", gone),
    ];
    let environment: BTreeMap<String, String> = places.into_iter().map(|(name, url)| (name.to_owned(), url)).collect();
    let found = Registry::new(&Settings::default(), &environment).local_servers().await;
    let found: Vec<_> = found.iter().map(|server| (server.provider.as_str(), server.models.clone())).collect();
    assert_eq!(
        found,
        [("ollama", vec!["qwen2.5-coder:7b".to_owned(), "gemma3:1b".to_owned()]), ("vllm", vec!["served".to_owned()])]
    );
}
