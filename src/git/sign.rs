//! Signing commits with the program git is configured to use.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::GitError;

/// Writes a commit object, signed when `commit.gpgsign` asks for it.
pub(super) fn write_commit(
    repository: &git2::Repository,
    (author, committer): (&git2::Signature<'_>, &git2::Signature<'_>),
    message: &str,
    tree: &git2::Tree<'_>,
    parents: &[&git2::Commit<'_>],
) -> Result<git2::Oid, GitError> {
    let config = repository.config()?.snapshot()?;
    if !config.get_bool("commit.gpgsign").unwrap_or(false) {
        return Ok(repository.commit(None, author, committer, message, tree, parents)?);
    }
    let buffer = repository.commit_create_buffer(author, committer, message, tree, parents)?;
    let content = std::str::from_utf8(&buffer).map_err(|_| GitError::Signing("the commit is not UTF-8".to_owned()))?;
    let signature = sign(&config, committer, content.as_bytes())?;
    Ok(repository.commit_signed(content, &signature, None)?)
}

fn sign(config: &git2::Config, committer: &git2::Signature<'_>, content: &[u8]) -> Result<String, GitError> {
    let text = |name: &str| config.get_string(name).ok();
    let format = text("gpg.format").unwrap_or_else(|| "openpgp".to_owned());
    let program = text(&format!("gpg.{format}.program"));
    let key = text("user.signingkey");
    match format.as_str() {
        "ssh" => sign_with_ssh(&program.unwrap_or_else(|| "ssh-keygen".to_owned()), config, key, content),
        "openpgp" | "x509" => {
            let usual = if format == "x509" { "gpgsm" } else { "gpg" };
            let program = program.or_else(|| text("gpg.program")).unwrap_or_else(|| usual.to_owned());
            let who =
                || format!("{} <{}>", committer.name().unwrap_or_default(), committer.email().unwrap_or_default());
            let key = key.unwrap_or_else(who);
            let (signature, said) = run(&program, &["--status-fd=2", "-bsau", &key], content)?;
            if said.contains("SIG_CREATED") { Ok(signature) } else { Err(GitError::Signing(said)) }
        }
        other => Err(GitError::Signing(format!("gpg.format `{other}` is none of openpgp, x509, ssh"))),
    }
}

fn sign_with_ssh(
    program: &str,
    config: &git2::Config,
    key: Option<String>,
    content: &[u8],
) -> Result<String, GitError> {
    let none = || GitError::Signing("gpg.format is ssh, but there is no user.signingkey".to_owned());
    let folder = tempfile::tempdir().map_err(GitError::io(Path::new("signing")))?;
    let data = folder.path().join("commit");
    std::fs::write(&data, content).map_err(GitError::io(&data))?;
    let key = key.ok_or_else(none)?;
    let literal = key.strip_prefix("key::").or_else(|| key.starts_with("ssh-").then_some(key.as_str()));
    let mut arguments = vec!["-Y", "sign", "-n", "git", "-f"];
    let key_file;
    if let Some(literal) = literal {
        let path = folder.path().join("key.pub");
        std::fs::write(&path, literal).map_err(GitError::io(&path))?;
        key_file = path.display().to_string();
        arguments.extend([key_file.as_str(), "-U"]);
    } else {
        key_file = config.get_path("user.signingkey").map_or(key, |path| path.display().to_string());
        arguments.push(&key_file);
    }
    let data_name = data.display().to_string();
    arguments.push(&data_name);
    run(program, &arguments, b"")?;
    let signed = folder.path().join("commit.sig");
    std::fs::read_to_string(&signed).map_err(GitError::io(&signed))
}

/// Runs a signing program; what it writes to both its streams.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<(String, String), GitError> {
    let told = |error: std::io::Error| GitError::Signing(format!("{program}: {error}"));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(told)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that refuses does not read; what it says about that is worth more than the broken pipe.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(told)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), said))
    } else {
        Err(GitError::Signing(format!("{program} ended with {}: {}", output.status, said.trim())))
    }
}
