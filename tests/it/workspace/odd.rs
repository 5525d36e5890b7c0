//! Repositories and files out of the ordinary: what commands do with them is captured as it is, in both isolations.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use tenon::domain::Isolation;
use tenon::workspace::{Exit, open};

use super::{Case, change, git, isolations, path};

#[tokio::test]
async fn names_of_any_bytes_are_left_alone_or_captured() {
    for isolation in isolations() {
        let odd = std::ffi::OsStr::from_bytes(b"bytes\xff\xfe");
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.join(odd), "odd\n").unwrap();
            fs::write(repository.join("Case.txt"), "1\n").unwrap();
            fs::write(repository.join("tab\there"), "1\n").unwrap();
            git(repository, &["add", "."]);
        })
        .await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.sh("mv Case.txt case.txt; echo 2 > 'tab\there'; echo 3 > '-rf'; echo 4 > ' lead'; echo 5 > 'trail '; \
                 echo 6 > '\"q\"'; echo 7 > 'üñ🦀'; printf x >> \"$(printf 'bytes\\377\\376')\"")
            .await;
        let draft = case.draft();
        let names: Vec<&str> = draft.iter().map(|(name, _, _)| name.as_str()).collect();
        let expected = [" lead", "\"q\"", "-rf", "Case.txt", "case.txt", "tab\there", "trail ", "üñ🦀"];
        assert_eq!(names, expected, "{isolation:?} {:?}", case.workspace.notes());
        assert!(case.workspace.notes().iter().any(|note| note.contains("UTF-8")), "{isolation:?}");
        assert_eq!(fs::read(case.repository().join(odd)).unwrap(), b"odd\n");
    }
}

#[tokio::test]
async fn trees_are_deleted_replaced_and_moved() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            for name in ["big/a/1", "big/a/2", "big/b/3", "other/4"] {
                fs::create_dir_all(repository.join(name).parent().unwrap()).unwrap();
                fs::write(repository.join(name), "x\n").unwrap();
            }
            git(repository, &["add", "."]);
        })
        .await;
        case.sh("rm -rf big && mkdir -p big/a && echo new > big/a/2 && mv other moved && ln -s moved other").await;
        let gone = |name| change(name, Some("x\n"), None);
        let expected = [
            gone("big/a/1"),
            change("big/a/2", Some("x\n"), Some("new\n")),
            gone("big/b/3"),
            change("moved/4", None, Some("x\n")),
            change("other", None, Some("l:moved")),
            gone("other/4"),
        ];
        assert_eq!(case.draft(), expected, "{isolation:?}");
    }
}

#[tokio::test]
async fn modes_links_and_special_files_are_told_apart() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.join("one"), "x\n").unwrap();
            fs::hard_link(repository.join("one"), repository.join("two")).unwrap();
            symlink("one", repository.join("link")).unwrap();
            nix_fifo(&repository.join("pipe"));
        })
        .await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.sh("echo y >> one; chmod 600 two; chmod 711 tool.sh; ln -sfn two link; ln tool.sh hard; \
                 python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('sock')\"; mkfifo other")
            .await;
        let draft = case.draft();
        let expected = [
            change("hard", None, Some("x:#!/bin/sh\necho tool\n")),
            change("link", Some("l:one"), Some("l:two")),
            change("one", Some("x\n"), Some("x\ny\n")),
            change("tool.sh", Some("#!/bin/sh\necho tool\n"), Some("x:#!/bin/sh\necho tool\n")),
        ];
        assert_eq!(draft, expected, "{isolation:?}");
        let notes = case.workspace.notes().join("\n");
        assert!(notes.contains("sock") && notes.contains("other"), "{notes}");
        // What is one file under two names for the user stays so: nothing was written to it.
        assert_eq!(fs::metadata(case.repository().join("one")).unwrap().nlink(), 2);
        assert_eq!(fs::read_to_string(case.repository().join("two")).unwrap(), "x\n");
    }
}

fn nix_fifo(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
}

#[tokio::test]
async fn very_large_and_sparse_files_cost_a_note_and_no_memory() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            let file = fs::File::create(repository.join("huge.bin")).unwrap();
            file.set_len(1 << 30).unwrap();
            git(
                repository,
                &["update-index", "--add", "--cacheinfo", "100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,huge.bin"],
            );
        })
        .await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.sh(
            "printf x | dd of=huge.bin bs=1 seek=1000 conv=notrunc 2>/dev/null; truncate -s 1G made.bin; echo ok > ok",
        )
        .await;
        let names: Vec<String> = case.draft().into_iter().map(|(name, _, _)| name).collect();
        assert_eq!(names, ["ok"], "{isolation:?}");
        let notes = case.workspace.notes().join("\n");
        assert!(notes.contains("huge.bin") && notes.contains("made.bin") && notes.contains("256 MiB"), "{notes}");
        assert!(case.workspace.read(&path("made.bin")).is_err());
    }
}

