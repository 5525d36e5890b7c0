//! Running commands.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tenon::domain::Isolation;
use tenon::workspace::{Environment, Exit, Job, open};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Case, isolations, job, path, run_job};

#[tokio::test]
async fn a_command_tells_its_end_and_its_output_in_order() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        assert_eq!(case.run("echo a; echo b >&2; echo c; exit 3").await, (Exit::Code(3), "a\nb\nc\n".to_owned()));
        assert_eq!(case.run("kill -9 $$").await.0, Exit::Signal(9));
        assert_eq!(case.sh("cat; pwd").await, format!("{}\n", case.workspace.root().display()));
        let below = Job { folder: Some(path("src/deep")), ..job("basename \"$PWD\"; ls") };
        assert_eq!(run_job(&*case.workspace, below, CancellationToken::new()).await.1, "deep\ner.py\n");
        assert_eq!(case.sh("node_modules/.bin/x 2>/dev/null; cat node_modules/left-pad/index.js").await.len(), 20);
    }
}

#[tokio::test]
async fn credentials_do_not_reach_a_command() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let given = Job { environment: vec![("EXTRA".into(), "given".into())], ..job("env") };
        let (_, output) = run_job(&*case.workspace, given, CancellationToken::new()).await;
        assert!(!output.contains("very secret") && output.contains("EXTRA=given") && output.contains("TERM=dumb"));
    }
}

#[tokio::test]
async fn time_and_cancel_end_everything_a_command_started() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        // Children that try to get away: in the background, in a session of their own, deaf to signals.
        let command = "trap '' TERM HUP; (setsid nohup sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' &) ; \
                       (while :; do sleep 0.05; done) & echo started; while :; do sleep 0.05; done";
        for timed in [true, false] {
            let mark = format!("MARK=tenon-{}-{isolation:?}-{timed}", case.folder.path().display());
            let (name, value) = mark.split_once('=').unwrap();
            let limit = if timed { Duration::from_millis(500) } else { Duration::from_secs(60) };
            let job = Job { limit, environment: vec![(name.into(), value.into())], ..job(command) };
            let cancel = CancellationToken::new();
            let (sender, mut output) = mpsc::channel(4);
            let begun = Instant::now();
            let watch = async {
                assert_eq!(output.recv().await.unwrap(), b"started\n");
                assert!(processes_with(&mark) >= 3);
                if !timed {
                    cancel.cancel();
                }
            };
            let (exit, ()) = tokio::join!(case.workspace.run(job, sender, cancel.clone()), watch);
            assert_eq!(exit.unwrap(), if timed { Exit::TimedOut } else { Exit::Cancelled });
            assert!(begun.elapsed() < Duration::from_secs(20));
            assert_eq!(processes_with(&mark), 0, "{isolation:?} {timed}");
        }
    }
}

#[tokio::test]
async fn what_a_finished_command_leaves_behind_is_ended() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let mark = format!("MARK=left-{}-{isolation:?}", case.folder.path().display());
        let command = format!("{mark:?} setsid nohup sleep 1000 & {mark:?} sleep 1000 & echo done").replace('"', "");
        assert_eq!(case.sh(&command).await, "done\n");
        assert_eq!(processes_with(&mark), 0);
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_command_and_a_gone_reader_does_not_stop_it() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(1);
        let big = job("head -c 3000000 /dev/zero; touch reached");
        let read = async {
            let first = receiver.recv().await.unwrap().len();
            assert!(case.workspace.read(&path("reached")).is_err(), "the command ran ahead of its reader");
            let mut all = first;
            while let Some(piece) = receiver.recv().await {
                all += piece.len();
            }
            all
        };
        let (exit, all) = tokio::join!(case.workspace.run(big.clone(), sender, CancellationToken::new()), read);
        assert_eq!((exit.unwrap(), all), (Exit::Code(0), 3_000_000));
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        assert_eq!(case.workspace.run(big, sender, CancellationToken::new()).await.unwrap(), Exit::Code(0));
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_is_an_error_and_no_crash() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let job = Job { folder: Some(path("nowhere")), ..job("true") };
        let (sender, _receiver) = mpsc::channel(1);
        let refused = case.workspace.run(job, sender, CancellationToken::new()).await.unwrap_err();
        assert!(refused.to_string().contains("nowhere"), "{refused}");
    }
}

/// How many processes of this machine carry a mark in their environment.
fn processes_with(mark: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap();
    let environments = entries.filter_map(|entry| fs::read(entry.ok()?.path().join("environ")).ok());
    environments.filter(|bytes| bytes.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())).count()
}

