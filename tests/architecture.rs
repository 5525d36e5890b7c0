//! The rules of the house, checked on the source text.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should fail")]

use std::path::{Path, PathBuf};

const LAYERS: [&[&str]; 8] = [
    &["domain", "text"],
    &["diff", "highlight", "config", "agent", "stack"],
    &["journal", "provider", "workspace", "git"],
    &["api", "deploy", "migration"],
    &["tool", "gate", "proposal"],
    &["engine", "report"],
    &["headless", "tui"],
    &["cli"],
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                into.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), &mut found);
    found.sort();
    found.into_iter().map(|(path, text)| (path.strip_prefix(root).unwrap().to_owned(), text)).collect()
}

fn room(path: &Path) -> String {
    path.components().nth(1).unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// Names after `crate::`, also inside a brace list, on lines that are no comment.
fn uses(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for piece in code.split("crate::").skip(1) {
        match piece.strip_prefix('{') {
            Some(list) => {
                let list = list.split(';').next().unwrap_or(list);
                found.extend(list.split(',').map(|item| word(item.trim())));
            }
            None => found.push(word(piece)),
        }
    }
    found
}

#[test]
fn layers_import_downwards_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let here = room(&path);
        let Some(mine) = layer(&here) else { continue };
        for used in uses(&text) {
            if used != here && layer(&used).is_some_and(|theirs| theirs >= mine) && used != "domain" {
                wrong.push(format!("{} imports {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    for (path, _) in sources() {
        let here = room(&path);
        assert!(layer(&here).is_some() || here == "lib" || here == "main", "{} has no layer", path.display());
    }
}

#[test]
fn heavy_crates_stay_in_their_rooms() {
    let homes: [(&str, &[&str]); 5] = [
        ("ratatui", &["tui"]),
        ("crossterm", &["tui"]),
        ("git2", &["git"]),
        ("reqwest", &["provider", "api"]),
        ("rusqlite", &["migration"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for (name, rooms) in homes {
            if code.contains(&format!("{name}::")) && !rooms.contains(&room(&path).as_str()) {
                wrong.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_readable() {
    const LIMIT: usize = 500;
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().take_while(|line| *line != "#[cfg(test)]").count() > LIMIT)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "over {LIMIT} lines without their tests:\n{}", long.join("\n"));
}

#[test]
fn unsafe_code_stays_in_the_sandbox() {
    for (path, text) in sources() {
        let holds = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe {"));
        assert!(!holds || path.starts_with("src/workspace/sandbox"), "{} holds unsafe code", path.display());
    }
}
