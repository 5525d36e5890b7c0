//! The `*** Begin Patch` format, without a file system: from a text to what each file is to hold.
//!
//! A patch is planned as a whole before anything is written: [`plan`] either says what every file becomes or what
//! is wrong, with the line of the patch and the file. A unified diff or SEARCH/REPLACE blocks are understood as well:
//! models that were taught those write them here.

mod blocks;
mod parse;
mod place;
mod unified;

use std::collections::BTreeSet;

use crate::domain::RepoPath;

pub use parse::{Chunk, Operation, PatchLine, parse};

/// What is wrong with a patch. The text is for the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the patch{}: {message}", file.as_ref().map_or_else(String::new, |file| format!(" (`{file}`)")))]
pub struct PatchError {
    /// 1-based line of the patch.
    pub line: usize,
    /// The file it is about.
    pub file: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl PatchError {
    fn new(line: usize, file: Option<&str>, message: impl Into<String>) -> Self {
        Self { line, file: file.map(str::to_owned), message: message.into() }
    }
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The file.
    pub path: RepoPath,
    /// Where its content and mode come from, when it is moved.
    pub from: Option<RepoPath>,
    /// What it holds now; for a moved file, what is at the old place.
    pub before: Option<Vec<u8>>,
    /// What it is to hold; `None` removes it.
    pub after: Option<Vec<u8>>,
    /// What is worth knowing: how a place was found, that something is replaced.
    pub notes: Vec<String>,
}

/// Says what a patch makes of the files. `resolve` reads a path as written; `read` gives a file's content, `None` when
/// there is no file.
///
/// # Errors
/// The first thing that is wrong.
pub fn plan(
    patch: &str,
    resolve: impl Fn(&str) -> Result<RepoPath, String>,
    read: impl Fn(&RepoPath) -> Result<Option<Vec<u8>>, String>,
) -> Result<Vec<Planned>, PatchError> {
    if blocks::are_there(patch) {
        return blocks::plan(patch, resolve, read);
    }
    let operations = if unified::is_one(patch) { unified::parse(patch)? } else { parse(patch)? };
    let mut seen = BTreeSet::new();
    let mut planned = Vec::new();
    for operation in &operations {
        let (line, written) = (operation.line(), operation.path());
        let wrong = |message: String| PatchError::new(line, Some(written), message);
        let path = resolve(written).map_err(wrong)?;
        let target = operation.move_to().map(&resolve).transpose().map_err(wrong)?.filter(|target| *target != path);
        for touched in [Some(&path), target.as_ref()].into_iter().flatten() {
            if !seen.insert(touched.clone()) {
                return Err(wrong(format!(
                    "`{touched}` is named by more than one operation; put all its chunks in one."
                )));
            }
        }
        let before = read(&path).map_err(wrong)?;
        planned.push(plan_one(operation, path, target, before, &read)?);
    }
    Ok(planned)
}

fn plan_one(
    operation: &Operation,
    path: RepoPath,
    target: Option<RepoPath>,
    before: Option<Vec<u8>>,
    read: &impl Fn(&RepoPath) -> Result<Option<Vec<u8>>, String>,
) -> Result<Planned, PatchError> {
    let wrong = |message: String| PatchError::new(operation.line(), Some(operation.path()), message);
    let missing = || wrong("the file does not exist.".to_owned());
    match operation {
        Operation::Add { content, .. } => {
            let notes = before.iter().map(|_| format!("`{path}` was there before and is replaced")).collect();
            Ok(Planned { path, from: None, before, after: Some(content.clone().into_bytes()), notes })
        }
        Operation::Delete { .. } => {
            let before = before.ok_or_else(missing)?;
            Ok(Planned { path, from: None, before: Some(before), after: None, notes: Vec::new() })
        }
        Operation::Update { chunks, .. } => {
            let before = before.ok_or_else(missing)?;
            let (after, mut notes) = place::update(operation.path(), &before, chunks)?;
            if let Some(target) = target {
                if read(&target).map_err(wrong)?.is_some() {
                    notes.push(format!("`{target}` was there before and is replaced"));
                }
                return Ok(Planned { path: target, from: Some(path), before: Some(before), after: Some(after), notes });
            }
            Ok(Planned { path, from: None, before: Some(before), after: Some(after), notes })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[(&str, &str)], patch: &str) -> Result<Vec<(String, Option<String>)>, String> {
        let resolve = |text: &str| RepoPath::parse(text).map_err(|error| error.to_string());
        let read = |path: &RepoPath| {
            let found = files.iter().find(|(name, _)| *name == path.as_str());
            Ok(found.map(|(_, content)| content.as_bytes().to_vec()))
        };
        let planned = plan(patch, resolve, read).map_err(|error| error.to_string())?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ok(planned.into_iter().map(|planned| (planned.path.to_string(), planned.after.map(text))).collect())
    }

    fn updated(before: &str, chunks: &str) -> Result<String, String> {
        let patch = format!("*** Begin Patch\n*** Update File: f\n{chunks}*** End Patch\n");
        run(&[("f", before)], &patch).map(|mut planned| planned.remove(0).1.unwrap())
    }

    #[test]
    fn chunks_change_what_they_name() {
        for (before, chunks, expected) in [
            ("a\nb\nc\n", "@@\n a\n-b\n+B\n c\n", "a\nB\nc\n"),
            ("a\r\nb\r\n", "@@\n-b\n+c\n+d\n", "a\r\nc\r\nd\r\n"),
            ("a", "@@\n-a\n+b\n", "b\n"),
            ("a\nb", "@@\n-a\n+c\n", "c\nb\n"),
            ("\u{FEFF}a\n", "@@\n-a\n+b\n", "\u{FEFF}b\n"),
            ("x\ndef f():\n  a\ndef g():\n  a\n", "@@ def g():\n-  a\n+  b\n", "x\ndef f():\n  a\ndef g():\n  b\n"),
            (
                "class A:\n  def f\n    x\nclass B:\n  def f\n    x\n",
                "@@ class B:\n@@   def f\n-    x\n+    y\n",
                "class A:\n  def f\n    x\nclass B:\n  def f\n    y\n",
            ),
            ("def f():\n  a\n", "@@ def f():\n+  new\n", "def f():\n  new\n  a\n"),
            ("a\n", "@@ -1,1 +1,1 @@\n-a\n+b\n", "b\n"),
            ("a\nx\na\n", "@@\n-a\n+b\n*** End of File\n", "a\nx\nb\n"),
            ("a  \n\tb\n", "@@\n a\n-b\n+c\n", "a  \nc\n"),
            ("a\nb\n", "@@\n-a\n+A\n\n@@\n-b\n+B\n", "A\nB\n"),
            ("a\n", "@@\n-a\n", ""),
        ] {
            assert_eq!(updated(before, chunks), Ok(expected.to_owned()), "{before:?} {chunks:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_line_and_file() {
        for (before, chunks, parts) in [
            ("a\nb\n", "@@\n-x\n+y\n", &["line 3", "`f`", "not in the file"][..]),
            ("a\nb\n", "@@ nowhere\n-a\n+b\n", &["line 3", "nowhere"]),
            ("a\nb\n", "@@\n-b\n+B\n@@\n-a\n+A\n", &["line 6", "in the order of the file"]),
            ("a\n", "@@\nfoo\n", &["line 4", "` `"]),
            ("a\n", "", &["line 2", "no chunk"]),
            ("a\n", "@@\n*** End of File\n", &["line 3", "no lines"]),
        ] {
            let error = updated(before, chunks).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{chunks:?}: {error}");
            }
        }
    }

    #[test]
    fn wrappers_models_put_around_are_taken_off() {
        let patch = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch";
        for (before, after) in [
            ("", ""),
            ("\n\n", "\n\n"),
            ("```\n", "\n```"),
            ("```diff\n", "\n```\n"),
            ("<<EOF\n", "\nEOF\n"),
            ("<<'PATCH'\n", "\nPATCH"),
            ("apply_patch <<\"EOF\"\n", "\nEOF"),
            ("```bash\napply_patch <<'EOF'\n", "\nEOF\n```"),
        ] {
            let result = run(&[], &format!("{before}{patch}{after}"));
            assert_eq!(result, Ok(vec![("a".to_owned(), Some("x\n".to_owned()))]), "{before:?}");
        }
        for (before, after) in [("<<\"EOF'\n", "\nEOF"), ("<<EOF\n", "\nEND"), ("cd x && apply_patch <<EOF\n", "\nEOF")]
        {
            assert!(run(&[], &format!("{before}{patch}{after}")).is_err(), "{before:?}");
        }
    }

    #[test]
    fn a_file_is_moved_with_or_without_changes() {
        let patch = "*** Begin Patch\n*** Update File: a\n*** Move to: b/c\n*** End Patch";
        assert_eq!(run(&[("a", "x\n")], patch), Ok(vec![("b/c".to_owned(), Some("x\n".to_owned()))]));
    }

    #[test]
    fn an_empty_line_inside_an_added_file_needs_its_sign() {
        let patch = "*** Begin Patch\n*** Add File: a\n+x\n\n+y\n\n*** Add File: b\n+z\n\n*** End Patch";
        assert!(run(&[], patch).unwrap_err().contains("line 5 of the patch (`a`)"));
        assert_eq!(run(&[], &patch.replace("\n\n+y", "")).unwrap().len(), 2);
    }

    #[test]
    fn one_file_is_named_once() {
        for patch in [
            "*** Begin Patch\n*** Delete File: a\n*** Add File: ./a\n+x\n*** End Patch",
            "*** Begin Patch\n*** Add File: b\n+x\n*** Update File: a\n*** Move to: b\n@@\n-x\n+y\n*** End Patch",
        ] {
            assert!(run(&[("a", "x\n")], patch).unwrap_err().contains("more than one operation"));
        }
    }

    #[test]
    fn unified_diffs_are_understood_and_line_numbers_only_choose_between_places() {
        for (before, hunks, expected) in [
            ("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n", "a\nc\n"),
            ("x\ny\nx\ny\nx\n", "@@ -3,1 +3,1 @@\n-x\n+X\n", "x\ny\nX\ny\nx\n"),
            ("x\ny\nx\n", "@@ -90,1 +90,1 @@ def f\n-x\n+X\n", "x\ny\nX\n"),
            ("a\nb\n", "@@ -1,0 +2,1 @@\n+new\n", "a\nnew\nb\n"),
            ("a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n", "a\r\nc\r\n"),
            ("a\nb\nc\nd\n", "@@ -1 +1 @@\n-a\n+A\n@@ -4 +4 @@\n-d\n+D\n", "A\nb\nc\nD\n"),
        ] {
            let diff = format!("diff --git a/f b/f\nindex 1..2\n--- a/f\n+++ b/f\n{hunks}");
            for diff in [diff.clone(), format!("```diff\n{diff}```\n")] {
                let planned = run(&[("f", before)], &diff);
                assert_eq!(planned, Ok(vec![("f".to_owned(), Some(expected.to_owned()))]), "{diff:?}");
            }
        }
        let both = "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+n\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-o\n";
        let planned = run(&[("old", "o\n")], both).unwrap();
        assert_eq!(planned, [("new".to_owned(), Some("n\n".to_owned())), ("old".to_owned(), None)]);
        let refused = run(&[("f", "a\n")], "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n").unwrap_err();
        assert!(refused.contains("`f`") && refused.contains("not in the file"), "{refused}");
    }

    #[test]
    fn blocks_of_other_dialects_are_understood() {
        let block = |head: &str, tail: &str| format!("f\n{head}\nb\n=======\nB\n{tail}\n");
        for patch in [
            block("<<<<<<< SEARCH", ">>>>>>> REPLACE"),
            block("------- SEARCH", "+++++++ REPLACE"),
            block("-------------- SEARCH", "+++++ REPLACE"),
            block("<<<<<<< SEARCH\n:start_line:2\n-------", ">>>>>>> REPLACE"),
            format!("```\n{}```\n", block("<<<<<<< SEARCH", ">>>>>>> REPLACE")),
        ] {
            let planned = run(&[("f", "a\nb\n")], &patch);
            assert_eq!(planned, Ok(vec![("f".to_owned(), Some("a\nB\n".to_owned()))]), "{patch:?}");
        }
        let second = "f\n<<<<<<< SEARCH\n:start_line:3\n-------\nx\n=======\nX\n>>>>>>> REPLACE\n";
        assert_eq!(run(&[("f", "x\ny\nx\n")], second).unwrap()[0].1.as_deref(), Some("x\ny\nX\n"));
        for (patch, part) in [
            (block("<<<<<<< SEARCH", ">>>>>>> REPLACE").replace("f\n<", "<"), "no file"),
            (block("<<<<<<< SEARCH", ""), "cut off"),
            (block("<<<<<<< SEARCH", ">>>>>>> REPLACE").replace("\nb\n", "\nnot there\n"), "not in the file"),
            (block("<<<<<<< SEARCH", ">>>>>>> REPLACE").replace("\nb\n", "\n"), "is empty"),
        ] {
            let refused = run(&[("f", "a\nb\n")], &patch).unwrap_err();
            assert!(refused.contains(part), "{patch:?}: {refused}");
        }
    }
}
