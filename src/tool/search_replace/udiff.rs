//! Unified diffs in a reply, as models write them: the line numbers are missing or wrong, so only the lines count.

/// A stretch of changed lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The file, where one is named.
    pub file: Option<String>,
    /// The lines with their sign and end.
    pub lines: Vec<String>,
}

/// Finds the hunks in the fences of a reply that are marked `diff`.
pub fn parse_udiff(reply: &str) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut lines = reply
        .split_inclusive('\n')
        .map(|line| if line.ends_with('\n') { line.to_owned() } else { format!("{line}\n") });
    while let Some(line) = lines.next() {
        if line.starts_with("```diff") {
            let block: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            read_block(&block, &mut hunks);
        }
    }
    hunks
}

fn read_block(block: &[String], hunks: &mut Vec<Hunk>) {
    let mut reader = Reader { hunks, file: None, lines: Vec::new(), changes: false };
    let mut at = 0;
    while at < block.len() {
        match names(block, at) {
            Some(file) => {
                reader.close(at > 0);
                reader.file = Some(file);
                at += 2;
            }
            None => {
                reader.line(&block[at]);
                at += 1;
            }
        }
    }
    reader.close(false);
}

/// The file named by two lines `--- a/x` and `+++ b/x`; a removed line `-- x` before an added `++ y` is none.
fn names(block: &[String], at: usize) -> Option<String> {
    let old = block.get(at)?.strip_prefix("--- ")?.trim();
    let new = block.get(at + 1)?.strip_prefix("+++ ")?.trim();
    let prefixed = old.starts_with("a/") || old == "/dev/null";
    Some(new.strip_prefix("b/").filter(|_| prefixed).unwrap_or(new).to_owned())
}

struct Reader<'a> {
    hunks: &'a mut Vec<Hunk>,
    file: Option<String>,
    lines: Vec<String>,
    changes: bool,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        if line.starts_with('@') {
            self.close(false);
            return;
        }
        self.changes |= line.len() > 1 && line.starts_with(['-', '+']);
        self.lines.push(line.to_owned());
    }

    /// Ends the hunk; one without changes is only context. The empty line before the names of the next file is
    /// none of it.
    fn close(&mut self, before_names: bool) {
        let mut lines = std::mem::take(&mut self.lines);
        if before_names && lines.last().is_some_and(|line| line == "\n") {
            lines.pop();
        }
        if std::mem::take(&mut self.changes) {
            self.hunks.push(Hunk { file: self.file.clone(), lines });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_are_found_with_their_file() {
        let reply = "Here:\n```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n a\n-b\n+c\n@@ ... @@\n d\n@@\n-e\n\n--- y\n+++ y\n@@\n+f\n```\n";
        let hunks: Vec<(String, String)> =
            parse_udiff(reply).into_iter().map(|hunk| (hunk.file.unwrap(), hunk.lines.concat())).collect();
        let expected = [("x.py", " a\n-b\n+c\n"), ("x.py", "-e\n"), ("y", "+f\n")];
        assert_eq!(hunks, expected.map(|(file, lines)| (file.to_owned(), lines.to_owned())));
    }
}
