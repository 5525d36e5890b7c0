//! The system's keyring, through the platform's own tool: `secret-tool` (GNOME Keyring, KWallet and whatever else
//! speaks the Secret Service) or `security` on a Mac. A secret goes through standard input and output, never through
//! arguments, which every process may read.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long the keyring may take; it may ask for its password first.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVICE: &str = "tenon";
const TOOL: &str = if cfg!(target_os = "macos") { "security" } else { "secret-tool" };

/// The key of a provider, `None` when the keyring has none.
///
/// # Errors
/// The tool is missing, or the keyring is locked or not there; in words, without the secret.
pub async fn lookup(provider: &str) -> Result<Option<String>, String> {
    let arguments: Vec<&str> = if cfg!(target_os = "macos") {
        vec!["find-generic-password", "-s", SERVICE, "-a", provider, "-w"]
    } else {
        vec!["lookup", "service", SERVICE, "provider", provider]
    };
    let output = run(&arguments, None).await?;
    let secret = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !secret.is_empty() {
        return Ok(Some(secret));
    }
    let said = last_line(&output);
    // Both tools say nothing, or that nothing was found, when there is no such entry.
    if said.is_empty() || said.contains("could not be found") { Ok(None) } else { Err(format!("{TOOL}: {said}")) }
}

/// Keeps the key of a provider.
///
/// # Errors
/// As for [`lookup`].
pub async fn store(provider: &str, title: &str, secret: &str) -> Result<(), String> {
    let output = if cfg!(target_os = "macos") {
        let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
        let order = format!("add-generic-password -U -s {SERVICE} -a \"{provider}\" -w \"{quoted}\"\n");
        run(&["-i"], Some(&order)).await?
    } else {
        let label = format!("Tenon: key for {title}");
        run(&["store", "--label", &label, "service", SERVICE, "provider", provider], Some(secret)).await?
    };
    succeeded(&output)
}

/// Removes the key of a provider; `false` when there was none.
///
/// # Errors
/// As for [`lookup`].
pub async fn remove(provider: &str) -> Result<bool, String> {
    if lookup(provider).await?.is_none() {
        return Ok(false);
    }
    let output = if cfg!(target_os = "macos") {
        run(&["delete-generic-password", "-s", SERVICE, "-a", provider], None).await?
    } else {
        run(&["clear", "service", SERVICE, "provider", provider], None).await?
    };
    succeeded(&output).map(|()| true)
}

fn succeeded(output: &Output) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    let said = last_line(output);
    // The path of GNOME's keyring that a login makes and opens.
    if said.contains("/org/freedesktop/secrets/collection/") {
        return Err("it is locked, or there is none yet: log in to a desktop session, or open it first".to_owned());
    }
    Err(format!("{TOOL} failed ({}): {}", output.status, if said.is_empty() { "it said nothing" } else { &said }))
}

fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

async fn run(arguments: &[&str], input: Option<&str>) -> Result<Output, String> {
    let work = async {
        let mut command = Command::new(TOOL);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            // A tool that does not read has failed and says why.
            let _ = pipe.write_all(input.unwrap_or_default().as_bytes()).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            let package = if cfg!(target_os = "macos") { "" } else { " (package libsecret-tools or libsecret)" };
            Err(format!("{TOOL} is not installed{package}"))
        }
        Ok(Err(error)) => Err(format!("{TOOL} cannot run: {error}")),
        Err(_) => Err(format!("{TOOL} did not end within {} s", PATIENCE.as_secs())),
    }
}
