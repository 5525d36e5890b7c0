//! Edit formats on cases recorded from other programs. The corpus lies beside the repository, not in it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tenon::domain::RepoPath;
use tenon::tool::search_replace::{self, Block, Fence};
use tenon::tool::{Edit, edit_bytes, patch};

type Files = BTreeMap<String, Vec<u8>>;

/// The cases of a file, or `None`, said loudly, when the corpus is not there.
fn cases(name: &str) -> Option<Vec<Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let root = std::env::var_os("TENON_CORPUS").map_or(beside, PathBuf::from);
    let path = root.join("patches").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no corpus at {}; nothing of {name} was checked", path.display());
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn files(value: &Value) -> Files {
    let object = value.as_object().unwrap();
    object.iter().map(|(path, text)| (path.clone(), text.as_str().unwrap().as_bytes().to_vec())).collect()
}

fn texts(files: &Files) -> Value {
    files
        .iter()
        .map(|(path, bytes)| (path.clone(), json!(String::from_utf8_lossy(bytes))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What became of a case: the files, and why it was refused.
struct Outcome {
    files: Files,
    error: Option<String>,
}

/// How strictly outcomes are compared.
#[derive(Clone, Copy, PartialEq)]
enum Judge {
    /// As recorded.
    Strict,
    /// As recorded, or refused with nothing changed.
    MayRefuse,
    /// The same, and blanks around lines may be those of the file where the other program takes the reply's.
    MayKeepBlanks,
}

fn without_blanks(files: &Value) -> Vec<String> {
    files
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(_, text)| {
            text.as_str().unwrap_or_default().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

/// Compares and, when `TENON_CORPUS_RESULTS` names a folder, writes what the corpus's own judge reads.
fn judge(name: &str, cases: &[Value], outcomes: &[Outcome], strictness: Judge) {
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (case, outcome) in cases.iter().zip(outcomes) {
        let wanted: [&Value; 2] = [&case["files_after"], &case["files_after_atomic"]];
        let is = texts(&outcome.files);
        let same = |files: &&Value| match strictness {
            Judge::MayKeepBlanks => files.is_object() && without_blanks(files) == without_blanks(&is),
            Judge::Strict | Judge::MayRefuse => **files == is,
        };
        let right = wanted.iter().any(same);
        let untouched = texts(&outcome.files) == case["files_before"];
        let fits = (case["error"].is_null() == outcome.error.is_none()) && right;
        if !fits && strictness != Judge::Strict && outcome.error.is_some() && untouched {
            refused += 1;
        } else if !fits {
            wrong.push(format!("{}: {:?}\n   is {}", case["id"], outcome.error, texts(&outcome.files)));
        }
    }
    let lines = cases.iter().zip(outcomes).map(|(case, outcome)| {
        json!({"id": case["id"], "files_after": texts(&outcome.files), "error": outcome.error}).to_string()
    });
    report(name, lines);
    eprintln!(
        "{name}: {} cases, {} wrong, {refused} refused although another program takes them",
        cases.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn report(name: &str, lines: impl Iterator<Item = String>) {
    if let Some(folder) = std::env::var_os("TENON_CORPUS_RESULTS") {
        let text: Vec<String> = lines.collect();
        std::fs::write(PathBuf::from(folder).join(name), text.join("\n")).unwrap();
    }
}

fn apply_patch(before: &Files, folders: &[String], text: &str) -> Outcome {
    let resolve = |text: &str| RepoPath::parse(text).map_err(|error| error.to_string());
    let read = |path: &RepoPath| {
        let inside = format!("{path}/");
        if folders.iter().any(|folder| folder == path.as_str()) || before.keys().any(|file| file.starts_with(&inside)) {
            return Err("it is a folder".to_owned());
        }
        Ok(before.get(path.as_str()).cloned())
    };
    let mut files = before.clone();
    match patch::plan(text, resolve, read) {
        Err(error) => Outcome { files, error: Some(error.to_string()) },
        Ok(planned) => {
            for one in planned {
                if let Some(from) = one.from {
                    files.remove(from.as_str());
                }
                match one.after {
                    Some(bytes) => files.insert(one.path.to_string(), bytes),
                    None => files.remove(one.path.as_str()),
                };
            }
            Outcome { files, error: None }
        }
    }
}

#[test]
fn every_patch_is_applied_or_refused_as_recorded() {
    let Some(cases) = cases("apply_patch.jsonl") else { return };
    let run = |case: &Value| {
        let folders: Vec<String> = serde_json::from_value(case["dirs_before"].clone()).unwrap_or_default();
        apply_patch(&files(&case["files_before"]), &folders, case["patch"].as_str().unwrap())
    };
    let outcomes: Vec<Outcome> = cases.iter().map(run).collect();
    judge("apply_patch.jsonl", &cases, &outcomes, Judge::Strict);
}

fn blocks(case: &Value) -> Result<Value, String> {
    let reply = case["patch"].as_str().unwrap();
    if case["format"] == "aider-udiff-parse" {
        let hunks = search_replace::parse_udiff(reply);
        return Ok(hunks.into_iter().map(|hunk| json!({"file": hunk.file, "lines": hunk.lines})).collect());
    }
    let fence = Fence { open: case["fence"][0].as_str().unwrap(), close: case["fence"][1].as_str().unwrap() };
    let known: Vec<String> = serde_json::from_value(case["valid_fnames"].clone()).unwrap_or_default();
    let blocks = search_replace::parse(reply, fence, &known).map_err(|error| error.to_string())?;
    let shown = blocks.into_iter().map(|block| match block {
        Block::Edit { file, search, replace, .. } => json!({"file": file, "search": search, "replace": replace}),
        Block::Shell(commands) => json!({"shell": commands}),
    });
    Ok(shown.collect())
}

#[test]
fn every_reply_is_read_as_recorded() {
    for name in ["aider_chat_history.jsonl", "aider_editblock.jsonl"] {
        let Some(cases) = cases(name) else { return };
        let cases: Vec<Value> = cases.into_iter().filter(|case| case.get("blocks").is_some()).collect();
        let read: Vec<Result<Value, String>> = cases.iter().map(blocks).collect();
        let mut wrong = Vec::new();
        for (case, read) in cases.iter().zip(&read) {
            let fits = match read {
                Ok(blocks) => case["error"].is_null() && *blocks == case["blocks"],
                Err(_) => !case["error"].is_null(),
            };
            if !fits {
                wrong.push(format!("{}: {read:?}", case["id"]));
            }
        }
        let lines = cases.iter().zip(&read).map(|(case, read)| {
            json!({"id": case["id"], "blocks": read.as_ref().ok(), "error": read.as_ref().err()}).to_string()
        });
        report(&format!("parse_{name}"), lines);
        eprintln!("{name}: {} replies, {} wrong", cases.len(), wrong.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn apply_blocks(before: &Files, case: &Value) -> Outcome {
    let mut files = before.clone();
    let pairs: Result<Vec<(String, String, String)>, String> = match &case["patch"] {
        Value::String(reply) => {
            search_replace::parse(reply, Fence::default(), &[]).map_err(|e| e.to_string()).map(|blocks| {
                let edits = blocks.into_iter().filter_map(|block| match block {
                    Block::Edit { file, search, replace, .. } => Some((file, search, replace)),
                    Block::Shell(_) => None,
                });
                edits.collect()
            })
        }
        pair => {
            Ok(vec![("f".into(), pair["search"].as_str().unwrap().into(), pair["replace"].as_str().unwrap().into())])
        }
    };
    let made = pairs.and_then(|pairs| {
        for (file, search, replace) in pairs {
            let made = search_replace::apply(files.get(&file).map(Vec::as_slice), &search, &replace);
            files.insert(file, made.map_err(|error| error.to_string())?);
        }
        Ok(())
    });
    match made {
        Ok(()) => Outcome { files, error: None },
        Err(error) => Outcome { files: before.clone(), error: Some(error) },
    }
}

#[test]
fn every_block_is_made_as_recorded() {
    let Some(cases) = cases("aider_editblock.jsonl") else { return };
    let cases: Vec<Value> = cases.into_iter().filter(|case| case.get("files_before").is_some()).collect();
    let outcomes: Vec<Outcome> = cases.iter().map(|case| apply_blocks(&files(&case["files_before"]), case)).collect();
    judge("aider_editblock.jsonl", &cases, &outcomes, Judge::Strict);
}

fn edit(before: &Files, edits: &[Edit]) -> Outcome {
    let mut files = before.clone();
    let path = files.keys().next().cloned().unwrap_or_else(|| "f".to_owned());
    match edit_bytes(files.get(&path).map(Vec::as_slice), edits) {
        Ok(edited) => {
            files.insert(path, edited.bytes);
            Outcome { files, error: None }
        }
        Err(error) => Outcome { files, error: Some(error.to_string()) },
    }
}

#[test]
fn string_replacements_are_right_or_refused() {
    let Some(cases) = cases("gemini_edit.jsonl") else { return };
    let run = |case: &Value| {
        let field = |name: &str| case["patch"][name].as_str().unwrap().to_owned();
        let all = case["patch"]["allow_multiple"] == true;
        edit(&files(&case["files_before"]), &[Edit { old: field("old_string"), new: field("new_string"), all }])
    };
    let outcomes: Vec<Outcome> = cases.iter().map(run).collect();
    judge("gemini_edit.jsonl", &cases, &outcomes, Judge::MayRefuse);
}

/// The blocks of a relative of the format as `apply_patch` takes them: under the name of the file.
fn relative(before: &Files, patch: &str) -> Outcome {
    let named = patch.strip_prefix("test.ts\n").unwrap_or(patch).trim_start_matches('\n');
    apply_patch(before, &[], &format!("f\n{named}"))
}

#[test]
fn relatives_of_the_format_never_corrupt_a_file() {
    for name in ["cline_search_replace.jsonl", "roo_search_replace.jsonl"] {
        let Some(cases) = cases(name) else { return };
        let run = |case: &Value| relative(&files(&case["files_before"]), case["patch"].as_str().unwrap());
        let outcomes: Vec<Outcome> = cases.iter().map(run).collect();
        judge(name, &cases, &outcomes, Judge::MayKeepBlanks);
    }
}
