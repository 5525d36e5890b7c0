//! The real engine with real weights: a small model that `tests/run` brings, and the default one where it is installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tenon::provider::embedded::wire::{End, Prompt, Role, Turn};
use tenon::provider::embedded::{Host, Program, Progress, weights};
use tenon::provider::shape::{Shape, Written};

use crate::support::home::Home;

/// The small model; says so when it is not there, and fails where everything must be.
fn small() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let path = target.join("test-weights/SmolLM2-135M-Instruct.Q4_1.gguf");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: {} is missing; tests/run brings it", path.display());
    assert!(std::env::var_os("CI").is_none(), "the small model is missing");
    None
}

fn host(states: Option<&Path>) -> Host {
    Host::new(Program {
        path: Some(env!("CARGO_BIN_EXE_tenon").into()),
        states: states.map(Path::to_owned),
        ..Program::default()
    })
}

fn prompt(shape: Shape, request: &str, temperature: f32) -> Prompt {
    let turn = |role, text: &str| Turn { role, text: text.to_owned() };
    let system = "You change files. You write SEARCH and REPLACE blocks, one after the other, and nothing else beside them. \
                  What you search for are whole lines of the file as they are, and what you write in their place are whole lines too.";
    let turns = vec![turn(Role::System, system), turn(Role::User, request)];
    Prompt { turns, fixed: 1, opening: "<<<<<<< SEARCH\n".to_owned(), shape, most: 60, temperature }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_model_writes_only_what_applies() {
    let Some(weights) = small() else { return };
    let states = tempfile::tempdir().unwrap();
    let host = host(Some(states.path()));
    let files = [
        "import os\n\n\ndef f(x):\n    return x\n\n\ndef g(x):\n    return x\n",
        "package a\n\nfunc F() int {\n\treturn 1\n}\n\nfunc G() int {\n\treturn 1\n}\n",
        "SELECT id, name FROM users;",
        "größe = 'ß'\n<|im_end|>\n# das Ende\n",
    ];
    let mut finished = 0;
    for (round, file) in files.iter().cycle().take(6).enumerate() {
        let lines: Vec<String> = file.lines().map(str::to_owned).collect();
        let shape = Shape::blocks(&lines).unwrap();
        let request = format!("```\n{file}```\nChange the last line.");
        let answer =
            host.write(&weights, prompt(shape.clone(), &request, round as f32 * 0.4), &mut |_| {}).await.unwrap();
        assert!(!answer.text.contains("<|im_start|>"), "{}", answer.text);
        let search = answer.text.split("\n=======\n").next().unwrap_or_default();
        if answer.text.contains("\n=======\n") {
            assert_eq!(file.matches(search).count(), 1, "{search:?} in {file:?}");
        }
        if answer.end == End::Finished {
            finished += 1;
            assert!(matches!(shape.read(&answer.text), Some(Written::Changed { .. })), "{:?}", answer.text);
        }
        assert!(round == 0 || answer.timings.known_tokens > 20, "the beginning is known: {:?}", answer.timings);
    }
    eprintln!("{finished} of 6 came to an end within the limit");
    // Another process knows the fixed beginning from disk.
    drop(host);
    let again = self::host(Some(states.path()));
    let shape = Shape::OneOf { options: vec!["yes".to_owned(), "no".to_owned()] };
    let mut heard = Vec::new();
    let mut listen = |progress| heard.push(progress);
    let answer = again.write(&weights, prompt(shape, "Yes or no?", 0.0), &mut listen).await.unwrap();
    assert!(["yes", "no"].contains(&answer.text.as_str()) && answer.end == End::Finished, "{answer:?}");
    assert!(answer.timings.known_tokens > 20, "{:?}", answer.timings);
    assert!(heard.iter().any(|progress| matches!(progress, Progress::Reading(_, total) if *total > 0)), "{heard:?}");
}

/// The default model, where it is installed for the one who runs the tests, or named.
fn default_model() -> Option<PathBuf> {
    let named = std::env::var_os("TENON_TEST_WEIGHTS").map(PathBuf::from);
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let installed = || {
        let cache = tenon::config::Directories::from_environment(&environment).ok()?.cache;
        weights::path_of(weights::KNOWN[0].name, &cache).ok()
    };
    let path = named.or_else(installed).filter(|path| path.is_file());
    if path.is_none() {
        eprintln!(
            "skipped: the weights of {} are not installed; TENON_TEST_WEIGHTS may name them",
            weights::KNOWN[0].name
        );
    }
    path
}

#[test]
fn the_default_model_does_a_small_task_from_words_to_a_proposal() {
    let Some(weights) = default_model() else { return };
    let test = "import unittest\n\nimport cart\n\n\nclass CartTest(unittest.TestCase):\n    def test_total(self):\n        self.assertEqual(cart.total([1, 2]), 3)\n\n\nif __name__ == \"__main__\":\n    unittest.main()\n";
    let home = Home::with(&[
        ("cart.py", "def total(prices):\n    return sum(prices)\n"),
        ("test_cart.py", test),
        (".gitignore", "__pycache__/\n"),
    ]);
    let model = format!("embedded/{}", weights.display());
    let ended = home
        .tenon(&["run", "--json", "--model", &model, "total in cart.py must raise ValueError when a price is negative"])
        .with_code(4);
    let proposed = ended.of_type("proposed");
    assert_eq!(proposed.last().unwrap()["proposal"]["changes"][0]["path"], "cart.py", "{}", ended.out);
    let usage = &ended.of_type("turn_ended")[0]["usage"];
    assert!(usage["output_tokens"].as_u64().unwrap() > 0 && usage["cost_usd"] == 0.0, "{usage}");
    let edit = ended.of_type("tool_called").into_iter().find(|call| call["name"] == "edit").unwrap();
    assert!(edit["input"].to_string().contains("raise ValueError"), "{edit}");
}
