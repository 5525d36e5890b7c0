//! Every kind of change, and the user's own edits on top of a commit that is taken back, with git as the judge.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;
use tenon::domain::{Change, FileMode, FileState, HunkVerdict, ProposalId, Verdict};
use tenon::git::{GitError, Selection};
use tenon::journal::BlobStore;
use tenon::proposal::{Verdicts, freeze, select};

use super::scratch::{Scratch, change, lines, path, state};

/// Bytes of a file: text of any kind, and no text.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "a",
        "",
        "日本語のテスト",
        "e\u{301}👩\u{200d}🚀",
        "\tx",
        "same",
        "b c",
        "\u{1b}[31m",
    ]);
    let end = prop::sample::select(vec!["\n", "\n", "\r\n"]);
    let text = prop::collection::vec((line, end), 0..24).prop_map(|lines| {
        lines.into_iter().flat_map(|(line, end)| [line.as_bytes(), end.as_bytes()].concat()).collect::<Vec<u8>>()
    });
    prop_oneof![
        6 => text.clone(),
        2 => text.clone().prop_map(|mut bytes| { bytes.pop(); bytes }),
        1 => text.prop_map(|bytes| [b"\xEF\xBB\xBF".as_slice(), &bytes].concat()),
        1 => prop::collection::vec(any::<u8>(), 1..200).prop_map(|mut bytes| { bytes.push(0); bytes }),
        1 => Just(b"\xFF\xFE no text\n".to_vec()),
    ]
}

fn file_state() -> impl Strategy<Value = FileState> {
    let link = prop::sample::select(vec!["a", "dir/../b", "日本", "/absolute/nowhere"]);
    prop_oneof![
        5 => content().prop_map(|bytes| FileState { bytes, mode: FileMode::Regular }),
        2 => content().prop_map(|bytes| FileState { bytes, mode: FileMode::Executable }),
        2 => link.prop_map(|to| FileState { bytes: to.as_bytes().to_vec(), mode: FileMode::Symlink }),
    ]
}

/// What happens to a file.
#[derive(Clone, Debug)]
enum Fate {
    Becomes(FileState),
    /// The other mode with the same bytes, unless it is a link.
    Mode,
    /// A line more, at the end or the beginning.
    Line(bool),
    Gone,
}

#[derive(Clone, Debug)]
struct File {
    base: Option<FileState>,
    fate: Fate,
    moved: bool,
    pick: bool,
}

fn file() -> impl Strategy<Value = File> {
    let fate = prop_oneof![
        3 => file_state().prop_map(Fate::Becomes),
        2 => Just(Fate::Mode),
        3 => any::<bool>().prop_map(Fate::Line),
        1 => Just(Fate::Gone),
    ];
    let base = prop_oneof![5 => file_state().prop_map(Some), 1 => Just(None)];
    (base, fate, prop::bool::weighted(0.3), prop::bool::weighted(0.7)).prop_map(|(base, fate, moved, pick)| File {
        base,
        fate,
        moved,
        pick,
    })
}

impl File {
    fn result(&self) -> Option<FileState> {
        let base = self.base.clone();
        match &self.fate {
            Fate::Becomes(state) => Some(state.clone()),
            Fate::Gone => None,
            Fate::Mode | Fate::Line(_) if base.as_ref().is_none_or(|state| state.mode == FileMode::Symlink) => base,
            Fate::Mode => base.map(|state| FileState {
                mode: if state.mode == FileMode::Regular { FileMode::Executable } else { FileMode::Regular },
                ..state
            }),
            Fate::Line(first) => base.map(|state| FileState {
                bytes: if *first {
                    [b"one more\r\n".as_slice(), &state.bytes].concat()
                } else {
                    [&state.bytes, "\nね".as_bytes()].concat()
                },
                ..state
            }),
        }
    }

