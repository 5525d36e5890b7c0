//! How a service is started, from its scripts and sources.

use super::rules::Place;
use super::{Evidence, RunCommand, Service, port, python};

/// How a service is started; `None` when nothing says so.
pub(super) fn command(place: &Place<'_>, service: &Service, port: Option<u16>) -> Option<RunCommand> {
    let found = by_framework(place, service).or_else(|| script(place, service)).or_else(|| procfile(place));
    started(place, service, port, found)
}

/// The same with a command that is known already.
pub(super) fn started(
    place: &Place<'_>,
    service: &Service,
    port: Option<u16>,
    found: Option<(String, Evidence)>,
) -> Option<RunCommand> {
    let said = port::said(place, service, found.as_ref().map(|(command, _)| command.as_str()));
    let (command, evidence) = match found {
        Some((command, evidence)) => (Some(command), evidence),
        // What is built with a framework and starts nothing is a library.
        None => (None, said.as_ref()?.1.clone()),
    };
    let (port, port_evidence) = match said {
        Some((port, evidence)) => (Some(port), Some(evidence)),
        None => (port, None),
    };
    Some(RunCommand { command, folder: place.folder.to_owned(), evidence, port, port_evidence })
}

fn by_framework(place: &Place<'_>, service: &Service) -> Option<(String, Evidence)> {
    let framework = service.framework.as_ref()?;
    match framework.name.as_str() {
        "fastapi" | "starlette" | "litestar" => {
            const CLASSES: &[&str] = &["FastAPI", "Starlette", "Litestar"];
            if let Some((module, object, evidence)) = python_application(place, CLASSES).or_else(|| returned(place)) {
                return Some((format!("uvicorn {module}:{object}"), evidence));
            }
            let (module, function, evidence) = python_factory(place, CLASSES)?;
            Some((format!("uvicorn --factory {module}:{function}"), evidence))
        }
        "flask" => {
            if let Some((module, object, evidence)) = python_application(place, &["Flask", "Quart"]) {
                return Some((format!("flask --app {module}:{object} run"), evidence));
            }
            // What servers are told; without it Flask calls the factory itself.
            if let Some((module, object, evidence)) = returned(place) {
                return Some((format!("flask --app {module}:{object} run"), evidence));
            }
            let (path, evidence) = python_line(place, |line| line.starts_with("def create_app("))?;
            Some((format!("flask --app {} run", module(path)), evidence))
        }
        "django" => {
            let (manage, evidence) = python::manage(place)?;
            Some((format!("python {manage} runserver --noreload"), evidence))
        }
        "spring-boot" => Some((by_build(place, "spring-boot:run", "bootRun"), framework.evidence.clone())),
        "quarkus" => Some((by_build(place, "quarkus:dev", "quarkusDev"), framework.evidence.clone())),
        "micronaut" => Some((by_build(place, "mn:run", "run"), framework.evidence.clone())),
        "ktor" => Some((by_build(place, "exec:java", "run"), framework.evidence.clone())),
        "rails" => Some(("bin/rails server".to_owned(), framework.evidence.clone())),
        "symfony" if place.has("bin/console") => {
            Some(("symfony server:start".to_owned(), place.presence("bin/console", "its console")))
        }
        "laravel" => Some(("php artisan serve".to_owned(), framework.evidence.clone())),
        "aspnet" => Some(("dotnet run".to_owned(), framework.evidence.clone())),
        _ => None,
    }
}

/// By the wrapper where there is one.
fn by_build(place: &Place<'_>, maven: &str, gradle: &str) -> String {
    let (wrapper, tool, task) =
        if place.has("pom.xml") { ("mvnw", "mvn", maven) } else { ("gradlew", "gradle", gradle) };
    let program = if place.exists(wrapper) { format!("./{wrapper}") } else { tool.to_owned() };
    format!("{program} {task}")
}

