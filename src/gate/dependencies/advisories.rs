//! Advisories in the OSV format from a folder of the user's: one JSON file each.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::domain::{Finding, Severity};
use crate::stack::Need;

/// Older ones say nothing about today.
const FRESH: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Deserialize)]
struct Advisory {
    id: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
struct Affected {
    package: Package,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

fn ecosystem(language: &str) -> &'static str {
    match language {
        "python" => "PyPI",
        "javascript" | "typescript" => "npm",
        "go" => "Go",
        "rust" => "crates.io",
        "java" | "kotlin" => "Maven",
        "ruby" => "RubyGems",
        "php" => "Packagist",
        _ => "NuGet",
    }
}

/// What is known of these dependencies.
///
/// # Errors
/// The folder cannot be read, is empty, or was last renewed more than 30 days ago.
pub(super) fn check(folder: &Path, needs: &[Need]) -> Result<Vec<Finding>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut newest = SystemTime::UNIX_EPOCH;
    let mut advisories = Vec::new();
    for path in
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"))
    {
        newest = newest.max(path.metadata().and_then(|about| about.modified()).unwrap_or(newest));
        let read = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Advisory>(&bytes).ok());
        advisories.push(read.ok_or_else(|| format!("{} is no advisory", path.display()))?);
    }
    if advisories.is_empty() {
        return Err(format!("{} holds no advisory", folder.display()));
    }
    if newest.elapsed().is_ok_and(|age| age > FRESH) {
        return Err("the advisory database is older than 30 days".to_owned());
    }
    Ok(needs.iter().flat_map(|need| advisories.iter().filter_map(move |advisory| finding(need, advisory))).collect())
}

fn finding(need: &Need, advisory: &Advisory) -> Option<Finding> {
    let mut about = advisory.affected.iter().filter(|affected| {
        affected.package.ecosystem == ecosystem(need.language) && affected.package.name.eq_ignore_ascii_case(&need.name)
    });
    let affected = about.next()?;
    let pinned = affected.versions.iter().any(|version| {
        let text = &need.evidence.text;
        text.contains(&format!("=={version}"))
            || text.contains(&format!("\"{version}\""))
            || text.ends_with(&format!("v{version}"))
    });
    let (severity, which) =
        if pinned { (Severity::Error, "this version has") } else { (Severity::Warning, "some versions have") };
    Some(Finding {
        severity,
        path: Some(need.evidence.file.clone()),
        line: need.evidence.line,
        rule: Some(advisory.id.clone()),
        message: format!("`{}`: {which} a known vulnerability: {}", need.name, advisory.summary),
        ..Finding::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Evidence;

    #[test]
    fn a_pinned_version_is_an_error_and_an_empty_folder_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let need = |text: &str| Need {
            folder: String::new(),
            language: "python",
            name: "jinja2".into(),
            evidence: Evidence { file: "requirements.txt".into(), line: Some(1), text: text.into() },
        };
        assert!(check(folder.path(), &[need("jinja2")]).is_err());
        let advisory = r#"{"id":"T-1","summary":"escape","affected":[{"package":{"ecosystem":"PyPI","name":"Jinja2"},"versions":["3.0.0"]}]}"#;
        std::fs::write(folder.path().join("a.json"), advisory).unwrap();
        let severity = |text: &str| check(folder.path(), &[need(text)]).unwrap()[0].severity;
        assert_eq!((severity("jinja2==3.0.0"), severity("jinja2>=3")), (Severity::Error, Severity::Warning));
    }
}
