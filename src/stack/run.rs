//! How a service is started and which port it listens on, from its scripts and sources.

use std::sync::LazyLock;

use regex::Regex;

use super::rules::Place;
use super::{Evidence, RunCommand, Service};

/// How a service is started; `None` when nothing says so.
pub(super) fn command(place: &Place<'_>, service: &Service, port: Option<u16>) -> Option<RunCommand> {
    let found = by_framework(place, service).or_else(|| script(place, service)).or_else(|| procfile(place));
    let said = said_port(place, service);
    let (command, evidence) = match found {
        Some((command, evidence)) => (Some(command), evidence),
        // What is built with a framework and starts nothing is a library.
        None => (None, said.as_ref()?.1.clone()),
    };
    let (port, port_evidence) = match said {
        Some((port, evidence)) => (Some(port), Some(evidence)),
        None => (port, None),
    };
    Some(RunCommand { command, evidence, port, port_evidence })
}

fn by_framework(place: &Place<'_>, service: &Service) -> Option<(String, Evidence)> {
    let framework = service.framework.as_ref()?;
    match framework.name.as_str() {
        "fastapi" | "starlette" | "litestar" => {
            let (module, object, evidence) = python_application(place, &["FastAPI", "Starlette", "Litestar"])?;
            Some((format!("uvicorn {module}:{object}"), evidence))
        }
        "flask" => {
            if let Some((module, object, evidence)) = python_application(place, &["Flask", "Quart"]) {
                return Some((format!("flask --app {module}:{object} run"), evidence));
            }
            let (path, evidence) = python_line(place, |line| line.starts_with("def create_app("))?;
            Some((format!("flask --app {} run", module(path)), evidence))
        }
        "django" => {
            let evidence = place.find("manage.py", |line| line.contains("DJANGO_SETTINGS_MODULE"))?;
            Some(("python manage.py runserver --noreload".to_owned(), evidence))
        }
        "spring-boot" => Some((spring_boot(place, service, &framework.evidence), framework.evidence.clone())),
        "rails" => Some(("bin/rails server".to_owned(), framework.evidence.clone())),
        "laravel" => Some(("php artisan serve".to_owned(), framework.evidence.clone())),
        "aspnet" => Some(("dotnet run".to_owned(), framework.evidence.clone())),
        _ if service.language == "go" => {
            let (path, evidence) = go_main(place)?;
            let folder = path.rsplit_once('/').map_or(".".to_owned(), |(folder, _)| format!("./{folder}"));
            Some((format!("go run {folder}"), evidence))
        }
        _ if service.language == "rust" => Some(("cargo run".to_owned(), framework.evidence.clone())),
        _ => None,
    }
}

/// By the wrapper where there is one. In a build of several modules it is the one that has Spring Boot that runs, with
/// the modules it needs built before it.
fn spring_boot(place: &Place<'_>, service: &Service, evidence: &Evidence) -> String {
    let maven = place.has("pom.xml");
    let (wrapper, tool) = if maven { ("mvnw", "mvn") } else { ("gradlew", "gradle") };
    let program = if place.exists(wrapper) { format!("./{wrapper}") } else { tool.to_owned() };
    let module = service.relative(&evidence.file).and_then(|file| file.rsplit_once('/'));
    let module = module.filter(|(_, name)| *name == "pom.xml").map(|(folder, _)| folder);
    match (maven, module) {
        (true, None) => format!("{program} spring-boot:run"),
        (true, Some(module)) => {
            format!("{program} -q -pl {module} -am install -DskipTests && {program} -pl {module} spring-boot:run")
        }
        // A module of Gradle is a service of its own.
        (false, _) => format!("{program} bootRun"),
    }
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

fn python_line<'a>(place: &Place<'a>, fits: impl Fn(&str) -> bool) -> Option<(&'a str, Evidence)> {
    place.sources(&[".py"]).into_iter().find_map(|path| Some((path, place.find(path, &fits)?)))
}

/// `src/app/main.py` is imported as `app.main`.
fn module(path: &str) -> String {
    let path = path.trim_end_matches(".py").trim_end_matches("/__init__");
    path.strip_prefix("src/").unwrap_or(path).replace('/', ".")
}

fn go_main<'a>(place: &Place<'a>) -> Option<(&'a str, Evidence)> {
    let mains = place.sources(&[".go"]);
    let evidence = |path: &'a str| {
        place.find(path, |line| line.trim_end() == "package main")?;
        Some((path, place.find(path, |line| line.starts_with("func main("))?))
    };
    mains.into_iter().filter(|path| !path.ends_with("_test.go")).find_map(evidence)
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

