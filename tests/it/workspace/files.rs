//! Reading, writing, listing and searching.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tenon::domain::{FileMode, FileState};
use tenon::workspace::{Query, WorkspaceError};

use super::{Case, isolations, path};

#[tokio::test]
async fn writing_changes_the_workspace_and_keeps_modes() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::set_permissions(repository.join("tool.sh"), PermissionsExt::from_mode(0o755)).unwrap();
        })
        .await;
        let workspace = &case.workspace;
        workspace.write(&path("tool.sh"), b"#!/bin/sh\n", None).unwrap();
        workspace.write(&path("new/folder/file.txt"), b"new\r\n", None).unwrap();
        workspace.write(&path("src/app.py"), b"x", Some(FileMode::Executable)).unwrap();
        workspace.write(&path("link"), b"src/app.py", Some(FileMode::Symlink)).unwrap();
        let read = |name: &str| workspace.read(&path(name)).unwrap();
        assert_eq!(read("tool.sh"), FileState { bytes: b"#!/bin/sh\n".to_vec(), mode: FileMode::Executable });
        assert_eq!(read("new/folder/file.txt").bytes, b"new\r\n");
        assert_eq!(read("link").bytes, b"x");
        assert_eq!(case.sh("cat link; test -x src/app.py; cat new/folder/file.txt").await, "xnew\r\n");
        assert_eq!(fs::read_to_string(case.repository().join("tool.sh")).unwrap(), "#!/bin/sh\necho tool\n");
        assert!(!case.repository().join("new").exists());
        workspace.write(&path("link"), b"through", None).unwrap();
        assert_eq!(read("src/app.py").bytes, b"through");
        workspace.remove(&path("new/folder/file.txt")).unwrap();
        assert_eq!(case.sh("test -e new || echo gone").await, "gone\n");
    }
}

#[tokio::test]
async fn nothing_leads_out_through_a_symlink() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.parent().unwrap().join("outside"), "outside").unwrap();
            symlink("../outside", repository.join("out")).unwrap();
            symlink("/etc", repository.join("etc")).unwrap();
            symlink("src", repository.join("in")).unwrap();
        })
        .await;
        let workspace = &case.workspace;
        for name in ["out", "etc/passwd"] {
            let refused = workspace.read(&path(name)).unwrap_err();
            assert!(matches!(refused, WorkspaceError::Escapes(_)), "{name}: {refused:?}");
            let refused = workspace.write(&path(name), b"x", None).unwrap_err();
            assert!(matches!(refused, WorkspaceError::Escapes(_)), "{name}: {refused:?}");
        }
        assert!(matches!(workspace.remove(&path("etc/passwd")).unwrap_err(), WorkspaceError::Escapes(_)));
        assert_eq!(workspace.read(&path("in/app.py")).unwrap().bytes, b"print('one')\nprint('two')\n");
        assert_eq!(fs::read_to_string(case.folder.path().join("home/outside")).unwrap(), "outside");
        // A command that makes a link afterwards opens no door either.
        case.sh("ln -s / root").await;
        assert!(matches!(workspace.read(&path("root/etc/passwd")).unwrap_err(), WorkspaceError::Escapes(_)));
    }
}

#[tokio::test]
async fn what_is_no_file_is_said_to_be_none() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.sh("mkfifo pipe").await;
        let workspace = &case.workspace;
        assert!(matches!(workspace.read(&path("src")), Err(WorkspaceError::Kind { .. })));
        assert!(matches!(workspace.write(&path("src"), b"", None), Err(WorkspaceError::Kind { .. })));
        assert!(matches!(workspace.write(&path("README.md/x"), b"", None), Err(WorkspaceError::Kind { .. })));
        assert!(matches!(workspace.remove(&path("src")), Err(WorkspaceError::Kind { .. })));
        assert!(matches!(workspace.read(&path("pipe")), Err(WorkspaceError::Kind { .. })));
        assert!(matches!(workspace.read(&path("nowhere/x")), Err(WorkspaceError::Missing(_))));
        assert!(matches!(workspace.read(&path("README.md/x")), Err(WorkspaceError::Missing(_))));
        assert!(matches!(workspace.remove(&path("nowhere")), Err(WorkspaceError::Missing(_))));
    }
}

