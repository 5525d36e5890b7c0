//! Commands that go on running: found by their ports, reached from outside, ended with the workspace.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tenon::domain::Isolation;
use tenon::workspace::{Exit, Reach, Served, Workspace};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Case, isolations, job, path};

const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the files of the repository; an address of the loopback, v4 or v6.
fn server(address: &str, port: u16) -> String {
    format!("exec python3 -m http.server --bind {address} {port}")
}

async fn serve(workspace: &dyn Workspace, command: &str) -> Served {
    let (output, _) = mpsc::channel(1);
    workspace.serve(job(command), output, CancellationToken::new()).await.unwrap()
}

fn get(reach: &Reach, file: &str) -> String {
    let request = format!("GET /{file} HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    match reach {
        Reach::Unix(socket) => {
            let mut stream = UnixStream::connect(socket).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
        }
        Reach::Tcp(port) => {
            let mut stream = TcpStream::connect(("127.0.0.1", *port)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
        }
    }
    answer
}

/// A process somewhere on this machine with these words in its command line.
fn is_running(words: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(words))
    })
}

async fn await_end(words: &str) {
    let begun = std::time::Instant::now();
    while is_running(words) {
        assert!(begun.elapsed() < PATIENCE, "`{words}` still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_is_found_reached_and_ended() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.workspace.write(&path("page"), b"from the draft\n", None).unwrap();
        let served = serve(&*case.workspace, &server("127.0.0.1", 8317)).await;
        assert_eq!(served.listens(None, PATIENCE).await, Some(8317), "{isolation:?}");
        assert_eq!(served.ports(), [8317]);
        assert!(served.exit().is_none());
        let reach = case.workspace.reach(8317).await.unwrap();
        assert!(get(&reach, "page").ends_with("from the draft\n"), "{isolation:?}");
        assert_eq!(case.workspace.reach(8317).await.unwrap(), reach);
        let inside = "python3 -c \"import urllib.request as u; print(u.urlopen('http://localhost:8317/page').read())\"";
        assert!(case.sh(inside).await.contains("from the draft"), "{isolation:?}");
        // Long enough that several buffers are needed, and both directions are closed in order.
        let long = "x".repeat(3 << 20);
        case.workspace.write(&path("long"), long.as_bytes(), None).unwrap();
        assert!(get(&reach, "long").ends_with(&long), "{isolation:?}");
        assert_eq!(served.stop().await.unwrap(), Exit::Cancelled);
        assert!(!is_running("http.server --bind 127.0.0.1 8317"));
        if let Reach::Unix(socket) = &reach {
            let mut stream = UnixStream::connect(socket).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "a port without a server answers");
        }
    }
}

#[tokio::test]
async fn both_kinds_of_loopback_are_tried() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let served = serve(&*case.workspace, &server("::1", 8318)).await;
        assert_eq!(served.listens(Some(8318), PATIENCE).await, Some(8318), "{isolation:?}");
        if let reach @ Reach::Unix(_) = case.workspace.reach(8318).await.unwrap() {
            assert!(get(&reach, "tool.sh").contains("echo tool"), "{isolation:?}");
        }
    }
}

#[tokio::test]
async fn two_workspaces_may_use_the_same_port() {
    for isolation in isolations() {
        let (one, two) = (Case::open(isolation).await, Case::open(isolation).await);
        one.workspace.write(&path("who"), b"one\n", None).unwrap();
        two.workspace.write(&path("who"), b"two\n", None).unwrap();
        let servers = [
            serve(&*one.workspace, &server("127.0.0.1", 8319)).await,
            serve(&*two.workspace, &server("127.0.0.1", 8319)).await,
        ];
        for (case, served, who) in [(&one, &servers[0], "one\n"), (&two, &servers[1], "two\n")] {
            assert_eq!(served.listens(Some(8319), PATIENCE).await, Some(8319), "{isolation:?}");
            let reach = case.workspace.reach(8319).await.unwrap();
            if matches!(reach, Reach::Tcp(_)) {
                eprintln!("SKIPPED: NAMESPACES ARE NOT POSSIBLE HERE");
                return;
            }
            assert!(get(&reach, "who").ends_with(who), "{isolation:?}");
        }
    }
}

#[tokio::test]
async fn a_server_ends_with_the_workspace_with_its_handle_and_with_a_reset() {
    for (number, isolation) in isolations().into_iter().enumerate() {
        let words = |what: usize| format!("http.server --bind 127.0.0.1 {}", 8320 + 10 * number + what);
        let command = |what: usize| format!("setsid python3 -m {} & sleep 1000", words(what));
        let case = Case::open(isolation).await;
        let port = |what: usize| u16::try_from(8320 + 10 * number + what).ok();
        let dropped = serve(&*case.workspace, &command(0)).await;
        assert_eq!(dropped.listens(port(0), PATIENCE).await, port(0), "{isolation:?}");
        drop(dropped);
        await_end(&words(0)).await;
        let reset = serve(&*case.workspace, &command(1)).await;
        assert_eq!(reset.listens(port(1), PATIENCE).await, port(1));
        case.workspace.reset(Some(vec![path("tool.sh")])).await.unwrap();
        assert_eq!(reset.ended().await.unwrap(), Exit::Cancelled, "{isolation:?}");
        assert!(!is_running(&words(1)));
        let closed = serve(&*case.workspace, &command(2)).await;
        assert_eq!(closed.listens(port(2), PATIENCE).await, port(2));
        drop(case);
        await_end(&words(2)).await;
        assert_eq!(closed.ended().await.unwrap(), Exit::Cancelled);
    }
}

#[tokio::test]
async fn a_server_that_cannot_start_says_how_it_ended() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let (output, mut said) = mpsc::channel(8);
        let served =
            case.workspace.serve(job("echo no such module; exit 4"), output, CancellationToken::new()).await.unwrap();
        assert_eq!(served.listens(None, PATIENCE).await, None);
        assert_eq!(served.ended().await.unwrap(), Exit::Code(4), "{isolation:?}");
        assert_eq!(said.recv().await.unwrap(), b"no such module\n");
    }
}

#[tokio::test]
async fn a_long_path_is_no_hindrance() {
    let folder = tempfile::TempDir::new().unwrap();
    let repository = folder.path().join("home/repo with space");
    std::fs::create_dir_all(&repository).unwrap();
    super::make_repository(&repository);
    let mut place = super::place(folder.path(), *isolations().first().unwrap());
    place.state = folder.path().join("a".repeat(120)).join("state");
    let workspace = tenon::workspace::open(place).await.unwrap();
    let served = serve(&*workspace, &server("127.0.0.1", 8351)).await;
    assert_eq!(served.listens(Some(8351), PATIENCE).await, Some(8351));
    assert!(get(&workspace.reach(8351).await.unwrap(), "tool.sh").contains("echo tool"));
    assert!(workspace.isolation() == Isolation::Copy || served.exit().is_none());
}