    /// The changes it makes: moving is going away here and coming into being there.
    fn changes(&self, number: usize) -> Vec<Change> {
        let here = format!("f{number}");
        let mut changes = if self.moved {
            vec![change(&here, self.base.clone(), None), change(&format!("dir/{here}"), None, self.result())]
        } else {
            vec![change(&here, self.base.clone(), self.result())]
        };
        changes.retain(|change| change.base != change.result);
        changes
    }
}

fn put(scratch: &Scratch, at: &str, state: Option<&FileState>) {
    let path = scratch.path(at);
    let _ = std::fs::remove_file(&path);
    let Some(state) = state else { return };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    if state.mode == FileMode::Symlink {
        symlink(std::ffi::OsStr::from_bytes(&state.bytes), &path).unwrap();
        return;
    }
    std::fs::write(&path, &state.bytes).unwrap();
    let mode = if state.mode == FileMode::Executable { 0o755 } else { 0o644 };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The tree git makes of its own patch of these paths.
fn by_git(scratch: &Scratch, changes: &[Change], paths: &[String]) -> String {
    for change in changes {
        put(scratch, change.path.as_str(), change.result.as_ref());
    }
    scratch.git(&["add", "-A"]);
    if !paths.is_empty() {
        let mut arguments =
            vec!["diff", "--cached", "--binary", "--full-index", "--no-renames", "--output=../patch", "HEAD", "--"];
        arguments.extend(paths.iter().map(String::as_str));
        scratch.git(&arguments);
    }
    scratch.git(&["reset", "-q", "--hard"]);
    scratch.git(&["clean", "-qfd"]);
    if !paths.is_empty() {
        scratch.git(&["apply", "--cached", "--binary", "--whitespace=nowarn", "../patch"]);
    }
    let tree = scratch.git(&["write-tree"]);
    scratch.git(&["reset", "-q", "--hard"]);
    tree
}

#[derive(Clone, Debug)]
enum Edit {
    Keep,
    Replace,
    Remove,
    Insert,
}

fn edits(length: usize) -> impl Strategy<Value = Vec<Edit>> {
    let one =
        prop_oneof![12 => Just(Edit::Keep), 1 => Just(Edit::Replace), 1 => Just(Edit::Remove), 1 => Just(Edit::Insert)];
    prop::collection::vec(one, length)
}

/// No two lines are the same, so that there is one way only to tell what was changed.
fn edited(text: &str, edits: &[Edit], word: &str) -> String {
    let mut out = String::new();
    for (number, (line, edit)) in text.split_inclusive('\n').zip(edits).enumerate() {
        match edit {
            Edit::Keep => out.push_str(line),
            Edit::Replace => out.push_str(&format!("{word} {number}\n")),
            Edit::Remove => {}
            Edit::Insert => out.push_str(&format!("{line}{word} after {number}\n")),
        }
    }
    out
}

/// What `git stash`, going to another commit and `git stash pop` make of it; `None` when they conflict.
fn by_stash(scratch: &Scratch, to: &str) -> Option<(String, String)> {
    let head = scratch.git(&["rev-parse", "HEAD"]);
    let before = (scratch.read("f"), scratch.read("other"));
    let clean = scratch.status().is_empty();
    scratch.git(&["stash", "push", "-q"]);
    scratch.git(&["reset", "-q", "--hard", to]);
    let popped = clean || scratch.command().args(["stash", "pop", "-q"]).output().unwrap().status.success();
    let found = popped.then(|| (scratch.read("f"), scratch.read("other")));
    // As it was, whatever became of popping it.
    scratch.git(&["reset", "-q", "--hard", head.trim()]);
    scratch.write("f", before.0);
    scratch.write("other", before.1);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Renames, modes, links for files and back, binary, any line end: the commit's tree is the one git makes of the same
    /// files, and undo and redo bring back both ends.
    #[test]
    fn any_choice_of_changes_of_any_kind_is_what_git_applies(files in prop::collection::vec(file(), 1..7)) {
        let scratch = Scratch::new();
        for (number, file) in files.iter().enumerate() {
            put(&scratch, &format!("f{number}"), file.base.as_ref());
        }
        scratch.git(&["add", "-A"]);
        scratch.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        let changes: Vec<Change> = files.iter().enumerate().flat_map(|(number, file)| file.changes(number)).collect();
        let blobs = BlobStore::new(scratch.outside().join("blobs"));
        let proposal = freeze(ProposalId::new("p1"), "Change things", "", changes.clone(), &blobs).unwrap();
        let mut verdicts = Verdicts::default();
        let mut paths = Vec::new();
        for (frozen, pick) in proposal.changes.iter().zip(files.iter().cycle().map(|file| file.pick)) {
            let verdict = if pick { Verdict::Accept } else { Verdict::Reject };
            for hunk in &frozen.hunks {
                verdicts.fold(&[HunkVerdict::new(hunk.id.clone(), verdict)]);
            }
            if pick {
                paths.extend([Some(&frozen.path), frozen.old_path.as_ref()].into_iter().flatten().map(ToString::to_string));
            }
        }
        let expected = by_git(&scratch, &changes, &paths);
        let before = scratch.snapshot();
        let selected = select(&proposal, &verdicts, &blobs).unwrap();
        let made = scratch.open().commit(&Selection { files: selected.files, message: "change".to_owned() });
        if paths.is_empty() {
            prop_assert!(matches!(made, Err(GitError::Nothing)), "{made:?}");
            prop_assert_eq!(scratch.snapshot(), before);
            return Ok(());
        }
        let made = made.unwrap();
        prop_assert_eq!(scratch.git(&["rev-parse", "HEAD^{tree}"]), expected);
        prop_assert_eq!(scratch.status(), "");
        let after = scratch.snapshot();
        scratch.open().undo(&made.oid).unwrap();
        prop_assert_eq!(scratch.snapshot(), before);
        scratch.open().redo(&made.oid).unwrap();
        prop_assert_eq!(scratch.snapshot(), after);
        scratch.is_sound();
    }

    /// A commit that is taken back under the user's own edits: what `git stash` around a reset gives, or a refusal that
    /// changes nothing where that conflicts.
    #[test]
    fn undo_under_edits_of_the_user_is_what_a_stash_gives(theirs in edits(30), mine in edits(60), other in any::<bool>()) {
        let base = lines(30);
        let committed = edited(&base, &theirs, "theirs");
        let user = edited(&committed, &mine, "mine");
        prop_assume!(base != committed && committed != user);
        let scratch = Scratch::with(&[("f", &base), ("other", "1\n")]);
        let selection = Selection { files: vec![change("f", state(&base), state(&committed))], message: "change".to_owned() };
        let made = scratch.open().commit(&selection).unwrap();
        scratch.write("f", &user);
        scratch.write("other", if other { "2\n" } else { "1\n" });
        let expected = by_stash(&scratch, "HEAD~1");
        let before = scratch.snapshot();
        let undone = scratch.open().undo(&made.oid);
        match expected {
            Some((f, other)) => {
                prop_assert!(undone.is_ok(), "{undone:?}");
                prop_assert_eq!((scratch.read("f"), scratch.read("other")), (f, other));
                prop_assert_eq!(scratch.head("f"), base);
                let expected = by_stash(&scratch, &made.oid);
                let before = scratch.snapshot();
                let redone = scratch.open().redo(&made.oid);
                match expected {
                    Some(expected) => {
                        prop_assert!(redone.is_ok(), "{redone:?}");
                        prop_assert_eq!((scratch.read("f"), scratch.read("other")), expected);
                        prop_assert_eq!(scratch.head("f"), committed);
                    }
                    None => {
                        prop_assert!(matches!(redone, Err(GitError::Conflict { .. })), "{redone:?}");
                        prop_assert_eq!(scratch.snapshot(), before);
                    }
                }
            }
            None => {
                prop_assert!(matches!(&undone, Err(GitError::Conflict { paths }) if *paths == [path("f")]), "{undone:?}");
                prop_assert_eq!(scratch.snapshot(), before);
            }
        }
        scratch.is_sound();
    }
}