/// `app = FastAPI(`: the module and the name of the object.
fn python_application(place: &Place<'_>, classes: &[&str]) -> Option<(String, String, Evidence)> {
    let made = |line: &str| {
        let (name, rest) = line.split_once('=')?;
        // `app: FastAPI = FastAPI(`
        let name = name.split(':').next()?.trim();
        let call = classes.iter().any(|class| rest.trim_start().starts_with(&format!("{class}(")));
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (call && plain && !line.starts_with(' ')).then(|| name.to_owned())
    };
    let (path, evidence) = python_line(place, |line| made(line).is_some())?;
    let name = made(&evidence.text)?;
    Some((module(path), name, evidence))
}

/// `app = create_app()`: what a function returns, at the outermost level.
fn returned(place: &Place<'_>) -> Option<(String, String, Evidence)> {
    let made = |line: &str| {
        let (name, rest) = line.split_once('=').unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default().trim();
        let call = rest.trim_start().split('(').next().unwrap_or_default();
        let makes = ["create", "make", "build", "get", "init", "setup"].iter().any(|word| call.contains(word))
            && call.contains("app");
        ["app", "application", "api", "server"].contains(&name) && rest.contains('(') && makes
    };
    let (path, evidence) = python_line(place, made)?;
    let name = evidence.text.split(['=', ':']).next().unwrap_or("app").trim().to_owned();
    Some((module(path), name, evidence))
}

/// `def create_app():` around `FastAPI(`.
fn python_factory(place: &Place<'_>, classes: &[&str]) -> Option<(String, String, Evidence)> {
    let builds = |line: &str| line.starts_with(' ') && classes.iter().any(|class| line.contains(&format!("{class}(")));
    let (path, _) = python_line(place, builds)?;
    let text = place.read(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let inside = lines.iter().position(|line| builds(line))?;
    let index = (0..inside)
        .rev()
        .find(|index| !lines[*index].starts_with([' ', '\t', ')', '#', '@']) && !lines[*index].is_empty())?;
    let name = lines[index].strip_prefix("def ")?.split('(').next()?.to_owned();
    Some((module(path), name, place.line(path, index, lines[index])))
}

/// The first line that fits; of files equally near, those that programs begin in come first.
fn python_line<'a>(place: &Place<'a>, fits: impl Fn(&str) -> bool) -> Option<(&'a str, Evidence)> {
    const MAIN: &[&str] = &["main.py", "app.py", "asgi.py", "wsgi.py", "server.py", "application.py", "__init__.py"];
    let mut sources = place.sources(&[".py"]);
    let rank = |path: &str| MAIN.iter().position(|name| path.rsplit('/').next() == Some(*name)).unwrap_or(MAIN.len());
    sources.sort_by_key(|path| (path.matches('/').count(), rank(path)));
    sources.into_iter().find_map(|path| Some((path, place.find(path, &fits)?)))
}

/// `src/app/main.py` is imported as `app.main`.
fn module(path: &str) -> String {
    let path = path.trim_end_matches(".py").trim_end_matches("/__init__");
    path.strip_prefix("src/").unwrap_or(path).replace('/', ".")
}

fn script(place: &Place<'_>, service: &Service) -> Option<(String, Evidence)> {
    if !matches!(service.language, "javascript" | "typescript") {
        return None;
    }
    let manager = service.package_manager.as_ref().map_or("npm", |fact| fact.name.as_str());
    let run = |name: &str| match (manager, name) {
        ("npm" | "yarn" | "pnpm", "start") => format!("{manager} start"),
        _ => format!("{manager} run {name}"),
    };
    let text = place.read("package.json")?;
    let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
    let scripts = manifest.get("scripts")?;
    let wanted = if service.framework.as_ref().is_some_and(|fact| fact.name == "nestjs") {
        ["start:prod", "start", "dev"]
    } else {
        ["start", "serve", "dev"]
    };
    let name = wanted.into_iter().find(|name| scripts.get(name).is_some())?;
    let evidence = place.find("package.json", |line| line.contains(&format!("\"{name}\"")) && line.contains(':'))?;
    Some((run(name), evidence))
}

fn procfile(place: &Place<'_>) -> Option<(String, Evidence)> {
    let evidence = place.find("Procfile", |line| line.starts_with("web:"))?;
    Some((evidence.text.trim_start_matches("web:").trim().to_owned(), evidence))
}
