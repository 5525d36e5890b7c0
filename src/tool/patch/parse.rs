//! Reading a patch.

use super::PatchError;

/// What a patch does to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file with this content; one that is there is replaced.
    Add {
        /// 1-based line of the patch.
        line: usize,
        /// The path as written.
        path: String,
        /// The content.
        content: String,
    },
    /// The file goes away.
    Delete {
        /// 1-based line of the patch.
        line: usize,
        /// The path as written.
        path: String,
    },
    /// Parts of the file change.
    Update {
        /// 1-based line of the patch.
        line: usize,
        /// The path as written.
        path: String,
        /// Where the file goes.
        move_to: Option<String>,
        /// The changes in the order of the file.
        chunks: Vec<Chunk>,
    },
}

impl Operation {
    /// 1-based line of the patch.
    pub fn line(&self) -> usize {
        match self {
            Self::Add { line, .. } | Self::Delete { line, .. } | Self::Update { line, .. } => *line,
        }
    }

    /// The path as written.
    pub fn path(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Delete { path, .. } | Self::Update { path, .. } => path,
        }
    }

    /// Where the file goes, as written.
    pub fn move_to(&self) -> Option<&str> {
        match self {
            Self::Update { move_to, .. } => move_to.as_deref(),
            Self::Add { .. } | Self::Delete { .. } => None,
        }
    }
}

/// Lines that belong together in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// 1-based line of the patch.
    pub line: usize,
    /// Lines that stand somewhere before, in order: what `@@` names.
    pub contexts: Vec<String>,
    /// The lines.
    pub lines: Vec<PatchLine>,
    /// It lies at the end of the file.
    pub end_of_file: bool,
    /// The 0-based line of the file that it is said to begin at: which of several places is meant.
    pub near: Option<usize>,
}

/// A line of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchLine {
    /// Is there and stays.
    Keep(String),
    /// An entirely empty line of the patch: an empty line that stays, or only space between chunks.
    Blank,
    /// Is there and goes.
    Remove(String),
    /// Comes.
    Add(String),
}

/// Reads a patch.
///
/// # Errors
/// The first line that does not fit the format.
pub fn parse(patch: &str) -> Result<Vec<Operation>, PatchError> {
    let all: Vec<&str> = patch.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let (first, last) = bounds(&all)?;
    let mut operations = Vec::new();
    for (number, line) in all.iter().enumerate().take(last).skip(first + 1).map(|(index, line)| (index + 1, *line)) {
        if let Some(operation) = header(number, line) {
            operations.push(operation);
            continue;
        }
        match operations.last_mut() {
            None if line.trim().is_empty() => {}
            None => return Err(PatchError::new(number, None, no_header(line))),
            Some(operation) => continuation(operation, number, line, all[number - 2].trim().is_empty())?,
        }
    }
    if operations.is_empty() {
        return Err(PatchError::new(first + 1, None, "the patch is empty."));
    }
    operations.iter_mut().try_for_each(complete)?;
    Ok(operations)
}

/// The indices of the lines that begin and end the patch, with what models wrap around it left out.
fn bounds(all: &[&str]) -> Result<(usize, usize), PatchError> {
    let mut first = 0;
    let mut end = all.len();
    let blank = |index: usize| all.get(index).is_some_and(|line| line.trim().is_empty());
    let skip_blank = |first: &mut usize, end: &mut usize| {
        while *first < *end && blank(*first) {
            *first += 1;
        }
        while *first < *end && blank(*end - 1) {
            *end -= 1;
        }
    };
    skip_blank(&mut first, &mut end);
    if end - first >= 2 && all[first].trim_start().starts_with("```") && all[end - 1].trim() == "```" {
        (first, end) = (first + 1, end - 1);
        skip_blank(&mut first, &mut end);
    }
    if end - first >= 2 && heredoc(all[first]).is_some_and(|word| all[end - 1].trim() == word) {
        (first, end) = (first + 1, end - 1);
        skip_blank(&mut first, &mut end);
    }
    if first >= end || all[first].trim() != "*** Begin Patch" {
        return Err(PatchError::new(
            first.min(all.len()) + 1,
            None,
            "the patch has to begin with the line `*** Begin Patch`.",
        ));
    }
    if end - first < 2 || all[end - 1].trim() != "*** End Patch" {
        return Err(PatchError::new(
            end,
            None,
            "the patch has to end with the line `*** End Patch`; it seems to be cut off.",
        ));
    }
    Ok((first, end - 1))
}

