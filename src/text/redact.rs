//! Secrets taken out of text before it is logged, journaled or sent to a model.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Shapes of secrets: what stands before, then the secret as group `s` where the two differ.
///
/// ASCII classes only: they keep the automaton small.
const SHAPES: &[&str] = &[
    // Private keys, whole or cut off at the end.
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    // Anthropic, OpenAI, OpenRouter, Stripe and others.
    r"\b(?:sk|rk|pk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9_-]{16,}",
    // GitHub, GitLab, npm, PyPI, Hugging Face, Slack, SendGrid, DigitalOcean, Shopify, Linear, Databricks, Doppler.
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,})",
    r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|hf_[A-Za-z0-9]{30,}|dp\.pt\.[A-Za-z0-9]{30,})",
    r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})",
    r"\b(?:do[opr]_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_api_[A-Za-z0-9]{30,}|dapi[a-f0-9]{32})",
    // Cloud providers.
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bya29\.[A-Za-z0-9_-]{20,}",
    // JSON web tokens.
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    // Slack and Discord hooks.
    r"https://hooks\.slack\.com/services/(?<hook>[A-Za-z0-9/]{20,})",
    // Authorization headers.
    r"(?i:\bbearer[ \t]+)(?<bearer>[A-Za-z0-9._~+/=-]{12,})",
    r"(?i:\bauthorization:[ \t]*basic[ \t]+)(?<basic>[A-Za-z0-9+/=]{8,})",
    r#"(?i:\bx-api-key["']?[ \t]*[:=][ \t]*["']?)(?<header>[A-Za-z0-9._-]{12,})"#,
    // Passwords in URLs.
    r#"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"']*:(?<url>[^\s/@"']+)@"#,
    // AWS secrets are plain base64: only next to their name.
    r#"(?i:aws_?secret_?access_?key["']?[ \t]*[:=][ \t]*["']?)(?<aws>[A-Za-z0-9/+=]{40})"#,
];

/// The groups that name the secret within a longer match.
const INNER: [&str; 6] = ["hook", "bearer", "basic", "header", "url", "aws"];

static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&SHAPES.join("|")).ok());

/// Replaces what looks like a secret by `[redacted …last4]`, so that people can still tell which one it was.
///
/// Short secrets and passwords keep nothing.
pub fn redact(text: &str) -> Cow<'_, str> {
    match &*SECRETS {
        Some(secrets) => secrets.replace_all(text, replacement),
        // Unreachable while the test below compiles the table; hiding everything is the safe side.
        None => Cow::Borrowed("[redacted]"),
    }
}

fn replacement(found: &Captures<'_>) -> String {
    let whole = found.get_match();
    let inner = INNER.iter().find_map(|name| found.name(name)).unwrap_or(whole);
    let before = inner.start() - whole.start();
    let after = inner.end() - whole.start();
    let text = whole.as_str();
    let secret = inner.as_str();
    let password = found.name("url").is_some() || secret.starts_with("-----");
    let mark = match secret.len().checked_sub(4).and_then(|at| secret.get(at..)) {
        Some(last) if !password && secret.len() >= 16 => format!("[redacted …{last}]"),
        _ => "[redacted]".to_owned(),
    };
    [&text[..before], &mark, &text[after..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_compiles() {
        assert!(SECRETS.is_some());
    }

    /// Built at run time, so that no scanner takes this file for a leak.
    fn fake(prefix: &str, length: usize) -> String {
        prefix.chars().chain("aB3dE5gH7jK9".chars().cycle()).take(length).collect()
    }

    #[test]
    fn hides_keys_and_keeps_the_rest() {
        for secret in [
            fake("sk-ant-api03-", 60),
            fake("sk-", 51),
            fake("sk-proj-", 80),
            fake("ghp_", 40),
            fake("github_pat_", 60),
            fake("glpat-", 26),
            fake("xoxb-", 40),
            fake("AIza", 39),
            fake("hf_", 37),
            fake("AKIA", 20).to_uppercase(),
        ] {
            let text = format!("key={secret}, done");
            let last = &secret[secret.len() - 4..];
            assert_eq!(redact(&text), format!("key=[redacted …{last}], done"), "{secret}");
        }
    }

    #[test]
    fn hides_what_stands_behind_a_name() {
        let jwt = format!("{}.{}.{}", fake("eyJ", 20), fake("eyJ", 30), fake("", 20));
        for (text, expected) in [
            (format!("Authorization: Bearer {}", fake("", 24)), "Authorization: Bearer [redacted …".to_owned()),
            (jwt, "[redacted …".to_owned()),
            ("postgres://app:hunter2@db/x".to_owned(), "postgres://app:[redacted]@db/x".to_owned()),
            ("redis://:hunter2@cache:6379".to_owned(), "redis://:[redacted]@cache:6379".to_owned()),
            (format!("x-api-key: {}", fake("", 20)), "x-api-key: [redacted …".to_owned()),
            (format!("AWS_SECRET_ACCESS_KEY={}", fake("", 40)), "AWS_SECRET_ACCESS_KEY=[redacted …".to_owned()),
        ] {
            let shown = redact(&text).into_owned();
            assert!(shown.starts_with(&expected), "{text}: {shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let block =
            ["-----BEGIN OPENSSH ", "PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH ", "PRIVATE KEY-----"].concat();
        assert_eq!(redact(&format!("a\n{block}\nb")), "a\n[redacted]\nb");
        assert_eq!(redact(&block[..50]), "[redacted]");
    }

    #[test]
    fn leaves_ordinary_text_alone() {
        for text in [
            "see https://example.org/a:b@c for more",
            "bearer of bad news",
            "task-force and risk-averse",
            "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "git@github.com:owner/repo.git",
            "http://localhost:3000/users?email=a@b.c",
            "pk_id: int, sk-learn",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
