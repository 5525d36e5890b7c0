//! Alembic and Django: the project's own tool walks on a scratch database in the workspace, the engine looks at it
//! after every step.

mod edited;
mod ground;
mod projects;

use std::path::Path;

use serde::Deserialize;
use tokio::sync::mpsc;

use super::dialect::Dialect;
use super::rows::Filling;
use super::scratch::Limit;
use super::sql::Statement;
use super::walk::{End, Script, Unit, Walk, judge, told};
use super::{NO_MYSQL, Outcome, Sides, postgres};
use crate::domain::{Finding, RepoPath, from_root};
use crate::stack::Files;
use crate::workspace::{Exit, Job, WorkspaceFiles};

use ground::Ground;
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
    /// The statements that change tables, as the server saw them.
    #[serde(default)]
    statements: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct PlaceOf {
    path: String,
    line: usize,
}

impl Project {
    /// Lets the driver work on base, or on the subject and show what it says.
    async fn call(&self, ground: &Ground, mode: &str, sides: &Sides) -> Result<Answer, String> {
        let shown = mode != "base";
        let workspace = if shown { sides.subject.as_ref() } else { sides.base.as_ref() };
        let path = |name: &str| RepoPath::parse(&format!("{FOLDER}/{name}")).map_err(|error| error.to_string());
        workspace.write(&path("migrate.py")?, DRIVER.as_bytes(), None).map_err(|error| error.to_string())?;
        let place = path("x")?.under(workspace.root());
        let place = place.parent().unwrap_or(Path::new(".")).to_string_lossy().into_owned();
        let quote = |text: &String| format!("'{}'", text.replace('\'', "'\\''"));
        let driver = format!("{place}/migrate.py");
        let mut words: Vec<String> =
            [&self.python, &driver, self.tool.name(), mode, &place, &self.name].map(str::to_owned).to_vec();
        words.extend(ground.words(mode));
        let words: Vec<String> = words.iter().map(quote).collect();
        let mut environment = vec![("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONWARNINGS", "ignore"), ("NO_COLOR", "1")];
        environment.extend(self.application.as_deref().map(|application| ("FLASK_APP", application)));
        let job = Job {
            command: format!("{}{}", postgres::NEUTRAL, words.join(" ")),
            folder: RepoPath::parse(&self.folder).ok(),
            environment: environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
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

    /// Proves what a change does to this project's migrations, on its own kind of database where that can be had.
    pub(super) async fn prove(&self, sides: &Sides, changed: &[String], dialect: Option<Dialect>) -> Outcome {
        let Some(other) = dialect.filter(|dialect| *dialect != Dialect::Sqlite) else {
            return self.prove_on(&Ground::File, sides, changed).await;
        };
        let servers = match other {
            Dialect::Postgres => Ground::servers(sides).await,
            _ => Err(NO_MYSQL.to_owned()),
        };
        let why = match servers {
            Ok(servers) => {
                let outcome = self.prove_on(&servers, sides, changed).await;
                servers.leave().await;
                match outcome.unproven {
                    Some(why) if !sides.cancel.is_cancelled() => why,
                    _ => return outcome,
                }
            }
            Err(why) => why,
        };
        let mut outcome = self.prove_on(&Ground::File, sides, changed).await;
        super::stand_in(&mut outcome, other, &why);
        outcome
    }

    async fn prove_on(&self, ground: &Ground, sides: &Sides, changed: &[String]) -> Outcome {
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
        outcome.database = ground.title();
        let refused = |error: &str| format!("base cannot be migrated on {}: {error}", ground.title());
        if let Err(why) = ground.prepare().await {
            return outcome.unproven(why);
        }
        let base = match self.call(ground, "base", sides).await {
            Ok(Answer { error: Some(said), .. }) => return outcome.unproven(refused(&said.error)),
            Ok(answer) => answer,
            Err(why) => return outcome.unproven(why),
        };
        if let Some(step) = base.steps.iter().find(|step| !step.ok) {
            return outcome.unproven(refused(&step.error));
        }
        let mut findings = std::mem::take(&mut outcome.findings);
        let mut filling = Filling::WithNulls;
        let mut walked = match self.walk(ground, sides, filling).await {
            Ok(walked) => walked,
            Err(why) => return Outcome { findings, ..outcome }.unproven(why),
        };
        if let Some((index, error, line)) = walked.1.broke() {
            for fewer in Filling::FEWER {
                let Ok(other) = self.walk(ground, sides, fewer).await else { continue };
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

    async fn walk(
        &self,
        ground: &Ground,
        sides: &Sides,
        filling: Filling,
    ) -> Result<(Answer, Walk, Vec<Unit>), String> {
        let limit = sides.scratch_limit();
        let (start, empty) = ground.hand_over(self.tool, sides, filling).await?;
        for line in empty {
            let _ = sides.output.send(format!("not filled: {line}\n").into_bytes()).await;
        }
        let answer = self.call(ground, "walk", sides).await?;
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
                let ran = answer.steps.iter().find(|step| step.way == "up" && step.unit == named.id);
                let statement = |text: &String| Statement { line: 0, text: text.clone() };
                let statements = ran.map(|step| step.statements.iter().map(statement).collect()).unwrap_or_default();
                Unit { id: named.id.clone(), title: named.up_title(), down: Some(up.clone()), up, statements }
            })
            .collect();
        let mut ends: [Vec<End>; 3] = Default::default();
        for (way, ends) in ["up", "down", "again"].into_iter().zip(&mut ends) {
            for unit in &units {
                let step = answer.steps.iter().find(|step| step.way == way && step.unit == unit.id);
                ends.push(match step {
                    Some(step) => self.end(ground, sides, step, &limit).await?,
                    None => End::NotReached,
                });
            }
        }
        let [up, down, again] = ends;
        let walk = Walk { start, up, down, again };
        Ok((answer, walk, units))
    }

    async fn end(&self, ground: &Ground, sides: &Sides, step: &Step, limit: &Limit) -> Result<End, String> {
        let state = match &step.file {
            Some(file) => Some(ground.state(self.tool, sides, file, limit).await?),
            None => None,
        };
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
