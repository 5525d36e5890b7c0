//! Alembic and Django: the project's own tool walks on a scratch file in the workspace, the engine looks at the file
//! after every step.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::sync::mpsc;

use super::rows::{self, Filling};
use super::scratch::{Limit, Scratch, State};
use super::walk::{End, Script, Unit, Walk, judge, told};
use super::{Outcome, Sides};
use crate::domain::{Finding, RepoPath, Severity};
use crate::stack::{Files, Service};
use crate::workspace::{Exit, Job, Workspace, WorkspaceFiles};

/// Walks migrations: see the file itself.
const DRIVER: &str = include_str!("../../assets/migrate.py");
/// Where the driver, the scratch file and its copies are.
const FOLDER: &str = ".tenon-gate/migration";

/// The two tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Alembic,
    Django,
}

/// A project whose migrations are Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    pub tool: Tool,
    /// The folder the tool is called in, relative to the root.
    pub folder: String,
    /// The Python that has its packages.
    pub python: String,
    /// `alembic.ini`, or the module of the settings.
    pub name: String,
}

#[derive(Debug, Default, Deserialize)]
struct Answer {
    units: Vec<Named>,
    steps: Vec<Step>,
    heads: Vec<String>,
    drift: Option<String>,
    error: Option<Said>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    path: String,
    title: String,
}

#[derive(Debug, Deserialize)]
struct Said {
    error: String,
}

#[derive(Debug, Deserialize)]
struct Step {
    way: String,
    unit: String,
    ok: bool,
    #[serde(default)]
    irreversible: bool,
    #[serde(default)]
    error: String,
    #[serde(default)]
    place: Option<PlaceOf>,
    #[serde(default)]
    file: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PlaceOf {
    path: String,
    line: usize,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Alembic => "alembic",
            Self::Django => "django",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Alembic => "Alembic",
            Self::Django => "Django",
        }
    }

    /// What a file that describes tables says.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Alembic => &["mapped_column(", "Column(", "__tablename__", "table=True", "relationship("],
            Self::Django => &["models.Model", "models.", "AbstractUser", "AbstractBaseUser"],
        }
    }

    /// Its own tables, by their exact names.
    fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Alembic => &["alembic_version"],
            Self::Django => &["django_migrations"],
        }
    }
}

/// Whether a file of Python may be a migration or describe tables, whatever project it belongs to.
pub(super) fn may_matter(path: &str, text: &str) -> bool {
    let placed = path.split('/').rev().nth(1).is_some_and(|folder| matches!(folder, "versions" | "migrations"));
    placed || [Tool::Alembic, Tool::Django].iter().any(|tool| tool.words().iter().any(|word| text.contains(word)))
}

/// The projects of a service, as its files say.
pub(super) fn projects(service: &Service, files: &dyn Files, paths: &[String]) -> Vec<Project> {
    let python = service.interpreter.clone().unwrap_or_else(|| "python3".to_owned());
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| service.relative(path).is_some()) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == "alembic.ini" {
            // Flask-Migrate keeps its settings beside its environment and is called from the folder above.
            let (folder, name) = match folder.rsplit_once('/').unwrap_or(("", folder)) {
                (above, last) if files.exists(&join(folder, "env.py")) => (above, format!("{last}/{name}")),
                _ => (folder, name.to_owned()),
            };
            found.push(Project { tool: Tool::Alembic, folder: folder.to_owned(), python: python.clone(), name });
        }
        if name == "manage.py"
            && let Some(settings) = files.read(path).as_deref().and_then(settings_of)
        {
            found.push(Project {
                tool: Tool::Django,
                folder: folder.to_owned(),
                python: python.clone(),
                name: settings,
            });
        }
    }
    // The interpreter is named from the service's folder.
    for project in &mut found {
        let inner = service.relative(&project.folder).unwrap_or_default();
        let up = "../".repeat(if inner.is_empty() { 0 } else { inner.matches('/').count() + 1 });
        if project.python.contains('/') && !project.python.starts_with('/') {
            project.python = format!("{up}{}", project.python);
        }
    }
    found
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn settings_of(manage: &str) -> Option<String> {
    let line = manage.lines().find(|line| line.contains("DJANGO_SETTINGS_MODULE"))?;
    let mut texts = line.split(['"', '\'']).map(str::trim);
    texts.rfind(|text| text.contains('.') || *text == "settings").map(str::to_owned)
}

