//! What became of the files: changes, forks, resets, and what stays as it was.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tenon::domain::{FileMode, FileState, Isolation};
use tenon::workspace::open;

use super::{Case, change, git, isolations, path, place, plain, run};

/// Everything about a tree that must not change: kind, mode, times, size, bytes.
fn look(folder: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, u64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        let metadata = fs::symlink_metadata(&at).unwrap();
        let bytes = if metadata.is_dir() {
            waiting.extend(fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if metadata.is_symlink() {
            fs::read_link(&at).unwrap().into_os_string().into_encoded_bytes()
        } else {
            fs::read(&at).unwrap()
        };
        all.insert(at, (metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino(), bytes));
    }
    all
}

#[tokio::test]
async fn the_users_tree_index_and_git_folder_stay_as_they_were() {
    for isolation in isolations() {
        let folder = Case::open(isolation).await;
        let before = look(&folder.repository());
        let workspace = &folder.workspace;
        workspace.write(&path("src/app.py"), b"changed\n", Some(FileMode::Executable)).unwrap();
        workspace.write(&path("new/file"), b"new\n", None).unwrap();
        workspace.remove(&path("src/deep/er.py")).unwrap();
        folder
            .sh("echo more >> README.md; rm -rf generated; mv untracked.txt moved.txt; chmod 700 tool.sh; \
                 mkdir -p made; echo x > made/x; ln -s made/x l; git status >/dev/null 2>&1; true")
            .await;
        assert!(folder.draft().len() >= 8);
        assert_eq!(look(&folder.repository()), before, "{isolation:?}");
        drop(folder.workspace);
        assert_eq!(look(&place(folder.folder.path(), isolation).repository), before, "{isolation:?}");
    }
}

#[tokio::test]
async fn the_draft_is_what_tools_and_commands_did() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.workspace.write(&path("src/app.py"), b"edited\n", None).unwrap();
        case.workspace.write(&path("debug.log"), b"ignored\n", None).unwrap();
        case.sh("mkdir -p gen/a && echo g > gen/a/code.py && echo log > gen/x.log && mkdir build && echo b > build/b")
            .await;
        case.sh("echo more >> generated/tracked.txt; echo new > generated/new.txt; chmod +x tool.sh").await;
        case.sh("mv src/deep/er.py src/renamed.py; rmdir src/deep; rm untracked.txt; ln -s src/app.py link").await;
        case.sh("touch README.md; cp .gitignore x && cp x .gitignore && rm x").await;
        let expected = [
            change("gen/a/code.py", None, Some("g\n")),
            change(
                "generated/tracked.txt",
                Some("tracked although ignored\n"),
                Some("tracked although ignored\nmore\n"),
            ),
            change("link", None, Some("l:src/app.py")),
            change("src/app.py", Some("print('one')\nprint('two')\n"), Some("edited\n")),
            change("src/deep/er.py", Some("deep = 1\n"), None),
            change("src/renamed.py", None, Some("deep = 1\n")),
            change("tool.sh", Some("#!/bin/sh\necho tool\n"), Some("x:#!/bin/sh\necho tool\n")),
            change("untracked.txt", Some("untracked\n"), None),
        ];
        assert_eq!(case.draft(), expected, "{isolation:?}");
        assert_eq!(case.workspace.changes().unwrap()[3].base.as_ref().unwrap().mode, FileMode::Regular);
    }
}

#[tokio::test]
async fn folders_and_files_may_take_each_others_place() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.sh("rm -rf src; echo file > src; rm tool.sh; mkdir tool.sh; echo in > tool.sh/in").await;
        let gone = [
            change("src", None, Some("file\n")),
            change("src/app.py", Some("print('one')\nprint('two')\n"), None),
            change("src/deep/er.py", Some("deep = 1\n"), None),
            change("tool.sh", Some("#!/bin/sh\necho tool\n"), None),
            change("tool.sh/in", None, Some("in\n")),
        ];
        assert_eq!(case.draft(), gone, "{isolation:?}");
        case.sh("rm src; mkdir -p src/deep; echo again > src/deep/er.py").await;
        assert_eq!(
            case.draft()[..2],
            [
                change("src/app.py", Some("print('one')\nprint('two')\n"), None),
                change("src/deep/er.py", Some("deep = 1\n"), Some("again\n")),
            ],
            "{isolation:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_proposed_is_left_out_with_a_note() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.sh(
            "mkfifo pipe; printf x > \"$(printf 'a\\377b')\"; printf y > \"$(printf 'line\\nbreak')\"; echo z > ok",
        )
        .await;
        let paths: Vec<String> = case.draft().into_iter().map(|(path, _, _)| path).collect();
        assert_eq!(paths, ["line\nbreak", "ok"], "{isolation:?}");
        let notes = case.workspace.notes();
        assert!(notes.iter().any(|note| note.contains("pipe")), "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("UTF-8")), "{notes:?}");
    }
}

