//! `tenon models key`: a provider's key in the system's keyring.

use std::io::{IsTerminal as _, Read as _};

use super::super::surroundings::Surroundings;
use super::super::{Done, Failure, Outcome, print};
use super::registry;
use crate::config;
use crate::provider::keyring;

/// Which key, and what to do with it.
#[derive(clap::Args, Debug)]
pub(super) struct KeyArguments {
    /// The provider, as in front of the slash
    provider: String,
    /// Remove it from the keyring
    #[arg(long)]
    remove: bool,
}

pub(super) async fn key(around: &Surroundings, arguments: KeyArguments) -> Done {
    let providers = registry(around).list();
    let Some(provider) = providers.iter().find(|provider| provider.name == arguments.provider) else {
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        return Err(Failure::usage(format!("no provider is called {:?}", arguments.provider))
            .hint(format!("there are {}", names.join(", "))));
    };
    let state = &around.directories.state;
    let marked = |error: std::io::Error| Failure::failed(format!("{}: {error}", state.display()));
    if arguments.remove {
        let removed = keyring::remove(&provider.name).await.map_err(no_keyring)?;
        config::mark_key(state, &provider.name, false).map_err(marked)?;
        let how = if removed { "is no longer" } else { "was not" };
        return print::text(&format!("the key of {} {how} in the keyring", provider.title));
    }
    let Some(secret) = secret(&provider.title)? else { return Ok(Outcome::Interrupted) };
    keyring::store(&provider.name, &provider.title, &secret).await.map_err(no_keyring)?;
    // The keyring may take it and forget it; what cannot be read back is not there.
    if keyring::lookup(&provider.name).await.map_err(no_keyring)?.as_deref() != Some(secret.as_str()) {
        return Err(no_keyring("the key could not be read back".to_owned()));
    }
    config::mark_key(state, &provider.name, true).map_err(marked)?;
    let test = format!("tenon models test {}", provider.name);
    print::text(&format!("the key of {} is in the keyring\n  → {test}", provider.title))
}

fn no_keyring(problem: String) -> Failure {
    Failure::failed(format!("the keyring cannot be used: {problem}"))
        .hint("keep the key in the provider's environment variable, or name a command that prints it: providers.NAME.key_command in config.toml")
}

/// One line from standard input, without showing it; `None` when the user gave up.
fn secret(title: &str) -> Result<Option<String>, Failure> {
    let terminal = std::io::stdin().is_terminal();
    let line = if terminal {
        eprint!("key for {title} (it is not shown): ");
        let line = hidden_line();
        eprintln!();
        line
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| Some(text))
    };
    let line = line.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
    let Some(line) = line else { return Ok(None) };
    let secret = line.lines().next().unwrap_or_default().trim().to_owned();
    if secret.is_empty() {
        return Err(Failure::usage("no key was given").hint("paste it at the prompt, or pipe it in"));
    }
    Ok(Some(secret))
}

#[cfg(unix)]
fn hidden_line() -> std::io::Result<Option<String>> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let terminal = std::io::stdin();
    let before = tcgetattr(&terminal)?;
    let mut hidden = before.clone();
    // Without signals, so that Ctrl-C does not leave a terminal that shows nothing.
    hidden.local_modes -= LocalModes::ECHO | LocalModes::ISIG | LocalModes::ICANON;
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    let line = read_line(&terminal);
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    line
}

/// Reads up to the end of the line; Ctrl-C and Ctrl-D give up.
#[cfg(unix)]
fn read_line(terminal: &std::io::Stdin) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    for byte in terminal.lock().bytes() {
        match byte? {
            b'\r' | b'\n' => return Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            3 | 4 => return Ok(None),
            8 | 127 => drop(line.pop()),
            byte => line.push(byte),
        }
    }
    Ok(None)
}

#[cfg(not(unix))]
fn hidden_line() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map(|_| Some(line))
}
