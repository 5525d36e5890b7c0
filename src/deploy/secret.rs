//! Names whose values are secrets, and values that are none.

use std::sync::LazyLock;

use regex::Regex;

/// A name whose value is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)(^|_|-)(password|passwd|secret|secrets|token|api_?key|private_?key|access_?key|credentials?)$")
            .ok()
    });
    WORDS.as_ref().is_some_and(|words| words.is_match(name))
}

/// A value that stands for another one, or says that it is none.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let lower = value.to_ascii_lowercase();
    let words = [
        "change",
        "example",
        "your",
        "placeholder",
        "dummy",
        "todo",
        "xxx",
        "secret",
        "password",
        "postgres",
        "test",
        "root",
        "admin",
        "user",
        "dev",
        "local",
        "none",
        "null",
        "true",
        "false",
        "insecure",
        "sample",
        "fake",
        "default",
    ];
    value.len() < 6
        || value.contains(['$', '<', '{', '*'])
        || value.starts_with('/')
        || words.iter().any(|word| lower.contains(word))
        || value.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_of_secrets() {
        assert!(is_secret("DB_PASSWORD") && is_secret("stripe_api_key") && is_secret("SECRET"));
        assert!(!is_secret("PASSWORD_MIN_LENGTH") && !is_secret("TOKENIZER") && !is_secret("PUBLIC_KEY"));
        assert!(is_placeholder("changeme") && is_placeholder("${X}") && is_placeholder("/run/secrets/x"));
        assert!(!is_placeholder("q7Zp2LmW9x"));
    }
}
