//! What an edit does to the bytes of a file, and what it never does.

use proptest::prelude::*;
use tenon::tool::{Edit, EditError, edit_bytes};

fn one(before: &[u8], old: &str, new: &str, all: bool) -> Result<Vec<u8>, EditError> {
    edit_bytes(Some(before), &[Edit { old: old.to_owned(), new: new.to_owned(), all }]).map(|edited| edited.bytes)
}

fn text(before: &str, old: &str, new: &str) -> Result<String, String> {
    one(before.as_bytes(), old, new, false)
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|error| error.to_string())
}

#[test]
fn a_place_is_found_as_written_or_with_harmless_differences() {
    for (before, old, new, expected) in [
        ("a b c\n", "b", "x", "a x c\n"),
        ("a\r\nb\r\n", "a\nb\n", "a\nc\nb\n", "a\r\nc\r\nb\r\n"),
        ("a\rb\r", "a\nb", "a\nx\nb", "a\rx\rb\r"),
        ("a\r\nb\nc\n", "b\nc", "B\nc", "a\r\nB\nc\n"),
        ("x = 1   \ny = 2\n", "x = 1\ny = 2", "x = 1\ny = 3", "x = 1   \ny = 3\n"),
        (
            "say(\u{201C}hi\u{201D}) # a\u{2013}b\n",
            "say(\"hi\") # a-b",
            "say(\"ho\") # a-b",
            "say(\u{201C}ho\u{201D}) # a\u{2013}b\n",
        ),
        ("\u{A0}\u{A0}x\n", "  x", "  y", "\u{A0}\u{A0}y\n"),
        (
            "class A:\n    def f(self):\n        return 1\n",
            "def f(self):\n    return 1\n",
            "def f(self):\n    x = 2\n    return x\n",
            "class A:\n    def f(self):\n        x = 2\n        return x\n",
        ),
        (
            "\tif a {\n\t\tb();\n\t}\n",
            "    if a {\n        b();\n    }",
            "    if a {\n        c();\n    }",
            "\tif a {\n\t\tc();\n\t}\n",
        ),
        ("a\nb\nc\n", "    1\ta\n    2\tb\n", "x\nb\n", "x\nb\nc\n"),
        ("a\nb\n", "a\\nb", "a\\nc", "a\nc\n"),
        ("f(\"x\")\n", "f(\\\"x\\\")", "f(\\\"y\\\")", "f(\"y\")\n"),
        ("\u{FEFF}a\n", "a", "b", "\u{FEFF}b\n"),
        ("a", "a", "$& $1 \\1 $$", "$& $1 \\1 $$"),
        ("a\nb", "b", "c\n", "a\nc\n"),
        ("a\nb\n", "a\n", "", "b\n"),
        ("a\n  b\n", "\n\na\n  b\n\n", "a\n  c\n", "a\n  c\n"),
    ] {
        assert_eq!(text(before, old, new), Ok(expected.to_owned()), "{before:?} {old:?}");
    }
}

#[test]
fn what_is_not_clear_is_refused_and_says_where_to_look() {
    for (before, old, new, part) in [
        ("a\nb\na\n", "a", "x", "2 times"),
        ("  a\nb\n    a\n", "      a", "x", "2 times"),
        ("aaa", "aa", "b", "2 times"),
        ("a\n", "a", "a", "the same"),
        ("a\n", "", "b", "`old` is empty"),
        (
            "def alpha():\n    return 1\n",
            "def alpha():\n    return 2\n",
            "x",
            "    1\tdef alpha():\n    2\t    return 1\n",
        ),
        ("foo(x)\n", "foo ", "bar ", "not in the file"),
        ("b\n", "a", "b", "is there already"),
        ("zzz\n", "something else entirely", "x", "    1\tzzz\n"),
        ("    a\n  b\n", "a\nb\n", "c\n", "Copy the lines exactly"),
    ] {
        let error = text(before, old, new).unwrap_err();
        assert!(error.contains(part), "{before:?} {old:?}: {error}");
    }
}

#[test]
fn edits_of_one_call_see_each_other_and_are_made_all_or_none() {
    let edit = |old: &str, new: &str| Edit { old: old.to_owned(), new: new.to_owned(), all: false };
    let made = edit_bytes(Some(b"a\n"), &[edit("a", "b"), edit("b", "c")]).unwrap();
    assert_eq!(made.bytes, b"c\n");
    let error = edit_bytes(Some(b"a\n"), &[edit("a", "b"), edit("a", "c")]).unwrap_err();
    assert!(error.to_string().starts_with("Edit 2: `old` is not in the file"), "{error}");
}

