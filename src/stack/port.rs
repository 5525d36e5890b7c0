//! Which port a service listens on, from its settings, sources and container file.

use std::sync::LazyLock;

use regex::Regex;

use super::rules::Place;
use super::{Evidence, Service};

/// A number that is the port, in sources.
static SOURCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r#"PORT\b['"\])]*\s*(?:\|\||\?\?|,|:-|\{)\s*['"]?(?P<a>\d{2,5})"#,
        r#"\.listen\(\s*(?P<b>\d{2,5})\b"#,
        r#"\.(?:Run|Start|Listen)\(\s*"(?:[\w.]*):(?P<c>\d{2,5})""#,
        r#"ListenAndServe(?:TLS)?\(\s*"(?:[\w.]*):(?P<d>\d{2,5})""#,
        r#"(?:bind|from_str|parse)[^\n"]*\(\s*&?"(?:[\d.]+|localhost|\[::\]):(?P<e>\d{2,5})""#,
        r#"\.bind\(\(\s*(?:"[^"]+"|[\w:.&]+)\s*,\s*(?P<f>\d{2,5})"#,
        r#"\b(?:uvicorn|app|web)\.run(?:_app)?\([^\n]*port\s*=\s*(?P<g>\d{2,5})"#,
        r#"\[\s*(?:\d+\s*,\s*){3}\d+\s*\]\s*,\s*(?P<h>\d{2,5})"#,
        r#"(?i)"(?:\w+\.)*port"\s*,\s*"?:?(?P<i>\d{2,5})"#,
        r#"(?i)\bport[^\n]*(?:env-?default|default):"(?P<j>\d{2,5})""#,
        r#"(?i)port[^\n]*unwrap_or(?:_else)?\(\s*(?:\|_?\w*\|\s*)?"?(?P<k>\d{2,5})"#,
        r#"\bAddr:\s*"(?:[\w.]*):(?P<l>\d{2,5})""#,
    ];
    Regex::new(&shapes.join("|")).ok()
});

/// The same where it is one of several settings: what it is the port of is not said, so it counts after the others.
static SETTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:^|[\s{(,_"'])port["']?\s*(?::|=|:\s*(?:int|u16|number)\s*=)\s*(?:Field\(\s*(?:default\s*=\s*)?|Number\()?["']?(\d{2,5})\b"#).ok()
});

/// The same in a command line: `--port 8000`, `-p 3001`, `--bind 0.0.0.0:8000`.
static COMMAND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?:--port[=\s",]+|\s-p[=\s]+|(?:--bind|-b|--addr)[=\s",]+[\w.\[\]]*:|\bPORT=)(\d{2,5})\b"#).ok()
});

fn number(text: &str) -> Option<u16> {
    text.trim().trim_matches(['"', '\'']).parse::<u16>().ok().filter(|port| *port >= 80)
}

/// A number, or the one that counts when a variable is not set: `${PORT:8080}`.
fn value(text: &str) -> Option<u16> {
    let text = text.split(" #").next().unwrap_or(text).trim();
    number(text).or_else(|| number(text.strip_suffix('}')?.rsplit([':', '-']).next()?))
}

/// The port its files say; `None` where they leave it to the framework, or do not say.
pub(super) fn said(place: &Place<'_>, service: &Service, command: Option<&str>) -> Option<(u16, Evidence)> {
    service.framework.as_ref()?;
    let found = match service.language {
        "java" | "kotlin" => spring(place),
        "csharp" => launch(place),
        "ruby" => puma(place),
        _ => None,
    };
    found
        .or_else(|| example(place))
        .or_else(|| in_script(place, service, command))
        .or_else(|| in_source(place, service))
        .or_else(|| container(place))
}

