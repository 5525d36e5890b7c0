//! llama.cpp's own server, where there is one: what a real compatible server says over the chat wire. Takes
//! `llama-server` from PATH or from `TENON_LLAMA_SERVER`, and weights from `TENON_LLAMA_WEIGHTS` or those that
//! `tests/run` brings. With weights that are good enough (`1.5b` or more in their name) it also has to do a task.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenon::config::{ProviderSettings, Settings};
use tenon::domain::{Message, ToolSpec};
use tenon::provider::{ErrorKind, Registry};

use super::support::{ask_with, request};
use crate::support::home::Home;
use crate::support::program_on_path;

struct LlamaServer {
    child: Child,
    url: String,
    weights: PathBuf,
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server with a window of so many tokens; `None`, said aloud, where there is none to start.
fn started(context: usize) -> Option<LlamaServer> {
    let named = std::env::var_os("TENON_LLAMA_SERVER").map(PathBuf::from);
    let program = named.or_else(|| program_on_path("llama-server"));
    let brought = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-weights/SmolLM2-135M-Instruct.Q4_1.gguf");
    let weights = std::env::var_os("TENON_LLAMA_WEIGHTS").map_or(brought, PathBuf::from);
    let (Some(program), true) = (program, weights.is_file()) else {
        eprintln!("SKIPPED: no llama-server on PATH or in TENON_LLAMA_SERVER, or no weights for it");
        return None;
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    command.arg("-m").arg(&weights).args(["--host", "127.0.0.1", "--port", &port.to_string(), "--jinja", "-np", "1"]);
    command.args(["-c", &context.to_string()]).env("GOMP_SPINCOUNT", "1000");
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = LlamaServer { child, url: format!("http://127.0.0.1:{port}"), weights };
    let registry = server.registry(None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    while runtime.block_on(registry.served("llamacpp")).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the server did not come up");
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(server)
}

impl LlamaServer {
    fn registry(&self, small: Option<bool>) -> Registry {
        let provider = ProviderSettings { base_url: Some(self.url.clone()), small, ..ProviderSettings::default() };
        let settings = Settings { providers: [("llamacpp".to_owned(), provider)].into(), ..Settings::default() };
        Registry::new(&settings, &std::collections::BTreeMap::new())
    }

    fn is_good(&self) -> bool {
        self.weights.to_string_lossy().contains("1.5b")
    }
}

#[test]
fn a_real_server_is_found_asked_and_steered() {
    let Some(server) = started(4_096) else { return };
    let mut home =
        Home::with(&[("price.py", "def total(cents, percent):\n    return cents - cents * percent // 100\n")]);
    home.set("LLAMACPP_BASE_URL", &server.url);
    let list = home.tenon(&["models", "list", "--json"]);
    let list: Value = serde_json::from_str(&list.out).unwrap();
    let found = list.as_array().into_iter().flatten().find(|provider| provider["name"] == "llamacpp").unwrap();
    assert_eq!(found["running"], true, "{found}");
    let test = home.tenon(&["models", "test", "llamacpp", "--json"]);
    let test: Value = serde_json::from_str(&test.out).unwrap();
    assert_eq!((&test["reachable"], &test["tool_calls"]), (&json!(true), &Value::Null), "{test}");
    assert!(test["tokens_per_second"].as_f64().unwrap() > 0.1, "{test}");
    let task = "In price.py total raises ValueError when percent is above 100.";
    let run = home.tenon(&["run", "--model", "llamacpp", "--json", task]);
    assert!(run.out.contains("\"turn_ended\""), "{run:?}");
    if server.is_good() {
        assert!(run.out.contains("\"proposed\"") && run.out.contains("ValueError"), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_usage_and_errors_of_a_real_server_are_read() {
    let Some(server) = tokio::task::spawn_blocking(|| started(1_024)).await.unwrap() else { return };
    let registry = server.registry(Some(false));
    let name = registry.served("llamacpp").await.unwrap();
    let mut asked = request();
    asked.messages = vec![Message::User { text: "Call the tool `report` with the word ready.".into() }];
    asked.max_tokens = 120;
    asked.tools = vec![ToolSpec {
        name: "report".into(),
        description: "Reports one word.".into(),
        input_schema: json!({"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}),
    }];
    for temperature in [0.0, 0.7] {
        asked.temperature = Some(temperature);
        let reply = ask_with(&registry, &name, asked.clone()).await.0.unwrap();
        assert!(reply.complete && reply.usage.input_tokens > 10 && reply.usage.output_tokens > 0, "{reply:?}");
        if server.is_good() {
            assert_eq!(reply.calls[0].input, json!({"word": "ready"}), "{reply:?}");
        }
    }
    asked.messages = vec![Message::User { text: "word ".repeat(3_000) }];
    let error = ask_with(&registry, &name, asked).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ContextTooLong, "{error}");
    assert!(error.message.contains("1024"), "the server's own words: {error}");
    assert!(error.hints.iter().any(|hint| hint.contains("-c ")), "{:?}", error.hints);
}
