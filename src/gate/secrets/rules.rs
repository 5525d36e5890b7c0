//! The shapes of secrets, from `assets/secrets.toml`. A rule is compiled when one of its words was seen first.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::domain::ContentHash;

const RULES: &str = include_str!("../../../assets/secrets.toml");

#[derive(Deserialize)]
struct Table {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    keywords: Vec<String>,
    pattern: String,
    #[serde(default)]
    entropy: f64,
    /// The name beside it tells the secret, which has no shape of its own.
    #[serde(default)]
    named: bool,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

impl Rule {
    fn regex(&self) -> Option<&Regex> {
        // Unicode classes would cost minutes over all rules; secrets are ASCII.
        self.compiled.get_or_init(|| RegexBuilder::new(&self.pattern).unicode(false).build().ok()).as_ref()
    }
}

struct Rules {
    rules: Vec<Rule>,
    words: Option<AhoCorasick>,
    /// For each word the rule it belongs to.
    owners: Vec<usize>,
}

static ALL: LazyLock<Rules> = LazyLock::new(|| {
    let rules = crate::text::from_toml::<Table>(RULES).map(|table| table.rule).unwrap_or_default();
    let mut owners = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        words.extend(rule.keywords.iter().map(String::as_str));
        owners.resize(words.len(), index);
    }
    let words = AhoCorasick::builder().ascii_case_insensitive(true).build(&words).ok();
    Rules { rules, words, owners }
});

/// Something that looks like a secret.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// The rule.
    pub rule: &'static str,
    /// Its 1-based line.
    pub line: usize,
    /// It has the shape of one, but its letters stand in the order of the alphabet or of a row of keys.
    pub sample: bool,
    secret: Vec<u8>,
}

impl Hit {
    /// Names exactly this secret, wherever it stands, without telling it.
    pub(super) fn fingerprint(&self) -> String {
        ContentHash::of_parts(&[b"secret", &self.secret]).as_str()[..16].to_owned()
    }

    /// Which one it is, for people: its first letters.
    pub(super) fn shown(&self) -> String {
        let first: String = String::from_utf8_lossy(&self.secret).chars().take(4).filter(|c| !c.is_control()).collect();
        let what =
            if self.sample { "has the shape of a secret and the letters of an example" } else { "looks like a secret" };
        format!("{what}: `{first}…`, {} letters", self.secret.len())
    }
}

/// Looks through a file. The first rule that fits a place speaks for it.
pub(super) fn scan(text: &[u8]) -> Vec<Hit> {
    let all = &*ALL;
    let Some(words) = &all.words else { return Vec::new() };
    let mut wanted = vec![false; all.rules.len()];
    for word in words.find_overlapping_iter(text) {
        if let Some(owner) = all.owners.get(word.pattern().as_usize()) {
            wanted[*owner] = true;
        }
    }
    let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
    let mut hits = Vec::new();
    for rule in all.rules.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(rule, _)| rule) {
        let Some(regex) = rule.regex() else { continue };
        for found in regex.captures_iter(text) {
            let Some(secret) = found.name("s").or_else(|| found.get(0)) else { continue };
            let free = !taken.iter().any(|range| range.start < secret.end() && secret.start() < range.end);
            let sample = is_sequence(secret.as_bytes());
            let told = !(is_placeholder(secret.as_bytes()) || sample && rule.named);
            if free && told && entropy(secret.as_bytes()) >= rule.entropy {
                taken.push(secret.range());
                let line = 1 + text[..secret.start()].iter().filter(|byte| **byte == b'\n').count();
                hits.push(Hit { rule: &rule.id, line, sample, secret: secret.as_bytes().to_vec() });
            }
        }
    }
    hits.sort_by_key(|hit| hit.line);
    hits
}

/// Shannon entropy in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let length = bytes.len().max(1) as f64;
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// What documentation and tests write in the place of a secret.
fn is_placeholder(secret: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "example",
        "placeholder",
        "changeme",
        "change-me",
        "change_me",
        "****",
        "dummy",
        "redacted",
        "insert",
        "replace",
        "test-",
        "test_",
        "secret-key",
        "password",
        "my-secret",
        "mysecret",
        "not-a-real",
    ];
    // So short that a long secret holds one of them by chance.
    const SHORT: &[&str] = &["your", "xxxx", "todo", "fake"];
    let text = String::from_utf8_lossy(secret).to_lowercase();
    let stripe = text.starts_with("sk_test_") || text.starts_with("rk_test_");
    let text = if stripe { text[8..].to_owned() } else { text };
    let dotted = text.contains('.')
        && text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphabetic() || c == '_'));
    let apart = |at: usize, word: &str| {
        let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        !letter(at.checked_sub(1).and_then(|at| text.as_bytes().get(at)))
            || !letter(text.as_bytes().get(at + word.len()))
    };
    let short = |word: &&str| text.match_indices(*word).any(|(at, _)| apart(at, word));
    dotted || WORDS.iter().any(|word| text.contains(word)) || SHORT.iter().any(short)
}

