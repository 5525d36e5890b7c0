//! `tenon`: the terminal interface.

use std::io::IsTerminal as _;
use std::sync::Arc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, agents, review, sessions, undo};
use crate::engine::Opening;
use crate::git::Repository;
use crate::provider::offers::Scout;
use crate::text;
use crate::tui::{self, Choice, StartInfo, TerminalHints, TuiError, TuiExit};

/// Opens the screen.
pub(crate) async fn open(around: &Surroundings, common: &Common, go_on: bool) -> Done {
    open_with(around, common, go_on, None).await
}

/// Opens the screen with a task already in the composer.
pub(crate) async fn open_with(around: &Surroundings, common: &Common, go_on: bool, task: Option<String>) -> Done {
    insist_on_a_terminal("tenon run \"task\" works without one")?;
    // Said before the screen goes up, where it can be read.
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let mut opening = around.opening(common);
    let mut start = start_info(around, common, &repository);
    start.prefill = task;
    start.ask_model &= !go_on;
    if go_on && opening.session.is_none() {
        opening.session = sessions::last_talk(around);
        if opening.session.is_none() {
            start.notes.push("There is no earlier session of this repository; a new one begins.".to_owned());
        }
    }
    show(opening, start).await
}

/// Opens the screen on a change.
pub(crate) async fn review(around: &Surroundings, common: &Common, repository: &Repository, from: &str) -> Done {
    insist_on_a_terminal("tenon review --list and --accept work without one")?;
    let mut start = start_info(around, common, repository);
    if let Some(session) = review::session_named(around, from) {
        let mut opening = around.opening(common);
        opening.session = Some(session);
        return show(opening, start).await;
    }
    let found = review::source::find(repository, &around.folder, from)?;
    if found.changes.is_empty() {
        return super::print::text("nothing is different");
    }
    start.review_only = true;
    start.ask_model = false;
    let (handle, updates) = review::desk::open(around, repository.clone(), from, found)?;
    ended(tui::run_opened(handle, updates, start).await)
}

async fn show(opening: Opening, start: StartInfo) -> Done {
    ended(tui::run(opening, start).await)
}

fn ended(exit: Result<TuiExit, TuiError>) -> Done {
    match exit {
        Ok(exit) => {
            for line in &exit.farewell {
                eprintln!("{line}");
            }
            Ok(if exit.hung_up { Outcome::Interrupted } else { Outcome::Done })
        }
        Err(TuiError::Engine(error)) => Err(super::run::engine_failure(error)),
        Err(error) => Err(Failure::failed(error.to_string())),
    }
}

fn insist_on_a_terminal(hint: &str) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("standard input and output are not a terminal").hint(hint))
}

fn start_info(around: &Surroundings, common: &Common, repository: &Repository) -> StartInfo {
    let variable = |name: &str| around.environment.get(name).cloned();
    let catalogue = agents::load(around);
    let scout = Scout::new(&around.settings, &around.environment, &around.directories.cache);
    let agent = common.agent.clone().or_else(|| around.settings.agent.clone());
    StartInfo {
        folder: repository.root().to_owned(),
        repository: repository.root().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        branch: repository.branch(),
        agent: agent.unwrap_or_else(|| crate::agent::DEFAULT.to_owned()),
        model: common.model.clone().or_else(|| around.settings.model.clone()).unwrap_or_default(),
        agents: catalogue
            .agents
            .iter()
            .map(|agent| Choice { name: agent.name.clone(), description: agents::first_line(&agent.description) })
            .collect(),
        models: scout.offers(),
        scout: Some(Arc::new(scout)),
        ask_model: common.model.is_none() && around.settings.model.is_none() && common.session.is_none(),
        state: Some(around.directories.state.clone()),
        theme: around.settings.theme.clone(),
        hints: TerminalHints {
            no_color: variable("NO_COLOR").is_some_and(|value| !value.is_empty()),
            colorfgbg: variable("COLORFGBG"),
            colorterm: variable("COLORTERM"),
            term: variable("TERM"),
        },
        keys: around.settings.keys.clone().into_iter().collect(),
        editor: variable("VISUAL").or_else(|| variable("EDITOR")).map(|line| text::sanitize_line(&line).into_owned()),
        history: Some(around.directories.state.join("history")),
        ..StartInfo::default()
    }
}
