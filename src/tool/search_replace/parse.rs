//! Finding the blocks in a reply.

use super::name;

/// What a reply fences code with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence<'a> {
    /// The beginning of a line that opens.
    pub open: &'a str,
    /// The beginning of a line that closes.
    pub close: &'a str,
}

impl Default for Fence<'_> {
    fn default() -> Self {
        Self { open: "```", close: "```" }
    }
}

/// A block of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A change of a file.
    Edit {
        /// The file as named above the block, or in the block before.
        file: String,
        /// What is there; empty for a new file.
        search: String,
        /// What is to be there.
        replace: String,
        /// 1-based line of the reply where the block begins.
        line: usize,
        /// The 1-based line of the file where it is said to be.
        near: Option<usize>,
    },
    /// Commands in a fence that names a shell: a suggestion to the user.
    Shell(String),
}

/// Why a reply cannot be taken: nothing of it must be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A block names no file.
    #[error("line {line}: no file is named above the block; the line before it has to be the path")]
    NoFile {
        /// 1-based line of the reply.
        line: usize,
    },
    /// A block is not complete.
    #[error("line {line}: the block ends without `{expected}`; it seems to be cut off")]
    Open {
        /// 1-based line of the reply where the block begins.
        line: usize,
        /// The marker that is missing.
        expected: &'static str,
    },
}

const SHELLS: [&str; 12] =
    ["bash", "sh", "shell", "cmd", "batch", "powershell", "ps1", "zsh", "fish", "ksh", "csh", "tcsh"];

/// Finds the blocks of a reply. `known` are files that may be meant; a name that is nearly one of them is taken for it.
///
/// # Errors
/// A block is not complete or names no file.
pub fn parse(reply: &str, fence: Fence<'_>, known: &[String]) -> Result<Vec<Block>, ParseError> {
    let lines: Vec<&str> = reply.split_inclusive('\n').collect();
    let mut blocks = Vec::new();
    let mut current: Option<String> = None;
    let mut at = 0;
    while at < lines.len() {
        if opens_shell(lines[at]) && !lines[at + 1..].iter().take(2).any(|line| is_head(line)) {
            let length = lines[at + 1..].iter().take_while(|line| !line.trim().starts_with("```")).count();
            blocks.push(Block::Shell(lines[at + 1..at + 1 + length].concat()));
            at += length + 2;
            continue;
        }
        if !is_head(lines[at]) {
            at += 1;
            continue;
        }
        let creates = lines.get(at + 1).is_some_and(|line| is_divider(line));
        let follows = at > 0 && is_tail(lines[at - 1]);
        let known = if creates { &[] } else { known };
        let named = if follows { None } else { name::above(&lines[..at], fence, known) };
        let file = named.or_else(|| current.clone()).ok_or(ParseError::NoFile { line: at + 1 })?;
        let (block, next) = edit(&lines, at, file.clone())?;
        current = Some(file);
        blocks.push(block);
        at = next;
    }
    Ok(blocks)
}

/// The block that begins at a head, and the line after it.
fn edit(lines: &[&str], head: usize, file: String) -> Result<(Block, usize), ParseError> {
    let search = head + 1;
    let find = |from: usize, ends: fn(&str) -> bool| (from..lines.len()).find(|at| ends(lines[*at]));
    // The dialect with dashes takes a divider with something behind it, be it a blank, for text.
    let dashed = lines[head].trim_start().starts_with('-');
    let divides: fn(&str) -> bool =
        if dashed { |line| is_divider(line) && line.trim_end_matches(['\r', '\n']).ends_with('=') } else { is_divider };
    let divider = find(search, divides).ok_or(ParseError::Open { line: head + 1, expected: "=======" })?;
    let tail = find(divider + 1, |line| is_tail(line) || is_divider(line))
        .ok_or(ParseError::Open { line: head + 1, expected: ">>>>>>> REPLACE" })?;
    let text = |from: usize, to: usize| lines[from..to].iter().map(|line| unescaped(line)).collect();
    let (near, search) = start_line(&lines[..divider], search);
    let block =
        Block::Edit { file, search: text(search, divider), replace: text(divider + 1, tail), line: head + 1, near };
    Ok((block, tail + 1))
}

