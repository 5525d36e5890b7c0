//! Clean merges are those of `git merge-file`.

use proptest::prelude::*;
use tenon::diff::{Merged, merge};

use super::{changed, file, git, steps};

fn git_merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let out = git(folder.path(), &["merge-file", "-p", "ours", "base", "theirs"]);
    out.status.success().then_some(out.stdout)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn clean_merges_are_gits(base in file(), one in steps(), two in steps()) {
        let (ours, theirs) = (changed(&base, &one), changed(&base, &two));
        let base = base.concat();
        match (merge(&base, &ours, &theirs), git_merge(&base, &ours, &theirs)) {
            (Merged::Clean(made), Some(expected)) => prop_assert_eq!(made, expected),
            (Merged::Conflict { conflicts, .. }, _) => prop_assert!(conflicts > 0),
            (Merged::Clean(_), None) => {}
        }
        prop_assert_eq!(merge(&base, &base, &theirs), Merged::Clean(theirs.clone()));
        prop_assert_eq!(merge(&base, &ours, &base), Merged::Clean(ours.clone()));
        prop_assert_eq!(merge(&base, &ours, &ours), Merged::Clean(ours));
    }
}