/// A number that is the port, in files and sources.
static PORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r#"PORT\b['"\])]*\s*(?:\|\||\?\?|,|:-)\s*['"]?(?P<a>\d{2,5})"#,
        r#"\.listen\(\s*(?P<b>\d{2,5})\b"#,
        r#"\.(?:Run|Start|Listen)\(\s*"(?:[\w.]*):(?P<c>\d{2,5})""#,
        r#"ListenAndServe\(\s*"(?:[\w.]*):(?P<d>\d{2,5})""#,
        r#"(?:bind|from_str|parse)[^\n"]*\(\s*"(?:[\d.]+|localhost|\[::\]):(?P<e>\d{2,5})""#,
        r#"\.bind\(\(\s*"[^"]+"\s*,\s*(?P<f>\d{2,5})"#,
        r#"\b(?:uvicorn|app|web)\.run(?:_app)?\([^\n]*port\s*=\s*(?P<g>\d{2,5})"#,
        r#"\[\s*(?:\d+\s*,\s*){3}\d+\s*\]\s*,\s*(?P<h>\d{2,5})"#,
    ];
    Regex::new(&shapes.join("|")).ok()
});

fn said_port(place: &Place<'_>, service: &Service) -> Option<(u16, Evidence)> {
    service.framework.as_ref()?;
    let number = |text: &str| text.trim().trim_matches(['"', '\'']).parse::<u16>().ok().filter(|port| *port >= 80);
    for (file, key) in [
        ("src/main/resources/application.properties", "server.port="),
        (".env.example", "PORT="),
        (".env.sample", "PORT="),
    ] {
        if let Some(evidence) = place.find(file, |line| line.starts_with(key))
            && let Some(port) = number(&evidence.text[key.len()..])
        {
            return Some((port, evidence));
        }
    }
    let launch = "Properties/launchSettings.json";
    if let Some(evidence) = place.find(launch, |line| line.contains("applicationUrl"))
        && let Some(port) = evidence.text.rsplit(':').next().and_then(|rest| number(rest.trim_end_matches([',', '"'])))
    {
        return Some((port, evidence));
    }
    let regex = PORT.as_ref()?;
    let read = |line: &str| {
        let found = regex.captures(line.trim_start())?;
        let group = found.iter().skip(1).flatten().next()?;
        number(group.as_str())
    };
    let endings: &[&str] = match service.language {
        "python" => &[".py"],
        "javascript" | "typescript" => &[".js", ".ts", ".mjs", ".cjs"],
        "go" => &[".go"],
        "rust" => &[".rs"],
        _ => &[],
    };
    let mut sources = place.sources(endings).into_iter().take(100);
    let in_source = sources.find_map(|path| {
        let evidence = place.find(path, |line| !line.trim_start().starts_with(['#', '/']) && read(line).is_some())?;
        Some((read(&evidence.text)?, evidence))
    });
    in_source.or_else(|| {
        let evidence = place.find("Dockerfile", |line| line.starts_with("EXPOSE "))?;
        Some((number(evidence.text[7..].split([' ', '/']).next()?)?, evidence))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_the_lines_that_set_them() {
        let regex = PORT.as_ref().unwrap();
        for (line, port) in [
            ("const port = process.env.PORT || 3001;", Some("3001")),
            ("await app.listen(process.env.PORT ?? 3000);", Some("3000")),
            ("app.listen(8081, () => {})", Some("8081")),
            ("r.Run(\":9090\")", Some("9090")),
            ("e.Logger.Fatal(e.Start(\":1323\"))", Some("1323")),
            ("http.ListenAndServe(\":3333\", r)", Some("3333")),
            ("let listener = tokio::net::TcpListener::bind(\"0.0.0.0:3000\").await", Some("3000")),
            (".bind((\"127.0.0.1\", 8080))?", Some("8080")),
            ("let addr = SocketAddr::from(([127, 0, 0, 1], 4000));", Some("4000")),
            ("uvicorn.run(app, host=\"0.0.0.0\", port=8001)", Some("8001")),
            ("app.run(debug=True, port=5001)", Some("5001")),
            ("os.environ.get('PORT', 5002)", Some("5002")),
            ("timeout = 3000", None),
        ] {
            let found = regex
                .captures(line)
                .and_then(|found| found.iter().skip(1).flatten().next().map(|group| group.as_str().to_owned()));
            assert_eq!(found.as_deref(), port, "{line}");
        }
    }
}