impl Project {
    /// A path is one of its migrations.
    pub(super) fn is_migration(&self, path: &str) -> bool {
        let inside = self.folder.is_empty() || path.starts_with(&format!("{}/", self.folder));
        let folder = if self.tool == Tool::Alembic { "versions" } else { "migrations" };
        let parts: Vec<&str> = path.split('/').collect();
        let above = parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied();
        inside && path.ends_with(".py") && !path.ends_with("__init__.py") && above == Some(folder)
    }

    /// A file may describe tables.
    pub(super) fn is_model(&self, path: &str, text: &str) -> bool {
        let named = self.tool == Tool::Alembic || path.contains("models");
        path.ends_with(".py") && named && self.tool.words().iter().any(|word| text.contains(word))
    }

    async fn call(&self, workspace: &dyn Workspace, mode: &str, sides: &Sides, shown: bool) -> Result<Answer, String> {
        let path = |name: &str| RepoPath::parse(&format!("{FOLDER}/{name}")).map_err(|error| error.to_string());
        workspace.write(&path("migrate.py")?, DRIVER.as_bytes(), None).map_err(|error| error.to_string())?;
        let place = path("x")?.under(workspace.root());
        let place = place.parent().unwrap_or(Path::new(".")).to_string_lossy().into_owned();
        let quote = |text: &String| format!("'{}'", text.replace('\'', "'\\''"));
        let driver = format!("{place}/migrate.py");
        let (tool, mode) = (self.tool.name().to_owned(), mode.to_owned());
        let words = [&self.python, &driver, &tool, &mode, &place, &self.name].map(quote);
        let environment = [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONWARNINGS", "ignore"), ("NO_COLOR", "1")];
        let job = Job {
            command: words.join(" "),
            folder: RepoPath::parse(&self.folder).ok(),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            limit: sides.limit,
            network: false,
            env_files: false,
        };
        let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(32);
        let reading = async {
            let mut last = Vec::new();
            while let Some(piece) = pieces.recv().await {
                last.extend_from_slice(&piece);
                let from = last.len().saturating_sub(4096);
                last.drain(..from);
                if shown {
                    let _ = sides.output.send(piece).await;
                }
            }
            String::from_utf8_lossy(&last).into_owned()
        };
        let (exit, last) = tokio::join!(workspace.run(job, sender, sides.cancel.clone()), reading);
        match exit.map_err(|error| error.to_string())? {
            Exit::Code(0) => {}
            Exit::Cancelled => return Err("interrupted".to_owned()),
            Exit::TimedOut => return Err(format!("not done within {} s", sides.limit.as_secs())),
            other => {
                let line = last.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                return Err(format!("{} did not run ({other:?}): {line}", self.tool.title()));
            }
        }
        let state = workspace.read(&path("result.json")?).map_err(|error| error.to_string())?;
        serde_json::from_slice(&state.bytes).map_err(|error| format!("what the walk wrote cannot be read: {error}"))
    }

    /// Opens a copy of a scratch file of a workspace.
    fn fetch(
        &self,
        workspace: &dyn Workspace,
        name: &str,
        limit: &Limit,
    ) -> Result<(Scratch, tempfile::TempDir, PathBuf), String> {
        let path = RepoPath::parse(&format!("{FOLDER}/{name}")).map_err(|error| error.to_string())?;
        let bytes = workspace.read(&path).map_err(|error| error.to_string())?.bytes;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join("scratch.sqlite3");
        std::fs::write(&file, bytes).map_err(|error| error.to_string())?;
        let scratch = Scratch::open(&file, limit, self.tool.tables()).map_err(|error| error.to_string())?;
        Ok((scratch, folder, file))
    }

    fn state(&self, workspace: &dyn Workspace, name: &str, limit: &Limit) -> Result<State, String> {
        let (scratch, _folder, _) = self.fetch(workspace, name, limit)?;
        scratch.state().map_err(|error| error.to_string())
    }

    /// Takes the base's scratch file, fills it, and puts it into the subject.
    fn hand_over(&self, sides: &Sides, filling: Filling, limit: &Limit) -> Result<(State, Vec<String>), String> {
        let target = RepoPath::parse(&format!("{FOLDER}/scratch.sqlite3")).map_err(|error| error.to_string())?;
        let words = |error: rusqlite::Error| error.to_string();
        let (scratch, _folder, file) = self.fetch(sides.base.as_ref(), "scratch.sqlite3", limit)?;
        let empty = rows::fill(&scratch, filling).map_err(words)?;
        let state = scratch.state().map_err(words)?;
        drop(scratch);
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        sides.subject.write(&target, &bytes, None).map_err(|error| error.to_string())?;
        Ok((state, empty))
    }

    /// Proves what a change does to this project's migrations.
    pub(super) async fn prove(&self, sides: &Sides, changed: &[String]) -> Outcome {
        let mut outcome = Outcome::of(&format!(
            "{} in {}",
            self.tool.title(),
            if self.folder.is_empty() { "." } else { &self.folder }
        ));
        outcome.command = Some(match self.tool {
            Tool::Alembic => format!("{} -m alembic upgrade +1, downgrade -1, upgrade +1", self.python),
            Tool::Django => format!("{} manage.py migrate, up, down and up", self.python),
        });
        outcome.findings = self.edited(sides, changed);
        let base = self.call(sides.base.as_ref(), "base", sides, false).await;
        let base = match base {
            Ok(Answer { error: Some(said), .. }) => {
                return outcome.unproven(format!("base cannot be migrated on SQLite: {}", said.error));
            }
            Ok(answer) => answer,
            Err(why) => return outcome.unproven(why),
        };
        if let Some(step) = base.steps.iter().find(|step| !step.ok) {
            return outcome.unproven(format!("base cannot be migrated on SQLite: {}", step.error));
        }
        let mut findings = std::mem::take(&mut outcome.findings);
        let mut filling = Filling::WithNulls;
        let mut walked = match self.walk(sides, filling).await {
            Ok(walked) => walked,
            Err(why) => return Outcome { findings, ..outcome }.unproven(why),
        };
        if let Some((index, error, line)) = walked.1.broke() {
            for fewer in Filling::FEWER {
                let Ok(other) = self.walk(sides, fewer).await else { continue };
                if other.1.broke().is_none() {
                    findings.push(super::needs_fewer(&walked.2[index], &error, line, fewer));
                    (walked, filling) = (other, fewer);
                    break;
                }
            }
        }
        let (answer, walk, units) = walked;
        if answer.heads.len() > 1 {
            findings.push(self.heads(&answer, base.heads.len() > 1, changed));
        }
        findings.extend(self.drift(&answer, &base, changed));
        findings.extend(judge(&units, &walk, sides.admitted));
        outcome.log.extend(told(&units, &walk, filling));
        Outcome { findings, walked: units.len(), ..outcome }
    }

    async fn walk(&self, sides: &Sides, filling: Filling) -> Result<(Answer, Walk, Vec<Unit>), String> {
        let limit = sides.scratch_limit();
        let (start, empty) = self.hand_over(sides, filling, &limit)?;
        for line in empty {
            let _ = sides.output.send(format!("not filled: {line}\n").into_bytes()).await;
        }
        let answer = self.call(sides.subject.as_ref(), "walk", sides, true).await?;
        if let Some(said) = &answer.error {
            return Err(said.error.clone());
        }
        let files = WorkspaceFiles(sides.subject.as_ref());
        let units: Vec<Unit> = answer
            .units
            .iter()
            .map(|named| {
                let path = join(&self.folder, &named.path);
                let up = Script { text: files.read(&path).unwrap_or_default(), path, line: 1, transaction: true };
                let title = named.up_title();
                Unit { id: named.id.clone(), title, down: Some(up.clone()), up }
            })
            .collect();
        let reach = |way: &str| -> Result<Vec<End>, String> {
            units
                .iter()
                .map(|unit| {
                    let step = answer.steps.iter().find(|step| step.way == way && step.unit == unit.id);
                    step.map_or(Ok(End::NotReached), |step| self.end(sides, step, &limit))
                })
                .collect()
        };
        let walk = Walk { start, up: reach("up")?, down: reach("down")?, again: reach("again")? };
        Ok((answer, walk, units))
    }

    fn end(&self, sides: &Sides, step: &Step, limit: &Limit) -> Result<End, String> {
        let state = step.file.as_ref().map(|file| self.state(sides.subject.as_ref(), file, limit)).transpose()?;
        Ok(match (step.ok, step.irreversible) {
            (true, _) => End::Done(Box::new(state.unwrap_or_default())),
            (false, true) => {
                End::NoWayBack(if step.error.is_empty() { "it says so itself".to_owned() } else { step.error.clone() })
            }
            (false, false) => End::Broke {
                error: step.error.clone(),
                line: step.place.as_ref().filter(|place| !place.path.is_empty()).map(|place| place.line),
                left: state.map(Box::new),
            },
        })
    }

    fn heads(&self, answer: &Answer, old: bool, changed: &[String]) -> Finding {
        let path = changed.iter().find(|path| self.is_migration(path)).cloned();
        let advice = if self.tool == Tool::Alembic { "alembic merge" } else { "manage.py makemigrations --merge" };
        let message = format!(
            "{} heads: {}; nothing says which one is next ({advice} joins them)",
            answer.heads.len(),
            answer.heads.join(", ")
        );
        Finding { path, rule: Some("heads".to_owned()), message, old, ..Finding::default() }
    }

    /// Models that say something else than the migrations.
    fn drift(&self, answer: &Answer, base: &Answer, changed: &[String]) -> Option<Finding> {
        let drift = answer.drift.as_ref()?;
        let first = |text: &str| {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).take(6).collect::<Vec<_>>().join("; ")
        };
        let old = base.drift.is_some();
        let message = format!("the models and the migrations differ: {}", first(drift));
        let path =
            changed.iter().find(|path| path.ends_with(".py") && !self.is_migration(path)).or(changed.first()).cloned();
        Some(Finding { path, rule: Some("models".to_owned()), message, old, ..Finding::default() })
    }

