//! Weights come whole or not at all, whatever the line, the disk or another process does. A real server on loopback.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::home::{Ended, Home};
use crate::support::{Answer, Delivery, Recorded, ScriptedServer};

const NAME: &str = "someone/model-gguf/model-q4.gguf";
const PATH: &str = "/someone/model-gguf/resolve/main/model-q4.gguf";
const TAG: &str = "\"v1\"";

/// Something that begins as a GGUF does.
fn weights(length: usize) -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend((0..length - 8).map(|index| u8::try_from(index * 7 % 251).unwrap()));
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hub with one file: it tells size and hash, serves ranges, and honours `If-Range`.
fn served(request: &Recorded, bytes: &[u8]) -> Answer {
    if request.method == "HEAD" {
        let linked = format!("\"{}\"", sha256(bytes));
        return Answer::typed(302, "text/plain", "")
            .header("x-linked-etag", &linked)
            .header("x-linked-size", &bytes.len().to_string())
            .header("location", "/elsewhere");
    }
    let from = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let same = request.header("if-range").is_none_or(|tag| tag == TAG);
    match from.filter(|_| same) {
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            let rest = bytes.get(from..).unwrap_or_default();
            Answer::typed(206, "application/octet-stream", rest).header("content-range", &range).header("etag", TAG)
        }
        None => Answer::typed(200, "application/octet-stream", bytes).header("etag", TAG),
    }
}

fn home(server: &ScriptedServer) -> Home {
    let mut home = Home::with(&[("readme.md", "x\n")]);
    home.set("HF_ENDPOINT", &server.url());
    home
}

fn models(home: &Home) -> PathBuf {
    home.home().join(".cache/tenon/models")
}

/// What lies in the models folder, locks left out.
fn names(home: &Home) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(models(home)) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

fn fetched(server: &ScriptedServer) -> Vec<Recorded> {
    server.requests().into_iter().filter(|request| request.method == "GET").collect()
}

#[test]
fn a_broken_line_is_taken_up_where_it_broke() {
    let bytes = weights(300_000);
    let tries = AtomicUsize::new(0);
    let whole = bytes.clone();
    let server = ScriptedServer::start_with(move |request| {
        let answer = served(request, &whole);
        match request.method.as_str() {
            "GET" if tries.fetch_add(1, Ordering::SeqCst) == 0 => answer.delivered(Delivery::CutAfter(100_000)),
            _ => answer,
        }
    });
    let home = home(&server);
    let ended = home.tenon(&["models", "pull", NAME, "--json"]).with_code(0);
    let report = ended.json();
    assert_eq!(std::fs::read(report["path"].as_str().unwrap()).unwrap(), bytes);
    assert_eq!(
        (&report["how"], &report["checked"], &report["model"]),
        (&"fetched".into(), &true.into(), &"embedded/model-q4".into())
    );
    assert_eq!(names(&home), ["model-q4.gguf"]);
    let asked = fetched(&server);
    let from: usize =
        asked[1].header("range").unwrap().strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
    assert!(from > 0 && from <= 100_000, "{from}");
    assert_eq!(asked[1].header("if-range"), Some(TAG));
    assert!(ended.err.contains("going on from"), "{}", ended.err);
    // Once there, nobody is asked for its bytes again.
    let again = home.tenon(&["models", "pull", NAME, "--json"]).with_code(0).json();
    assert_eq!(again["how"], "already");
    assert_eq!(fetched(&server).len(), 2);
}

