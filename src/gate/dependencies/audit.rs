//! Other people's audits of dependencies, where they are installed. One that could not ask its database says nothing,
//! and nothing is made of its silence.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::domain::{Finding, RepoPath, Severity};
use crate::workspace::{Exit, Job, Workspace, run_whole};

/// How long one of them may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The most that is read of an answer.
const MOST: usize = 16 << 20;
/// Parts an answer from what was complained about.
const COMPLAINTS: &str = "--tenon-complaints--";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Audits {
    audit: Vec<Audit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Audit {
    program: String,
    languages: Vec<String>,
    #[serde(default)]
    needs_lock: bool,
    command: String,
    answers: String,
    /// The manifests it reads, by the beginning of their name.
    only: Option<String>,
}

static AUDITS: LazyLock<Vec<Audit>> = LazyLock::new(|| {
    let read = crate::text::from_toml::<Audits>(include_str!("../../../assets/audits.toml"));
    read.map(|audits| audits.audit).unwrap_or_default()
});

/// A manifest whose dependencies are asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    /// The language of the project.
    pub language: &'static str,
    /// The manifest, relative to the root.
    pub manifest: String,
    /// The name of the lock file beside it.
    pub lock: Option<String>,
}

/// What an audit said.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who was asked.
    pub program: String,
    /// What is known.
    pub findings: Vec<Finding>,
    /// Dependencies it passed over, with why.
    pub skipped: Vec<String>,
}

/// Asks who is installed about one manifest.
///
/// # Errors
/// Nobody could be asked, and why.
pub(super) async fn ask(
    workspace: &dyn Workspace,
    asked: &Asked,
    cancel: &CancellationToken,
) -> Result<Answer, String> {
    let (folder, name) = asked.manifest.rsplit_once('/').unwrap_or(("", &asked.manifest));
    let fits = |audit: &&Audit| {
        audit.languages.iter().any(|language| language == asked.language)
            && audit.only.as_ref().is_none_or(|only| name.starts_with(only.as_str()))
            && (!audit.needs_lock || asked.lock.is_some())
    };
    let (mut absent, mut failed) = (Vec::new(), Vec::new());
    for audit in AUDITS.iter().filter(fits) {
        match audit.run(workspace, folder, asked, cancel).await {
            Ok(answer) => return Ok(answer),
            Err(None) => absent.push(audit.program.as_str()),
            Err(Some(why)) => failed.push(format!("{}: {why}", audit.program)),
        }
    }
    Err(match (failed.is_empty(), absent.is_empty()) {
        (false, _) => failed.join("; "),
        (true, false) if absent.len() == 1 => format!("{} is not installed", absent[0]),
        (true, false) => format!("none of {} is installed", absent.join(", ")),
        (true, true) if asked.lock.is_none() => "there is no lock file, and nobody audits a manifest alone".to_owned(),
        (true, true) => format!("nobody is known who audits {name}"),
    })
}

