use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tenon::api::action::{self, ApiTest, Context, Http, Serve};
use tenon::api::desk::Desk;
use tenon::api::serve::{Service, Start};
use tenon::domain::{Isolation, RepoPath};
use tenon::workspace::{Place, Workspace, best_isolation, open};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::desk;

/// A server of the standard library that reads `PORT`.
const SERVICE: &str = "import http.server, os\n\
class Answer(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        self.send_response(200 if self.path != '/gone' else 404)\n        \
self.send_header('content-type', 'application/json')\n        self.end_headers()\n        self.wfile.write(b'{\"ok\": true}')\n\
http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Answer).serve_forever()\n";

struct Bench {
    folder: TempDir,
    context: Context,
}

async fn bench(isolation: Isolation) -> Bench {
    let folder = TempDir::new().unwrap();
    let repository = folder.path().join("home/project");
    std::fs::create_dir_all(repository.join(".git")).unwrap();
    std::fs::write(repository.join("service.py"), SERVICE).unwrap();
    let environment: BTreeMap<String, String> = [
        ("PATH".to_owned(), std::env::var("PATH").unwrap()),
        ("HOME".to_owned(), folder.path().join("home").display().to_string()),
    ]
    .into();
    let mut place = Place::new(repository.canonicalize().unwrap(), folder.path().join("state"), &environment);
    place.isolation = Some(isolation);
    place.helper = Some(PathBuf::from(env!("CARGO_BIN_EXE_tenon")));
    let workspace: Arc<dyn Workspace> = open(place).await.unwrap().into();
    let (output, _) = mpsc::channel(1_000);
    let context =
        Context { desk: desk(), workspace, output, cancel: CancellationToken::new(), permitted: false, base: None };
    Bench { folder, context }
}

fn isolations() -> Vec<Isolation> {
    match best_isolation() {
        (Isolation::Overlay, _) => vec![Isolation::Overlay, Isolation::Copy],
        (Isolation::Copy, why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the overlay cannot be tested here: {why:?}");
            eprintln!("SKIPPED: SERVING IN THE OVERLAY IS NOT TESTED ON THIS MACHINE: {why:?}");
            vec![Isolation::Copy]
        }
    }
}

fn command(command: &str) -> Serve {
    Serve { command: Some(command.to_owned()), ..Serve::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_runs_in_the_workspace_and_is_asked_by_its_paths() {
    for isolation in isolations() {
        let bench = bench(isolation).await;
        // Without a framework, by where its sources listen.
        let started = action::serve(&bench.context, Serve::default()).await;
        assert!(started.ok, "{isolation:?}: {}", started.text);
        let get = |path: &str| Http { url: Some(path.to_owned()), ..Http::default() };
        let answer = action::http(&bench.context, get("/x")).await;
        assert!(answer.ok && answer.text.contains("{\"ok\": true}"), "{}", answer.text);
        let port = started.value["port"].as_u64().unwrap();
        let whole = action::http(&bench.context, get(&format!("http://127.0.0.1:{port}/gone"))).await;
        assert_eq!(whole.value["answer"]["status"], 404, "its own address leads into the workspace: {}", whole.text);
        let again = action::http(&bench.context, serde_json::from_value(json!({"replay": "x1"})).unwrap()).await;
        assert!(again.ok, "{}", again.text);
        let log = action::serve(&bench.context, Serve { op: Some("logs".to_owned()), ..Serve::default() }).await;
        assert!(log.text.contains("GET /gone"), "{}", log.text);
        assert!(bench.context.desk.stop().await && !bench.context.desk.stop().await);
        drop(bench.folder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_start_says_why() {
    let bench = bench(isolations()[0]).await;
    for (line, expected) in [
        ("echo no database >&2; exit 3", "ended with exit code 3 before it listened; its last lines:\nno database"),
        ("exit 0", "it wrote nothing"),
    ] {
        let outcome = action::serve(&bench.context, command(line)).await;
        assert!(!outcome.ok && outcome.text.contains(expected), "{line}: {}", outcome.text);
    }
    bench.context.workspace.remove(&RepoPath::parse("service.py").unwrap()).unwrap();
    let nothing = action::serve(&bench.context, Serve::default()).await;
    assert!(nothing.text.contains("nothing says how a service is started"), "{}", nothing.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupting_ends_what_is_starting() {
    let bench = bench(isolations()[0]).await;
    let (context, cancel) = (bench.context.clone(), bench.context.cancel.clone());
    let starting = tokio::spawn(async move { action::serve(&context, command("sleep 600")).await });
    cancel.cancel();
    let outcome = tokio::time::timeout(Duration::from_secs(20), starting).await.unwrap().unwrap();
    assert!(!outcome.ok && outcome.text.contains("interrupted"), "{}", outcome.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_makes_the_service_slower_is_told_from_base() {
    for isolation in isolations() {
        let mut bench = bench(isolation).await;
        let settings =
            tenon::config::ApiSettings { command: Some("python3 service.py".to_owned()), ..Default::default() };
        bench.context.desk = Arc::new(Desk::new(BTreeMap::new(), settings, None));
        let ask = || -> ApiTest {
            serde_json::from_value(json!({"mode": "load", "budget": {"secs": 1},
                "load": {"against": "base", "paths": ["/x"], "rounds": 6}}))
            .unwrap()
        };
        let nothing = action::api_test(&bench.context, ask()).await;
        assert!(nothing.text.contains("nothing differs from base"), "{}", nothing.text);
        let slow = SERVICE
            .replace("        self.send_response", "        import time; time.sleep(0.06)\n        self.send_response");
        bench.context.workspace.write(&RepoPath::parse("service.py").unwrap(), slow.as_bytes(), None).unwrap();
        let slower = action::api_test(&bench.context, ask()).await;
        assert!(!slower.ok && slower.text.contains("GET /x: slower: median "), "{isolation:?}: {}", slower.text);
        let elsewhere = json!({"mode": "load", "load": {"against": "HEAD~1"}});
        let unknown = action::api_test(&bench.context, serde_json::from_value(elsewhere).unwrap()).await;
        assert!(unknown.text.contains("`against` is `base` or the address"), "{}", unknown.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_says_it_is_not_ready_is_waited_for_up_to_a_limit() {
    let bench = bench(isolations()[0]).await;
    // The health answers 503 as often as told.
    let service = |times: usize| {
        let handler = SERVICE.replace(
            "self.send_response(200 if",
            "global left; left -= 1\n        self.send_response(503 if left >= 0 and self.path == '/ready' else 200 if",
        );
        format!("left = {times}\n{handler}")
    };
    for (times, expected) in [(3, None), (1_000_000, Some("is not ready: GET /ready answers 503 {\"ok\": true}"))] {
        let path = RepoPath::parse("service.py").unwrap();
        bench.context.workspace.write(&path, service(times).as_bytes(), None).unwrap();
        let start =
            Start { command: "python3 service.py".to_owned(), health: Some("/ready".to_owned()), ..Start::default() };
        let patience = Duration::from_secs(5);
        let workspace = bench.context.workspace.as_ref();
        let started = Service::start(workspace, start, patience, None, CancellationToken::new()).await;
        match expected {
            None => started.unwrap().stop().await,
            Some(expected) => {
                let why = started.err().unwrap().to_string();
                assert!(why.contains(expected) && !why.contains("HTTP/1."), "{why}");
            }
        }
    }
}
