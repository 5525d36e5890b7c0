//! What a small model is told: few words, one worked example, the files, the task last.

use super::languages;
use crate::provider::embedded::wire::{Role, Turn};

/// The most letters taken over from an agent's own prompt.
const FROM_AGENT: usize = 420;

const CHANGE: &str = "You are a backend programmer. You get files and a task. Do exactly what the task asks, all of it, and change nothing else. Keep the style of the code.";
const ANSWER: &str = "You are a backend programmer who answers questions about the code you are shown. Answer in a few sentences. Name the files and functions you speak of. Say so when the code does not show the answer.";

/// What kind of answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The whole file.
    Whole,
    /// Blocks that replace lines.
    Blocks,
    /// New tests.
    Tests,
    /// A new file.
    Create,
    /// Words.
    Words,
}

const EXAMPLE_FILE: &str = "def greet(user):
    return \"Hello \" + user[\"name\"]


def part():
    return \"Bye\"";

const EXAMPLE_TASK: &str = "Greeting a user without a name raises ValueError.";

/// The turns that every prompt of this manner begins with: instructions and one worked example.
pub(super) fn fixed(manner: Manner, agent: &str) -> Vec<Turn> {
    let base = if manner == Manner::Words { ANSWER } else { CHANGE };
    let own = from_agent(agent);
    let system = if own.is_empty() { base.to_owned() } else { format!("{base}\n{own}") };
    let mut turns = vec![turn(Role::System, system)];
    let guarded = "def greet(user):\n    if not user.get(\"name\"):\n        raise ValueError(\"name is missing\")\n    return \"Hello \" + user[\"name\"]";
    let (request, answer) = match manner {
        Manner::Words => return turns,
        Manner::Whole => (
            request(&[("greet.py", EXAMPLE_FILE.to_owned())], EXAMPLE_TASK, &whole("greet.py")),
            format!("```python\n{}\n```", EXAMPLE_FILE.replace("def greet(user):\n    return \"Hello \" + user[\"name\"]", guarded)),
        ),
        Manner::Blocks => (
            request(&[("greet.py", EXAMPLE_FILE.to_owned())], EXAMPLE_TASK, &blocks("greet.py")),
            "<<<<<<< SEARCH\ndef greet(user):\n=======\ndef greet(user):\n    if not user.get(\"name\"):\n        raise ValueError(\"name is missing\")\n>>>>>>> REPLACE".to_owned(),
        ),
        Manner::Tests => (
            request(
                &[("greet.py", guarded.to_owned()), ("test_greet.py", "from greet import greet\n\n\ndef test_greets_by_name():\n    assert greet({\"name\": \"Ann\"}) == \"Hello Ann\"".to_owned())],
                EXAMPLE_TASK,
                &tests("test_greet.py"),
            ),
            "```python\ndef test_name_is_missing():\n    try:\n        greet({})\n    except ValueError as error:\n        assert \"missing\" in str(error)\n    else:\n        assert False\n```".to_owned(),
        ),
        Manner::Create => (
            request(&[("greet.py", guarded.to_owned())], "Add test_greet.py with a test for greet.", &create("test_greet.py")),
            "```python\nfrom greet import greet\n\n\ndef test_greets_by_name():\n    assert greet({\"name\": \"Ann\"}) == \"Hello Ann\"\n```".to_owned(),
        ),
    };
    turns.push(turn(Role::User, request));
    turns.push(turn(Role::Assistant, answer));
    turns
}

/// A turn.
pub(super) fn turn(role: Role, text: String) -> Turn {
    Turn { role, text }
}

/// Files, then the task, then what to write: what changes most comes last.
pub(super) fn request(files: &[(&str, String)], task: &str, what: &str) -> String {
    let mut text = String::new();
    for (path, content) in files {
        let fence = fence_for(content);
        text.push_str(&format!("File `{path}`:\n{fence}{}\n{content}\n{fence}\n\n", languages::of(path).fence));
    }
    text.push_str(&format!("Task: {}\n\n{what}", task.trim()));
    text
}

/// What is good to know for the task, behind it.
pub(super) fn good_to_know(advice: &[String]) -> String {
    let items: String = advice.iter().map(|say| format!("\n- {say}")).collect();
    if items.is_empty() { items } else { format!("\n\nGood to know:{items}") }
}

