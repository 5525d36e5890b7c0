//! Secrets and letters that deceive: what must not reach a commit.
//!
//! Out of reach and not claimed: secrets that are split, encoded or made at run time.

mod rules;

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::changed::{Changed, changed};
use super::{Gate, GateContext, Report, Stage};
use crate::config::SecretsGateSettings;
use crate::domain::{Finding, Severity};

/// The gate's name: the one gate a commit despite the others does not get past.
pub const NAME: &str = "secrets";

/// Looks for secrets in what a change adds.
pub struct SecretsGate {
    settings: SecretsGateSettings,
}

impl SecretsGate {
    /// With these settings.
    pub fn new(settings: SecretsGateSettings) -> Self {
        Self { settings }
    }
}

fn look(file: &Changed, allowed: &[String], found: &mut Vec<Finding>) {
    let Some(text) = file.text() else { return };
    let before = Changed::bytes(file.before.as_ref());
    let known: BTreeSet<String> = rules::scan(before).into_iter().map(|hit| hit.fingerprint()).collect();
    for hit in rules::scan(text) {
        let fingerprint = hit.fingerprint();
        if allowed.contains(&fingerprint) {
            continue;
        }
        found.push(Finding {
            old: known.contains(&fingerprint),
            path: Some(file.path.as_str().to_owned()),
            line: Some(hit.line),
            severity: if hit.sample { Severity::Warning } else { Severity::Error },
            rule: Some(hit.rule.to_owned()),
            message: format!("{} (fingerprint {fingerprint})", hit.shown()),
        });
    }
    letters(file, text, before, found);
}

/// Letters that a reader does not see as what a compiler or a model sees.
fn letters(file: &Changed, text: &[u8], before: &[u8], found: &mut Vec<Finding>) {
    let added: BTreeSet<usize> =
        if before.is_empty() { BTreeSet::new() } else { file.added_lines().into_iter().collect() };
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.is_ascii() && !line.iter().any(|byte| is_control(*byte)) {
            continue;
        }
        let shown = String::from_utf8_lossy(line);
        let Some((letter, severity, what)) = shown.chars().find_map(deceiving) else { continue };
        found.push(Finding {
            severity,
            old: !before.is_empty() && !added.contains(&(index + 1)),
            path: Some(file.path.as_str().to_owned()),
            line: Some(index + 1),
            rule: Some("deceiving-letter".to_owned()),
            message: format!("U+{:04X}, {what}", u32::from(letter)),
        });
    }
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\r' | 0x0c) || byte == 0x7f
}

fn deceiving(letter: char) -> Option<(char, Severity, &'static str)> {
    let (severity, what) = match letter {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            (Severity::Error, "a control for the direction of text: the line reads as something else than it is")
        }
        '\u{e0000}'..='\u{e007f}' => (Severity::Error, "an invisible tag letter: text that only a model sees"),
        '\u{200b}' | '\u{2060}'..='\u{2064}' => (Severity::Warning, "an invisible letter"),
        letter if u8::try_from(letter).is_ok_and(is_control) => (Severity::Warning, "a control character"),
        _ => return None,
    };
    Some((letter, severity, what))
}

#[async_trait]
impl Gate for SecretsGate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stage(&self) -> Stage {
        Stage::First
    }

    async fn run(&self, context: &GateContext) -> Report {
        let (context, allowed) = (context.clone(), self.settings.allow.clone());
        let look = move || {
            let mut found = Vec::new();
            changed(&context).iter().for_each(|file| look(file, &allowed, &mut found));
            found
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(found) => {
                let report = Report::found(found, "secret");
                let hint = "If it is no secret, put its fingerprint into `gates.secrets.allow` of config.toml.\n";
                let log: String = report.findings.iter().map(super::report::row).collect();
                if report.new > 0 { report.with_log(log + hint) } else { report }
            }
            Err(error) => Report::not_run(format!("broke off: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileMode, FileState, RepoPath};

    fn file(before: Option<&str>, after: &str) -> Changed {
        let state = |text: &str| FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular };
        Changed { path: RepoPath::parse("a.py").unwrap(), before: before.map(state), after: Some(state(after)) }
    }

    fn found(file: &Changed, allowed: &[String]) -> Vec<Finding> {
        let mut found = Vec::new();
        look(file, allowed, &mut found);
        found
    }

    /// Put together at run time, so that no scanner takes this file for a leak.
    fn token() -> String {
        ["gh", "p_", "Zk3Jq9Xw2Lr8Vt5Ny1Bc7Mf4Hd6Sg0PaQeUi"].concat()
    }

    #[test]
    fn a_new_secret_is_found_once_and_an_old_one_is_old() {
        let line = format!("x = 1\nKEY = '{}'\n", token());
        let new = found(&file(None, &line), &[]);
        assert_eq!(new.len(), 1, "{new:?}");
        assert_eq!((new[0].line, new[0].rule.as_deref(), new[0].old), (Some(2), Some("github-token"), false));
        assert!(!new[0].message.contains(&token()), "the secret itself is not shown");
        let moved = format!("\n\n{line}");
        assert!(found(&file(Some(&line), &moved), &[])[0].old);
        let fingerprint = new[0].message.rsplit(' ').next().unwrap().trim_end_matches(')').to_owned();
        assert_eq!(found(&file(None, &line), std::slice::from_ref(&fingerprint)), []);
        let other = line.replace("Zk3J", "Zk3K");
        assert_eq!(found(&file(None, &other), &[fingerprint]).len(), 1, "the fingerprint is of exactly one secret");
    }

    #[test]
    fn an_example_of_a_secret_is_told_and_does_not_stop_anybody() {
        let planted = ["gh", "p_", "abcdefghijklmnopqrstuvwxyz0123456789"].concat();
        let told = found(&file(None, &format!("KEY = '{planted}'\n")), &[]);
        assert_eq!(told.iter().map(|one| one.severity).collect::<Vec<_>>(), [Severity::Warning], "{told:?}");
        assert!(told[0].message.contains("the letters of an example"), "{told:?}");
    }

    #[test]
    fn letters_that_deceive_are_told_with_their_line() {
        for (text, severity) in [
            ("a\nif admin: \u{202e} # x", Some(Severity::Error)),
            ("a\n\u{e0041}", Some(Severity::Error)),
            ("a\nb\u{200b}", Some(Severity::Warning)),
            ("a\n\u{1b}[31m", Some(Severity::Warning)),
            ("größer 🦀\r\n\tx", None),
        ] {
            let found = found(&file(None, text), &[]);
            assert_eq!(found.first().map(|one| one.severity), severity, "{text:?}");
            assert!(found.iter().all(|one| one.line == Some(2)));
        }
        assert!(found(&file(Some("\u{202e}\n"), "\u{202e}\nx\n"), &[])[0].old);
    }
}