#[tokio::test]
async fn git_folders_are_never_part_of_a_draft() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.sh("mkdir nested && cd nested && git init -q . && echo n > n.txt").await;
        let paths: Vec<String> = case.draft().into_iter().map(|(path, _, _)| path).collect();
        assert_eq!(paths, ["nested/n.txt"], "{isolation:?}");
    }
}

#[tokio::test]
async fn a_new_ignore_rule_counts_at_once() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.sh("echo /out >> .gitignore; mkdir out; echo o > out/o; echo s > src/out").await;
        let paths: Vec<String> = case.draft().into_iter().map(|(path, _, _)| path).collect();
        assert_eq!(paths, [".gitignore", "src/out"], "{isolation:?}");
    }
}

#[tokio::test]
async fn the_draft_is_found_again() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.workspace.write(&path("src/app.py"), b"edited\n", None).unwrap();
        case.sh("rm -r src/deep; echo kept > build").await;
        let draft = case.draft();
        let Case { folder, workspace } = case;
        drop(workspace);
        let again = open(place(folder.path(), isolation)).await.unwrap();
        assert_eq!(again.changes().unwrap().into_iter().map(plain).collect::<Vec<_>>(), draft, "{isolation:?}");
        assert_eq!(run(&*again, "cat src/app.py build; ls src").await.1, "edited\nkept\napp.py\n");
    }
}

#[tokio::test]
async fn a_fork_sees_the_draft_and_leaves_it_alone() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.workspace.write(&path("src/app.py"), b"edited\n", None).unwrap();
        case.sh("mkdir -p build; echo built > build/out; rm untracked.txt").await;
        let draft = case.draft();
        let original = FileState { bytes: b"print('one')\nprint('two')\n".to_vec(), mode: FileMode::Regular };
        let files = vec![(path("src/app.py"), Some(original)), (path("tool.sh"), None)];
        let fork = case.workspace.fork(files).await.unwrap();
        let (_, seen) =
            run(&*fork, "head -1 src/app.py; cat build/out; ls; echo y > src/deep/er.py; rm README.md").await;
        assert_eq!(
            seen, "print('one')\nbuilt\nREADME.md\nbuild\ndebug.log\ngenerated\nnode_modules\nsrc\n",
            "{isolation:?}"
        );
        let changed: Vec<String> = fork.changes().unwrap().into_iter().map(|change| change.path.to_string()).collect();
        assert_eq!(changed, ["README.md", "src/deep/er.py", "tool.sh", "untracked.txt"], "{isolation:?}");
        assert_eq!(case.draft(), draft);
        assert_eq!(case.sh("cat src/app.py tool.sh").await, "edited\n#!/bin/sh\necho tool\n");
        drop(fork);
        assert!(fs::read_dir(case.folder.path().join("state/forks")).unwrap().next().is_none());
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_takes_its_files_with_it() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        fs::create_dir_all(case.workspace.root().join("made/deep")).unwrap();
        fs::write(case.workspace.root().join("made/deep/file"), "of the user\n").unwrap();
        case.sh("ls made/deep/file && rm -rf made").await;
        assert!(case.workspace.read(&path("made/deep/file")).is_err(), "{isolation:?}");
    }
}

#[tokio::test]
async fn a_reset_shows_the_users_tree_as_it_is_now() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.workspace.write(&path("src/app.py"), b"edited\n", None).unwrap();
        case.workspace.write(&path("src/new.py"), b"new\n", None).unwrap();
        case.sh("rm -r src/deep; mkdir build; echo built > build/out").await;
        // The user commits one file of the draft and goes on editing it.
        fs::write(case.repository().join("src/app.py"), "by the user\n").unwrap();
        fs::create_dir_all(case.repository().join("src/deep")).unwrap();
        fs::write(case.repository().join("src/deep/er.py"), "deep by the user\n").unwrap();
        case.workspace.reset(Some(vec![path("src/app.py"), path("src/deep/er.py")])).await.unwrap();
        assert_eq!(case.draft(), [change("src/new.py", None, Some("new\n"))], "{isolation:?}");
        assert_eq!(case.sh("cat src/app.py src/deep/er.py build/out").await, "by the user\ndeep by the user\nbuilt\n");
        case.workspace.reset(None).await.unwrap();
        assert_eq!(case.draft(), [], "{isolation:?}");
        assert_eq!(case.sh("ls src; ls build 2>/dev/null || true").await, "app.py\ndeep\n");
    }
}