#[test]
fn a_missing_file_is_made_by_an_empty_old_only() {
    let edit = |old: &str| [Edit { old: old.to_owned(), new: "x\n".to_owned(), all: false }];
    assert_eq!(edit_bytes(None, &edit("")).unwrap().bytes, b"x\n");
    assert_eq!(edit_bytes(None, &edit("a")), Err(EditError::Missing));
    assert_eq!(edit_bytes(Some(b""), &edit("")).unwrap().bytes, b"x\n");
}

#[test]
fn every_place_is_changed_when_all_is_asked_for() {
    assert_eq!(one(b"foo bar foo\r\n", "foo", "f$1", true), Ok(b"f$1 bar f$1\r\n".to_vec()));
    assert_eq!(one(b"  a\n    a\n", "        a\n", "        b\n", true), Ok(b"  b\n    b\n".to_vec()));
}

#[test]
fn bytes_that_are_no_utf8_stay_and_cannot_be_written_over() {
    assert_eq!(one(b"caf\xe9 = 1\nx\n", "= 1", "= 2", false), Ok(b"caf\xe9 = 2\nx\n".to_vec()));
    assert_eq!(one(b"caf\xe9 = 1\n", "caf\u{FFFD} = 1", "caf\u{FFFD} = 2", false), Ok(b"caf\xe9 = 2\n".to_vec()));
    let error = one(b"caf\xe9 = 1\n", "caf\u{FFFD} = 1", "x caf\u{FFFD}s = 1", false).unwrap_err();
    assert!(matches!(error, EditError::Lossy { .. }), "{error}");
}

fn file() -> impl Strategy<Value = String> {
    let line = prop_oneof!["[ab]{0,3}", "    [ab]{1,2}", "\t[ab]  ", Just("\u{201C}a\u{201D}".to_owned())];
    let ending = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let lines = proptest::collection::vec((line, ending), 1..8);
    lines.prop_map(|lines| lines.into_iter().map(|(line, ending)| format!("{line}{ending}")).collect())
}

proptest! {
    #[test]
    fn nothing_outside_the_match_changes(before in file(), from in 0usize..40, length in 1usize..20, new in "[xyz\n ]{0,8}") {
        let starts: Vec<usize> = before.char_indices().map(|(at, _)| at).chain([before.len()]).collect();
        let from = from % starts.len();
        let to = (from + length).min(starts.len() - 1);
        let (start, end) = (starts[from], starts[to]);
        // Half a CRLF is no place of its own: line ends match whole.
        let halves = |at: usize| before[..at].ends_with('\r') && before[at..].starts_with('\n');
        prop_assume!(!halves(start) && !halves(end));
        let old = &before[start..end];
        if let Ok(after) = one(before.as_bytes(), old, &new, false) {
            prop_assert!(after.starts_with(&before.as_bytes()[..start]), "{before:?} {old:?} {new:?}");
            prop_assert!(after.ends_with(&before.as_bytes()[end..]), "{before:?} {old:?} {new:?}");
        }
    }

    #[test]
    fn crlf_stays_crlf(lines in proptest::collection::vec("[a-c ]{0,4}", 1..8), old in "[a-c \n]{1,6}", new in "[x \n]{0,6}") {
        let before: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        if let Ok(after) = one(before.as_bytes(), &old, &new, false) {
            let text = String::from_utf8(after).unwrap();
            prop_assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{:?}", text);
            prop_assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "{:?}", text);
        }
    }

    #[test]
    fn no_input_makes_it_panic(before in any::<Vec<u8>>(), old in ".{0,12}", new in ".{0,12}", all in any::<bool>()) {
        let _ = one(&before, &old, &new, all);
    }

    #[test]
    fn no_patch_makes_it_panic(body in "([ +@*-]|a|\n|\\*\\*\\* (Add|Update|Delete) File: a\n){0,40}", before in "[a\n]{0,8}") {
        let patch = format!("*** Begin Patch\n{body}\n*** End Patch");
        let resolve = |text: &str| tenon::domain::RepoPath::parse(text).map_err(|error| error.to_string());
        let _ = tenon::tool::patch::plan(&patch, resolve, |_| Ok(Some(before.clone().into_bytes())));
    }

    #[test]
    fn no_reply_makes_it_panic(reply in "([<>=]{5,7}|SEARCH|REPLACE| |a\\.b|```diff|--- x|\\+\\+\\+ x|\n){0,40}", content in "[a\n .]{0,12}") {
        let fence = tenon::tool::search_replace::Fence::default();
        let _ = tenon::tool::search_replace::parse(&reply, fence, &["a.b".to_owned()]);
        let _ = tenon::tool::search_replace::parse_udiff(&reply);
        let _ = tenon::tool::search_replace::apply(Some(content.as_bytes()), &reply, &content);
    }
}
