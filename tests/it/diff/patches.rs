//! `git apply` takes the patches we write, and we take the patches git writes.

use proptest::prelude::*;
use tenon::diff::{Version, apply, parse_patch, unified};
use tenon::domain::{FileMode, RepoPath};

use super::{git, git_apply, path, versions};

fn version<'a>(path: &'a RepoPath, bytes: &'a [u8]) -> Option<Version<'a>> {
    Some(Version { path, bytes, mode: FileMode::Regular })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn git_takes_our_patches((old, new) in versions()) {
        prop_assume!(old != new);
        let f = path();
        let patch = unified(version(&f, &old), version(&f, &new));
        prop_assert_eq!(git_apply(Some(&old), &patch), Ok(Some(new.clone())));
        let read = parse_patch(&patch).unwrap();
        prop_assert_eq!(apply(&old, &read[0]), Ok(new.clone()));
        prop_assert_eq!(git_apply(None, &unified(None, version(&f, &new))), Ok(Some(new)));
        prop_assert_eq!(git_apply(Some(&old), &unified(version(&f, &old), None)), Ok(None));
    }

    #[test]
    fn we_take_gits_patches((old, new) in versions()) {
        prop_assume!(old != new);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("old"), &old).unwrap();
        std::fs::write(folder.path().join("new"), &new).unwrap();
        let patch = git(folder.path(), &["diff", "--no-index", "--text", "old", "new"]).stdout;
        let read = parse_patch(&patch).unwrap();
        prop_assert_eq!(apply(&old, &read[0]), Ok(new));
    }

    #[test]
    fn we_apply_where_git_applies((old, new) in versions(), (other, _) in versions()) {
        prop_assume!(old != new && !other.is_empty());
        let f = path();
        let patch = unified(version(&f, &old), version(&f, &new));
        let shifted = [other.as_slice(), b"\n", &old].concat();
        let read = parse_patch(&patch).unwrap();
        let ours = apply(&shifted, &read[0]).ok();
        prop_assert_eq!(ours, git_apply(Some(&shifted), &patch).ok().flatten());
    }

    #[test]
    fn reading_a_patch_never_panics(bytes in prop::collection::vec(prop::sample::select(vec![
        "diff --git a/x b/x\n", "--- a/x\n", "+++ b/x\n", "+++ /dev/null\n", "@@ -1,2 +1 @@\n", "@@ -0,0 +1,99999999999999999999 @@\n",
        "@@ -18446744073709551615,1 +1 @@\n", " a\n", "-b\n", "+c\n", "\\ No newline\n", "\n", "\r\n", "rename from \"\\303", "new file mode 100644\n",
    ]), 0..12)) {
        if let Ok(files) = parse_patch(bytes.concat().as_bytes()) {
            for file in files {
                let _ = apply(b"a\nb\nc\n", &file);
            }
        }
    }
}

#[test]
fn odd_names_and_modes_go_both_ways() {
    for name in ["a b.txt", "ü/日本.txt", "quo\"te\\.txt", "tab\there", "dir/with space/x", "-dash", "a\nb"] {
        let folder = tempfile::tempdir().unwrap();
        let there = RepoPath::parse(name).unwrap();
        let side = |bytes, mode| Some(Version { path: &there, bytes, mode });
        let steps = [
            unified(None, side(b"", FileMode::Regular)),
            unified(side(b"", FileMode::Regular), side(b"one\n", FileMode::Regular)),
            unified(side(b"one\n", FileMode::Regular), side(b"one\n", FileMode::Executable)),
            unified(side(b"one\n", FileMode::Executable), side(b"target", FileMode::Symlink)),
            unified(side(b"target", FileMode::Symlink), None),
        ];
        let full = there.under(folder.path());
        let expected = ["", "one\n", "one\n", "", ""];
        for (patch, expected) in steps.iter().zip(expected) {
            std::fs::write(folder.path().join("patch"), patch).unwrap();
            let out = git(folder.path(), &["apply", "patch"]);
            let shown = String::from_utf8_lossy(patch);
            assert!(out.status.success(), "{name}: {}\n{shown}", String::from_utf8_lossy(&out.stderr));
            assert_eq!(std::fs::read_to_string(&full).unwrap_or_default(), expected, "{name}\n{shown}");
            for file in parse_patch(patch).unwrap() {
                assert_eq!(file.new_path.or(file.old_path), Some(there.clone()), "{shown}");
            }
        }
        assert!(!full.exists());
    }
}

#[test]
fn a_rename_goes_both_ways() {
    let (from, to) = (RepoPath::parse("f").unwrap(), RepoPath::parse("g h").unwrap());
    let patch = unified(version(&from, b"one\ntwo\n"), version(&to, b"one\nTWO\n"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), "one\ntwo\n").unwrap();
    std::fs::write(folder.path().join("patch"), &patch).unwrap();
    let out = git(folder.path(), &["apply", "patch"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read(folder.path().join("g h")).unwrap(), b"one\nTWO\n");
    let read = parse_patch(&patch).unwrap();
    assert_eq!((read[0].old_path.as_ref(), read[0].new_path.as_ref()), (Some(&from), Some(&to)));
}
