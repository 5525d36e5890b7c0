//! Keys: where they come from, where they go, and where they never appear.

use std::fmt;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use tokio::process::Command;

use super::wire::Wire;
use super::{Reply, keyring};

/// How long a key's command may take; it may ask for a fingerprint or a password.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands in the place of a key.
const REDACTED: &str = "[redacted]";
/// A key this long is no word that an answer may have for itself.
const SHORTEST_IN_REPLY: usize = 16;

/// A secret. It has no `Display` and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    secret: String,
    /// It goes into `authorization` although the wire has a header of its own.
    bearer: bool,
}

impl Key {
    pub(super) fn new(secret: &str, bearer: bool) -> Option<Self> {
        let secret = secret.trim();
        (!secret.is_empty()).then(|| Self { secret: secret.to_owned(), bearer })
    }

    /// Puts the key where the wire wants it.
    pub(super) fn sign(&self, builder: RequestBuilder, wire: Wire) -> RequestBuilder {
        let (name, value) = match wire {
            Wire::Anthropic if !self.bearer => ("x-api-key", self.secret.clone()),
            Wire::Gemini => ("x-goog-api-key", self.secret.clone()),
            _ => ("authorization", format!("Bearer {}", self.secret)),
        };
        match HeaderValue::from_str(&value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                builder.header(name, value)
            }
            // A key that is no header value cannot be right; the provider will say that there is none.
            Err(_) => builder,
        }
    }

    /// The text with every occurrence of the key blotted out.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        if self.secret.len() < 4 { text.to_owned() } else { text.replace(&self.secret, REDACTED) }
    }

    /// Blots the key out of an answer, in case a server gives back what it was sent. What is as short as a word (some put
    /// `local` where a server wants any key) stays.
    pub(super) fn hide_in_reply(&self, reply: &mut Reply) {
        if self.secret.len() < SHORTEST_IN_REPLY {
            return;
        }
        let texts = std::iter::once(&mut reply.text).chain(reply.refusal.as_mut());
        for text in texts.filter(|text| text.contains(&self.secret)) {
            *text = self.hidden_in(text);
        }
        for call in &mut reply.calls {
            call.invalid = call.invalid.as_deref().map(|raw| self.hidden_in(raw));
            let written = call.input.to_string();
            if written.contains(&self.secret) {
                call.input = serde_json::from_str(&self.hidden_in(&written)).unwrap_or_default();
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Where a provider's key comes from: the environment, else a command, else the system's keyring.
#[derive(Debug, Default)]
pub(super) struct KeySource {
    given: Option<Key>,
    /// The variable it was given in.
    variable: Option<String>,
    command: Option<String>,
    /// The name under which the keyring has it.
    keyring: Option<String>,
    fetched: Mutex<Option<Key>>,
}

impl KeySource {
    /// A key from a variable of the environment, if it has one.
    pub(super) fn of_variable(found: Option<(String, Key)>) -> Self {
        let (variable, given) = found.unzip();
        Self { given, variable, ..Self::default() }
    }

    /// The same with other places to look where the environment has none.
    pub(super) fn or_from(&self, command: Option<String>, keyring: Option<String>) -> Self {
        let command = command.filter(|command| !command.trim().is_empty());
        Self { given: self.given.clone(), variable: self.variable.clone(), command, keyring, fetched: Mutex::default() }
    }

    /// There is a key, or a way to one.
    pub(super) fn is_some(&self) -> bool {
        self.given.is_some() || self.command.is_some() || self.keyring.is_some()
    }

    /// Where it comes from, in words.
    pub(super) fn origin(&self) -> Option<String> {
        let elsewhere = || match (&self.command, &self.keyring) {
            (Some(_), _) => Some("key_command".to_owned()),
            (None, Some(_)) => Some("the keyring".to_owned()),
            (None, None) => None,
        };
        self.variable.clone().or_else(elsewhere)
    }

    /// What to do where the way to the key fails.
    pub(super) fn remedy(&self) -> Option<String> {
        let command = self.command.as_ref()?;
        Some(format!("Run its key_command by hand, the key has to be the first line it prints: {command}"))
    }

    /// The key as far as it is known by now.
    pub(super) fn known(&self) -> Option<Key> {
        self.given.clone().or_else(|| self.fetched.lock().map_or(None, |fetched| fetched.clone()))
    }

    /// Runs the key's command or asks the keyring, where there is one and that was not done yet.
    pub(super) async fn fetch(&self) -> Result<(), String> {
        if self.known().is_some() {
            return Ok(());
        }
        let key = match (&self.command, &self.keyring) {
            (Some(command), _) => printed_key(command).await?,
            (None, Some(provider)) => kept_key(provider).await?,
            (None, None) => return Ok(()),
        };
        if let Ok(mut fetched) = self.fetched.lock() {
            *fetched = Some(key);
        }
        Ok(())
    }

    /// Forgets what the command printed: tokens expire. `false` when there is no command to ask again.
    pub(super) fn forget(&self) -> bool {
        let known = self.fetched.lock().map_or(None, |mut fetched| fetched.take());
        self.given.is_none() && known.is_some()
    }
}

async fn kept_key(provider: &str) -> Result<Key, String> {
    let secret =
        keyring::lookup(provider).await.map_err(|problem| format!("the keyring cannot be asked: {problem}"))?;
    let key = secret.and_then(|secret| Key::new(&secret, false));
    key.ok_or_else(|| format!("the keyring has no key for {provider}; `tenon models key {provider}` puts one in"))
}

/// The first line the command prints. What it prints is never part of an error.
async fn printed_key(command: &str) -> Result<Key, String> {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    let flag = if cfg!(windows) { "/C" } else { "-c" };
    shell.args([flag, command]).stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, shell.output())
        .await
        .map_err(|_| format!("key_command did not end within {} s", PATIENCE.as_secs()))?
        .map_err(|error| format!("key_command cannot run: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let line = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
        return Err(format!("key_command failed ({}): {line}", output.status));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    Key::new(printed.lines().next().unwrap_or_default(), false).ok_or_else(|| "key_command printed nothing".to_owned())
}