/// Whether a reply holds the beginning of a block.
pub fn has_block(reply: &str) -> bool {
    reply.lines().any(is_head)
}

/// Where one dialect says the block is, in lines between head and text, and where the text begins.
fn start_line(lines: &[&str], mut at: usize) -> (Option<usize>, usize) {
    let mut near = None;
    let first = at;
    while let Some(rest) = lines.get(at).and_then(|line| line.trim().strip_prefix(':')) {
        let Some((name @ ("start_line" | "end_line"), number)) = rest.split_once(':') else { break };
        if name == "start_line" {
            near = number.trim().parse().ok();
        }
        at += 1;
    }
    let ruled = at > first && lines.get(at).is_some_and(|line| marker(line, '-') == Some(""));
    (near, if ruled { at + 1 } else { at })
}

/// A line that looks like a marker and is none has a backslash in front.
fn unescaped(line: &str) -> &str {
    let is_marker = |line: &str| is_head(line) || is_divider(line) || is_tail(line);
    line.strip_prefix('\\').filter(|rest| is_marker(rest)).unwrap_or(line)
}

/// `<<<<<<< SEARCH`, with five signs or more; one dialect has dashes.
fn is_head(line: &str) -> bool {
    let rest = signs(line, '<').or_else(|| signs(line, '-')).and_then(|rest| rest.strip_prefix(" SEARCH"));
    rest.is_some_and(|rest| matches!(rest, "" | ">"))
}

fn is_divider(line: &str) -> bool {
    marker(line, '=') == Some("")
}

fn is_tail(line: &str) -> bool {
    let rest = signs(line, '>').or_else(|| signs(line, '+'));
    rest == Some(" REPLACE")
}

/// What follows five signs or more at the beginning of a line.
fn signs(line: &str, sign: char) -> Option<&str> {
    let line = line.trim();
    let rest = line.trim_start_matches(sign);
    (line.len() - rest.len() >= 5).then_some(rest)
}

/// What follows five to nine signs at the beginning of a line.
fn marker(line: &str, sign: char) -> Option<&str> {
    let line = line.trim();
    let rest = line.trim_start_matches(sign);
    (5..=9).contains(&(line.len() - rest.len())).then_some(rest)
}

fn opens_shell(line: &str) -> bool {
    line.trim().strip_prefix("```").is_some_and(|language| SHELLS.iter().any(|shell| language.starts_with(shell)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(reply: &str) -> Result<Vec<(String, String, String)>, ParseError> {
        let blocks = parse(reply, Fence::default(), &[])?;
        let edits = blocks.into_iter().filter_map(|block| match block {
            Block::Edit { file, search, replace, .. } => Some((file, search, replace)),
            Block::Shell(_) => None,
        });
        Ok(edits.collect())
    }

    #[test]
    fn blocks_are_found_with_their_file() {
        let block = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
        for above in
            ["x.py\n", "x.py\n```python\n", "```\nx.py\n```\n```python\n", "**x.py**\n", "`x.py`:\n", "### x.py\n"]
        {
            let expected = ("x.py".to_owned(), "a\n".to_owned(), "b\n".to_owned());
            assert_eq!(parsed(&format!("Do:\n\n{above}{block}")), Ok(vec![expected.clone()]), "{above:?}");
            let two = parsed(&format!("Do:\n\n{above}{block}\n{block}"));
            assert_eq!(two, Ok(vec![expected.clone(), expected]), "{above:?}");
        }
    }

    #[test]
    fn a_block_that_is_cut_off_is_refused() {
        for (reply, expected) in [
            ("x.py\n<<<<<<< SEARCH\na\n", ParseError::Open { line: 2, expected: "=======" }),
            ("x.py\n<<<<<<< SEARCH\na\n=======\nb\n", ParseError::Open { line: 2, expected: ">>>>>>> REPLACE" }),
            ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", ParseError::NoFile { line: 1 }),
        ] {
            assert_eq!(parsed(reply), Err(expected), "{reply:?}");
        }
    }

    #[test]
    fn commands_in_a_shell_fence_are_told_apart() {
        let blocks = parse("Run:\n```bash\nmake\n```\nDone.\n", Fence::default(), &[]);
        assert_eq!(blocks, Ok(vec![Block::Shell("make\n".to_owned())]));
    }
}
