//! A command that takes too much is stopped with all it started, and told why.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenon::domain::Isolation;
use tenon::workspace::{Exit, Job, Limit, Limits, Workspace, open};
use tokio_util::sync::CancellationToken;

use super::{isolations, make_repository, place, run, run_job};

const MIB: u64 = 1 << 20;

async fn limited(folder: &Path, isolation: Isolation, limits: Limits) -> Box<dyn Workspace> {
    let repository = folder.join("home/repo with space");
    std::fs::create_dir_all(&repository).unwrap();
    make_repository(&repository);
    let mut place = place(folder, isolation);
    place.limits = limits;
    open(place).await.unwrap()
}

fn limits() -> Limits {
    Limits { processes: 120, memory: 4 << 30, disk: 2 << 30, keep_free: 0 }
}

#[tokio::test]
async fn a_fork_bomb_goes_off_in_a_box() {
    for isolation in isolations() {
        let folder = TempDir::new().unwrap();
        let workspace = limited(folder.path(), isolation, limits()).await;
        let begun = Instant::now();
        // Goes on when the machine refuses: one that gives up by itself need never be seen at its limit.
        let bomb =
            "import os, time\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)";
        let (exit, _) = run(&*workspace, &format!("python3 -c \"{bomb}\"")).await;
        assert_eq!(exit, Exit::Exceeded(Limit::Processes(120)), "{isolation:?}");
        assert!(begun.elapsed() < Duration::from_secs(50));
        // The workspace is as good as before.
        assert_eq!(run(&*workspace, "echo well").await, (Exit::Code(0), "well\n".to_owned()));
        let said = Exit::Exceeded(Limit::Processes(120));
        assert!(format!("{said:?}").contains("120"));
    }
}

#[tokio::test]
async fn threads_count_as_processes_do() {
    for isolation in isolations() {
        let folder = TempDir::new().unwrap();
        let workspace = limited(folder.path(), isolation, limits()).await;
        let threads = "python3 -c \"import threading, time\nfor _ in range(140): threading.Thread(target=time.sleep, \
                       args=(100,), daemon=True).start()\ntime.sleep(100)\"";
        assert_eq!(run(&*workspace, threads).await.0, Exit::Exceeded(Limit::Processes(120)), "{isolation:?}");
        let few = threads.replace("140", "40").replace("time.sleep(100)\"", "time.sleep(0.5)\"");
        assert_eq!(run(&*workspace, &few).await.0, Exit::Code(0), "{isolation:?}");
    }
}

#[tokio::test]
async fn a_memory_hog_is_stopped() {
    for isolation in isolations() {
        let folder = TempDir::new().unwrap();
        let workspace = limited(folder.path(), isolation, Limits { memory: 128 * MIB, ..limits() }).await;
        // Two that take half each: it is the sum that counts. Slow enough for the machine to stay calm.
        let hog = "import time\nall = []\nfor _ in range(200):\n    all.append(b'x' * (4 << 20))\n    time.sleep(0.02)\ntime.sleep(100)";
        let (exit, _) = run(&*workspace, &format!("python3 -c \"{hog}\" & python3 -c \"{hog}\"; wait")).await;
        assert_eq!(exit, Exit::Exceeded(Limit::Memory(128 * MIB)), "{isolation:?}");
        let small = "python3 -c \"import time; x = b'x' * (8 << 20); time.sleep(0.4)\"";
        assert_eq!(run(&*workspace, small).await.0, Exit::Code(0));
    }
}

#[tokio::test]
async fn filling_the_disk_is_stopped_and_room_can_be_made() {
    for isolation in isolations() {
        let folder = TempDir::new().unwrap();
        let workspace = limited(folder.path(), isolation, Limits { disk: 24 * MIB, ..limits() }).await;
        let fill = |place: &str| {
            format!(
                "mkdir -p {place}; i=0; while [ $i -lt 400 ]; do head -c 1000000 /dev/urandom > {place}/$i; \
                     i=$((i+1)); sleep 0.01; done"
            )
        };
        let (exit, _) = run(&*workspace, &fill("build")).await;
        assert_eq!(exit, Exit::Exceeded(Limit::Disk(24 * MIB)), "{isolation:?}");
        assert_eq!(run(&*workspace, "rm -r build; sleep 0.6").await.0, Exit::Code(0), "{isolation:?}");
        assert_eq!(run(&*workspace, "echo small > small; sleep 0.6").await.0, Exit::Code(0), "{isolation:?}");
        if isolation == Isolation::Overlay {
            assert_eq!(run(&*workspace, &fill("/tmp/x")).await.0, Exit::Exceeded(Limit::Disk(24 * MIB)));
        }
        // One file alone cannot be larger either, whoever looks.
        let (exit, output) = run(&*workspace, "head -c 40000000 /dev/zero > one; echo $?").await;
        assert!(exit == Exit::Code(0) && output.contains("153") || matches!(exit, Exit::Exceeded(_)), "{output}");
    }
}

#[tokio::test]
async fn an_ordinary_build_is_not_disturbed() {
    for isolation in isolations() {
        let folder = TempDir::new().unwrap();
        let workspace = limited(folder.path(), isolation, Limits::default()).await;
        let script = "for i in $(seq 60); do sleep 0.5 & done; truncate -s 1G sparse; wait; echo done";
        let job = Job { limit: Duration::from_secs(30), ..super::job(script) };
        let (exit, output) = run_job(&*workspace, job, CancellationToken::new()).await;
        assert_eq!((exit, output.as_str()), (Exit::Code(0), "done\n"), "{isolation:?}");
    }
}

#[test]
fn limits_come_from_the_settings() {
    let settings = tenon::config::WorkspaceSettings { memory_mb: Some(512), disk_mb: 3, ..Default::default() };
    let limits = Limits::of(&settings);
    assert_eq!((limits.processes, limits.memory, limits.disk, limits.keep_free), (4_096, 512 * MIB, 3 * MIB, 1 << 30));
    assert!(Limits::default().memory >= 1 << 30);
    assert!(Limit::Disk(3 * MIB).to_string().contains("3 MiB") && Limit::FreeSpace(MIB).to_string().contains("free"));
}
