//! The user, git and the agent take turns in any order: what is committed is what was shown, and nothing the user wrote
//! is lost.
//!
//! Each line the user writes is a word of its own, so that it can be found again. `TENON_INTERLEAVINGS` says how many
//! orders are tried, `TENON_INTERLEAVING` names one that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tenon::domain::{Change, FileMode, FileState, HunkVerdict, Proposal, ProposalId, RepoPath, Verdict};
use tenon::git::{Fault, GitError, Recovered, Repository, Selection};
use tenon::journal::BlobStore;
use tenon::proposal::{Rebased, Verdicts, freeze, rebase, select, stale};

use super::scratch::{Scratch, path};

const FILES: [&str; 4] = ["a", "dir/b", "dir/c", "new"];
const STEPS: usize = 14;

type Tree = BTreeMap<RepoPath, FileState>;

struct World {
    scratch: Scratch,
    random: fastrand::Rng,
    blobs: BlobStore,
    /// What the agent made of files, and what it made it from.
    draft: BTreeMap<RepoPath, (Option<FileState>, Option<FileState>)>,
    /// What is on the screen, with the bytes of the moment it was put there.
    shown: Option<Proposal>,
    ours: Vec<String>,
    undone: Vec<String>,
    words: usize,
    told: Vec<String>,
    tally: BTreeMap<&'static str, usize>,
}

fn lines(state: Option<&FileState>) -> Vec<String> {
    let text = state.map(|state| String::from_utf8(state.bytes.clone()).unwrap()).unwrap_or_default();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// The words of the user in some bytes.
fn words(bytes: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(bytes).lines().filter(|line| line.starts_with("user")).map(str::to_owned).collect()
}

fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    for name in FILES {
        use std::os::unix::fs::PermissionsExt as _;
        let at = root.join(name);
        if let Ok(bytes) = std::fs::read(&at) {
            let executable = at.metadata().unwrap().permissions().mode() & 0o100 != 0;
            let mode = if executable { FileMode::Executable } else { FileMode::Regular };
            found.insert(path(name), FileState { bytes, mode });
        }
    }
    found
}

