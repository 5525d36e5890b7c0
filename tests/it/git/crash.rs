//! An operation that stops at any of its writes leaves before or after, nothing between.

use super::scratch::{Scratch, change, executable, lines, selection, state, symlink};
use tenon::git::{Fault, Recovered, Repository, Selection};

/// A repository with work of the user in it, and a selection of every kind of change.
fn scene() -> (Scratch, Selection) {
    let base = lines(30);
    let scratch = Scratch::with(&[("a", &base), ("gone", "x\n"), ("dir/old", "y\n"), ("b", "1\n"), ("run", "r\n")]);
    scratch.write("b", "staged\n");
    scratch.git(&["add", "b"]);
    scratch.write("b", "unstaged\n");
    let mine = base.replace("line 3\n", "MINE\n");
    scratch.write("a", &mine);
    let selection = selection(vec![
        change("a", state(&mine), state(&mine.replace("line 25\n", "theirs\n"))),
        change("gone", state("x\n"), None),
        change("dir/old", state("y\n"), None),
        change("deep/er/new", None, executable("n\n")),
        change("link", None, symlink("a")),
        change("run", state("r\n"), executable("r\n")),
    ]);
    (scratch, selection)
}

/// Lets `operation` fail after 0, 1, 2 … writes until it succeeds, each time on a scene of its own, and returns how
/// often it failed.
fn at_every_write(
    kill: bool,
    prepare: fn(&Scratch, &Selection) -> String,
    operation: fn(&Repository, &Selection, &str) -> bool,
) -> u32 {
    let expected = {
        let (scratch, selection) = scene();
        let oid = prepare(&scratch, &selection);
        assert!(operation(&scratch.open(), &selection, &oid));
        normal(&scratch.snapshot(), &scratch)
    };
    for after in 0..200 {
        let (scratch, selection) = scene();
        let oid = prepare(&scratch, &selection);
        let before = scratch.snapshot();
        let head = scratch.git(&["rev-parse", "HEAD"]);
        let faulty = scratch.open().with_fault(Some(Fault { after, kill }));
        let succeeded = operation(&faulty, &selection, &oid);
        let recovered = scratch.open().recover().unwrap();
        scratch.is_sound();
        let moved = scratch.git(&["rev-parse", "HEAD"]) != head;
        if !moved {
            assert_eq!(scratch.snapshot(), before, "after {after} writes: {recovered:?}");
            assert!(!matches!(recovered, Some(Recovered::Finished { .. })), "after {after} writes");
            // What failed can be done now.
            assert!(operation(&scratch.open(), &selection, &oid), "after {after} writes");
        }
        let done = normal(&scratch.snapshot(), &scratch);
        assert_eq!(done, expected, "after {after} writes: {recovered:?}");
        if succeeded && recovered.is_none() {
            return after;
        }
    }
    panic!("it never succeeds");
}

/// A snapshot without what differs from run to run: the folder and the names of commits.
fn normal(snapshot: &[String], scratch: &Scratch) -> Vec<String> {
    let root = scratch.root().display().to_string();
    snapshot.iter().filter(|part| !part.contains("refs/heads")).map(|part| part.replace(&root, "")).collect()
}

fn nothing(_: &Scratch, _: &Selection) -> String {
    String::new()
}

fn committed(scratch: &Scratch, selection: &Selection) -> String {
    scratch.open().commit(selection).unwrap().oid
}

fn undone(scratch: &Scratch, selection: &Selection) -> String {
    let oid = committed(scratch, selection);
    scratch.open().undo(&oid).unwrap();
    oid
}