#[tokio::test]
async fn what_the_user_edits_meanwhile_is_no_change_of_ours() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        case.workspace.write(&path("src/app.py"), b"edited\n", None).unwrap();
        fs::write(case.repository().join("src/deep/er.py"), "by the user\n").unwrap();
        fs::write(case.repository().join("theirs.txt"), "by the user\n").unwrap();
        fs::remove_file(case.repository().join("tool.sh")).unwrap();
        let paths: Vec<String> = case.draft().into_iter().map(|(path, _, _)| path).collect();
        assert_eq!(paths, ["src/app.py"], "{isolation:?}");
    }
}

#[tokio::test]
async fn worktrees_and_submodules_are_repositories_too() {
    for isolation in isolations() {
        let case = Case::open(isolation).await;
        let main = case.repository();
        let tree = case.folder.path().join("home/tree");
        git(&main, &["worktree", "add", "-q", tree.to_str().unwrap()]);
        let mut place = place(case.folder.path(), isolation);
        place.repository = tree.canonicalize().unwrap();
        place.state = case.folder.path().join("state of the tree");
        let workspace = open(place).await.unwrap();
        run(&*workspace, "echo x >> generated/tracked.txt; echo y > generated/y; echo gone > .git 2>/dev/null").await;
        let changed: Vec<String> =
            workspace.changes().unwrap().into_iter().map(|change| change.path.to_string()).collect();
        assert_eq!(changed, ["generated/tracked.txt"], "{isolation:?}");
        assert!(fs::read_to_string(tree.join(".git")).unwrap().starts_with("gitdir:"));
    }
}

#[tokio::test]
async fn unreadable_and_odd_files_of_the_user_do_not_stop_it() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.join("locked"), "x").unwrap();
            fs::set_permissions(repository.join("locked"), PermissionsExt::from_mode(0o000)).unwrap();
            symlink("nowhere", repository.join("dangling")).unwrap();
        })
        .await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        case.sh("rm dangling; echo x > dangling").await;
        assert_eq!(case.draft(), [change("dangling", Some("l:nowhere"), Some("x\n"))]);
    }
}

#[tokio::test]
async fn every_form_of_the_index_tells_what_is_tracked() {
    for form in [&["update-index", "--index-version", "4"][..], &["update-index", "--split-index"], &["status"]] {
        let case = Case::open_with(Isolation::Copy, |repository| {
            for number in 0..40 {
                let file = repository.join(format!("generated/a{number}/file{number}"));
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, "tracked\n").unwrap();
            }
            git(repository, &["add", "-f", "generated"]);
            git(repository, &["add", "-N", "untracked.txt"]);
            git(repository, form);
        })
        .await;
        case.sh("for file in generated/a*/file*; do echo x >> $file; done; echo x > generated/a1/new").await;
        assert_eq!(case.draft().len(), 40, "{form:?}");
    }
}

/// Paths that get into each other's way, as files and as folders.
const CROWDED: [&str; 9] = ["a", "a/b", "a/b/c", "a/b/d", "a/e", "f/g/h", "f/g/i", "f/j", "k"];

#[tokio::test]
async fn a_reset_takes_exactly_the_named_paths_out_of_any_draft() {
    for isolation in isolations() {
        for seed in 0..8 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut pick = |paths: &[&'static str], chance: f64| {
                paths.iter().copied().filter(|_| random.f64() < chance).collect::<Vec<_>>()
            };
            let based = pick(&CROWDED[2..], 0.7);
            let case = Case::open_with(isolation, |repository| {
                for name in &based {
                    let file = repository.join(name);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(file, format!("base {name}\n")).unwrap();
                }
            })
            .await;
            let (gone, made) = (pick(&CROWDED, 0.4), pick(&CROWDED, 0.4));
            let mut script: String = gone.iter().map(|name| format!("rm -rf {name}\n")).collect();
            for name in &made {
                script += &format!(
                    "mkdir -p $(dirname {name}) 2>/dev/null && test ! -d {name} && echo draft {name} > {name}\n"
                );
            }
            case.run(&script).await;
            let draft = case.draft();
            let named: Vec<&str> = draft.iter().map(|(path, _, _)| path.as_str()).collect();
            let reset: Vec<String> = named.iter().filter(|_| random.bool()).map(|name| (*name).to_owned()).collect();
            // What stands in the way of a path that comes back cannot stay: such a draft has to be reset together.
            let in_the_way =
                |one: &str, other: &str| other.starts_with(&format!("{one}/")) || one.starts_with(&format!("{other}/"));
            let apart = reset
                .iter()
                .all(|one| named.iter().all(|other| reset.iter().any(|r| r == other) || !in_the_way(one, other)));
            let expected: Vec<_> = draft.iter().filter(|(path, _, _)| !reset.contains(path)).cloned().collect();
            case.workspace.reset(Some(reset.iter().map(|name| path(name)).collect())).await.unwrap();
            if apart {
                assert_eq!(
                    case.draft(),
                    expected,
                    "{isolation:?} {seed}: based {based:?}, reset {reset:?} of {draft:?}"
                );
            }
            for (name, base, _) in draft.iter().filter(|(path, _, _)| reset.contains(path)) {
                let now = case.workspace.read(&path(name)).ok().map(|state| String::from_utf8(state.bytes).unwrap());
                assert!(!apart || &now == base, "{isolation:?} {seed}: {name} is {now:?}, not {base:?}");
            }
            case.workspace.reset(None).await.unwrap();
            assert_eq!(case.draft(), [], "{isolation:?} {seed}");
        }
    }
}

