//! The overlay over every pair of file systems: the repository on one, the state on another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tenon::domain::Isolation;
use tenon::workspace::open;

use super::{change, git, overlay_possible, place, plain, run};

const KINDS: [&str; 4] = ["ext4", "xfs", "btrfs", "tmpfs"];

#[test]
fn every_pair_of_file_systems_gives_the_same_draft() {
    if !overlay_possible() || !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: ONLY ROOT CAN MAKE DISKS OF OTHER FILE SYSTEMS");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::from("set -e\n");
    for kind in KINDS {
        let disk = folder.path().join(kind);
        fs::create_dir(&disk).unwrap();
        let disk = disk.display();
        script += &match kind {
            "tmpfs" => format!("mount -t tmpfs none '{disk}'\n"),
            _ => format!(
                "truncate -s 400M '{disk}.img'; mkfs.{kind} -q '{disk}.img'; mount -o loop '{disk}.img' '{disk}' || exit 77\n"
            ),
        };
    }
    let test = "workspace::disks::drafts_over_pairs_of_disks";
    let program = std::env::current_exe().unwrap();
    script += &format!("exec '{}' --exact {test} --ignored --nocapture\n", program.display());
    // The mounts live in a mount namespace of their own and go with it.
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .env("TENON_TEST_DISKS", folder.path())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) {
        eprintln!("SKIPPED: DISKS CANNOT BE MOUNTED HERE: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "runs where disks are mounted, see every_pair_of_file_systems_gives_the_same_draft"]
async fn drafts_over_pairs_of_disks() {
    let disks = PathBuf::from(std::env::var_os("TENON_TEST_DISKS").unwrap());
    for repository in KINDS {
        for state in KINDS {
            on_disks(&disks, repository, state).await;
        }
    }
}

async fn on_disks(disks: &Path, repository: &str, state: &str) {
    let pair = format!("{repository}, state on {state}");
    let folder = disks.join(repository).join(format!("with-{state}"));
    let files = folder.join("home/repo with space");
    fs::create_dir_all(&files).unwrap();
    super::make_repository(&files);
    let before = git(&files, &["status", "--porcelain=v2", "-uall"]);
    let mut place = place(&folder, Isolation::Overlay);
    place.state = disks.join(state).join(format!("of-{repository}"));
    let workspace = open(place).await.unwrap();
    assert_eq!(workspace.isolation(), Isolation::Overlay, "{pair}");
    let command = "echo new > new.txt; rm -rf src/deep; mv tool.sh moved.sh; sed -i s/two/2/ src/app.py; \
                   chmod +x untracked.txt; ln -s src link; truncate -s 5M sparse; : > empty";
    let (exit, output) = run(&*workspace, command).await;
    assert_eq!(exit, tenon::workspace::Exit::Code(0), "{pair}: {output}");
    let mut draft: Vec<_> = workspace.changes().unwrap().into_iter().map(plain).collect();
    draft.retain(|(name, _, result)| {
        let sparse = name == "sparse";
        assert!(!sparse || result.as_ref().is_some_and(|text| text.len() == 5 << 20), "{pair}");
        !sparse
    });
    let expected = [
        change("empty", None, Some("")),
        change("link", None, Some("l:src")),
        change("moved.sh", None, Some("#!/bin/sh\necho tool\n")),
        change("new.txt", None, Some("new\n")),
        change("src/app.py", Some("print('one')\nprint('two')\n"), Some("print('one')\nprint('2')\n")),
        change("src/deep/er.py", Some("deep = 1\n"), None),
        change("tool.sh", Some("#!/bin/sh\necho tool\n"), None),
        change("untracked.txt", Some("untracked\n"), Some("x:untracked\n")),
    ];
    assert_eq!(draft, expected, "{pair}");
    assert_eq!(git(&files, &["status", "--porcelain=v2", "-uall"]), before, "{pair}");
}