#[tokio::test]
async fn submodules_and_nested_repositories_keep_their_git_folders() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            let other = repository.parent().unwrap().join("other");
            fs::create_dir(&other).unwrap();
            git(&other, &["init", "-q", "-b", "main"]);
            fs::write(other.join("lib.c"), "1\n").unwrap();
            git(&other, &["add", "."]);
            git(&other, &["commit", "-qm", "lib"]);
            git(
                repository,
                &["-c", "protocol.file.allow=always", "submodule", "add", "-q", other.to_str().unwrap(), "sub"],
            );
            let nested = repository.join("nested");
            fs::create_dir(&nested).unwrap();
            git(&nested, &["init", "-q", "-b", "main"]);
            fs::write(nested.join("n.txt"), "1\n").unwrap();
        })
        .await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.run("echo 2 > sub/lib.c; echo 2 > nested/n.txt; echo x >> nested/.git/config; echo gone > sub/.git").await;
        let names: Vec<String> = case.draft().into_iter().map(|(name, _, _)| name).collect();
        assert_eq!(names, ["nested/n.txt", "sub/lib.c"], "{isolation:?}");
        assert!(fs::read_to_string(case.repository().join("sub/.git")).unwrap().starts_with("gitdir:"));
    }
}

#[tokio::test]
async fn sparse_checkouts_pointers_and_line_ends_are_captured_as_they_lie_there() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.join(".gitattributes"), "*.bin filter=lfs -text\n*.txt text eol=crlf\n").unwrap();
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
            fs::write(repository.join("big.bin"), pointer).unwrap();
            fs::write(repository.join("dos.txt"), "one\r\ntwo\r\n").unwrap();
            fs::create_dir_all(repository.join("left/out")).unwrap();
            fs::write(repository.join("left/out/file"), "1\n").unwrap();
            git(repository, &["add", "-A"]);
            git(repository, &["commit", "-qm", "all"]);
            git(repository, &["sparse-checkout", "set", "src"]);
        })
        .await;
        assert!(!case.repository().join("left").exists());
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.sh("sed -i 's/one/1/' dos.txt; echo oid > big.bin; mkdir -p left/out; echo 2 > left/out/other").await;
        let expected = [
            change(
                "big.bin",
                Some("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
                Some("oid\n"),
            ),
            change("dos.txt", Some("one\r\ntwo\r\n"), Some("1\r\ntwo\r\n")),
            change("left/out/other", None, Some("2\n")),
        ];
        assert_eq!(case.draft(), expected, "{isolation:?}");
    }
}

#[tokio::test]
async fn a_disk_of_its_own_for_the_repository_or_the_workspace_is_no_hindrance() {
    // /dev/shm is another file system than the temporary folder nearly everywhere.
    let shm = Path::new("/dev/shm");
    if !fs::metadata(shm).is_ok_and(|data| data.is_dir() && data.permissions().mode() & 0o002 != 0) {
        eprintln!("SKIPPED: THERE IS NO /dev/shm");
        return;
    }
    for isolation in isolations() {
        for repository_there in [true, false] {
            let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(shm).unwrap());
            let (for_repository, for_state) = if repository_there { (&there, &here) } else { (&here, &there) };
            let repository = for_repository.path().join("home/repo with space");
            fs::create_dir_all(&repository).unwrap();
            super::make_repository(&repository);
            let mut place = super::place(for_repository.path(), isolation);
            place.state = for_state.path().join("state");
            let workspace = open(place).await.unwrap();
            let (exit, output) =
                super::run(&*workspace, "echo x >> tool.sh; rm -r src; echo y > new; git status --short").await;
            assert_eq!(exit, if isolation == Isolation::Copy { exit } else { Exit::Code(0) }, "{output}");
            let names: Vec<String> =
                workspace.changes().unwrap().into_iter().map(|change| change.path.to_string()).collect();
            assert_eq!(names, ["new", "src/app.py", "src/deep/er.py", "tool.sh"], "{isolation:?} {repository_there}");
        }
    }
}

#[tokio::test]
async fn where_the_overlay_cannot_be_set_up_the_copy_takes_its_place_and_says_why() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("home/repo with space")).unwrap();
    super::make_repository(&folder.path().join("home/repo with space"));
    let mut place = super::place(folder.path(), Isolation::Copy);
    place.isolation = None;
    // Something stands where the kernel's own folder belongs.
    fs::create_dir_all(&place.state).unwrap();
    fs::write(place.state.join("work"), "in the way").unwrap();
    let workspace = open(place.clone()).await.unwrap();
    assert_eq!(workspace.isolation(), Isolation::Copy);
    let notes = workspace.notes().join("\n");
    assert!(notes.contains("commands can reach more than the workspace") && notes.contains("/work"), "{notes}");
    assert!(super::run(&*workspace, "echo more >> README.md; cat README.md").await.1.ends_with("\nmore\n"));
    drop(workspace);
    fs::remove_file(place.state.join("work")).unwrap();
    let again = open(place).await.unwrap();
    assert_eq!((again.isolation(), again.changes().unwrap().len()), (Isolation::Copy, 1), "the draft is there again");
}