/// What a first answer got wrong, for a second one.
pub(super) fn mind(doubts: &[String]) -> String {
    let items: String = doubts.iter().map(|doubt| format!("\n- {doubt}")).collect();
    if items.is_empty() { items } else { format!("\n\nMind:{items}") }
}

/// The task of correcting what seems wrong with a file, nothing else.
pub(super) fn correct(path: &str, doubts: &[String]) -> String {
    let items: String = doubts.iter().map(|doubt| format!("\n- {doubt}")).collect();
    format!("`{path}` is nearly right. Correct only this:{items}")
}

/// A fence longer than any run of backticks inside.
fn fence_for(content: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

pub(super) fn whole(path: &str) -> String {
    format!("Write the whole file `{path}` with the task done.")
}

pub(super) fn blocks(path: &str) -> String {
    format!("Change `{path}`: write SEARCH/REPLACE blocks with the task done.")
}

pub(super) fn tests(path: &str) -> String {
    format!("Write the new tests to add at the end of `{path}`, nothing else.")
}

pub(super) fn create(path: &str) -> String {
    format!("Write the new file `{path}`.")
}

/// What an agent file's prompt comes to within a small budget: who it is, then the sentences that forbid or demand
/// something of the code.
pub(super) fn from_agent(prompt: &str) -> String {
    // Behind this heading the engine explains tools and places, which a pilot's model never sees.
    let own = prompt.split("\n# Where you are").next().unwrap_or_default();
    let sentences = sentences(own);
    let demands = |sentence: &&String| {
        let lower = sentence.to_lowercase();
        let begins = ["always ", "never ", "do not ", "don't ", "prefer ", "use "];
        let speaks_of_work = ["tool", "propos", "plan", "delegate", "commit", "you ", "hunk", "user"];
        begins.iter().any(|word| lower.starts_with(word)) && !speaks_of_work.iter().any(|word| lower.contains(word))
    };
    let mut kept = String::new();
    for sentence in sentences.first().into_iter().chain(sentences.iter().skip(1).filter(demands)) {
        if kept.len() + sentence.len() > FROM_AGENT || kept.contains(sentence.as_str()) {
            continue;
        }
        if !kept.is_empty() {
            kept.push('\n');
        }
        kept.push_str(sentence);
    }
    kept
}

/// The sentences of a markdown text, without headings and marks; lines that were broken are whole again.
fn sentences(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = vec![String::new()];
    for line in text.lines().map(str::trim) {
        let item = line.trim_start_matches(|c: char| c.is_ascii_digit() || "-*+. ".contains(c));
        let begins_item = item.len() < line.len() && line.split_whitespace().count() > 1;
        if line.is_empty() || line.starts_with('#') || begins_item {
            blocks.push(String::new());
        }
        if line.starts_with('#') {
            continue;
        }
        if let Some(block) = blocks.last_mut() {
            if !block.is_empty() {
                block.push(' ');
            }
            block.push_str(&if begins_item { item } else { line }.replace("**", ""));
        }
    }
    let whole = |sentence: &str| {
        let sentence = sentence.trim();
        (sentence.len() > 3).then(|| format!("{}.", sentence.trim_end_matches('.')))
    };
    blocks.iter().flat_map(|block| block.split(". ")).filter_map(whole).collect()
}

#[cfg(test)]
mod tests_of_prompts {
    use super::*;

    #[test]
    fn an_agent_keeps_its_rules_in_few_words() {
        let prompt = "# Reviewer\n\nYou guard the database\nlayer. You are strict.\n\n1. Call `propose` always when\n   done.\n- **SQL.** Never build SQL from\n  strings. Tea is nice.\n\n# Where you are\n- Repository: /x. Never look at this.";
        assert_eq!(from_agent(prompt), "You guard the database layer.\nNever build SQL from strings.");
        assert!(from_agent(&"Always test. ".repeat(200)).len() <= FROM_AGENT);
        assert_eq!(from_agent(""), "");
    }

    #[test]
    fn the_task_comes_last() {
        let text = request(&[("a.md", "```\nx\n```".to_owned())], "Do it", &whole("a.md"));
        assert_eq!(
            text,
            "File `a.md`:\n````markdown\n```\nx\n```\n````\n\nTask: Do it\n\nWrite the whole file `a.md` with the task done."
        );
    }
}
