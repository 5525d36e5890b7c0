//! How the service of a project is started, from what its files say.

mod node;

use super::ApiError;
use super::serve::Start;
use super::spec::extract::{flask_module, python, python_app};
use crate::config::ApiSettings;
use crate::domain::{RepoPath, from_root};
use crate::stack::{self, Role, Service, StackReport};
use crate::workspace::{Query, Workspace, WorkspaceFiles};

/// What the workspace holds. Blocking.
pub fn stack_of(workspace: &dyn Workspace) -> StackReport {
    stack::detect(&WorkspaceFiles(workspace))
}

/// How the service is started: as told, as configured, or as the project's files say.
///
/// # Errors
/// Nothing says how: what was looked for.
pub fn start(
    workspace: &dyn Workspace,
    settings: &ApiSettings,
    command: Option<String>,
    port: Option<u16>,
) -> Result<Start, ApiError> {
    let folder = settings.folder.clone().unwrap_or_default();
    if let Some(command) = command.or_else(|| settings.command.clone()) {
        return Ok(Start {
            command,
            folder,
            prepare: settings.prepare.clone(),
            port: port.or(settings.port),
            health: settings.health.clone(),
            ..Start::default()
        });
    }
    let report = stack_of(workspace);
    // What listens comes before what may; what runs in a browser has no requests to answer.
    let candidates = report.running().into_iter().chain(report.others());
    let found = candidates.filter(|one| one.role != Role::Frontend).find_map(|service| of_service(workspace, service));
    let mut start = found.ok_or_else(|| {
        let known: Vec<&str> = report.services.iter().map(|service| service.language).collect();
        let known = if known.is_empty() { "no project".to_owned() } else { format!("a {} project", known.join(" and ")) };
        ApiError::Input(format!(
            "nothing says how a service is started ({known}, no web framework with an entry point); give `command`, or set api.command in config.toml"
        ))
    })?;
    start.port = port.or(settings.port).or(start.port);
    start.health.clone_from(&settings.health);
    start.prepare.clone_from(&settings.prepare);
    Ok(start)
}

/// How a service without a framework is started, by where its sources listen. Good enough for somebody who sees the
/// command; a gate takes no guess. Blocking.
pub fn guess(workspace: &dyn Workspace) -> Option<Start> {
    let pattern = r"\bserve_forever\(|\bcreateServer\(|\bhttp\.ListenAndServe\(".to_owned();
    let (hits, _) = workspace.search(&Query { pattern, path: None, glob: None, limit: 200 }).ok()?;
    let own = |path: &&str| !path.to_ascii_lowercase().contains("test") && !path.contains("example");
    let mut paths: Vec<&str> = hits.iter().map(|hit| hit.path.as_str()).filter(own).collect();
    // A package that can be run says so itself.
    paths.sort_by_key(|path| (!path.ends_with("__main__.py"), path.len()));
    paths.into_iter().find_map(|path| listening(workspace, path))
}

fn listening(workspace: &dyn Workspace, path: &str) -> Option<Start> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let python = python(workspace, "");
    let plain = |command| Some(Start { command, ..Start::default() });
    let command = match name.rsplit_once('.')?.1 {
        "py" if name == "__main__.py" => Some(format!("{python} -m {}", folder.replace('/', "."))),
        "py" => Some(format!("{python} {path}")),
        "js" | "mjs" | "cjs" => return node::start(workspace, "").or_else(|| plain(format!("node {path}"))),
        "go" => Some(format!("go run ./{folder}")),
        _ => None,
    };
    command.and_then(plain)
}

/// The way that lets the port be chosen, where the framework is known to have one; else what the files say.
fn of_service(workspace: &dyn Workspace, service: &Service) -> Option<Start> {
    let folder = service.folder.as_str();
    let uses = |name: &str| service.framework.iter().chain(&service.also).any(|framework| framework.name == name);
    let python = python(workspace, folder);
    let command = if uses("fastapi")
        && let Some((module, app)) = python_app(workspace, folder, "FastAPI(")
    {
        format!("{python} -m uvicorn {module}:{app} --host 127.0.0.1 --port $PORT")
    } else if uses("django")
        && let Some(manage) = managed(service)
    {
        format!("{python} {manage} runserver --noreload 127.0.0.1:$PORT")
    } else if uses("flask")
        && let Some(module) = flask_module(workspace, folder)
    {
        format!("{python} -m flask --app {module} run --host 127.0.0.1 --port $PORT")
    } else if ["express", "fastify", "nestjs"].iter().any(|name| uses(name)) {
        return node::start(workspace, folder).map(|start| Start { folder: folder.to_owned(), ..start });
    } else {
        service.framework.as_ref()?;
        service.run.as_ref()?.command.clone()?
    };
    // A part of a build is started where the build is.
    let folder = service.run.as_ref().map_or(folder, |run| run.folder.as_str());
    Some(Start { build: compiled(&command), command, folder: folder.to_owned(), ..Start::default() })
}

/// The program that drives a project of Django, from its folder.
fn managed(service: &Service) -> Option<&str> {
    service.run.as_ref()?.command.as_deref()?.split(' ').find(|word| word.ends_with("manage.py"))
}

/// What compiles a service that its command would compile as well: it may take longer than a service may to answer, and
/// fails for reasons of its own.
fn compiled(command: &str) -> Option<String> {
    let (program, rest) = command.split_once(" run")?;
    let rest = rest.split(" -- ").next().unwrap_or(rest);
    let package = rest.split_whitespace().next().filter(|word| !word.starts_with('-'));
    match program {
        "cargo" => Some(format!("cargo build{rest}")),
        "go" => Some(format!("go build -o /dev/null {}", package.unwrap_or("."))),
        _ => None,
    }
}

fn exists(workspace: &dyn Workspace, folder: &str, path: &str) -> bool {
    let path = from_root(folder, path);
    RepoPath::parse(&path).is_ok_and(|path| workspace.read(&path).is_ok())
}