impl Audit {
    /// `Err(None)`: it is not installed.
    async fn run(
        &self,
        workspace: &dyn Workspace,
        folder: &str,
        asked: &Asked,
        cancel: &CancellationToken,
    ) -> Result<Answer, Option<String>> {
        let quote = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let name = asked.manifest.rsplit('/').next().unwrap_or_default();
        let command = self
            .command
            .replace("{manifest}", &quote(name))
            .replace("{lock}", &quote(asked.lock.as_deref().unwrap_or_default()));
        let errors = format!("/tmp/tenon-audit-{}", std::process::id());
        let command = format!(
            "command -v {} >/dev/null 2>&1 || exit 127; {command} 2>{errors}; code=$?; echo '{COMPLAINTS}'; cat {errors}; rm -f {errors}; exit $code",
            self.program
        );
        let job = Job { folder: RepoPath::parse(folder).ok(), ..Job::new(command, LIMIT) };
        let (exit, text) = run_whole(workspace, job, cancel.clone(), MOST).await;
        let (said, complaints) = text.rsplit_once(COMPLAINTS).unwrap_or((&text, ""));
        match exit.map_err(|error| Some(error.to_string()))? {
            Exit::Code(127) if complaints.trim().is_empty() => return Err(None),
            Exit::Code(_) => {}
            Exit::TimedOut => return Err(Some(format!("not done within {} s", LIMIT.as_secs()))),
            other => return Err(Some(format!("{other:?}"))),
        }
        let read = read(&self.answers, said).ok_or_else(|| Some(why(said, complaints)))?;
        let at = |(package, id, summary): (String, String, String)| {
            let message = format!("`{package}` has a known vulnerability: {summary}");
            let path = Some(asked.manifest.clone());
            Finding { severity: Severity::Error, path, line: None, rule: Some(id), message, old: false }
        };
        let known: BTreeSet<(String, String, String)> = read.known.into_iter().collect();
        let findings = known.into_iter().map(at).collect();
        Ok(Answer { program: self.program.clone(), findings, skipped: read.skipped })
    }
}

/// Why there is no answer, in one line.
fn why(said: &str, complaints: &str) -> String {
    let all = format!("{complaints}\n{said}");
    let offline = ["resolve", "EAI_AGAIN", "ENOTFOUND", "onnection", "network", "unreachable", "dial tcp", "timed out"];
    if offline.iter().any(|word| all.contains(word)) {
        return "its database is not to be reached: gates have no network".to_owned();
    }
    let line = complaints.lines().rev().find(|line| !line.trim().is_empty());
    line.or_else(|| said.lines().next()).unwrap_or("it said nothing").trim().chars().take(200).collect()
}

#[derive(Default)]
struct Read {
    /// Package, id and summary.
    known: Vec<(String, String, String)>,
    skipped: Vec<String>,
}

