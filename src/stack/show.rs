//! The report for people.

use std::fmt::{Display, Formatter, Result};

use super::{Evidence, Fact, Role, Service, StackReport};

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
        for service in self.running() {
            service.fmt(f)?;
            writeln!(f)?;
        }
        let others = self.others();
        if !others.is_empty() {
            writeln!(f, "other projects")?;
            others.iter().try_for_each(|other| other.short(f))?;
            writeln!(f)?;
        }
        let around = [("ci", &self.ci), ("container", &self.containers), ("deploy", &self.deploy)];
        for (what, facts) in around {
            grouped(f, what, facts)?;
        }
        self.conflicts.iter().try_for_each(|conflict| writeln!(f, "conflict: {conflict}"))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

/// What is there several times is one answer.
fn grouped(f: &mut Formatter<'_>, what: &str, facts: &[Fact]) -> Result {
    let mut seen: Vec<&str> = Vec::new();
    for fact in facts {
        if seen.contains(&fact.name.as_str()) {
            continue;
        }
        seen.push(&fact.name);
        let more = facts.iter().filter(|other| other.name == fact.name).count() - 1;
        let name = if more > 0 { format!("{} +{more}", fact.name) } else { fact.name.clone() };
        row(f, "", what, &name, Some(&fact.evidence))?;
    }
    Ok(())
}

impl Role {
    /// The word for it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Frontend => "frontend",
            Self::Program => "program",
            Self::Library => "library",
            Self::Workspace => "workspace",
            Self::Tests => "tests",
            Self::Unknown => "project",
        }
    }
}

impl Service {
    /// Where it is: its folder, and its name where several share one.
    fn place(&self) -> String {
        let folder = if self.folder.is_empty() { "." } else { &self.folder };
        match self.folder.rsplit('/').next() == Some(self.name.as_str()) || self.name.is_empty() {
            true => folder.to_owned(),
            false => format!("{folder} ({})", self.name),
        }
    }

    /// What is not started takes a line.
    fn short(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "  {}  {} {}", self.place(), self.language, self.role.title())?;
        if let Some(framework) = &self.framework {
            write!(f, " on {}", framework.name)?;
        }
        match self.tests.first() {
            Some(test) => writeln!(f, "; tests: {}", test.command),
            None => writeln!(f),
        }
    }

    fn rows(&self, f: &mut Formatter<'_>) -> Result {
        let lists: [(&str, &[Fact]); 9] = [
            ("also", &self.also),
            ("runner", &self.test_runners),
            ("linter", &self.linters),
            ("formatter", &self.formatters),
            ("types", &self.type_checkers),
            ("orm", &self.orms),
            ("migrations", &self.migrations),
            ("database", &self.databases),
            ("openapi", &self.openapi),
        ];
        if let Some(manager) = &self.package_manager {
            row(f, "  ", "packages", &manager.name, Some(&manager.evidence))?;
        }
        for (what, facts) in lists {
            facts.iter().try_for_each(|fact| row(f, "  ", what, &fact.name, Some(&fact.evidence)))?;
        }
        Ok(())
    }
}

impl Display for Service {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{}  {} {}  {}", self.place(), self.language, self.role.title(), at(&self.evidence))?;
        match &self.framework {
            Some(framework) => row(f, "  ", "framework", &framework.name, Some(&framework.evidence))?,
            None => row(f, "  ", "framework", "unknown", None)?,
        }
        self.rows(f)?;
        if let Some(run) = &self.run {
            let mut command = run.command.clone().unwrap_or_else(|| "unknown".to_owned());
            if run.command.is_some() && run.folder != self.folder {
                command.push_str(&format!("  in {}", folder(&run.folder)));
            }
            row(f, "  ", "run", &command, Some(&run.evidence))?;
            match (run.port, &run.port_evidence) {
                (Some(port), Some(evidence)) => row(f, "  ", "port", &port.to_string(), Some(evidence))?,
                (Some(port), None) => writeln!(f, "  {:10} {port:<24}  the framework's own", "port")?,
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
        match (self.tests.split_first(), &self.part_of) {
            (None, _) => writeln!(f, "  {:10} none found", "tests"),
            (Some((best, _)), Some(whole)) => {
                row(f, "  ", "tests", &format!("{}  in {}", best.command, folder(whole)), Some(&best.evidence))
            }
            (Some((best, others)), None) => {
                row(f, "  ", "tests", &best.command, Some(&best.evidence))?;
                others.iter().try_for_each(|other| row(f, "  ", "or", &other.command, Some(&other.evidence)))
            }
        }
    }
}

fn folder(path: &str) -> &str {
    if path.is_empty() { "the root" } else { path }
}

/// The place an answer was read at, short enough to stand beside it: the whole of it is in the JSON.
fn at(evidence: &Evidence) -> String {
    const MOST: usize = 44;
    let mut file = evidence.file.clone();
    let parts: Vec<&str> = evidence.file.split('/').collect();
    if file.chars().count() > MOST && parts.len() > 3 {
        file = format!("{}/…/{}", parts[0], parts[parts.len() - 1]);
    }
    match evidence.line {
        Some(line) => format!("{file}:{line}"),
        None => file,
    }
}

/// Answers stand below each other, and so do the places they were read at.
fn row(f: &mut Formatter<'_>, indent: &str, what: &str, answer: &str, evidence: Option<&Evidence>) -> Result {
    match evidence {
        Some(evidence) => {
            let place = at(evidence);
            let wide = answer.chars().count() > 24 && answer.chars().count() + place.chars().count() > 62;
            // What does not fit beside a long command stands below it.
            let gap = if wide { format!("\n{indent}{:10} {:24}", "", "") } else { String::new() };
            writeln!(f, "{indent}{what:10} {answer:24}{gap}  {place}")
        }
        None => writeln!(f, "{indent}{what:10} {answer}"),
    }
}

impl StackReport {
    /// Languages with their frameworks, as short as can be: `python/fastapi`, `go/gin +typescript`. `None` when nothing is
    /// known.
    pub fn label(&self) -> Option<String> {
        const MOST: usize = 2;
        let mut names: Vec<String> = Vec::new();
        for service in self.running().into_iter().filter(|service| service.language != "unknown") {
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
        const MOST: usize = 6;
        let mut parts = Vec::new();
        let running = self.running();
        for service in running.iter().take(MOST) {
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
            if let Some((run, command)) = service.run.as_ref().and_then(|run| Some((run, run.command.as_ref()?))) {
                text.push_str(&format!("; starts with `{command}`"));
                if run.folder != service.folder {
                    text.push_str(if run.folder.is_empty() { " in the root" } else { " in " });
                    text.push_str(&run.folder);
                }
            }
            if let Some(port) = service.run.as_ref().and_then(|run| run.port) {
                text.push_str(&format!(" on port {port}"));
            }
            parts.push(text);
        }
        if running.len() > MOST {
            let names: Vec<&str> = running.iter().skip(MOST).map(|service| service.name.as_str()).take(12).collect();
            parts.push(format!("{} more: {}", running.len() - MOST, names.join(", ")));
        }
        let others: Vec<String> =
            self.others().iter().take(8).map(|other| format!("{} ({})", other.place(), other.role.title())).collect();
        if !others.is_empty() {
            parts.push(format!("beside them: {}", others.join(", ")));
        }
        parts.extend(self.conflicts.iter().map(|conflict| format!("conflict: {conflict}")));
        parts.join(". ")
    }
}