#[tokio::test]
async fn what_the_user_edits_meanwhile_in_a_file_of_the_draft_is_merged_into_it() {
    for isolation in isolations() {
        let lines = |edit: &[(usize, &str)]| -> String {
            let line = |number| {
                edit.iter().find(|(at, _)| *at == number).map_or(format!("{number}\n"), |(_, text)| format!("{text}\n"))
            };
            (1..=9).map(line).collect()
        };
        let case = Case::open_with(isolation, |repository| {
            for name in ["both", "same", "undone", "ran", "theirs", "gone"] {
                fs::write(repository.join(name), lines(&[])).unwrap();
            }
        })
        .await;
        let write = |name: &str, text: &str| case.workspace.write(&path(name), text.as_bytes(), None).unwrap();
        write("both", &lines(&[(8, "agent")]));
        write("same", &lines(&[(2, "agent")]));
        write("undone", &lines(&[(8, "agent")]));
        case.sh("sed -i 's/^8$/agent/' ran; rm gone").await;
        let user = |name: &str, text: &str| fs::write(case.repository().join(name), text).unwrap();
        for name in ["both", "undone", "ran", "theirs", "same"] {
            user(name, &lines(&[(2, "user")]));
        }
        write("undone", &lines(&[]));
        let expected = [
            change("both", Some(&lines(&[(2, "user")])), Some(&lines(&[(2, "user"), (8, "agent")]))),
            change("gone", Some(&lines(&[])), None),
            change("ran", Some(&lines(&[(2, "user")])), Some(&lines(&[(2, "user"), (8, "agent")]))),
        ];
        let draft = case.draft();
        let of = |name: &str| draft.iter().find(|(path, _, _)| path == name);
        assert_eq!([of("both"), of("gone"), of("ran")], expected.each_ref().map(Some), "{isolation:?}");
        assert_eq!((of("undone"), of("theirs")), (None, None), "{isolation:?}");
        let marked = of("same").unwrap().2.clone().unwrap();
        assert!(marked.contains("user\n") && marked.contains("agent\n") && marked.contains("<<<<<<<"), "{marked}");
        assert!(case.workspace.notes().iter().any(|note| note.starts_with("same: ")), "{:?}", case.workspace.notes());
        // Commands see what is going to be proposed, and it does not change by looking again.
        assert!(case.sh("cat ran").await.contains("user\n"));
        assert_eq!(case.draft(), draft, "{isolation:?}");
        // What one removed and the other changed is told.
        user("gone", "kept by the user\n");
        assert_eq!(
            case.draft().iter().find(|(path, _, _)| path == "gone"),
            Some(&change("gone", Some("kept by the user\n"), None))
        );
        assert!(case.workspace.notes().iter().any(|note| note.starts_with("gone: ")));
    }
}

#[tokio::test]
async fn what_the_user_begins_to_track_meanwhile_is_known() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, |repository| {
            fs::write(repository.join("generated/late.txt"), "late\n").unwrap();
        })
        .await;
        case.sh("echo more > generated/late.txt").await;
        assert_eq!(case.draft(), [], "{isolation:?}: an ignored file is no part of it");
        git(&case.repository(), &["add", "-f", "generated/late.txt"]);
        assert_eq!(case.draft(), [change("generated/late.txt", Some("late\n"), Some("more\n"))], "{isolation:?}");
        git(&case.repository(), &["update-index", "--split-index"]);
        git(&case.repository(), &["rm", "-q", "-f", "--cached", "README.md"]);
        assert_eq!(case.draft().len(), 1, "{isolation:?}");
    }
}
