//! Environment variables that changed code reads and did not read before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::FileChange;
use crate::journal::BlobStore;

static READS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"process\.env\.(?P<a>[A-Z][A-Z0-9_]+)",
        r#"process\.env\[\s*['"](?P<b>[A-Z][A-Z0-9_]+)"#,
        r#"(?:os\.environ(?:\.get\(|\[)|os\.getenv\(|environ\.get\(|env(?:\.\w+)?\()\s*['"](?P<c>[A-Z][A-Z0-9_]+)"#,
        r#"os\.(?:Getenv|LookupEnv)\(\s*"(?P<d>[A-Z][A-Z0-9_]+)"#,
        r#"env::var(?:_os)?\(\s*"(?P<e>[A-Z][A-Z0-9_]+)"#,
        r#"System\.getenv\(\s*"(?P<f>[A-Z][A-Z0-9_]+)"#,
    ];
    Regex::new(&shapes.join("|")).ok()
});

fn names(text: &str) -> BTreeSet<String> {
    let found = READS.iter().flat_map(|regex| regex.captures_iter(text));
    found.filter_map(|found| found.iter().skip(1).flatten().next().map(|name| name.as_str().to_owned())).collect()
}

/// The variables a change begins to read, each with its file.
pub(super) fn read(change: &FileChange, blobs: &BlobStore) -> BTreeMap<String, String> {
    let text = |hash: Option<&crate::domain::ContentHash>| {
        hash.and_then(|hash| blobs.get(hash).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    };
    let before = names(&text(change.base.as_ref()));
    let after = names(&text(change.result.as_ref()));
    after.difference(&before).map(|name| (name.clone(), change.path.as_str().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_every_language() {
        for (text, name) in [
            ("const a = process.env.DATABASE_URL", "DATABASE_URL"),
            ("process.env['API_KEY']", "API_KEY"),
            ("os.environ[\"SECRET\"]", "SECRET"),
            ("os.environ.get('PORT', 1)", "PORT"),
            ("os.getenv(\"A_B\")", "A_B"),
            ("os.Getenv(\"HOME_DIR\")", "HOME_DIR"),
            ("std::env::var(\"RUST_X\")", "RUST_X"),
        ] {
            assert_eq!(names(text), BTreeSet::from([name.to_owned()]), "{text}");
        }
        assert!(names("environment = 'PORT'").is_empty());
    }
}