    /// Migrations that are applied somewhere already and are another text now, or gone.
    fn edited(&self, sides: &Sides, changed: &[String]) -> Vec<Finding> {
        let (before, after) = (WorkspaceFiles(sides.base.as_ref()), WorkspaceFiles(sides.subject.as_ref()));
        let mut findings = Vec::new();
        for path in changed.iter().filter(|path| self.is_migration(path)) {
            let (Some(old), new) = (before.read(path), after.read(path)) else { continue };
            let (severity, text) = match new {
                None => (Severity::Error, "a migration that base has is gone: databases that have it know no way on".to_owned()),
                Some(new) if code(&old) == code(&new) => continue,
                // Repairing the way back is no danger to what went up.
                Some(new) if self.tool == Tool::Alembic && code(up_part(&old)) == code(up_part(&new)) => {
                    (Severity::Warning, "the way back of a migration that base has is changed".to_owned())
                }
                Some(_) => (Severity::Error, "a migration that base has is changed: databases that have it already never see this; write a new one".to_owned()),
            };
            findings.push(Finding {
                severity,
                path: Some(path.clone()),
                line: Some(1),
                rule: Some("edited".to_owned()),
                message: text,
                old: false,
            });
        }
        findings
    }
}

impl Named {
    fn up_title(&self) -> String {
        let file = self.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".py");
        if file.is_empty() || self.title.contains('.') { self.title.clone() } else { file.to_owned() }
    }
}

