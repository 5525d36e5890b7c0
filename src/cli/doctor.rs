//! `tenon doctor`: what holds here, what does not, and what to do about it.

mod embedded;
mod left_behind;

use serde::Serialize;

use super::surroundings::Surroundings;
use super::{Common, Done, Outcome, agents, models, print};
use crate::domain::Isolation;
use crate::git::Repository;
use crate::workspace;

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    hint: Option<String>,
}

pub(crate) async fn doctor(around: &Surroundings, common: &Common, fix: bool) -> Done {
    let checks = vec![
        repository(around),
        isolation(around),
        folders(around),
        left_behind::check(around, fix),
        agent_files(around),
        model(around),
        embedded::check(around),
    ];
    let outcome = if checks.iter().all(|check| check.ok) { Outcome::Done } else { Outcome::Failed };
    if common.json {
        print::json(&checks)?;
        return Ok(outcome);
    }
    for check in &checks {
        let mark = if check.ok { "✓" } else { "✗" };
        print::text(&format!("{mark} {:11} {}", check.name, check.detail))?;
        if let Some(hint) = &check.hint {
            print::text(&format!("              → {hint}"))?;
        }
    }
    Ok(outcome)
}

fn repository(around: &Surroundings) -> Check {
    match Repository::open(&around.folder) {
        Ok(repository) => {
            let branch = repository.tree_state().ok().and_then(|state| state.branch);
            let detail =
                format!("{} on {}", repository.root().display(), branch.as_deref().unwrap_or("a detached HEAD"));
            Check { name: "repository", ok: true, detail, hint: None }
        }
        Err(error) => Check { name: "repository", ok: false, detail: error.to_string(), hint: None },
    }
}

fn isolation(around: &Surroundings) -> Check {
    let settings = &around.settings.workspace;
    let limits = workspace::Limits::of(settings);
    let limits = format!(
        "each command may have {} processes, {} MiB of memory and {} MiB on the disk; {}",
        limits.processes,
        limits.memory >> 20,
        limits.disk >> 20,
        workspace::limits_held_by()
    );
    let (detail, hint) = match workspace::best_isolation() {
        (Isolation::Overlay, _) => {
            (format!("overlay: files, processes and network of commands are contained; {limits}"), None)
        }
        (Isolation::Copy, why) if workspace::namespaces_possible() => (
            format!(
                "copy: your repository is safe from commands, their processes and network are contained and the usual \
                 places of credentials are hidden, but they can read and write the rest of the machine with your \
                 rights; {limits}"
            ),
            why,
        ),
        (Isolation::Copy, why) => (
            format!(
                "copy: your files are safe from edits, but commands run with your rights: they can read keys and \
                 passwords in your home directory, write everywhere, and reach the network; {limits}"
            ),
            why,
        ),
    };
    Check { name: "isolation", ok: true, detail, hint }
}

fn folders(around: &Surroundings) -> Check {
    let mut trouble = Vec::new();
    for folder in [&around.directories.state, &around.directories.cache] {
        let done = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(|_| ()));
        if let Err(error) = done {
            trouble.push(format!("{}: {error}", folder.display()));
        }
    }
    if trouble.is_empty() {
        let detail =
            format!("state in {}, cache in {}", around.directories.state.display(), around.directories.cache.display());
        return Check { name: "folders", ok: true, detail, hint: None };
    }
    Check {
        name: "folders",
        ok: false,
        detail: trouble.join("; "),
        hint: Some("set XDG_STATE_HOME and XDG_CACHE_HOME to folders that can be written".to_owned()),
    }
}

fn agent_files(around: &Surroundings) -> Check {
    let catalogue = agents::load(around);
    let noted = catalogue.agents.iter().filter(|agent| !agent.notes.is_empty()).count();
    Check {
        name: "agents",
        ok: true,
        detail: format!("{} agents, {noted} with notes", catalogue.agents.len()),
        hint: (noted > 0).then(|| "tenon agents doctor".to_owned()),
    }
}

fn model(around: &Surroundings) -> Check {
    let registry = models::registry(around);
    match around.settings.model.clone().or_else(|| registry.default_model()) {
        Some(name) => match registry.resolve(&name) {
            Ok(_) => Check { name: "model", ok: true, detail: name, hint: Some("tenon models test asks it".to_owned()) },
            Err(error) => Check { name: "model", ok: false, detail: error.to_string(), hint: error.hints.into_iter().next() },
        },
        None => Check {
            name: "model",
            ok: false,
            detail: "no model is configured and no key was found in the environment".to_owned(),
            hint: Some("set ANTHROPIC_API_KEY or OPENAI_API_KEY, or `model = \"provider/model\"` in the file that `tenon config path` names".to_owned()),
        },
    }
}
