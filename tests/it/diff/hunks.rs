//! Our hunks are the hunks git shows.

use proptest::prelude::*;
use tenon::diff::compare;

use super::{git, path, versions};

/// The hunk headers of `git diff`, as ranges.
fn git_hunks(old: &[u8], new: &[u8]) -> Vec<([usize; 2], [usize; 2])> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old"), old).unwrap();
    std::fs::write(folder.path().join("new"), new).unwrap();
    let out = git(folder.path(), &["diff", "--no-index", "--no-color", "--text", "old", "new"]).stdout;
    let range = |text: &str| -> [usize; 2] {
        let (start, lines) = text[1..].split_once(',').unwrap_or((&text[1..], "1"));
        [start.parse().unwrap(), lines.parse().unwrap()]
    };
    out.split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"@@ "))
        .map(|line| {
            let text = String::from_utf8_lossy(line).into_owned();
            let words: Vec<&str> = text.split(' ').collect();
            (range(words[1]), range(words[2]))
        })
        .collect()
}

fn our_hunks(old: &[u8], new: &[u8]) -> Vec<([usize; 2], [usize; 2])> {
    compare(&path(), old, new).hunks.into_iter().map(|hunk| (hunk.hunk.old, hunk.hunk.new)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn hunks_are_gits((old, new) in versions()) {
        prop_assert_eq!(our_hunks(&old, &new), git_hunks(&old, &new), "{:?} -> {:?}", String::from_utf8_lossy(&old), String::from_utf8_lossy(&new));
    }
}

/// Holds two folders of real files against each other: `TENON_DIFF_PAIRS=old:new cargo test pairs -- --ignored --nocapture`.
#[test]
#[ignore = "needs two folders"]
fn pairs() {
    let folders = std::env::var("TENON_DIFF_PAIRS").unwrap();
    let (mut same, mut other) = (0, 0);
    for pair in folders.split(' ') {
        let (old, new) = pair.split_once(':').unwrap();
        let mut stack = vec![std::path::PathBuf::new()];
        while let Some(relative) = stack.pop() {
            for entry in std::fs::read_dir(std::path::Path::new(old).join(&relative)).unwrap() {
                let entry = entry.unwrap();
                let name = relative.join(entry.file_name());
                if entry.path().is_dir() {
                    stack.push(name);
                } else if let (Ok(a), Ok(b)) =
                    (std::fs::read(entry.path()), std::fs::read(std::path::Path::new(new).join(&name)))
                    && a != b
                    && !tenon::diff::is_binary(&a)
                    && !tenon::diff::is_binary(&b)
                {
                    if our_hunks(&a, &b) == git_hunks(&a, &b) {
                        same += 1;
                    } else {
                        other += 1;
                        println!("{new}/{}", name.display());
                    }
                }
            }
        }
    }
    println!("same {same}, other {other}");
}