/// A migration of Alembic up to its way back.
fn up_part(text: &str) -> &str {
    text.split("def downgrade").next().unwrap_or(text)
}

/// Python without comments, docstrings, blank lines and layout.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut docstring: Option<&str> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(mark) = docstring {
            if line.ends_with(mark) {
                docstring = None;
            }
            continue;
        }
        if let Some(mark) = ["\"\"\"", "'''"].into_iter().find(|mark| line.starts_with(mark)) {
            if line.len() < 6 || !line.ends_with(mark) {
                docstring = Some(mark);
            }
            continue;
        }
        if !line.starts_with('#') {
            // A comment behind code, where no text could hold the sign.
            let line = if line.contains(['"', '\'']) { line } else { line.split('#').next().unwrap_or_default() };
            out.extend(line.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '"' { '\'' } else { c }));
        }
    }
    out.replace(",)", ")").replace(",]", "]").replace(",}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_project_are_read_from_its_manage_file() {
        let line = "    os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")\n";
        assert_eq!(settings_of(line).as_deref(), Some("shop.settings"));
        assert_eq!(settings_of("import os"), None);
    }

    #[test]
    fn layout_and_comments_are_no_change_of_a_migration() {
        let one = "\"\"\"x\n\"\"\"\ndef upgrade():\n    op.add_column(\"t\", sa.Column('a'))  # why\n";
        let other =
            "'''another'''\n# note\ndef upgrade():\n    op.add_column(\n        't', sa.Column(\"a\"),\n    )\n";
        assert_eq!(code(&one.replace("  # why", "")), code(other));
        assert_ne!(code(one), code(&one.replace("'a'", "'b'")));
    }
}