fn text(value: &Value, keys: &[&str]) -> String {
    let found = keys.iter().filter_map(|key| value.pointer(key)?.as_str()).find(|text| !text.is_empty());
    found.unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Reads an answer; `None` when it is none.
fn read(form: &str, said: &str) -> Option<Read> {
    let mut read = Read::default();
    if form == "govulncheck" {
        return govulncheck(said);
    }
    let whole: Value = serde_json::from_str(said.trim()).ok()?;
    match form {
        "pip-audit" => {
            whole.get("dependencies")?;
            for one in list(&whole, "/dependencies") {
                let name = text(one, &["/name"]);
                if let Some(why) = one.get("skip_reason").and_then(Value::as_str) {
                    read.skipped.push(format!("{name} ({why})"));
                }
                let found = list(one, "/vulns").iter();
                read.known
                    .extend(found.map(|vuln| (name.clone(), text(vuln, &["/id"]), text(vuln, &["/description"]))));
            }
        }
        "npm" => {
            for (name, one) in whole.get("vulnerabilities")?.as_object()? {
                let found = list(one, "/via").iter().filter(|via| via.is_object());
                let id = |via: &Value| text(via, &["/url"]).rsplit('/').next().unwrap_or_default().to_owned();
                read.known.extend(found.map(|via| (name.clone(), id(via), text(via, &["/title"]))));
            }
        }
        "cargo-audit" => {
            whole.pointer("/vulnerabilities/list")?;
            for one in list(&whole, "/vulnerabilities/list") {
                let name = text(one, &["/package/name", "/advisory/package"]);
                read.known.push((name, text(one, &["/advisory/id"]), text(one, &["/advisory/title"])));
            }
        }
        "osv" => {
            whole.get("results")?;
            for package in list(&whole, "/results").iter().flat_map(|source| list(source, "/packages")) {
                let name = text(package, &["/package/name"]);
                let found = list(package, "/vulnerabilities").iter();
                read.known
                    .extend(found.map(|one| (name.clone(), text(one, &["/id"]), text(one, &["/summary", "/details"]))));
            }
        }
        "bundler-audit" => {
            whole.get("results")?;
            for one in list(&whole, "/results") {
                let name = text(one, &["/gem/name", "/source"]);
                read.known.push((
                    name,
                    text(one, &["/advisory/id", "/type"]),
                    text(one, &["/advisory/title", "/type"]),
                ));
            }
        }
        "composer" => {
            // What is empty is a list, what is not is an object.
            for (name, found) in whole.get("advisories")?.as_object().into_iter().flatten() {
                let found = found.as_array().into_iter().flatten();
                read.known.extend(
                    found.map(|one| (name.clone(), text(one, &["/cve", "/advisoryId"]), text(one, &["/title"]))),
                );
            }
        }
        _ => return None,
    }
    Some(read)
}

/// A stream of objects: what is known, and where it was found.
fn govulncheck(said: &str) -> Option<Read> {
    let mut read = Read::default();
    let mut titles = std::collections::BTreeMap::new();
    let mut any = false;
    for message in serde_json::Deserializer::from_str(said).into_iter::<Value>() {
        let message = message.ok()?;
        any = true;
        if let Some(osv) = message.get("osv") {
            titles.insert(text(osv, &["/id"]), text(osv, &["/summary", "/details"]));
        }
        if let Some(finding) = message.get("finding") {
            let id = text(finding, &["/osv"]);
            let summary = titles.get(&id).cloned().unwrap_or_default();
            read.known.push((text(finding, &["/trace/0/module"]), id, summary));
        }
    }
    any.then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_in_every_form_and_what_is_none_is_not() {
        assert!(AUDITS.len() > 5);
        for (form, said, known) in [
            (
                "pip-audit",
                r#"{"dependencies": [{"name": "jinja2", "vulns": [{"id": "T-1", "description": "escape\nmore"}]}], "fixes": []}"#,
                1,
            ),
            ("pip-audit", r#"{"dependencies": [{"name": "own", "skip_reason": "not on PyPI"}]}"#, 0),
            ("npm", r#"{"vulnerabilities": {"a": {"via": [{"title": "t", "url": "https://x/GHSA-1"}, "b"]}}}"#, 1),
            (
                "cargo-audit",
                r#"{"vulnerabilities": {"list": [{"advisory": {"id": "R-1", "title": "t"}, "package": {"name": "a"}}]}}"#,
                1,
            ),
            (
                "osv",
                r#"{"results": [{"packages": [{"package": {"name": "a"}, "vulnerabilities": [{"id": "O-1"}]}]}]}"#,
                1,
            ),
            (
                "govulncheck",
                "{\"config\": {}}\n{\"osv\": {\"id\": \"GO-1\", \"summary\": \"s\"}}\n{\"finding\": {\"osv\": \"GO-1\", \"trace\": [{\"module\": \"m\"}]}}",
                1,
            ),
            (
                "bundler-audit",
                r#"{"results": [{"gem": {"name": "rack"}, "advisory": {"id": "CVE-1", "title": "t"}}]}"#,
                1,
            ),
            ("composer", r#"{"advisories": []}"#, 0),
        ] {
            assert_eq!(read(form, said).map(|read| read.known.len()), Some(known), "{form}: {said}");
        }
        for form in AUDITS.iter().map(|audit| audit.answers.as_str()) {
            assert!(read(form, "").is_none(), "{form}");
            assert!(
                read(form, r#"{"message": "request failed", "error": {}}"#).is_none() || form == "govulncheck",
                "{form}"
            );
        }
        assert!(
            read("pip-audit", r#"{"dependencies": [{"name": "own", "skip_reason": "x"}]}"#).unwrap().skipped.len() == 1
        );
        assert!(why("", "npm error request to x failed, reason: getaddrinfo EAI_AGAIN x").contains("no network"));
    }
}
