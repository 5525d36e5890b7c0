//! Ways out of the overlay, each tried and found closed. What is outside lies in the folder Cargo gives tests, because
//! `/tmp` is another one inside.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenon::domain::Isolation;
use tenon::workspace::{Exit, Job, Workspace, open};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{job, make_repository, overlay_possible, place, run, run_job};

/// A workspace outside of `/tmp`, with neighbours that must stay as they are.
struct Outside {
    folder: TempDir,
    workspace: Box<dyn Workspace>,
}

impl Outside {
    async fn open() -> Option<Self> {
        if !overlay_possible() {
            return None;
        }
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let repository = prepare(folder.path());
        fs::write(folder.path().join("outside"), "outside\n").unwrap();
        for (name, text) in [(".ssh/id_ed25519", "private"), (".netrc", "password"), (".config/gh/hosts.yml", "token")]
        {
            let file = folder.path().join("home").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::write(folder.path().join("home/notes"), "notes\n").unwrap();
        assert!(repository.is_dir());
        let workspace = open(place(folder.path(), Isolation::Overlay)).await.unwrap();
        Some(Self { folder, workspace })
    }

    async fn run(&self, command: &str) -> (Exit, String) {
        run(&*self.workspace, command).await
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }
}

fn prepare(folder: &Path) -> PathBuf {
    let repository = folder.join("home/repo with space");
    fs::create_dir_all(&repository).unwrap();
    make_repository(&repository);
    repository
}

#[tokio::test]
async fn nothing_outside_the_workspace_can_be_written() {
    let Some(case) = Outside::open().await else { return };
    let outside = case.outside();
    let git = fs::read(outside.join("home/repo with space/.git/config")).unwrap();
    for command in [
        format!("echo x > '{}/outside'", outside.display()),
        format!("echo x > '{}/new'", outside.display()),
        format!("rm '{}/outside'", outside.display()),
        "echo x > ../../outside".to_owned(),
        "ln -s ../../outside way && echo x > way".to_owned(),
        "echo x > .git/hooks/pre-commit".to_owned(),
        "echo x >> .git/config".to_owned(),
        "git -c user.name=a -c user.email=a@b commit -am x".to_owned(),
        "rm -rf .git".to_owned(),
        "mv .git elsewhere".to_owned(),
        "echo x > /etc/tenon-test".to_owned(),
        "echo 1 > /proc/sys/vm/drop_caches".to_owned(),
        "echo h > /proc/sysrq-trigger".to_owned(),
        "mknod disk b 254 0 && head -c 1 disk".to_owned(),
        "cat /dev/vda /dev/sda /dev/mem /dev/kmsg".to_owned(),
    ] {
        let (exit, output) = case.run(&command).await;
        assert!(matches!(exit, Exit::Code(code) if code != 0), "{command}: {exit:?} {output}");
    }
    assert_eq!(fs::read_to_string(outside.join("outside")).unwrap(), "outside\n");
    assert!(!outside.join("new").exists());
    assert_eq!(fs::read(outside.join("home/repo with space/.git/config")).unwrap(), git);
}

#[tokio::test]
async fn the_home_directory_can_be_written_without_being_changed() {
    let Some(case) = Outside::open().await else { return };
    let (exit, output) =
        case.run("mkdir -p ~/.cache/tool && echo x > ~/.cache/tool/x && echo y >> ~/notes && cat ~/notes").await;
    assert_eq!((exit, output.as_str()), (Exit::Code(0), "notes\ny\n"));
    let home = case.outside().join("home");
    assert_eq!(fs::read_to_string(home.join("notes")).unwrap(), "notes\n");
    assert!(!home.join(".cache").exists());
}

#[tokio::test]
async fn secrets_are_not_to_be_seen() {
    let Some(case) = Outside::open().await else { return };
    let (_, output) = case.run("ls -A ~/.ssh ~/.config/gh; cat ~/.netrc ~/.ssh/id_ed25519; echo end").await;
    for secret in ["private", "password", "token", "hosts.yml"] {
        assert!(!output.contains(secret), "{output}");
    }
    assert!(output.ends_with("end\n"));
    let state = case.outside().join("state");
    let (_, output) = case.run(&format!("ls -A '{}'", state.display())).await;
    assert_eq!(output, "");
}

#[tokio::test]
async fn mounts_cannot_be_taken_away() {
    let Some(case) = Outside::open().await else { return };
    let outside = case.outside();
    let before = case.run("echo inside > marker; cat marker").await;
    assert_eq!(before.1, "inside\n");
    let tries = [
        "umount .".to_owned(),
        "umount -l \"$PWD\"".to_owned(),
        "umount -l ~/.ssh".to_owned(),
        "umount -l /dev /tmp".to_owned(),
        "mount -o remount,rw /".to_owned(),
        "mount --bind / /tmp".to_owned(),
    ];
    for command in tries {
        for command in [command.clone(), format!("unshare -Urm sh -c '{command}'")] {
            let (_, output) =
                case.run(&format!("{command}; echo x > '{}/outside'; ls ~/.ssh; cat marker", outside.display())).await;
            assert!(!output.contains("id_ed25519") && output.ends_with("inside\n"), "{command}: {output}");
        }
    }
    // Below a namespace of its own a command may mount for itself, and still not uncover anything.
    let uncover = format!(
        "unshare -Urm sh -c 'mkdir /tmp/bare; mount --bind ~ /tmp/bare; cat /tmp/bare/.ssh/id_ed25519; \
         umount -l \"$PWD\"; umount -l ~; mount -o remount,rw,bind /; echo x > {}/outside'",
        outside.display()
    );
    let (_, output) = case.run(&uncover).await;
    assert!(!output.contains("private"), "{output}");
    assert_eq!(fs::read_to_string(outside.join("outside")).unwrap(), "outside\n");
    assert!(!outside.join("home/repo with space/marker").exists());
}

#[tokio::test]
async fn processes_outside_cannot_be_reached() {
    let Some(case) = Outside::open().await else { return };
    let mut victim = Command::new("sleep").arg("1000").spawn().unwrap();
    let id = victim.id();
    let (_, output) =
        case.run(&format!("kill -9 {id}; kill -9 -1; ls /proc/{id}/root /proc/{id}/environ; echo still here")).await;
    assert!(output.matches("No such").count() >= 2 || output.is_empty(), "{output}");
    let (_, output) = case.run("ls -d /proc/[0-9]* | wc -l").await;
    assert!(output.trim().parse::<u32>().unwrap() < 8, "{output}");
    assert!(victim.try_wait().unwrap().is_none(), "it was killed");
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[tokio::test]
async fn the_network_outside_needs_a_permission() {
    let Some(case) = Outside::open().await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect =
        format!("python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 2); print('in')\"");
    let (exit, output) = case.run(&connect).await;
    assert!(exit != Exit::Code(0) && !output.contains("in\n"), "{output}");
    let allowed = Job { network: true, ..job(&connect) };
    assert_eq!(run_job(&*case.workspace, allowed, CancellationToken::new()).await, (Exit::Code(0), "in\n".to_owned()));
    // Sockets with a name and without a file are of the network too.
    let name = format!("tenon-test-{port}");
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let connect = format!("python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')\"");
    assert!(case.run(&connect).await.0 != Exit::Code(0));
}

#[tokio::test]
async fn places_of_credentials_are_not_to_be_seen_from_a_copy_either() {
    if !overlay_possible() {
        return;
    }
    // The copy lies below such a place itself, as it does by default.
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    prepare(folder.path());
    let home = folder.path().join("home");
    for (name, text) in [(".ssh/id_ed25519", "private"), (".netrc", "password"), (".config/gh/hosts.yml", "token")] {
        let file = home.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    fs::write(home.join("notes"), "notes\n").unwrap();
    let mut at = place(folder.path(), Isolation::Copy);
    at.state = home.canonicalize().unwrap().join(".cache/tenon/workspaces/one");
    let workspace = open(at).await.unwrap();
    let look =
        "ls -A ~/.ssh ~/.config/gh; cat ~/.netrc ~/.ssh/id_ed25519; cat ~/notes README.md; umount ~/.ssh; cat ~/.ssh/*";
    let (_, output) = run(&*workspace, look).await;
    for secret in ["private", "password", "token", "hosts.yml"] {
        assert!(!output.contains(secret), "{output}");
    }
    assert!(output.contains("notes\n# Read me\n"), "{output}");
    assert_eq!(run(&*workspace, "echo x > ~/.netrc; echo made > made; cat made").await.1, "made\n");
    assert_eq!(fs::read_to_string(home.join(".netrc")).unwrap(), "password");
}

#[tokio::test]
async fn sockets_of_the_machine_are_out_of_reach() {
    let Some(case) = Outside::open().await else { return };
    let folder = TempDir::new_in("/tmp").unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (_, output) =
        case.run(&format!("ls '{}'; ls /run | grep -v -e systemd -e resolv -e Network", socket.display())).await;
    assert!(output.contains("No such") && output.lines().count() == 1, "{output}");
}

#[tokio::test]
async fn two_workspaces_may_listen_on_the_same_port() {
    let (Some(one), Some(two)) = (Outside::open().await, Outside::open().await) else { return };
    let serve = |word: &str| {
        format!(
            "python3 - <<'E'\n\
             import http.server, threading, urllib.request\n\
             class Handler(http.server.BaseHTTPRequestHandler):\n    \
                 def do_GET(self):\n        self.send_response(200); self.end_headers(); self.wfile.write(b'{word}')\n    \
                 def log_message(self, *a): pass\n\
             server = http.server.HTTPServer(('127.0.0.1', 3000), Handler)\n\
             threading.Thread(target=server.serve_forever, daemon=True).start()\n\
             open('ready', 'w').close()\n\
             import os, time\n\
             while not os.path.exists('go'): time.sleep(0.01)\n\
             print(urllib.request.urlopen('http://localhost:3000').read().decode())\n\
             E"
        )
    };
    let go = async {
        let ready = tenon::domain::RepoPath::parse("ready").unwrap();
        let both = || one.workspace.read(&ready).is_ok() && two.workspace.read(&ready).is_ok();
        wait_until(both).await;
        for workspace in [&one.workspace, &two.workspace] {
            workspace.write(&tenon::domain::RepoPath::parse("go").unwrap(), b"", None).unwrap();
        }
    };
    let (one_serves, two_serves) = (serve("one"), serve("two"));
    let (first, second, ()) = tokio::join!(one.run(&one_serves), two.run(&two_serves), go);
    assert_eq!((first, second), ((Exit::Code(0), "one\n".to_owned()), (Exit::Code(0), "two\n".to_owned())));
}

async fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn when_the_program_is_killed_everything_goes_with_it() {
    if !overlay_possible() {
        return;
    }
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    prepare(folder.path());
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "workspace::escapes::program_that_is_killed", "--ignored", "--nocapture"])
        .env("TENON_TEST_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = String::new();
    let mut output = program.stdout.take().unwrap();
    while !seen.contains("it runs") {
        let mut piece = [0; 256];
        let count = output.read(&mut piece).unwrap();
        assert!(count > 0, "it ended early: {seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    let mark = folder.path().display().to_string();
    assert!(processes_of(&mark) >= 2);
    program.kill().unwrap();
    program.wait().unwrap();
    wait_until(|| processes_of(&mark) == 0).await;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&mark), "{mounts}");
    // What it had drafted is there.
    let again = open(place(folder.path(), Isolation::Overlay)).await.unwrap();
    let paths: Vec<String> = again.changes().unwrap().into_iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["drafted"]);
}

#[tokio::test]
#[ignore = "the other side of when_the_program_is_killed_everything_goes_with_it"]
async fn program_that_is_killed() {
    let folder = PathBuf::from(std::env::var_os("TENON_TEST_FOLDER").unwrap());
    let workspace = open(place(&folder, Isolation::Overlay)).await.unwrap();
    let (sender, mut output) = mpsc::channel::<Vec<u8>>(4);
    let watch = async {
        output.recv().await.unwrap();
        println!("it runs");
        std::io::stdout().flush().unwrap();
    };
    let command = "echo x > drafted; setsid nohup sleep 1000 & echo started; sleep 1000";
    let _ = tokio::join!(workspace.run(job(command), sender, CancellationToken::new()), watch);
}

/// Processes whose environment names a folder, which all of a workspace's do.
fn processes_of(mark: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap();
    let me = std::process::id().to_string();
    let others = entries.filter_map(Result::ok).filter(|entry| entry.file_name().to_str() != Some(me.as_str()));
    let environments = others.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
    environments.filter(|bytes| bytes.windows(mark.len()).any(|window| window == mark.as_bytes())).count()
}

#[tokio::test]
async fn two_processes_never_work_in_the_same_place() {
    let Some(case) = Outside::open().await else { return };
    let refused = open(place(case.folder.path(), Isolation::Overlay)).await.err().unwrap();
    assert!(refused.to_string().contains("another process"), "{refused}");
}

#[tokio::test]
async fn a_holder_that_was_ended_comes_back_with_the_draft() {
    let Some(case) = Outside::open().await else { return };
    assert_eq!(case.run("echo x > drafted").await.0, Exit::Code(0));
    let me = std::process::id().to_string();
    let state = fs::read_dir("/proc").unwrap().filter_map(Result::ok).find(|entry| {
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let mark = case.folder.path().display().to_string().into_bytes();
        let named = read("environ").windows(mark.len()).any(|window| window == mark);
        let parent = String::from_utf8_lossy(&read("stat")).rsplit(") ").next().unwrap_or_default().to_owned();
        named && parent.split(' ').nth(1) == Some(&me)
    });
    let holder = state.unwrap().file_name().into_string().unwrap();
    assert!(Command::new("kill").args(["-9", &holder]).status().unwrap().success());
    wait_until(|| fs::read_to_string(format!("/proc/{holder}/stat")).map_or(true, |stat| stat.contains(") Z "))).await;
    assert_eq!(case.run("cat drafted").await, (Exit::Code(0), "x\n".to_owned()));
}

#[tokio::test]
async fn the_roots_of_other_processes_lead_nowhere() {
    let Some(case) = Outside::open().await else { return };
    let outside = case.outside();
    let (_, output) = case
        .run(&format!(
            "sleep 5 & for root in /proc/[0-9]*/root /proc/self/root /proc/self/task/*/root /proc/[0-9]*/cwd; do \
             cat \"$root{0}/home/.ssh/id_ed25519\" \"$root/../../../..{0}/home/.netrc\"; echo x > \"$root{0}/outside\"; \
             done 2>/dev/null; echo end",
            outside.display()
        ))
        .await;
    assert_eq!(output, "end\n");
    assert_eq!(fs::read_to_string(outside.join("outside")).unwrap(), "outside\n");
}

#[tokio::test]
async fn the_process_that_reports_cannot_be_traced() {
    let Some(case) = Outside::open().await else { return };
    let attach = "python3 -c \"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(1, libc.ptrace(16, 1, 0, 0))\ntry: print(open('/proc/1/mem', 'rb').read(1))\nexcept OSError: \
                  print('closed')\ntry: print(os.readlink('/proc/1/exe'))\nexcept OSError: print('closed')\"";
    let (exit, output) = case.run(attach).await;
    assert_eq!(exit, Exit::Code(0), "{output}");
    assert!(output.contains("1 -1\n") && output.matches("closed").count() == 2, "{output}");
}

#[tokio::test]
async fn a_command_inherits_nothing_that_is_open() {
    for isolation in super::isolations() {
        let case = super::Case::open(isolation).await;
        let seen = case.sh("for fd in /proc/self/fd/*; do readlink $fd; done; tty; ls -l /proc/self/fd/0").await;
        assert!(seen.contains("not a tty") && seen.contains("/dev/null"), "{seen}");
        let open = case.sh("ls /proc/$$/fd > open; cat open").await;
        // A shell keeps what it reads from at 10 and above.
        assert!(
            open.split_whitespace().all(|fd| matches!(fd, "0" | "1" | "2" | "10" | "255")),
            "{isolation:?}: {open}"
        );
    }
}

#[tokio::test]
async fn links_to_the_outside_are_never_followed_by_our_own_hands() {
    for isolation in super::isolations() {
        let case = super::Case::open(isolation).await;
        let outside = case.folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "outside\n").unwrap();
        let race = format!(
            "while [ ! -e stop ]; do mkdir -p race; echo inside > race/file; rm -rf race; ln -s '{0}' race; rm -f race; done; :",
            outside.display()
        );
        let path = |text: &str| tenon::domain::RepoPath::parse(text).unwrap();
        let hands = async {
            for _ in 0..400 {
                let _ = case.workspace.write(&path("race/file"), b"written\n", None);
                if let Ok(state) = case.workspace.read(&path("race/file")) {
                    assert_ne!(state.bytes, b"outside\n", "{isolation:?}");
                }
                let _ = case.workspace.remove(&path("race/file"));
                let _ = case.workspace.changes();
                tokio::task::yield_now().await;
            }
            case.workspace.write(&path("stop"), b"", None).unwrap();
        };
        let ((exit, output), ()) = tokio::join!(case.run(&race), hands);
        assert_eq!(exit, Exit::Code(0), "{output}");
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "outside\n", "{isolation:?}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "{isolation:?}");
        for link in ["/etc/passwd", "../../../../../../etc/passwd", "/proc/self/environ"] {
            case.sh(&format!("ln -sfn '{link}' way")).await;
            assert!(case.workspace.read(&path("way")).is_err(), "{isolation:?} {link}");
            assert!(case.workspace.write(&path("way"), b"x", None).is_err(), "{isolation:?} {link}");
        }
        assert!(
            case.draft()
                .iter()
                .any(|(name, _, result)| name == "way" && result.as_deref() == Some("l:/proc/self/environ"))
        );
    }
}

#[tokio::test]
async fn a_copy_contains_processes_network_and_the_repository() {
    if !overlay_possible() {
        return;
    }
    let case = super::Case::open(Isolation::Copy).await;
    let repository = case.repository();
    for command in ["echo x > tool.sh", "rm -rf .git", "echo x >> .git/config", "echo x > .git/hooks/pre-commit"] {
        let command = format!("cd '{}' && {command}", repository.display());
        assert!(matches!(case.run(&command).await.0, Exit::Code(code) if code != 0), "{command}");
    }
    let mut victim = Command::new("sleep").arg("1000").spawn().unwrap();
    case.run(&format!("kill -9 {}; kill -9 -1", victim.id())).await;
    assert!(victim.try_wait().unwrap().is_none(), "it was killed");
    victim.kill().unwrap();
    victim.wait().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 2)\"");
    assert!(case.run(&connect).await.0 != Exit::Code(0));
    let notes = case.workspace.notes().join("\n");
    assert!(notes.contains("cannot write your repository") && notes.contains("rest of the machine"), "{notes}");
}