/// Whether a run of it is in an order that chance does not make.
fn is_sequence(secret: &[u8]) -> bool {
    let text = secret.to_ascii_lowercase();
    [&b"abcdefgh"[..], b"1234567890", b"0123456789", b"0000000", b"qwertyui"]
        .iter()
        .any(|run| memchr::memmem::find(&text, run).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_has_lower_case_words() {
        assert!(ALL.rules.len() >= 45, "{}", ALL.rules.len());
        for rule in &ALL.rules {
            assert!(rule.regex().is_some(), "{} does not compile", rule.id);
            assert!(!rule.keywords.is_empty(), "{}", rule.id);
            assert!(rule.keywords.iter().all(|word| *word == word.to_lowercase()), "{}", rule.id);
        }
        assert!(ALL.words.is_some());
    }

    fn planted(prefix: &str, length: usize) -> String {
        prefix.chars().chain("k9Xw2Lr8Vt5Ny1Bc7Mf4Hd6Sg0PaQeUiZ3Jq".chars().cycle()).take(length).collect()
    }

    #[test]
    fn planted_secrets_are_found_and_near_misses_are_not() {
        let hex = "3f9a1c7e5b2d8046".repeat(4);
        for (text, rule) in [
            (format!("key = {}", planted("sk-ant-api03-", 60)), Some("anthropic-key")),
            (format!("key = {}", planted("sk-proj-", 60)), Some("openai-key")),
            (format!("t={}", planted("sk_live_", 32)), Some("stripe-key")),
            (format!("t={}", planted("glpat-", 26)), Some("gitlab-token")),
            (format!("t={}", planted("xoxb-", 40)), Some("slack-token")),
            (format!("'{}'", planted("AIza", 39)), Some("google-api-key")),
            (format!("a {}", planted("hf_", 37)), Some("huggingface-token")),
            (["AK", "IA", "QX3V7NB2MK5TR4WZ"].concat(), Some("aws-access-key-id")),
            (format!("aws_secret_access_key = {}", planted("", 40)), Some("aws-secret-access-key")),
            (format!("db = 'postgres://app:{}@db.internal/x'", planted("", 12)), Some("password-in-url")),
            (format!("const apiKey = \"{}\";", planted("", 32)), Some("assigned-secret")),
            (format!("{{\"client_secret\": \"{}\"}}", planted("", 40)), Some("assigned-secret")),
            (format!("DO={}", ["dop", "_v1_", &hex].concat()), Some("digitalocean-token")),
            (
                format!("{}\nMIIEow{}\n", ["-----BEGIN RSA ", "PRIVATE KEY-----"].concat(), planted("", 64)),
                Some("private-key"),
            ),
            ("password = os.environ['DB_PASSWORD']".into(), None),
            ("token = request.headers.authorization".into(), None),
            ("api_key = \"your-api-key-goes-here\"".into(), None),
            ("postgres://user:password@localhost/app".into(), None),
            ("postgres://app:${DB_PASSWORD}@db/app".into(), None),
            ("sk-learn is a library; task-force-sk-one-two".into(), None),
            (format!("integrity sha512-{}", planted("", 86)), None),
            (format!("commit {}", &hex[..40]), None),
            (format!("t={}", planted("hf_", 37).replacen("Xw2L", "fAKe", 1)), Some("huggingface-token")),
            (format!("t={}", planted("ghp_your_", 46)), None),
            (format!("t={}", planted("ghp_", 40).replace("9Xw2Lr8V", "abcdefgh")), Some("github-token")),
            (format!("const apiKey = \"{}\";", planted("abcdefgh", 32)), None),
            ("AKIAIOSFODNN7EXAMPLE".into(), None),
            ("secret_name = 'projects/a/secrets/b'".into(), None),
            ("tokenizer = 'bert-base-uncased-finetuned'".into(), None),
        ] {
            let hits = scan(text.as_bytes());
            assert_eq!(hits.first().map(|hit| hit.rule), rule, "{text}: {hits:?}");
        }
    }
}
