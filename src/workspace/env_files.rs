//! Files with the settings and secrets of a running application: `.env` and its relatives.
//!
//! Who starts an application in development has a `.env` beside it that git ignores. It is needed for the application's
//! own tests, and it is where the passwords are. So commands and the model see a copy in which the name of every
//! variable is there, values that are evidently harmless are as they were, and all others are replaced: an application
//! starts, a test that needs the real service says so, and nothing leaks into a conversation. The real files are there
//! for a single command after a permission, or always when the settings say so.
//!
//! A file that git tracks is left alone: it is in the history, and who has the repository has it. So is one that the
//! agent made itself.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::environment::is_credential;
use super::tracked::Tracked;
use super::tree::{Kind, Tree};
use crate::config::EnvFiles;

/// Parts of a name that say that the file is there to be shown.
const SHOWN: [&str; 9] = ["example", "sample", "template", "tmpl", "tpl", "dist", "defaults", "schema", "vault"];

/// Values that tell nothing whatever they stand for.
const HARMLESS: [&str; 38] = [
    "",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "auto",
    "default",
    "development",
    "dev",
    "test",
    "testing",
    "production",
    "prod",
    "staging",
    "local",
    "ci",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "trace",
    "silent",
    "verbose",
    "json",
    "text",
    "utc",
    "utf-8",
    "utf8",
    "localhost",
    "redis",
    "postgres",
    "mysql",
    "sqlite",
];

/// Whether a file of this name holds settings that may be secret.
pub(super) fn is_env_file(name: &OsStr) -> bool {
    // Most names are told by a look at their beginning and their end.
    let Some(name) = name.to_str().filter(|name| name.starts_with('.') || name.ends_with(['v', 'V'])) else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    let is_one = match name.strip_prefix(".env") {
        Some(rest) => rest.is_empty() || rest == "rc" || rest.starts_with(['.', '-', '_']),
        None => name.len() > 4 && name.ends_with(".env"),
    };
    is_one && !name.split(['.', '-', '_']).any(|part| SHOWN.contains(&part))
}

/// What is seen of such a file: nothing but assignments, their values masked.
pub(super) fn masked(bytes: &[u8], how: EnvFiles) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::from("# Values are masked; the real ones are there after a permission.\n");
    let mut open: Option<char> = None;
    for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
        if let Some(quote) = open {
            if line.contains(quote) {
                open = None;
            }
            continue;
        }
        let Some((name, value)) = assignment(line) else { continue };
        open = left_open(value);
        let value = match how {
            EnvFiles::Hidden => Cow::Borrowed(""),
            EnvFiles::Masked if open.is_none() => mask(name, value),
            EnvFiles::Masked => Cow::Borrowed("masked"),
            EnvFiles::Open => Cow::Borrowed(value),
        };
        let export = if line.trim_start().starts_with("export ") { "export " } else { "" };
        out.push_str(&format!("{export}{name}={value}\n"));
    }
    out.into_bytes()
}

/// `NAME=value`, also after `export`; commented ones are left out like every other comment.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    valid.then_some((name, value.trim()))
}

/// The quote a value begins with and does not end with.
fn left_open(value: &str) -> Option<char> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    (!value.get(1..)?.contains(quote)).then_some(quote)
}

fn mask<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let plain = value.split(" #").next().unwrap_or(value).trim();
    let plain = plain.trim_matches(['"', '\'', '`']);
    if is_harmless(plain) && (plain.len() < 6 || !is_credential(name, plain)) {
        return Cow::Borrowed(value);
    }
    match plain.split_once("://") {
        // Whoever takes an address apart finds one.
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-:".contains(c)) => {
            Cow::Owned(format!("{scheme}://masked.invalid/masked"))
        }
        _ => Cow::Borrowed("masked"),
    }
}

fn is_harmless(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if HARMLESS.contains(&lower.as_str()) {
        return true;
    }
    // Ports, sizes, seconds, versions; a longer number may be an account.
    let number = lower.trim_end_matches(['s', 'm', 'h', 'k', 'b', 'g', 'i']);
    if value.len() <= 8 && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-') {
        return true;
    }
    let address = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")).unwrap_or(&lower);
    let (host, rest) = address.split_once([':', '/']).unwrap_or((address, ""));
    let local = matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "[::1]");
    local && rest.len() < 40 && !rest.contains(['@', '?', '#'])
}

/// The files of a repository that are not shown as they are.
#[derive(Default)]
pub(super) struct Protected {
    how: EnvFiles,
    found: Mutex<Option<Found>>,
}

struct Found {
    paths: Vec<PathBuf>,
    at: Instant,
    took: Duration,
}

