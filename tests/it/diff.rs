//! Hunks, selections, merges and patches, held against the real git.

mod hunks;
mod lines;
mod merging;
mod patches;
mod selection;
mod text;

use std::path::Path;
use std::process::{Command, Output};

use proptest::prelude::*;
use tenon::domain::RepoPath;

/// Runs git in a folder, with nobody's configuration.
fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap())
        .env("LC_ALL", "C")
        .output()
        .expect("git is installed")
}

/// What `git apply` makes of a patch to the file `f`; `None` on a side means the file is not there.
fn git_apply(old: Option<&[u8]>, patch: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    if let Some(old) = old {
        std::fs::write(&file, old).unwrap();
    }
    std::fs::write(folder.path().join("patch"), patch).unwrap();
    let out = git(folder.path(), &["apply", "--whitespace=nowarn", "patch"]);
    if out.status.success() { Ok(std::fs::read(&file).ok()) } else { Err(String::from_utf8_lossy(&out.stderr).into()) }
}

fn path() -> RepoPath {
    RepoPath::parse("f").unwrap()
}

/// A line as it occurs: repeated, blank, indented, with either line end, not always UTF-8.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "c", "", "}", "    x", "\tx", "    }", "  ", "end"]).prop_map(|text| text.as_bytes().to_vec()),
        2 => "[a-d]{1,3}".prop_map(String::into_bytes),
        2 => prop::sample::select(vec!["日本語", "e\u{301}", "👩\u{200d}🚀", "é"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(prop::sample::select(vec![0xFFu8, 0xC3, 0x28, b'\r', b'-', b'+', b'@', b'\\', b' ']), 1..4),
    ];
    let end = prop::sample::select(vec!["\n", "\n", "\n", "\r\n"]);
    (body, end).prop_map(|(body, end)| [&body, end.as_bytes()].concat())
}

/// A file, perhaps without its last line end, perhaps with a byte order mark.
fn file() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (prop::collection::vec(line(), 0..60), any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(lines, open, mark)| finish(lines, open, mark))
}

fn finish(mut lines: Vec<Vec<u8>>, open: bool, mark: bool) -> Vec<Vec<u8>> {
    if mark && let Some(first) = lines.first_mut() {
        first.splice(0..0, [0xEF, 0xBB, 0xBF]);
    }
    if open && let Some(last) = lines.last_mut() {
        last.truncate(last.len() - 1);
        if last.is_empty() {
            lines.pop();
        }
    }
    lines
}

/// A change at a place, as a fraction of the file: lines removed and lines put there.
type Step = (prop::sample::Index, usize, Vec<Vec<u8>>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0usize..4, prop::collection::vec(line(), 0..4)), 0..6)
}

fn changed(lines: &[Vec<u8>], steps: &[Step]) -> Vec<u8> {
    let mut lines = lines.to_vec();
    for (at, removed, added) in steps {
        let from = at.index(lines.len() + 1);
        let to = (from + removed).min(lines.len());
        lines.splice(from..to, added.iter().cloned());
    }
    // Only the last line of a file lacks its line end.
    let last = lines.len().saturating_sub(1);
    for line in lines.iter_mut().take(last).filter(|line| !line.ends_with(b"\n")) {
        line.push(b'\n');
    }
    lines.concat()
}

/// An old and a new version that have much in common.
fn versions() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let open = prop::bool::weighted(0.2);
    (file(), steps(), open).prop_map(|(lines, steps, open)| {
        let mut new = changed(&lines, &steps);
        if open && new.ends_with(b"\n") {
            new.pop();
        }
        (lines.concat(), new)
    })
}
