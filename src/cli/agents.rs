//! `tenon agents`: list, show, doctor.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, print};
use crate::agent::{self, AgentDef, Catalogue, Folders, Note, Source};
use crate::git::Repository;
use crate::text;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Read this folder instead of the catalogue
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List the agents
    List,
    /// Show one agent with its prompt
    Show {
        /// Its name
        name: String,
    },
    /// Check the agent files and say what is odd about each
    Doctor,
}

pub(crate) fn agents(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    let catalogue = match &arguments.dir {
        Some(dir) => of_folder(&around.folder.join(dir))?,
        None => load(around),
    };
    match arguments.what.unwrap_or(What::List) {
        What::List => list(&catalogue, common),
        What::Show { name } => show(&catalogue, common, &name),
        What::Doctor => doctor(&catalogue, common),
    }
}

/// Every file of one folder, also those that are odd and those of the same name.
fn of_folder(dir: &Path) -> Result<Catalogue, Failure> {
    if !dir.is_dir() {
        return Err(Failure::usage(format!("--dir {}: no such folder", dir.display())));
    }
    let mut catalogue = Catalogue::default();
    catalogue.agents = agent::load_folder(dir, Source::Project, &mut catalogue.skipped);
    Ok(catalogue)
}

/// The catalogue of this place.
pub(crate) fn load(around: &Surroundings) -> Catalogue {
    let project = match Repository::open(&around.folder) {
        Ok(repository) => agent::project_folders(&around.folder.canonicalize().unwrap_or_default(), repository.root()),
        Err(_) => Vec::new(),
    };
    Catalogue::load(&Folders { user: around.agent_folders(), project })
}

fn list(catalogue: &Catalogue, common: &Common) -> Done {
    if common.json {
        let report: Vec<_> = catalogue.agents.iter().map(AgentDef::listing).collect();
        return print::json(&report);
    }
    let mut lines = String::new();
    for agent in &catalogue.agents {
        let notes = match agent.notes.len() {
            0 => String::new(),
            count => format!("  ({count} notes: tenon agents doctor)"),
        };
        let name = text::sanitize_line(&agent.name);
        let about = first_line(&agent.description);
        lines.push_str(&format!("{name:28} {:8} {}{notes}\n", word(agent.source), text::truncate(&about, 80)));
    }
    print::text(&lines)
}

fn word(source: Source) -> &'static str {
    match source {
        Source::Builtin => "builtin",
        Source::User => "user",
        Source::Project => "project",
    }
}

fn show(catalogue: &Catalogue, common: &Common, name: &str) -> Done {
    let Some(agent) = catalogue.find(name) else {
        let near = catalogue.nearest(name).map(|near| format!("did you mean `{near}`?"));
        let names: Vec<&str> = catalogue.agents.iter().map(|agent| agent.name.as_str()).collect();
        let hint = near.unwrap_or_else(|| format!("the agents are: {}", names.join(", ")));
        return Err(Failure::usage(format!("there is no agent `{name}`")).hint(hint));
    };
    if common.json {
        let mut report = serde_json::to_value(agent.listing()).unwrap_or_default();
        if let Some(fields) = report.as_object_mut() {
            fields.insert("prompt".to_owned(), json!(agent.prompt));
        }
        return print::json(&report);
    }
    let tools = agent.tools.as_ref().map_or("all".to_owned(), |tools| tools.join(", "));
    let place = agent.path.as_ref().map_or("built in".to_owned(), |path| path.display().to_string());
    let model = agent.model.as_deref().unwrap_or("inherit");
    let about = first_line(&agent.description);
    let mut lines = format!("{}\n{about}\n\nmodel   {model}\ntools   {tools}\nsource  {place}\n", agent.name);
    for note in &agent.notes {
        lines.push_str(&format!("note    {note}\n"));
    }
    lines.push_str(&format!("\n{}", agent.prompt));
    print::text(&lines)
}

#[derive(Serialize)]
struct DoctorReport<'a> {
    path: Option<String>,
    name: Option<&'a str>,
    notes: Vec<&'a Note>,
}

fn doctor(catalogue: &Catalogue, common: &Common) -> Done {
    let odd = catalogue.agents.iter().filter(|agent| !agent.notes.is_empty()).map(|agent| DoctorReport {
        path: agent.path.as_ref().map(|path| path.display().to_string()),
        name: Some(&agent.name),
        notes: agent.notes.iter().collect(),
    });
    let skipped = catalogue.skipped.iter().map(|file| DoctorReport {
        path: Some(file.path.display().to_string()),
        name: None,
        notes: vec![&file.note],
    });
    let reports: Vec<DoctorReport<'_>> = odd.chain(skipped).collect();
    if common.json {
        return print::json(&reports);
    }
    let mut lines = String::new();
    for report in &reports {
        let place = report.path.as_deref().or(report.name).unwrap_or_default();
        for note in &report.notes {
            lines.push_str(&format!("{place}: {note}\n"));
        }
    }
    for agent in &catalogue.shadowed {
        let place = agent.path.as_ref().map_or("built in".to_owned(), |path| path.display().to_string());
        lines.push_str(&format!("{place}: a nearer agent is called `{}` too and wins\n", agent.name));
    }
    if lines.is_empty() {
        lines = format!("{} agents, nothing to report", catalogue.agents.len());
    }
    print::text(&lines)
}

/// The first line of a description, safe for a terminal.
pub(crate) fn first_line(description: &str) -> String {
    let plain = description.replace("\\n", "\n");
    text::sanitize_line(plain.lines().next().unwrap_or_default()).into_owned()
}