/// `server.port` in the settings of Spring and its like.
fn spring(place: &Place<'_>) -> Option<(u16, Evidence)> {
    for name in ["application", "bootstrap"] {
        let file = format!("src/main/resources/{name}.properties");
        let key = |line: &str| {
            let keys = ["server.port", "quarkus.http.port", "micronaut.server.port"];
            let rest = keys.iter().find_map(|key| line.strip_prefix(key))?;
            value(rest.trim_start().strip_prefix(['=', ':'])?)
        };
        if let Some(evidence) = place.find(&file, |line| key(line).is_some()) {
            return Some((key(&evidence.text)?, evidence));
        }
        for ending in ["yml", "yaml"] {
            let found = nested(place, &format!("src/main/resources/{name}.{ending}"));
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// `port:` below `server:`, or `server.port:` at once.
fn nested(place: &Place<'_>, file: &str) -> Option<(u16, Evidence)> {
    let text = place.read(file)?;
    let mut above: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        let Some((key, rest)) = bare.split_once(':').filter(|_| !bare.starts_with('#')) else { continue };
        let indent = line.len() - bare.len();
        above.retain(|(before, _)| *before < indent);
        above.push((indent, key.trim().to_owned()));
        let path = above.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
        let known = ["server.port", "quarkus.http.port", "micronaut.server.port", "ktor.deployment.port"];
        if known.contains(&path.as_str())
            && let Some(port) = value(rest)
        {
            return Some((port, place.line(file, index, line)));
        }
    }
    None
}

/// The plain address of `launchSettings.json`.
fn launch(place: &Place<'_>) -> Option<(u16, Evidence)> {
    let file = "Properties/launchSettings.json";
    let port = |line: &str| {
        let (_, urls) = line.split_once("\"applicationUrl\"")?;
        let urls: Vec<&str> = urls.split(['"', ';']).filter(|url| url.starts_with("http")).collect();
        let url = urls.iter().find(|url| url.starts_with("http:")).or(urls.first())?;
        number(url.trim_end_matches('/').rsplit(':').next()?)
    };
    // That of IIS is not the program's own.
    let text = place.read(file)?;
    let profiles = text.lines().position(|line| line.contains("\"profiles\"")).unwrap_or(0);
    let lines = || text.lines().enumerate();
    let found = lines()
        .skip(profiles)
        .find(|(_, line)| port(line).is_some())
        .or_else(|| lines().find(|(_, line)| port(line).is_some()));
    let (index, line) = found?;
    Some((port(line)?, place.line(file, index, line)))
}

/// `port ENV.fetch("PORT") { 3000 }`
fn puma(place: &Place<'_>) -> Option<(u16, Evidence)> {
    let port = |line: &str| {
        let rest = line.trim_start().strip_prefix("port")?;
        number(rest.rsplit(|c: char| !c.is_ascii_digit()).find(|part| part.len() >= 2)?)
    };
    let evidence = place.find("config/puma.rb", |line| port(line).is_some())?;
    Some((port(&evidence.text)?, evidence))
}

/// `PORT=` in the example of an environment.
fn example(place: &Place<'_>) -> Option<(u16, Evidence)> {
    for file in [".env.example", ".env.sample", ".env.template", ".env.dist", "example.env", "env.example"] {
        let port = |line: &str| {
            ["PORT", "SERVER_PORT", "APP_PORT", "HTTP_PORT", "API_PORT"]
                .iter()
                .find_map(|key| value(line.strip_prefix(key)?.trim_start().strip_prefix('=')?))
        };
        if let Some(evidence) = place.find(file, |line| port(line).is_some()) {
            return Some((port(&evidence.text)?, evidence));
        }
    }
    None
}

/// In the script that starts a Node project, and in the line that starts the others.
fn in_script(place: &Place<'_>, service: &Service, command: Option<&str>) -> Option<(u16, Evidence)> {
    let regex = COMMAND.as_ref()?;
    let port = |line: &str| number(regex.captures(line)?.get(1)?.as_str());
    let command = command?;
    if matches!(service.language, "javascript" | "typescript") {
        let name = command.rsplit(' ').next()?;
        let manifest: serde_json::Value = serde_json::from_str(&place.read("package.json")?).ok()?;
        let script = manifest.get("scripts")?.get(name)?.as_str()?;
        let evidence = || place.find("package.json", |line| line.contains(&format!("\"{name}\"")));
        // Vite has a port of its own, whatever is built with it.
        let own = || ["vite", "vite dev", "vite --host"].contains(&script).then_some(5173);
        let config =
            || ["vite.config.ts", "vite.config.js", "vite.config.mts"].iter().find_map(|file| setting(place, file));
        return match port(script) {
            Some(port) => Some((port, evidence()?)),
            None => config().or_else(|| Some((own()?, evidence()?))),
        };
    }
    let evidence = place.find("Procfile", |line| line.starts_with("web:") && port(line).is_some())?;
    Some((port(&evidence.text)?, evidence))
}

fn in_source(place: &Place<'_>, service: &Service) -> Option<(u16, Evidence)> {
    let endings: &[&str] = match service.language {
        "python" => &[".py"],
        "javascript" | "typescript" => &[".js", ".ts", ".mjs", ".cjs"],
        "go" => &[".go"],
        "rust" => &[".rs"],
        _ => &[],
    };
    let mut sources = place.sources(endings);
    sources.truncate(100);
    // Where the generator of Express puts it.
    sources.extend(["bin/www"].into_iter().filter(|path| endings.contains(&".js") && place.has(path)));
    in_files(place, &sources).or_else(|| {
        let mut settings: Vec<&str> = place.paths.iter().copied().filter(|path| is_configuration(path)).collect();
        settings.sort_by_key(|path| path.matches('/').count());
        settings.truncate(10);
        settings.into_iter().find_map(|file| setting(place, file))
    })
}

/// Files with the settings of a program that reads them as it starts.
fn is_configuration(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let known = ["config", "default", "defaults", "base", "development", "local", "app", "settings", "Rocket"];
    let placed = folder.is_empty() && ["config", "Rocket", "app"].contains(&stem)
        || ["config", "configs", "configuration", "conf", "etc"].contains(&folder.rsplit('/').next().unwrap_or(folder));
    ["yaml", "yml", "toml", "json", "ini"].contains(&ending)
        && known.contains(&stem)
        && placed
        && path.matches('/').count() <= 4
}

/// The port that these sources set, the nearest first.
pub(super) fn in_files(place: &Place<'_>, files: &[&str]) -> Option<(u16, Evidence)> {
    let regex = SOURCE.as_ref()?;
    let read = |line: &str| {
        let found = regex.captures(line.trim_start())?;
        let group = found.iter().skip(1).flatten().next()?;
        number(group.as_str()).filter(|port| !STORES.contains(port))
    };
    let told = files.iter().find_map(|path| {
        let evidence =
            place.find(path, |line| !line.trim_start().starts_with(['#', '/', '*']) && read(line).is_some())?;
        Some((read(&evidence.text)?, evidence))
    });
    told.or_else(|| files.iter().filter(|path| is_main(path)).find_map(|path| setting(place, path)))
}

/// Where programs begin and where their settings stand.
fn is_main(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    ["index", "main", "app", "server", "config", "settings", "env", "configuration", "mod"].contains(&stem)
}

fn setting(place: &Place<'_>, file: &str) -> Option<(u16, Evidence)> {
    let regex = SETTING.as_ref()?;
    let read = |line: &str| number(regex.captures(line)?.get(1)?.as_str()).filter(|port| !STORES.contains(port));
    let foreign =
        |line: &str| ["smtp", "mail", "db", "redis", "database"].iter().any(|word| line.to_lowercase().contains(word));
    let evidence = place
        .find(file, |line| !line.trim_start().starts_with(['#', '/', '*']) && !foreign(line) && read(line).is_some())?;
    Some((read(&evidence.text)?, evidence))
}

/// Ports databases and brokers listen on: a service names them as those it calls.
const STORES: &[u16] = &[5432, 3306, 6379, 27017, 5672, 9092, 9200, 11211, 1433, 25, 465, 587, 1025, 2525];

fn container(place: &Place<'_>) -> Option<(u16, Evidence)> {
    let regex = COMMAND.as_ref()?;
    let file = ["Dockerfile", "docker/Dockerfile", "Containerfile"].into_iter().find(|file| place.has(file))?;
    let exposed = |line: &str| value(line.strip_prefix("EXPOSE ")?.split([' ', '/']).next()?);
    let started = |line: &str| number(regex.captures(line)?.get(1)?.as_str());
    let runs = |line: &str| ["CMD", "ENTRYPOINT"].iter().any(|word| line.trim_start().starts_with(word));
    for port in [&exposed as &dyn Fn(&str) -> Option<u16>, &|line| started(line).filter(|_| runs(line))] {
        if let Some(evidence) = place.find(file, |line| port(line).is_some()) {
            return Some((port(&evidence.text)?, evidence));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_the_lines_that_set_them() {
        let regex = SOURCE.as_ref().unwrap();
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
            ("viper.SetDefault(\"server.port\", 8081)", Some("8081")),
            ("Port string `env:\"PORT\" envDefault:\"8088\"`", Some("8088")),
            ("let port = env::var(\"PORT\").ok().and_then(|p| p.parse().ok()).unwrap_or(8070);", Some("8070")),
            ("srv := &http.Server{Addr: \":8060\"}", Some("8060")),
            ("port ENV.fetch(\"PORT\", 3009)", Some("3009")),
            ("timeout = 3000", None),
        ] {
            let found = regex
                .captures(line)
                .and_then(|found| found.iter().skip(1).flatten().next().map(|group| group.as_str().to_owned()));
            assert_eq!(found.as_deref(), port, "{line}");
        }
    }

    #[test]
    fn ports_are_read_from_command_lines_and_variables() {
        for (line, port) in [
            ("next dev -p 3001", Some("3001")),
            ("CMD [\"uvicorn\", \"a:b\", \"--port\", \"8011\"]", Some("8011")),
            ("gunicorn --bind 0.0.0.0:8012 a:b", Some("8012")),
            ("PORT=4001 node .", Some("4001")),
            ("node server.js", None),
        ] {
            let found = COMMAND.as_ref().unwrap().captures(line).map(|found| found[1].to_owned());
            assert_eq!(found.as_deref(), port, "{line}");
        }
        for (line, port) in [
            ("export default { port: 3456, fetch: app.fetch }", Some("3456")),
            ("    immich_port: int = 3003", Some("3003")),
            ("port = 8001", Some("8001")),
            ("support: 3000", None),
            ("portion = 300", None),
        ] {
            let found = SETTING.as_ref().unwrap().captures(line).map(|found| found[1].to_owned());
            assert_eq!(found.as_deref(), port, "{line}");
        }
        for (text, port) in [
            (" 8080", Some(8080)),
            ("${PORT:8081}", Some(8081)),
            ("0", None),
            ("${PORT}", None),
            ("'9000' # x", Some(9000)),
        ] {
            assert_eq!(value(text), port, "{text}");
        }
    }
}
