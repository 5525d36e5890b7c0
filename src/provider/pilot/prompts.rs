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

const EXAMPLE_FILE: &str = "import json


def load(path):
    with open(path) as file:
        return json.load(file)


def greet(user):
    return \"Hello \" + user[\"name\"]";

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

/// What an agent file's prompt comes to within a small budget: its first paragraph, then the lines that forbid or
/// demand something.
pub(super) fn from_agent(prompt: &str) -> String {
    // Behind this heading the engine explains tools and places, which a pilot's model never sees.
    let own = prompt.split("\n# Where you are").next().unwrap_or_default();
    let mut kept = String::new();
    let mut take = |line: &str| {
        let line = line.trim().trim_start_matches(['-', '*', '#', ' ']).replace("**", "");
        if line.is_empty() || kept.len() + line.len() > FROM_AGENT || kept.contains(&line) {
            return;
        }
        if !kept.is_empty() {
            kept.push('\n');
        }
        kept.push_str(&line);
    };
    let paragraph = own.split("\n\n").map(str::trim).find(|part| !part.is_empty() && !part.starts_with('#'));
    let first: String = paragraph.unwrap_or_default().split_inclusive(['.', '\n']).take(2).collect();
    take(&first.replace('\n', " "));
    for line in own.lines() {
        let lower = line.to_lowercase();
        let speaks_of_code =
            !["tool", "propose", "plan", "read ", "delegate", "commit", "`"].iter().any(|word| lower.contains(word));
        if speaks_of_code
            && ["always ", "never ", "must ", "do not ", "prefer "].iter().any(|word| lower.contains(word))
        {
            take(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests_of_prompts {
    use super::*;

    #[test]
    fn an_agent_keeps_its_rules_in_few_words() {
        let prompt = "# Reviewer\n\nYou guard the database layer. You are strict. And you talk a lot.\n\n- Never build SQL from strings.\n- Call `propose` always when done.\n- Tea is nice.\n\n# Where you are\n- Repository: /x. You must never see this.";
        assert_eq!(from_agent(prompt), "You guard the database layer. You are strict.\nNever build SQL from strings.");
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