impl Protected {
    pub fn new(how: EnvFiles) -> Self {
        Self { how, found: Mutex::default() }
    }

    /// How they are shown.
    pub fn how(&self) -> EnvFiles {
        self.how
    }

    /// Whether a file of the user's tree is one of them. Costs nothing for most names.
    pub fn holds(&self, base: &Tree, tracked: impl FnOnce() -> Tracked, path: &Path) -> bool {
        self.how != EnvFiles::Open
            && path.file_name().is_some_and(is_env_file)
            && matches!(base.kind(path), Ok(Some(Kind::File | Kind::Symlink)))
            && !tracked().holds(path)
    }

    /// All of them. The tree is walked again only when that costs little beside the time that has passed.
    pub fn all(&self, repository: &Path, tracked: impl FnOnce() -> Tracked) -> Vec<PathBuf> {
        const SHARE: u32 = 20;
        const FRESH: Duration = Duration::from_millis(500);
        if self.how == EnvFiles::Open {
            return Vec::new();
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.as_ref().filter(|known| known.at.elapsed() < known.took * SHARE + FRESH) {
            return known.paths.clone();
        }
        let at = Instant::now();
        let mut paths = Vec::new();
        walk(repository, Path::new(""), &mut paths);
        if !paths.is_empty() {
            let tracked = tracked();
            paths.retain(|path| !tracked.holds(path));
        }
        *found = Some(Found { paths: paths.clone(), at, took: at.elapsed() });
        paths
    }
}

/// Folders that only tools write to, and that hold more files than all others together.
const OF_TOOLS: [&str; 11] = [
    ".git",
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".tox",
    ".gradle",
    ".next",
    ".mypy_cache",
    ".pytest_cache",
];

/// Only names are looked at, so a link is never followed and the order does not matter.
fn walk(root: &Path, folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !OF_TOOLS.iter().any(|known| name == *known) => {
                walk(root, &folder.join(name), into);
            }
            Ok(_) if is_env_file(&name) => into.push(folder.join(name)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_secret() {
        for (name, secret) in [
            (".env", true),
            (".env.local", true),
            (".env.production", true),
            (".env-staging", true),
            (".envrc", true),
            ("prod.env", true),
            (".ENV", true),
            (".env.test", true),
            (".env.example", false),
            (".env.sample", false),
            (".env.production.template", false),
            ("example.env", false),
            (".env.dist", false),
            (".environment", false),
            ("env.ts", false),
            ("environment.rs", false),
            (".envoy.yaml", false),
            ("myenv", false),
        ] {
            assert_eq!(is_env_file(OsStr::new(name)), secret, "{name}");
        }
    }

    #[test]
    fn names_stay_and_values_go() {
        let file = "\u{feff}# production password is hunter1\nPORT=3000\nexport NODE_ENV=development\nDEBUG = true\n\
                    DATABASE_URL=postgres://app:hunter2@db.example.com/app\nAPI_KEY=\"sk-hunter3\"\nPIN=1234\n\
                    API=http://localhost:8080/v1\nHOOK=https://hooks.example.com/hunter4\nEMPTY=\n#OLD_KEY=hunter5\n\
                    PEM=\"-----BEGIN KEY-----\nhunter6\n-----END KEY-----\"\nNAME='hunter 7'\nhunter8\nSMTP_PASS=12345678\n\
                    REDIS_URL=redis://localhost:6379\r\nTIMEOUT=30s # seconds\nL=http://localhost/?token=hunter9\n";
        let shown = String::from_utf8(masked(file.as_bytes(), EnvFiles::Masked)).unwrap();
        assert_eq!(
            shown,
            "# Values are masked; the real ones are there after a permission.\nPORT=3000\nexport NODE_ENV=development\n\
             DEBUG=true\nDATABASE_URL=postgres://masked.invalid/masked\nAPI_KEY=masked\nPIN=1234\n\
             API=http://localhost:8080/v1\nHOOK=https://masked.invalid/masked\nEMPTY=\nPEM=masked\nNAME=masked\n\
             SMTP_PASS=masked\nREDIS_URL=redis://masked.invalid/masked\nTIMEOUT=30s # seconds\n\
             L=http://masked.invalid/masked\n"
        );
        let hidden = String::from_utf8(masked(file.as_bytes(), EnvFiles::Hidden)).unwrap();
        assert!(hidden.contains("\nPORT=\n") && !hidden.contains("3000") && !hidden.contains("hunter"), "{hidden}");
        for bytes in [&b""[..], b"=x\n", b"A='\n", b"\xff\xfe=\n", "A=\"é".as_bytes()] {
            masked(bytes, EnvFiles::Masked);
        }
    }
}