#[tokio::test]
async fn without_namespaces_a_command_still_ends_with_all_it_started() {
    let folder = tempfile::TempDir::new().unwrap();
    // A helper that cannot probe: what remains is the tree of processes.
    let helper = folder.path().join("helper");
    let program = env!("CARGO_BIN_EXE_tenon");
    fs::write(&helper, format!("#!/bin/sh\n[ \"$2\" = probe ] && exit 1\nexec '{program}' \"$@\"\n")).unwrap();
    fs::set_permissions(&helper, PermissionsExt::from_mode(0o755)).unwrap();
    let repository = folder.path().join("home/repo with space");
    fs::create_dir_all(&repository).unwrap();
    super::make_repository(&repository);
    let mut place = super::place(folder.path(), Isolation::Copy);
    place.helper = Some(helper);
    let workspace = open(place).await.unwrap();
    let mark = format!("MARK=plain-{}", folder.path().display());
    let (name, value) = mark.split_once('=').unwrap();
    for (end, limit) in [("exit 7", 60_000), ("sleep 1000", 300)] {
        let command = format!("(setsid nohup sleep 1000 &) ; (setsid sh -c '(sleep 1000 &)' &) ; sleep 1000 & {end}");
        let limit = Duration::from_millis(limit);
        let job = Job { limit, environment: vec![(name.into(), value.into())], ..job(&command) };
        let (exit, _) = run_job(&*workspace, job, CancellationToken::new()).await;
        assert_eq!(exit, if end == "exit 7" { Exit::Code(7) } else { Exit::TimedOut });
        assert_eq!(processes_with(&mark), 0, "{end}");
    }
}

#[tokio::test]
async fn it_works_without_a_home() {
    for isolation in isolations() {
        let folder = tempfile::TempDir::new().unwrap();
        let repository = folder.path().join("home/repo with space");
        fs::create_dir_all(&repository).unwrap();
        super::make_repository(&repository);
        for home in [None, Some("/nowhere/at/all"), Some("relative"), Some("/"), repository.to_str()] {
            let mut environment = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
            environment.extend(home.map(|home| ("HOME".to_owned(), home.to_owned())));
            let mut place = super::place(folder.path(), isolation);
            place.environment = Environment::cleaned(&environment);
            let workspace = open(place).await.unwrap();
            let (exit, output) = super::run(&*workspace, "echo x > made && cat tool.sh made").await;
            assert_eq!((exit, output.lines().count()), (Exit::Code(0), 3), "{isolation:?} {home:?} {output}");
            assert_eq!(workspace.changes().unwrap().len(), 1, "{isolation:?} {home:?}");
        }
    }
}

#[tokio::test]
async fn a_helper_that_is_not_there_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let repository = folder.path().join("home/repo with space");
    fs::create_dir_all(&repository).unwrap();
    super::make_repository(&repository);
    let mut place = super::place(folder.path(), Isolation::Overlay);
    place.helper = Some(folder.path().join("nothing"));
    assert!(open(place.clone()).await.err().unwrap().to_string().contains("nothing"));
    place.helper = Some("/bin/false".into());
    assert!(open(place).await.err().unwrap().to_string().contains("does not answer"));
}

#[tokio::test]
async fn packages_of_the_repository_itself_are_those_of_the_workspace() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            let modules = repository.join("node_modules");
            fs::create_dir_all(modules.join("@own")).unwrap();
            std::os::unix::fs::symlink("../../src/deep", modules.join("@own/deep")).unwrap();
            std::os::unix::fs::symlink(repository.join("src"), modules.join("sources")).unwrap();
        })
        .await;
        let files = [("src/deep/er.py", "deep = 2\n"), ("src/app.py", "print(2)\n")];
        for (file, text) in files {
            case.workspace.write(&path(file), text.as_bytes(), None).unwrap();
        }
        let command = "cat node_modules/@own/deep/er.py node_modules/sources/app.py node_modules/left-pad/index.js";
        let seen = "deep = 2\nprint(2)\nmodule.exports = 1;\n";
        assert_eq!(case.sh(command).await, seen, "{isolation:?}");
        let fork = case.workspace.fork(Vec::new()).await.unwrap();
        assert_eq!(super::run(&*fork, command).await, (Exit::Code(0), seen.to_owned()), "{isolation:?}");
        assert!(case.draft().iter().all(|(path, ..)| path.starts_with("src/")), "{:?}", case.draft());
    }
}