impl World {
    fn new(seed: u64) -> Self {
        let text: String = (0..30).map(|line| format!("line {line}\n")).collect();
        let scratch = Scratch::with(&[("a", &text), ("dir/b", &text), ("dir/c", &text)]);
        scratch.git(&["branch", "side"]);
        scratch.git(&["config", "core.fsync", "none"]);
        let blobs = BlobStore::new(scratch.outside().join("blobs"));
        Self {
            scratch,
            random: fastrand::Rng::with_seed(seed),
            blobs,
            draft: BTreeMap::new(),
            shown: None,
            ours: Vec::new(),
            undone: Vec::new(),
            words: 0,
            told: Vec::new(),
            tally: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn refused(&mut self, error: &GitError) {
        self.count(match error {
            GitError::Stale { .. } => "stale",
            GitError::Conflict { .. } => "conflict",
            GitError::Nothing => "nothing",
            GitError::Operation(_) => "operation",
            GitError::NotInHistory(_) => "not in history",
            GitError::InTheWay { .. } => "in the way",
            _ => "other",
        });
    }

    fn tree(&self) -> Tree {
        tree(&self.scratch.root())
    }

    fn pick(&mut self) -> RepoPath {
        path(FILES[self.random.usize(..FILES.len())])
    }

    fn word(&mut self, who: &str) -> String {
        self.words += 1;
        format!("{who} {}\n", self.words)
    }

    fn edited(&mut self, state: Option<&FileState>, who: &str) -> Option<FileState> {
        let mut lines = lines(state);
        let word = self.word(who);
        let at = self.random.usize(..=lines.len());
        match self.random.u8(..10) {
            0 if state.is_some() => return None,
            1..=4 if at < lines.len() && !lines[at].starts_with("user") => lines[at] = word,
            5 if at < lines.len() && !lines[at].starts_with("user") => drop(lines.remove(at)),
            _ => lines.insert(at, word),
        }
        let mut mode = state.map(|state| state.mode).unwrap_or_default();
        if self.random.u8(..12) == 0 {
            mode = FileMode::Executable;
        }
        Some(FileState { bytes: lines.concat().into_bytes(), mode })
    }

    fn put(&self, at: &RepoPath, state: Option<&FileState>) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.scratch.path(at.as_str());
        let Some(state) = state else {
            let _ = std::fs::remove_file(file);
            return;
        };
        self.scratch.write(at.as_str(), &state.bytes);
        let mode = if state.mode == FileMode::Executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A command of the user's that may refuse, as git does.
    fn try_git(&self, arguments: &[&str]) -> bool {
        self.scratch.command().args(arguments).output().unwrap().status.success()
    }

    fn step(&mut self) {
        let what = self.random.u8(..20);
        self.told.push(format!("{what}"));
        match what {
            0..=3 => {
                let at = self.pick();
                let now = self.tree().remove(&at);
                // The user does not delete what the user wrote: then it could not be told from a loss.
                let next = self.edited(now.as_ref(), "user").or(now);
                self.put(&at, next.as_ref());
            }
            4 => drop(self.try_git(&["add", "-A"])),
            5 => {
                let at = self.pick();
                self.try_git(&["add", at.as_str()]);
            }
            6 => drop(self.try_git(&["commit", "-qm", "by the user", "--allow-empty"])),
            7 => {
                let branch = if self.random.bool() { "side" } else { "main" };
                self.try_git(&["checkout", "-q", branch]);
            }
            8 => {
                let onto = if self.random.bool() { "side" } else { "main" };
                if !self.try_git(&["rebase", "-q", onto]) {
                    self.try_git(&["rebase", "--abort"]);
                }
            }
            9..=12 => self.agent_edits(),
            13 => self.propose(),
            14..=16 => self.approve(),
            17 => self.undo(),
            18 => self.redo(),
            _ => self.crash(),
        }
    }

    fn agent_edits(&mut self) {
        let at = self.pick();
        let now = self.tree().remove(&at);
        let (base, result) = self.draft.remove(&at).unwrap_or((now.clone(), now));
        let mut next = self.edited(result.as_ref(), "agent");
        if next.as_ref().is_some_and(|next| next.bytes.is_empty()) {
            next = result;
        }
        self.draft.insert(at, (base, next));
        self.propose();
    }

    fn propose(&mut self) {
        let draft = self.draft.iter().filter(|(_, (base, result))| base != result);
        let changes: Vec<Change> = draft
            .map(|(path, (base, result))| Change { path: path.clone(), base: base.clone(), result: result.clone() })
            .collect();
        self.shown = (!changes.is_empty())
            .then(|| freeze(ProposalId::new("p"), "Change", "change", changes, &self.blobs).unwrap());
    }

    /// Some of the hunks that are shown, as the bytes they stand for.
    fn accepted(&mut self, proposal: &Proposal) -> Selection {
        let mut verdicts = Verdicts::default();
        let all = self.random.bool();
        for (_, hunk) in proposal.hunks() {
            let verdict = if all || self.random.bool() { Verdict::Accept } else { Verdict::Reject };
            let hunk = hunk.id.clone();
            verdicts.fold(&[HunkVerdict::new(hunk, verdict)]);
        }
        let files = select(proposal, &verdicts, &self.blobs).unwrap().files;
        Selection { files, message: "change".to_owned() }
    }

    fn approve(&mut self) {
        let Some(proposal) = self.shown.take() else { return };
        let selection = self.accepted(&proposal);
        let before = Before::of(self);
        let made = self.scratch.open().commit(&selection);
        self.judge(&proposal, &selection, &before, made.map(|made| made.oid));
    }

    fn judge(&mut self, proposal: &Proposal, selection: &Selection, before: &Before, made: Result<String, GitError>) {
        match made {
            Ok(oid) => {
                before.committed(self, selection);
                self.count(if selection.files.len() < proposal.changes.len() { "part committed" } else { "committed" });
                for change in &selection.files {
                    self.draft.remove(&change.path);
                }
                self.ours.push(oid);
            }
            Err(error) => {
                before.nothing_happened(self, &error.to_string());
                self.refused(&error);
                if let GitError::Stale { paths } = error {
                    assert!(!paths.is_empty());
                    assert!(!stale(proposal, &before.tree).is_empty(), "nothing is stale: {paths:?}");
                    self.show_again(proposal);
                }
            }
        }
    }

    /// What was decided on does not hold any more: it goes on top of what is there now and is shown again.
    fn show_again(&mut self, proposal: &Proposal) {
        let tree = self.tree();
        for change in tenon::proposal::states(proposal, &self.blobs).unwrap() {
            let now = tree.get(&change.path).cloned();
            match rebase(&change, now.clone()) {
                Rebased::Clean(Change { path, base, result }) => {
                    let kept = words(&now.map(|now| now.bytes).unwrap_or_default());
                    let shown = words(&result.as_ref().map(|state| state.bytes.clone()).unwrap_or_default());
                    let taken = words(&change.base.map(|state| state.bytes).unwrap_or_default());
                    assert!(
                        kept.iter().all(|word| shown.contains(word) || taken.contains(word)),
                        "a merge lost a word"
                    );
                    self.draft.insert(path, (base, result));
                }
                Rebased::Settled | Rebased::Conflict { .. } => drop(self.draft.remove(&change.path)),
            }
        }
        self.propose();
    }

    fn undo(&mut self) {
        if self.ours.is_empty() {
            return;
        }
        let oid = self.ours.remove(self.random.usize(..self.ours.len()));
        let before = Before::of(self);
        match self.scratch.open().undo(&oid) {
            Ok(_) => {
                before.kept_every_word(self, &BTreeSet::new());
                self.undone.push(oid);
                self.count("undone");
            }
            Err(error) => {
                before.nothing_happened(self, &error.to_string());
                self.refused(&error);
            }
        }
    }

    fn redo(&mut self) {
        let Some(oid) = self.undone.pop() else { return };
        let before = Before::of(self);
        match self.scratch.open().redo(&oid) {
            Ok(moved) => {
                // What the approved change takes away was shown when it was approved.
                let taken =
                    words(self.scratch.git(&["show", "--format=", "-U0", &oid]).replace("\n-", "\n").as_bytes());
                before.kept_every_word(self, &taken);
                self.ours.extend(moved.head);
                self.count("redone");
            }
            Err(error) => {
                before.nothing_happened(self, &error.to_string());
                self.refused(&error);
            }
        }
    }

    /// A commit dies at one of its writes; the next start cleans up.
    fn crash(&mut self) {
        let Some(proposal) = self.shown.take() else { return };
        let selection = self.accepted(&proposal);
        let before = Before::of(self);
        let fault = Fault { after: self.random.u32(..24), kill: true };
        let made = self.scratch.open().with_fault(Some(fault)).commit(&selection);
        let recovered = self.scratch.open().recover().unwrap();
        let moved = before.head != before.head_now(self);
        assert_eq!(
            moved,
            matches!(recovered, Some(Recovered::Finished { .. })) || made.is_ok(),
            "{made:?} {recovered:?}"
        );
        if moved {
            self.count("finished after a crash");
            let oid = before.head_now(self);
            self.judge(&proposal, &selection, &before, Ok(oid));
        } else {
            self.count("taken back after a crash");
            before.nothing_happened(self, "killed");
        }
    }
}

/// Everything there was before an operation.
struct Before {
    tree: Tree,
    index: String,
    head: String,
    head_tree: Tree,
}

impl Before {
    fn of(world: &World) -> Self {
        Self {
            tree: world.tree(),
            index: world.scratch.git(&["ls-files", "-s", "-v"]),
            head: head(world),
            head_tree: head_tree(world),
        }
    }

    fn head_now(&self, world: &World) -> String {
        head(world)
    }

    fn nothing_happened(&self, world: &World, why: &str) {
        assert_eq!(world.tree(), self.tree, "{why}");
        assert_eq!(world.scratch.git(&["ls-files", "-s", "-v"]), self.index, "{why}");
        assert_eq!(head(world), self.head, "{why}");
        world.scratch.is_sound();
    }

    /// The bytes on the disk and in the commit are the bytes that were shown, and nothing else has changed.
    fn committed(&self, world: &World, selection: &Selection) {
        let (tree, head_tree) = (world.tree(), head_tree(world));
        let chosen = |at: &RepoPath| selection.files.iter().find(|change| change.path == *at);
        for at in FILES.map(path) {
            let Some(change) = chosen(&at) else {
                assert_eq!(tree.get(&at), self.tree.get(&at), "{at} was not part of it");
                assert_eq!(head_tree.get(&at), self.head_tree.get(&at), "{at} was not part of it");
                continue;
            };
            assert_eq!(self.tree.get(&at), change.base.as_ref(), "{at} was shown as something else");
            assert_eq!(tree.get(&at), change.result.as_ref(), "{at} on the disk");
            match (self.head_tree.get(&at), &change.base, &change.result) {
                (Some(head), Some(base), Some(result)) if head != base => {
                    let (head, base, result) = (words(&head.bytes), words(&base.bytes), words(&result.bytes));
                    let committed = words(&head_tree.get(&at).unwrap().bytes);
                    let lost = head.iter().find(|word| !committed.contains(*word) && !base.contains(*word));
                    assert_eq!(lost, None, "{at}: a line of HEAD is gone from the commit");
                    let foreign = committed.iter().find(|word| !result.contains(*word) && !head.contains(*word));
                    assert_eq!(foreign, None, "{at}: a line is in the commit that was not shown");
                }
                _ => assert_eq!(head_tree.get(&at), change.result.as_ref(), "{at} in the commit"),
            }
        }
        let others = |text: &str| -> Vec<String> {
            let kept =
                |line: &&str| !selection.files.iter().any(|change| line.ends_with(&format!("\t{}", change.path)));
            text.lines().filter(kept).map(str::to_owned).collect()
        };
        assert_eq!(others(&world.scratch.git(&["ls-files", "-s", "-v"])), others(&self.index));
        world.scratch.is_sound();
    }

    /// Each word of the user on the disk is still there.
    fn kept_every_word(&self, world: &World, but: &BTreeSet<String>) {
        let all = |tree: &Tree| -> BTreeSet<String> { tree.values().flat_map(|state| words(&state.bytes)).collect() };
        let now = all(&world.tree());
        let lost: Vec<String> =
            all(&self.tree).into_iter().filter(|word| !now.contains(word) && !but.contains(word)).collect();
        assert_eq!(lost, Vec::<String>::new());
        world.scratch.is_sound();
    }
}

fn head(world: &World) -> String {
    world.scratch.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

fn head_tree(world: &World) -> Tree {
    let repository = git2::Repository::open(world.scratch.root()).unwrap();
    let tree = repository.head().unwrap().peel_to_tree().unwrap();
    let mut found = Tree::new();
    for name in FILES {
        if let Ok(entry) = tree.get_path(Path::new(name)) {
            let blob = repository.find_blob(entry.id()).unwrap();
            let mode = if entry.filemode() == 0o100_755 { FileMode::Executable } else { FileMode::Regular };
            found.insert(path(name), FileState { bytes: blob.content().to_vec(), mode });
        }
    }
    found
}

fn play(seed: u64) -> BTreeMap<&'static str, usize> {
    let mut world = World::new(seed);
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..STEPS {
            world.step();
        }
    }));
    if let Err(why) = played {
        eprintln!("TENON_INTERLEAVING={seed} fails after the steps {}", world.told.join(" "));
        std::panic::resume_unwind(why);
    }
    world.tally
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_bytes_shown_are_the_bytes_committed_and_nothing_of_the_user_is_lost() {
    if let Some(seed) = number("TENON_INTERLEAVING") {
        eprintln!("{:?}", play(seed));
        return;
    }
    let count = number("TENON_INTERLEAVINGS").unwrap_or(100);
    let all = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let all = &all;
            scope.spawn(move || {
                for seed in (worker..count).step_by(2) {
                    for (what, times) in play(seed) {
                        *all.lock().unwrap().entry(what).or_insert(0) += times;
                    }
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    eprintln!("{all:?}");
    for what in ["committed", "part committed", "stale", "conflict", "undone", "redone", "finished after a crash"] {
        assert!(count < 60 || all.contains_key(what), "{what} never came up");
    }
}

#[test]
fn an_editor_that_saves_during_a_commit_loses_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    for name in ["pre-commit", "commit-msg"] {
        let scratch = Scratch::with(&[("a", "1\n2\n3\n"), ("b", "1\n")]);
        scratch.write(&format!(".git/hooks/{name}"), "#!/bin/sh\necho 'user saved' >> a\necho 'user saved' >> b\n");
        let hook = scratch.path(&format!(".git/hooks/{name}"));
        std::fs::set_permissions(hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let state = |text: &str| super::scratch::state(text);
        let files = vec![super::scratch::change("a", state("1\n2\n3\n"), state("1\nagent\n3\n"))];
        let made = scratch.open().commit(&super::scratch::selection(files));
        assert_eq!(scratch.read("b"), "1\nuser saved\n");
        let kept: Vec<String> = std::fs::read_dir(scratch.path(".git/tenon/kept"))
            .map(|entries| entries.flatten().filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect())
            .unwrap_or_default();
        let somewhere = scratch.read("a").contains("user saved") || kept.iter().any(|text| text.contains("user saved"));
        assert!(somewhere, "{name}: {made:?}");
        if made.is_ok() {
            assert_eq!(scratch.head("a"), "1\nagent\n3\n");
        }
        let _: Repository = scratch.open();
        scratch.is_sound();
    }
}
