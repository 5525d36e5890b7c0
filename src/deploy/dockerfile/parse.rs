//! The small grammar of Dockerfiles: continuation lines, comments between them, options, here-documents.

/// An instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Instruction {
    /// 1-based line it begins on.
    pub line: usize,
    /// Its word in capitals.
    pub word: String,
    /// Its word as written.
    pub written: String,
    /// `--name=value`.
    pub options: Vec<(String, String)>,
    /// What follows, in one line.
    pub rest: String,
    /// The words that end its here-documents.
    pub heredocs: Vec<String>,
}

/// The instructions of a file.
pub(super) fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape(text);
    let mut found = Vec::new();
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut whole = String::new();
        let mut line = line;
        loop {
            let trimmed = line.trim_end();
            let Some(more) = trimmed.strip_suffix(escape) else {
                whole.push_str(trimmed);
                break;
            };
            whole.push_str(more);
            whole.push(' ');
            // Comments and empty lines may stand between.
            let next = loop {
                match lines.next() {
                    Some((_, next)) if next.trim().is_empty() || next.trim_start().starts_with('#') => {}
                    other => break other,
                }
            };
            match next {
                Some((_, next)) => line = next,
                None => break,
            }
        }
        let mut instruction = read(index + 1, whole.trim());
        if matches!(instruction.word.as_str(), "RUN" | "COPY" | "ADD") {
            instruction.heredocs = heredocs(&instruction.rest);
            for end in &instruction.heredocs {
                for (_, line) in lines.by_ref() {
                    if line.trim_start_matches('\t') == end {
                        break;
                    }
                }
            }
        }
        found.push(instruction);
    }
    found
}

/// The sign that continues a line.
fn escape(text: &str) -> char {
    let directive = |line: &str| {
        let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
        (name.trim().eq_ignore_ascii_case("escape")).then(|| value.trim().chars().next()).flatten()
    };
    text.lines().take_while(|line| line.trim_start().starts_with('#')).find_map(directive).unwrap_or('\\')
}

fn read(line: usize, text: &str) -> Instruction {
    let (written, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut options = Vec::new();
    rest = rest.trim_start();
    // What follows CMD or the like is a program with options of its own.
    let word = written.to_uppercase();
    let takes = !matches!(word.as_str(), "CMD" | "ENTRYPOINT" | "ENV" | "ARG" | "LABEL" | "SHELL" | "EXPOSE" | "USER");
    while let Some(option) = rest.strip_prefix("--").filter(|_| takes) {
        let (option, after) = option.split_once(char::is_whitespace).unwrap_or((option, ""));
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        options.push((name.to_owned(), value.trim_matches(['"', '\'']).to_owned()));
        rest = after.trim_start();
    }
    Instruction { line, word, written: written.to_owned(), options, rest: rest.to_owned(), heredocs: Vec::new() }
}

fn heredocs(rest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut text = rest;
    while let Some(at) = text.find("<<") {
        text = &text[at + 2..];
        // `<<<` is a text, and a shift is no document.
        if text.starts_with('<') {
            text = text.trim_start_matches('<');
            continue;
        }
        let word = text.trim_start_matches('-').trim_start_matches(['"', '\'']);
        let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
        if end > 0 && !word.starts_with(|c: char| c.is_ascii_digit()) {
            found.push(word[..end].to_owned());
        }
    }
    found
}

/// Cuts at white space that is not within quotes.
fn words(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, c) if c.is_whitespace() => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

/// The names and values of an `ENV` or `ARG`.
pub(super) fn assignments(instruction: &Instruction) -> Vec<(String, Option<String>)> {
    let words = words(&instruction.rest);
    let first = words.first().map(String::as_str).unwrap_or_default();
    // The old form: a name, and the rest of the line is its value.
    if instruction.word == "ENV" && !first.contains('=') {
        let rest = instruction.rest.split_once(char::is_whitespace).map(|(_, rest)| rest.trim().to_owned());
        return vec![(first.to_owned(), rest)];
    }
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    };
    words.into_iter().map(pair).collect()
}

/// Sources and destination of a `COPY` or `ADD`.
pub(super) fn places(instruction: &Instruction) -> Vec<String> {
    if instruction.rest.starts_with('[')
        && let Ok(list) = serde_json::from_str::<Vec<String>>(&instruction.rest)
    {
        return list;
    }
    words(&instruction.rest).into_iter().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_read_with_their_first_line() {
        let text = "# escape=`\nFROM a\nRUN one `\n# no\n\n  two\nRUN <<-END cat\nFROM x\n\tEND\nCOPY --from=b <<A <<B /x/\nA\nB\ncmd x";
        let found: Vec<(usize, String, String)> =
            instructions(text).into_iter().map(|one| (one.line, one.word, one.rest)).collect();
        let expected = [
            (2, "FROM", "a"),
            (3, "RUN", "one    two"),
            (7, "RUN", "<<-END cat"),
            (10, "COPY", "<<A <<B /x/"),
            (13, "CMD", "x"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((line, word, rest), (l, w, r)) in found.iter().zip(expected) {
            assert_eq!(
                (*line, word.as_str(), rest.split_whitespace().collect::<Vec<_>>().join(" ")),
                (l, w, r.split_whitespace().collect::<Vec<_>>().join(" "))
            );
        }
    }
}