#[cfg(unix)]
#[test]
fn an_interrupted_pull_keeps_what_came_and_goes_on_the_next_time() {
    let bytes = weights(200_000);
    let hang = Arc::new(AtomicUsize::new(1));
    let (whole, hangs) = (bytes.clone(), Arc::clone(&hang));
    let server = ScriptedServer::start_with(move |request| {
        let answer = served(request, &whole);
        let now = request.method == "GET" && hangs.swap(0, Ordering::SeqCst) == 1;
        if now { answer.delivered(Delivery::HangAfter(80_000)) } else { answer }
    });
    let home = home(&server);
    let child = home.program(&["models", "pull", NAME]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let part = models(&home).join("model-q4.gguf.part");
    wait_until(|| std::fs::metadata(&part).is_ok_and(|metadata| metadata.len() >= 80_000));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = Ended::of(child.wait_with_output().unwrap()).with_code(130);
    assert!(ended.err.contains("what came so far is kept"), "{}", ended.err);
    assert!(!models(&home).join("model-q4.gguf").exists());
    home.tenon(&["models", "pull", NAME]).with_code(0);
    assert_eq!(std::fs::read(models(&home).join("model-q4.gguf")).unwrap(), bytes);
    assert_eq!(fetched(&server)[1].header("range"), Some("bytes=80000-"));
    assert_eq!(names(&home), ["model-q4.gguf"]);
}

fn wait_until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not come to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_file_that_changed_meanwhile_begins_anew() {
    let bytes = weights(50_000);
    let whole = bytes.clone();
    let server = ScriptedServer::start_with(move |request| served(request, &whole));
    let home = home(&server);
    std::fs::create_dir_all(models(&home)).unwrap();
    std::fs::write(models(&home).join("model-q4.gguf.part"), b"GGUF of an older version").unwrap();
    let origin = serde_json::json!({"url": format!("{}{PATH}", server.url()), "etag": "\"v0\""});
    std::fs::write(models(&home).join("model-q4.gguf.part.json"), origin.to_string()).unwrap();
    home.tenon(&["models", "pull", NAME]).with_code(0);
    assert_eq!(std::fs::read(models(&home).join("model-q4.gguf")).unwrap(), bytes);
    assert_eq!(names(&home), ["model-q4.gguf"]);
}

#[test]
fn bad_bytes_are_thrown_away_and_nothing_is_installed() {
    let bytes = weights(50_000);
    let server = ScriptedServer::start_with(move |request| {
        let mut answer = served(request, &bytes);
        if request.method == "GET" {
            answer.body[30_000] ^= 1;
        }
        answer
    });
    let home = home(&server);
    let ended = home.tenon(&["models", "pull", NAME]).with_code(1);
    assert!(ended.err.contains("another file (SHA-256"), "{}", ended.err);
    assert!(names(&home).is_empty(), "{:?}", names(&home));
}

#[test]
fn a_bad_part_of_an_earlier_attempt_does_not_spoil_a_good_source() {
    let bytes = weights(50_000);
    let whole = bytes.clone();
    let server = ScriptedServer::start_with(move |request| served(request, &whole));
    let home = home(&server);
    std::fs::create_dir_all(models(&home)).unwrap();
    // With a known hash the rest may come from anywhere; here the beginning is bad.
    std::fs::write(models(&home).join("model-q4.gguf.part"), vec![7; 20_000]).unwrap();
    home.tenon(&["models", "pull", NAME]).with_code(0);
    assert_eq!(std::fs::read(models(&home).join("model-q4.gguf")).unwrap(), bytes);
    assert_eq!(fetched(&server).len(), 2, "first the rest, then the whole");
}

#[test]
fn a_redirect_is_followed_without_the_token() {
    let bytes = weights(20_000);
    let whole = bytes.clone();
    let store = ScriptedServer::start_with(move |request| served(request, &whole));
    let target = format!("{}/blob", store.url());
    let linked = sha256(&bytes);
    let hub = ScriptedServer::start_with(move |_| {
        Answer::typed(302, "text/plain", "")
            .header("location", &target)
            .header("x-linked-etag", &format!("\"{linked}\""))
    });
    let mut home = home(&hub);
    home.set("HF_TOKEN", "hf_secret_token");
    let ended = home.tenon(&["models", "pull", NAME]).with_code(0);
    assert!(hub.requests().iter().all(|request| request.header("authorization") == Some("Bearer hf_secret_token")));
    assert!(store.requests().iter().all(|request| request.header("authorization").is_none()));
    assert!(!ended.err.contains("hf_secret") && !ended.out.contains("hf_secret"));
    assert_eq!(std::fs::read(models(&home).join("model-q4.gguf")).unwrap(), bytes);
}

#[test]
fn two_processes_fetch_a_file_once() {
    let bytes = weights(40_000);
    let whole = bytes.clone();
    let server = ScriptedServer::start_with(move |request| {
        let answer = served(request, &whole);
        if request.method == "GET" {
            answer.delivered(Delivery::Slow(4_000, Duration::from_millis(60)))
        } else {
            answer
        }
    });
    let home = home(&server);
    let start =
        || home.program(&["models", "pull", NAME]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let both = [start(), start()];
    for child in both {
        Ended::of(child.wait_with_output().unwrap()).with_code(0);
    }
    assert_eq!(fetched(&server).len(), 1);
    assert_eq!(std::fs::read(models(&home).join("model-q4.gguf")).unwrap(), bytes);
}

#[test]
fn another_programs_copy_is_linked_and_nothing_is_fetched() {
    let bytes = weights(30_000);
    let whole = bytes.clone();
    let server = ScriptedServer::start_with(move |request| served(request, &whole));
    let sha = sha256(&bytes);
    for place in [
        format!(".cache/huggingface/hub/models--someone--model-gguf/blobs/{sha}"),
        format!(".ollama/models/blobs/sha256-{sha}"),
        ".lmstudio/models/someone/model-gguf/model-q4.gguf".to_owned(),
        ".cache/llama.cpp/someone_model-gguf_model-q4.gguf".to_owned(),
    ] {
        let home = home(&server);
        let path = home.home().join(&place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let report = home.tenon(&["models", "pull", NAME, "--json"]).with_code(0).json();
        assert_eq!(report["how"], "linked", "{place}");
        assert_eq!(std::fs::read(models(&home).join("model-q4.gguf")).unwrap(), bytes);
    }
    // The right size is not enough.
    let home = home(&server);
    let path = home.home().join(".lmstudio/models/x/model-q4.gguf");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, vec![1; bytes.len()]).unwrap();
    assert_eq!(home.tenon(&["models", "pull", NAME, "--json"]).with_code(0).json()["how"], "fetched");
    assert_eq!(fetched(&server).len(), 1);
}

#[test]
fn refusals_and_silence_say_what_to_do() {
    let status = Arc::new(Mutex::new(404));
    let says = Arc::clone(&status);
    let server = ScriptedServer::start_with(move |_| Answer::typed(*says.lock().unwrap(), "text/plain", "no"));
    let mut home = home(&server);
    home.set("HF_TOKEN", "hf_secret_token");
    let ended = home.tenon(&["models", "pull", NAME]).with_code(1);
    assert!(ended.err.contains("HTTP 404") && ended.err.contains("tenon models import"), "{}", ended.err);
    *status.lock().unwrap() = 403;
    let ended = home.tenon(&["models", "pull", NAME]).with_code(1);
    assert!(ended.err.contains("HF_TOKEN") && !ended.err.contains("hf_secret"), "{}", ended.err);
    drop(server);
    let ended = home.tenon(&["models", "pull", NAME]).with_code(1);
    assert!(ended.err.contains("no connection"), "{}", ended.err);
    assert!(names(&home).is_empty(), "{:?}", names(&home));
    home.tenon(&["models", "pull", "qwen"]).with_code(2);
}

#[test]
fn a_disk_that_is_too_small_is_noticed_before_anything_comes() {
    let server = ScriptedServer::start_with(|_| {
        Answer::typed(302, "text/plain", "")
            .header("x-linked-size", "900000000000000000")
            .header("x-linked-etag", &format!("\"{}\"", sha256(b"x")))
    });
    let home = home(&server);
    let ended = home.tenon(&["models", "pull", NAME]).with_code(1);
    assert!(ended.err.contains("are needed in") && ended.err.contains("XDG_CACHE_HOME"), "{}", ended.err);
    assert!(fetched(&server).is_empty());
}

#[test]
fn a_repository_alone_means_its_usual_quantisation() {
    let bytes = weights(10_000);
    let whole = bytes.clone();
    let server = ScriptedServer::start_with(move |request| match request.path.as_str() {
        "/api/models/someone/model-gguf" => Answer::json(
            200,
            &serde_json::json!({"siblings": [{"rfilename": "README.md"}, {"rfilename": "model-q8_0.gguf"},
                {"rfilename": "model-q4_k_m-00001-of-00002.gguf"}, {"rfilename": "model-q4_k_m.gguf"}]}),
        ),
        "/someone/model-gguf/resolve/main/model-q4_k_m.gguf" => served(request, &whole),
        _ => Answer::typed(404, "text/plain", "no"),
    });
    let home = home(&server);
    let report = home.tenon(&["models", "pull", "someone/model-gguf", "--json"]).with_code(0).json();
    assert_eq!(report["model"], "embedded/model-q4_k_m");
    let ended = home.tenon(&["models", "pull", "someone/model-gguf:Q2_K"]).with_code(2);
    assert!(ended.err.contains("model-q8_0.gguf"), "{}", ended.err);
}

#[test]
fn a_file_is_imported_with_a_notice_when_its_hash_is_unknown() {
    let home = Home::with(&[("readme.md", "x\n")]);
    let bytes = weights(5_000);
    std::fs::write(home.repository.join("mine.gguf"), &bytes).unwrap();
    let ended = home.tenon(&["models", "import", "mine.gguf"]).with_code(0);
    assert!(ended.out.contains("not one that Tenon knows") && ended.out.contains(&sha256(&bytes)), "{}", ended.out);
    assert_eq!(std::fs::read(models(&home).join("mine.gguf")).unwrap(), bytes);
    // A path is as good as a name.
    home.tenon(&["models", "pull", "./mine.gguf"]).with_code(0);
    home.tenon(&["models", "import", "readme.md"]).with_code(2);
    home.tenon(&["models", "import", "nowhere.gguf"]).with_code(2);
    // Half a copy of a known model must not pass for another model.
    let half = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf";
    std::fs::write(home.repository.join(half), &bytes).unwrap();
    let ended = home.tenon(&["models", "import", half]).with_code(2);
    assert!(ended.err.contains("1117320768"), "{}", ended.err);
    assert_eq!(names(&home), ["mine.gguf"]);
}

#[test]
fn parts_must_be_all_there_and_make_up_a_known_file() {
    let home = Home::with(&[("readme.md", "x\n")]);
    let folder = home.repository.join("parts");
    std::fs::create_dir(&folder).unwrap();
    home.tenon(&["models", "import", "parts"]).with_code(2);
    for number in [1, 2, 10] {
        std::fs::write(folder.join(format!("part{number}.bin")), "GGUF").unwrap();
    }
    let ended = home.tenon(&["models", "import", "parts"]).with_code(2);
    assert!(ended.err.contains("part 3 is missing"), "{}", ended.err);
    std::fs::remove_file(folder.join("part10.bin")).unwrap();
    let ended = home.tenon(&["models", "import", "parts"]).with_code(2);
    assert!(ended.err.contains("do not make up a file that is known"), "{}", ended.err);
    assert!(names(&home).is_empty(), "{:?}", names(&home));
}