#[test]
fn a_commit_that_fails_at_any_write_is_taken_back() {
    let failures = at_every_write(false, nothing, |repository, selection, _| repository.commit(selection).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_commit_killed_at_any_write_is_taken_back_or_finished() {
    let failures = at_every_write(true, nothing, |repository, selection, _| repository.commit(selection).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn an_undo_killed_at_any_write_is_taken_back_or_finished() {
    let failures = at_every_write(true, committed, |repository, _, oid| repository.undo(oid).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_redo_killed_at_any_write_is_taken_back_or_finished() {
    let failures = at_every_write(true, undone, |repository, _, oid| repository.redo(oid).is_ok());
    assert!(failures > 10, "{failures}");
}

#[test]
fn files_applied_without_a_commit_are_all_there_or_none() {
    for kill in [false, true] {
        for after in 0..30 {
            let (scratch, selection) = scene();
            let before = scratch.snapshot();
            let faulty = scratch.open().with_fault(Some(Fault { after, kill }));
            let applied = faulty.apply(&selection.files).is_ok();
            scratch.open().recover().unwrap();
            scratch.is_sound();
            if !applied {
                assert_eq!(scratch.snapshot(), before, "after {after} writes");
            }
        }
    }
}

#[test]
fn what_the_user_changed_after_a_crash_is_left_alone() {
    let (scratch, selection) = scene();
    for after in 0..200 {
        let faulty = scratch.open().with_fault(Some(Fault { after, kill: true }));
        assert!(faulty.commit(&selection).is_err(), "there is a write after the last file");
        if scratch.path("deep/er/new").exists() {
            break;
        }
        scratch.open().recover().unwrap();
    }
    scratch.write("deep/er/new", "edited by the user\n");
    match scratch.open().recover().unwrap() {
        Some(Recovered::TakenBack { left, .. }) => assert_eq!(left[0].as_str(), "deep/er/new"),
        other => panic!("{other:?}"),
    }
    assert_eq!(scratch.read("deep/er/new"), "edited by the user\n");
    assert_eq!(scratch.read("gone"), "x\n");
    scratch.is_sound();
}

#[test]
fn two_at_once_do_not_mix() {
    let (scratch, selection) = scene();
    let results: Vec<bool> = std::thread::scope(|scope| {
        let run = || scope.spawn(|| scratch.open().commit(&selection).is_ok());
        [run(), run(), run()].map(|thread| thread.join().unwrap()).to_vec()
    });
    assert_eq!(results.iter().filter(|done| **done).count(), 1, "{results:?}");
    assert_eq!(scratch.git(&["rev-list", "--count", "HEAD"]), "2\n");
    scratch.is_sound();
}

/// Starts a test of this program again, in a mount namespace where `folder` is a disk of this many KiB.
fn on_a_small_disk(test: &str, folder: &std::path::Path, kib: u32) -> Option<std::process::Output> {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={kib}k none '{0}' && TMPDIR='{0}' TENON_TEST_DISK='{0}' exec '{1}' --exact {test} --ignored --nocapture",
        folder.display(),
        program.display()
    );
    let output = std::process::Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().ok()?;
    if !output.status.success() && !String::from_utf8_lossy(&output.stdout).contains("running 1 test") {
        assert!(std::env::var("CI").is_err(), "{}", String::from_utf8_lossy(&output.stderr));
        eprintln!("SKIPPED: NO SMALL DISK CAN BE MADE HERE: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(output)
}

#[test]
fn a_disk_that_is_full_at_any_write_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let Some(output) = on_a_small_disk("git::crash::commits_on_a_full_disk", folder.path(), 4_000) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "runs on a small disk, see a_disk_that_is_full_at_any_write_leaves_everything_as_it_was"]
fn commits_on_a_full_disk() {
    let disk = std::path::PathBuf::from(std::env::var_os("TENON_TEST_DISK").unwrap());
    let big: String = (0..3_000).map(|line| format!("line {line} of the file that is changed\n")).collect();
    let changed = big.replace("line 17 ", "line seventeen ").replace("line 2900 ", "line twenty-nine hundred ");
    let (mut failed, mut done) = (0, 0);
    // Room for less and less of it: each time another write is the one that does not fit.
    for room in (0..140).map(|step| step * 4) {
        let scratch = Scratch::with(&[("a", &big), ("gone", "x\n"), ("b", "1\n")]);
        scratch.git(&["gc", "-q"]);
        scratch.write("b", "mine\n");
        let selection = selection(vec![
            change("a", state(&big), state(&changed)),
            change("gone", state("x\n"), None),
            change("new/er", None, state(&changed)),
        ]);
        let before = scratch.snapshot();
        let filler = disk.join("filler");
        let free = || rustix::fs::statvfs(&disk).map(|status| status.f_bavail * status.f_frsize / 1_024).unwrap();
        let fill = usize::try_from(free().saturating_sub(room) * 1_024).unwrap();
        std::fs::write(&filler, vec![0_u8; fill]).unwrap();
        let made = scratch.open().commit(&selection);
        std::fs::remove_file(&filler).unwrap();
        let recovered = scratch.open().recover().unwrap();
        match made {
            Ok(_) => {
                done += 1;
                assert_eq!(scratch.head("a"), changed, "{room} KiB: {recovered:?}");
                assert_eq!(scratch.read("a"), changed);
                assert_eq!(scratch.status(), " M b\n", "{room} KiB: {recovered:?}");
            }
            Err(error) => {
                failed += 1;
                assert_eq!(scratch.snapshot(), before, "{room} KiB: {error}; {recovered:?}");
                assert!(matches!(recovered, None | Some(Recovered::TakenBack { .. })), "{room} KiB: {recovered:?}");
            }
        }
        scratch.is_sound();
    }
    println!("{failed} did not fit, {done} did");
    assert!(failed > 20 && done > 20, "{failed} {done}");
}