#[tokio::test]
async fn listing_shows_what_git_would_and_stops_at_depth_and_limit() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let names = |from: Option<&str>, depth, limit| {
            let (entries, more) = case.workspace.list(from.map(path).as_ref(), depth, limit).unwrap();
            (entries.iter().map(|entry| entry.path.to_string()).collect::<Vec<_>>(), more)
        };
        let top = [".gitignore", "README.md", "src", "tool.sh", "untracked.txt"];
        assert_eq!(names(None, 1, 100), (top.map(str::to_owned).to_vec(), false), "{isolation:?}");
        let below = ["src/app.py", "src/deep", "src/deep/er.py"];
        assert_eq!(names(Some("src"), 5, 100), (below.map(str::to_owned).to_vec(), false));
        assert_eq!(names(None, 9, 2), (top[..2].iter().map(|name| (*name).to_owned()).collect(), true));
        let (entries, _) = case.workspace.list(Some(&path("src")), 1, 100).unwrap();
        assert_eq!((entries[0].size, entries[0].folder, entries[1].folder), (26, false, true));
        assert!(matches!(case.workspace.list(Some(&path("tool.sh")), 1, 9), Err(WorkspaceError::Kind { .. })));
        assert!(matches!(case.workspace.list(Some(&path("nowhere")), 1, 9), Err(WorkspaceError::Missing(_))));
        // Who names an ignored folder sees what is in it.
        assert_eq!(names(Some("node_modules"), 2, 9).0, ["node_modules/left-pad", "node_modules/left-pad/index.js"]);
    }
}

#[tokio::test]
async fn searching_finds_lines_in_text_that_is_not_ignored() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.join("binary.bin"), b"print\0print\n").unwrap();
            fs::write(repository.join("print.log"), "print\n").unwrap();
            fs::write(repository.join("long.txt"), format!("Print {}\r\n", "ä".repeat(400))).unwrap();
        })
        .await;
        let search = |query: Query| {
            let (hits, more) = case.workspace.search(&query).unwrap();
            let found = hits.iter().map(|hit| format!("{}:{}:{}", hit.path, hit.line, hit.text)).collect::<Vec<_>>();
            (found, more)
        };
        let query = |pattern: &str| Query { pattern: pattern.to_owned(), limit: 10, ..Query::default() };
        let (found, more) = search(query(r"print"));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(!more && found[0].starts_with("long.txt:1:Print ä") && found[0].ends_with("ä…"));
        assert_eq!(&found[1..], ["src/app.py:1:print('one')", "src/app.py:2:print('two')"]);
        assert_eq!(search(query("Print")).0.len(), 1);
        assert_eq!(search(Query { limit: 2, ..query("print") }), (found[..2].to_vec(), true));
        assert_eq!(search(Query { glob: Some("*.py".into()), ..query("=") }).0, ["src/deep/er.py:1:deep = 1"]);
        assert_eq!(search(Query { glob: Some("src/*.py".into()), ..query("=") }).0.len(), 0);
        assert_eq!(search(Query { path: Some(path("src/deep")), ..query("e") }).0, ["src/deep/er.py:1:deep = 1"]);
        assert_eq!(search(Query { path: Some(path("print.log")), ..query("r") }).0, ["print.log:1:print"]);
        assert!(matches!(case.workspace.search(&query("(")), Err(WorkspaceError::Pattern(_))));
        let bad = Query { glob: Some("{a".into()), ..query("a") };
        assert!(matches!(case.workspace.search(&bad), Err(WorkspaceError::Pattern(_))));
    }
}
