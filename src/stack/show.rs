//! The report for people.

use std::fmt::{Display, Formatter, Result};

use super::{Evidence, Fact, Service, StackReport};

impl Display for Evidence {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

impl Display for StackReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.services.is_empty() {
            writeln!(f, "unknown: no manifest and no source file that says what this is")?;
        }
        for service in &self.services {
            service.fmt(f)?;
        }
        let around = [("ci", &self.ci), ("container", &self.containers), ("deploy", &self.deploy)];
        for (what, facts) in around {
            facts.iter().try_for_each(|fact| row(f, "", what, &fact.name, Some(&fact.evidence)))?;
        }
        self.conflicts.iter().try_for_each(|conflict| writeln!(f, "conflict: {conflict}"))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl Display for Service {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let folder = if self.folder.is_empty() { "." } else { &self.folder };
        writeln!(f, "{folder}  {}  ({})", self.language, self.evidence)?;
        match &self.framework {
            Some(framework) => row(f, "  ", "framework", &framework.name, Some(&framework.evidence))?,
            None => row(f, "  ", "framework", "unknown", None)?,
        }
        let lists: [(&str, &[Fact]); 9] = [
            ("also", &self.also),
            ("runner", &self.test_runners),
            ("linter", &self.linters),
            ("formatter", &self.formatters),
            ("types", &self.type_checkers),
            ("orm", &self.orms),
            ("migration", &self.migrations),
            ("database", &self.databases),
            ("openapi", &self.openapi),
        ];
        if let Some(manager) = &self.package_manager {
            row(f, "  ", "packages", &manager.name, Some(&manager.evidence))?;
        }
        for (what, facts) in lists {
            facts.iter().try_for_each(|fact| row(f, "  ", what, &fact.name, Some(&fact.evidence)))?;
        }
        if let Some(run) = &self.run {
            row(f, "  ", "run", run.command.as_deref().unwrap_or("unknown"), Some(&run.evidence))?;
            match (run.port, &run.port_evidence) {
                (Some(port), Some(evidence)) => row(f, "  ", "port", &port.to_string(), Some(evidence))?,
                (Some(port), None) => writeln!(f, "  {:9} {port}  (the framework's own)", "port")?,
                (None, _) => row(f, "  ", "port", "unknown", None)?,
            }
        }
        for tool in &self.toolchain {
            let there = match (&tool.present, tool.fits) {
                (Some(present), Some(true)) => format!("; {present} is there"),
                (Some(present), Some(false)) => format!("; {present} is there and does not fit"),
                (Some(present), None) => format!("; {present} is there, whether it fits is unknown"),
                (None, Some(false)) => "; not installed".to_owned(),
                (None, _) => String::new(),
            };
            row(f, "  ", "wants", &format!("{} {}{there}", tool.tool, tool.wanted), Some(&tool.evidence))?;
        }
        match self.tests.split_first() {
            None => writeln!(f, "  {:9} none found", "tests"),
            Some((best, others)) => {
                row(f, "  ", "tests", &best.command, Some(&best.evidence))?;
                others.iter().try_for_each(|other| row(f, "  ", "or", &other.command, Some(&other.evidence)))
            }
        }
    }
}

fn row(f: &mut Formatter<'_>, indent: &str, what: &str, answer: &str, evidence: Option<&Evidence>) -> Result {
    match evidence {
        Some(evidence) => writeln!(f, "{indent}{what:9} {answer}  ({evidence})"),
        None => writeln!(f, "{indent}{what:9} {answer}"),
    }
}

impl StackReport {
    /// Languages with their frameworks, as short as can be: `python/fastapi`, `go/gin +typescript`. `None` when nothing is
    /// known.
    pub fn label(&self) -> Option<String> {
        const MOST: usize = 2;
        let mut names: Vec<String> = Vec::new();
        for service in self.services.iter().filter(|service| service.language != "unknown") {
            let name = match &service.framework {
                Some(framework) => format!("{}/{}", service.language, framework.name.to_lowercase()),
                None => service.language.to_owned(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // A language by itself says nothing beside the same one with its framework.
        let framed: Vec<String> =
            names.iter().filter_map(|name| Some(format!("{}/", name.split_once('/')?.0))).collect();
        names.retain(|name| !framed.contains(&format!("{name}/")));
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let mut label = names.join(" +");
        if more > 0 {
            label.push_str(&format!(" +{more}"));
        }
        (!label.is_empty()).then_some(label)
    }

    /// What matters of it in one line: languages, frameworks, databases, how its tests are run and how it is started.
    pub fn brief(&self) -> String {
        let mut parts = Vec::new();
        for service in self.services.iter().take(6) {
            let mut text = service.language.to_owned();
            if !service.folder.is_empty() {
                text.push_str(&format!(" in {}", service.folder));
            }
            let with: Vec<&str> = service
                .framework
                .iter()
                .chain(&service.orms)
                .chain(&service.migrations)
                .chain(&service.databases)
                .map(|fact| fact.name.as_str())
                .collect();
            if !with.is_empty() {
                text.push_str(&format!(" with {}", with.join(", ")));
            }
            if let Some(tests) = service.tests.first() {
                text.push_str(&format!("; tests: `{}`", tests.command));
            }
            for tool in service.linters.iter().chain(&service.formatters).chain(&service.type_checkers).take(4) {
                text.push_str(&format!("; {}", tool.name));
            }
            if let Some(command) = service.run.as_ref().and_then(|run| run.command.as_ref()) {
                text.push_str(&format!("; starts with `{command}`"));
            }
            if let Some(port) = service.run.as_ref().and_then(|run| run.port) {
                text.push_str(&format!(" on port {port}"));
            }
            parts.push(text);
        }
        parts.extend(self.conflicts.iter().map(|conflict| format!("conflict: {conflict}")));
        parts.join(". ")
    }
}
