//! Alembic and Django: the project's own tool walks on a scratch file in the workspace, the engine looks at the file
//! after every step.

mod edited;
mod projects;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::sync::mpsc;

use super::rows::{self, Filling};
use super::scratch::{Limit, Scratch, State};
use super::walk::{End, Script, Unit, Walk, judge, told};
use super::{Outcome, Sides};
use crate::domain::{Finding, RepoPath, from_root};
use crate::stack::Files;
use crate::workspace::{Exit, Job, Workspace, WorkspaceFiles};

pub(super) use projects::{Project, Tool, may_matter, projects};

/// Walks migrations: see the file itself.
const DRIVER: &str = include_str!("../../assets/migrate.py");
/// Where the driver, the scratch file and its copies are.
const FOLDER: &str = ".tenon-gate/migration";

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

impl Project {
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
                let path = from_root(&self.folder, &named.path);
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
}

impl Named {
    fn up_title(&self) -> String {
        let file = self.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".py");
        if file.is_empty() || self.title.contains('.') { self.title.clone() } else { file.to_owned() }
    }
}