/// The word that ends a here-document begun by this line.
fn heredoc(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("apply_patch").or_else(|| line.strip_prefix("applypatch")).unwrap_or(line);
    let word = line.trim_start().strip_prefix("<<")?.trim();
    let word = ['\'', '"'].iter().find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(word);
    (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(word)
}

fn header(number: usize, line: &str) -> Option<Operation> {
    let line = line.trim();
    let path = |mark: &str| line.strip_prefix(mark).map(|path| path.trim().to_owned());
    if let Some(path) = path("*** Add File: ") {
        return Some(Operation::Add { line: number, path, content: String::new() });
    }
    if let Some(path) = path("*** Delete File: ") {
        return Some(Operation::Delete { line: number, path });
    }
    let path = path("*** Update File: ")?;
    Some(Operation::Update { line: number, path, move_to: None, chunks: Vec::new() })
}

fn no_header(line: &str) -> String {
    format!(
        "`{}` is no header; the headers are `*** Add File: PATH`, `*** Delete File: PATH` and `*** Update File: PATH`.",
        line.trim()
    )
}

fn continuation(operation: &mut Operation, number: usize, line: &str, after_blank: bool) -> Result<(), PatchError> {
    match operation {
        Operation::Add { path, content, .. } => match line.strip_prefix('+') {
            Some(_) if after_blank => Err(PatchError::new(
                number,
                Some(path),
                "an empty line of an added file is written as `+`, and there is one without.",
            )),
            Some(added) => {
                content.push_str(added);
                content.push('\n');
                Ok(())
            }
            // Space between operations; inside a file an empty line is written as `+`.
            None if line.trim().is_empty() => Ok(()),
            None if line.starts_with("***") => Err(PatchError::new(number, None, no_header(line))),
            None => Err(PatchError::new(number, Some(path), "every line of an added file has to begin with `+`.")),
        },
        Operation::Delete { .. } if line.trim().is_empty() => Ok(()),
        Operation::Delete { .. } => Err(PatchError::new(number, None, no_header(line))),
        Operation::Update { path, move_to, chunks, .. } => update_line(path, move_to, chunks, number, line),
    }
}

fn update_line(
    path: &str,
    move_to: &mut Option<String>,
    chunks: &mut Vec<Chunk>,
    number: usize,
    line: &str,
) -> Result<(), PatchError> {
    if chunks.is_empty()
        && move_to.is_none()
        && let Some(target) = line.trim().strip_prefix("*** Move to: ")
    {
        *move_to = Some(target.trim().to_owned());
        return Ok(());
    }
    if let Some(rest) = line.strip_prefix("@@").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
        let stacked = chunks.last().is_some_and(|chunk| chunk.lines.is_empty() && !chunk.end_of_file);
        if !stacked {
            chunks.push(Chunk { line: number, ..Chunk::default() });
        }
        if let (Some(context), Some(chunk)) = (context(rest), chunks.last_mut()) {
            chunk.contexts.push(context.to_owned());
        }
        return Ok(());
    }
    if line.trim() == "*** End of File" {
        return match chunks.last_mut() {
            Some(chunk) => {
                chunk.end_of_file = true;
                Ok(())
            }
            None => {
                Err(PatchError::new(number, Some(path), "`*** End of File` stands after a chunk, and there is none."))
            }
        };
    }
    if line.starts_with("\\ No newline") {
        return Ok(());
    }
    if chunks.is_empty() && line.trim().is_empty() {
        return Ok(());
    }
    let parsed = chunk_line(line).ok_or_else(|| {
        let message = if line.starts_with("***") {
            no_header(line)
        } else {
            "a line of a chunk has to begin with ` ` (stays), `-` (goes) or `+` (comes); a new chunk begins with `@@`."
                .to_owned()
        };
        PatchError::new(number, Some(path), message)
    })?;
    match chunks.last_mut() {
        Some(chunk) if !chunk.end_of_file => chunk.lines.push(parsed),
        Some(_) if parsed == PatchLine::Blank => {}
        _ => chunks.push(Chunk { line: number, lines: vec![parsed], ..Chunk::default() }),
    }
    Ok(())
}

/// What a `@@` line names; nothing where it only holds the line numbers of a unified diff.
fn context(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(' ').unwrap_or(rest).trim_end();
    let numbers = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let mut parts = rest.split_whitespace();
    let unified = parts.next().and_then(|part| part.strip_prefix('-')).is_some_and(numbers)
        && parts.next().and_then(|part| part.strip_prefix('+')).is_some_and(numbers)
        && parts.next() == Some("@@");
    (!unified && !rest.trim().is_empty()).then_some(rest)
}

fn chunk_line(line: &str) -> Option<PatchLine> {
    if line.is_empty() {
        return Some(PatchLine::Blank);
    }
    if let Some(text) = line.strip_prefix(' ') {
        return Some(PatchLine::Keep(text.to_owned()));
    }
    if let Some(text) = line.strip_prefix('-') {
        return Some(PatchLine::Remove(text.to_owned()));
    }
    line.strip_prefix('+').map(|text| PatchLine::Add(text.to_owned()))
}

fn complete(operation: &mut Operation) -> Result<(), PatchError> {
    if operation.path().is_empty() {
        return Err(PatchError::new(operation.line(), None, "the header names no file."));
    }
    let Operation::Update { line, path, move_to, chunks } = operation else { return Ok(()) };
    if chunks.is_empty() && move_to.is_none() {
        return Err(PatchError::new(*line, Some(path), "the update has no chunk."));
    }
    let lineless = |chunk: &&Chunk| chunk.lines.iter().all(|line| *line == PatchLine::Blank);
    match chunks.iter().find(lineless) {
        Some(chunk) => Err(PatchError::new(chunk.line, Some(path), "the chunk has no lines.")),
        None => Ok(()),
    }
}
