//! Which versions of its tools a service asks for, and which are there.

mod wanted;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use super::Evidence;

pub(super) use wanted::{contradictions, wanted};

/// A tool with the version a service asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Toolchain {
    /// The tool: `python`, `node`, `go`, `java`, `rust`.
    pub tool: String,
    /// What is asked for, as it is written.
    pub wanted: String,
    /// What says so.
    pub evidence: Evidence,
    /// The version that is there, when it was looked for.
    pub present: Option<String>,
    /// Whether what is there is what is asked for, when both are known.
    pub fits: Option<bool>,
}

/// Looks a tool up in `path` (as in `PATH`) and asks it for its version. What lies below `repository` is never run.
pub fn present(toolchain: &mut Toolchain, path: &str, repository: &Path) {
    let (names, argument): (&[&str], _) = match toolchain.tool.as_str() {
        "python" => (&["python3", "python"], "--version"),
        "rust" => (&["rustc"], "--version"),
        "go" => (&["go"], "version"),
        "java" => (&["java"], "-version"),
        "node" => (&["node"], "--version"),
        "ruby" => (&["ruby"], "--version"),
        "php" => (&["php"], "--version"),
        "dotnet" => (&["dotnet"], "--version"),
        _ => return,
    };
    let Some(program) = names.iter().find_map(|name| find(name, path, repository)) else {
        toolchain.fits = Some(false);
        return;
    };
    // Run elsewhere, so that a file of the repository cannot choose the version.
    let output = Command::new(program).arg(argument).current_dir("/").stdin(Stdio::null()).output();
    let Ok(output) = output else { return };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    toolchain.present = version(&said);
    toolchain.fits = toolchain.present.as_deref().and_then(|present| fits(&toolchain.wanted, present));
}

fn find(name: &str, path: &str, repository: &Path) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute() && !folder.starts_with(repository));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The first version in a text: `Python 3.11.7` holds `3.11.7`.
fn version(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let end = text[start..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(text.len(), |end| start + end);
    Some(text[start..end].trim_end_matches('.').to_owned())
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// Whether a version fits a wish such as `>=3.9,<4`, `^18 || >=20`, `20.x`, `1.21`. `None` when the wish is not understood.
fn fits(wanted: &str, present: &str) -> Option<bool> {
    let have = numbers(present);
    let mut wanted = wanted.to_owned();
    for operator in ['=', '>', '<', '^', '~'] {
        wanted = wanted.replace(&format!("{operator} "), &operator.to_string());
    }
    let mut any = None;
    for alternative in wanted.split("||") {
        let mut all = None;
        for part in alternative.split([',', ' ']).filter(|part| !part.is_empty()) {
            let one = single(part, &have)?;
            all = Some(all.unwrap_or(true) && one);
        }
        if let Some(all) = all {
            any = Some(any.unwrap_or(false) || all);
        }
    }
    any
}

fn single(wish: &str, have: &[u64]) -> Option<bool> {
    let operators = [">=", "<=", "==", "~=", "!=", ">", "<", "^", "~", "=", "v"];
    let operator = operators.iter().find(|operator| wish.starts_with(**operator)).copied().unwrap_or_default();
    let text = wish[operator.len()..].trim().trim_start_matches('v').trim_end_matches(".x").trim_end_matches(".*");
    let want = numbers(text);
    if want.is_empty() {
        return None;
    }
    let length = want.len().min(have.len());
    let same = have[..length] == want[..length];
    let order = have.iter().chain(std::iter::repeat(&0)).take(4).cmp(want.iter().chain(std::iter::repeat(&0)).take(4));
    Some(match operator {
        ">=" => order.is_ge(),
        ">" => order.is_gt() && !same,
        "<=" => order.is_le() || same,
        "<" => order.is_lt(),
        "!=" => !same,
        "^" => have.first() == want.first() && order.is_ge(),
        "~" | "~=" => have.first() == want.first() && (want.len() < 2 || have.get(1) == want.get(1)) && order.is_ge(),
        _ => same || want.len() >= 2 && have.first() == want.first() && order.is_ge(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_understood_or_unknown() {
        for (wanted, present, expected) in [
            (">=3.9", "3.11.7", Some(true)),
            (">= 18", "20.20.2", Some(true)),
            (">=3.14", "3.11.7", Some(false)),
            (">=3.9,<4", "3.11.7", Some(true)),
            (">=3.9,<3.11", "3.11.7", Some(false)),
            ("^3.8", "3.11.7", Some(true)),
            ("^18 || >=20", "20.20.2", Some(true)),
            ("20.x", "20.20.2", Some(true)),
            ("18", "20.20.2", Some(false)),
            ("1.19", "1.19.8", Some(true)),
            ("1.21", "1.19.8", Some(false)),
            ("1.19", "1.22.0", Some(true)),
            ("v20.1.0", "20.20.2", Some(true)),
            ("lts/*", "20.20.2", None),
        ] {
            assert_eq!(fits(wanted, present), expected, "{wanted} {present}");
        }
        assert_eq!(version("go version go1.19.8 linux/amd64").as_deref(), Some("1.19.8"));
        assert_eq!(version("openjdk version \"17.0.1\" 2021").as_deref(), Some("17.0.1"));
    }
}
