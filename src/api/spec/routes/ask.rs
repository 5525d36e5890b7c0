//! Frameworks that are asked for their routes.

use std::sync::LazyLock;

use regex::Regex;
use tokio_util::sync::CancellationToken;

use super::{Route, Table};
use crate::api::serve::Start;
use crate::api::spec::extract::{flask_module, frameworks, python, python_app, run};
use crate::stack::StackReport;
use crate::workspace::Workspace;

/// Walks Django's table of addresses. Views that are functions do not say their methods.
const DJANGO: &str = include_str!("../../../../assets/routes/django.py");
/// Walks the routers of a FastAPI application, which newer versions keep apart.
const FASTAPI: &str = include_str!("../../../../assets/routes/fastapi.py");
/// Is loaded before an Express application.
const EXPRESS: &str = include_str!("../../../../assets/routes/express.cjs");

/// The routes as the framework itself tells them; else why it could not be asked, empty when there is none that can.
pub(super) async fn asked(
    workspace: &dyn Workspace,
    report: &StackReport,
    start: Option<&Start>,
    cancel: CancellationToken,
) -> Result<Table, String> {
    let mut failed = String::new();
    for (folder, name) in frameworks(report) {
        let Some(command) = command(workspace, &folder, &name, start) else { continue };
        match run(workspace, &folder, &command, cancel.clone()).await {
            Ok(text) => {
                let routes: Vec<Route> = text.lines().flat_map(|line| printed(line, &name)).collect();
                if !routes.is_empty() {
                    return Ok(Table { routes, source: format!("asked {name} itself"), certain: true });
                }
            }
            Err(why) => failed = format!(" ({name} could not be asked: {why})"),
        }
    }
    Err(failed)
}

/// `ROUTE GET /items`, or a line of the table that Flask prints: `list_items  GET, POST  /items`.
fn printed(line: &str, name: &str) -> Vec<Route> {
    if let Some((method, path)) = line.strip_prefix("ROUTE ").and_then(|rest| rest.split_once(' ')) {
        return vec![Route::new(method, path, name)];
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [_, methods @ .., path] if name == "flask" && path.starts_with('/') => {
            methods.iter().map(|method| Route::new(method.trim_end_matches(','), path, name)).collect()
        }
        _ => Vec::new(),
    }
}

fn command(workspace: &dyn Workspace, folder: &str, framework: &str, start: Option<&Start>) -> Option<String> {
    let python = python(workspace, folder);
    match framework {
        "fastapi" => {
            let (module, app) = python_app(workspace, folder, "FastAPI(")?;
            Some(format!("{python} -c '{FASTAPI}' {module} {app}"))
        }
        "django" => Some(format!("{python} manage.py shell -v 0 -c '{DJANGO}'")),
        "flask" => Some(format!("{python} -m flask --app {} routes", flask_module(workspace, folder)?)),
        "express" | "nestjs" => {
            let start = start.filter(|start| start.folder == folder)?;
            let build = start.build.as_ref().map(|build| format!("{build} >&2 && ")).unwrap_or_default();
            Some(format!(
                "{build}probe=$(mktemp -d)/routes.cjs && cat > \"$probe\" <<'END_OF_PROBE'\n{EXPRESS}END_OF_PROBE\n\
                 export PORT=${{PORT:-8000}} NODE_OPTIONS=\"--require $probe\"; {}",
                start.command
            ))
        }
        _ => None,
    }
}

static GIN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[GIN-debug\] ([A-Z]+)\s+(/\S*)\s+-->").ok());
static NEST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Mapped \{(/[^,]*), ([A-Z]+)\} route").ok());

/// Whether a framework of the project writes its routes when it starts.
pub fn in_log(report: &StackReport) -> bool {
    frameworks(report).iter().any(|(_, name)| matches!(name.as_str(), "gin" | "nestjs"))
}

/// Routes that frameworks write to their log at the start.
pub fn from_log(lines: &[String]) -> Option<Table> {
    let find = |pattern: &LazyLock<Option<Regex>>, method: usize, path: usize, name: &str| {
        let pattern = pattern.as_ref()?;
        let routes: Vec<Route> = lines
            .iter()
            .filter_map(|line| pattern.captures(line))
            .map(|found| Route::new(&found[method], &found[path], &format!("log of {name}")))
            .collect();
        let source = format!("what {name} writes at its start");
        (!routes.is_empty()).then_some(Table { routes, source, certain: true })
    };
    find(&GIN, 1, 2, "Gin").or_else(|| find(&NEST, 2, 1, "Nest"))
}
