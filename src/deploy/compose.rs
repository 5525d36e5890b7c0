//! Compose files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{self, Document, names, unknown_keys};
use super::rules::{hint, rules};
use super::{Sink, Tree, environment, is_placeholder, is_secret};
use crate::domain::from_root;

pub(super) fn check(text: &str, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let Some(document) = document::read(text, sink).into_iter().next() else { return };
    let Some(top) = document.value.as_object() else {
        sink.error(1, "syntax", "a compose file is an object with `services`");
        return;
    };
    // The first format had the services at the top.
    if !top.contains_key("services")
        && !top.contains_key("version")
        && top.values().any(|value| value.get("image").is_some())
    {
        return;
    }
    unknown_keys(&document, &[], &rules().compose.top, true, "a compose file", sink);
    let base = base_of(sink.path, tree);
    let empty = Map::new();
    let services = document.map(&["services"]).unwrap_or(&empty);
    let whole = base.is_none() && !top.contains_key("include");
    for name in services.keys() {
        Service { name, document: &document, base: base.as_ref(), whole, services }.check(tree, sink);
    }
    let waits =
        |name: &str| services.get(name).and_then(|service| service.get("depends_on")).map(names).unwrap_or_default();
    if let Some(circle) = document::circle(services.keys().map(String::as_str), &waits) {
        sink.error(
            document.line(&["services", &circle[0], "depends_on"]),
            "depends-cycle",
            format!("these services wait for each other: {}", circle.join(" → ")),
        );
    }
    ports(&document, services, sink);
    variables(text, tree, sink);
}

/// What a file such as `compose.override.yml` is laid over.
fn base_of(path: &str, tree: &Tree<'_>) -> Option<Value> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let bases = ["compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml"];
    if bases.contains(&name) {
        return None;
    }
    let text = bases.iter().find_map(|base| tree.files.read(&from_root(folder, base)));
    let mut quiet = Sink { path, found: Vec::new() };
    // Without one it may be laid over a file of any name.
    Some(
        text.and_then(|text| document::read(&text, &mut quiet).into_iter().next())
            .map_or(Value::Null, |document| document.value),
    )
}

struct Service<'a> {
    name: &'a str,
    document: &'a Document,
    base: Option<&'a Value>,
    /// Nothing else adds to this file.
    whole: bool,
    services: &'a Map<String, Value>,
}

impl Service<'_> {
    fn line(&self, path: &[&str]) -> usize {
        self.document.line(&[&["services", self.name], path].concat())
    }

    /// The names of a section, here and in the file below this one.
    fn section(&self, section: &str) -> Vec<String> {
        let below = self.base.and_then(|base| base.get(section)).map(names).unwrap_or_default();
        self.document.map(&[section]).into_iter().flat_map(Map::keys).cloned().chain(below).collect()
    }

    fn check(&self, tree: &Tree<'_>, sink: &mut Sink<'_>) {
        let Some(service) = self.services.get(self.name).and_then(Value::as_object) else {
            if self.whole {
                sink.error(self.line(&[]), "syntax", format!("service `{}` says nothing", self.name));
            }
            return;
        };
        let what = format!("service `{}`", self.name);
        unknown_keys(self.document, &["services", self.name], &rules().compose.service, false, &what, sink);
        unknown_keys(self.document, &["services", self.name, "build"], &rules().compose.build, false, "`build`", sink);
        unknown_keys(
            self.document,
            &["services", self.name, "healthcheck"],
            &rules().compose.healthcheck,
            false,
            "`healthcheck`",
            sink,
        );
        if self.whole
            && !["image", "build", "extends", "provider", "develop"].iter().any(|key| service.contains_key(*key))
        {
            sink.error(self.line(&[]), "image", format!("service `{}` has neither `image` nor `build`", self.name));
        }
        let others: Vec<String> = self.section("services");
        for key in ["depends_on", "links"] {
            for need in service.get(key).map(names).unwrap_or_default() {
                let need = need.split(':').next().unwrap_or_default();
                self.defined(need, &others, key, "service", sink);
            }
        }
        for network in service.get("networks").map(names).unwrap_or_default() {
            let mut known = self.section("networks");
            known.push("default".to_owned());
            self.defined(&network, &known, "networks", "network", sink);
        }
        self.volumes(service, sink);
        for key in ["secrets", "configs"] {
            for item in service.get(key).and_then(Value::as_array).into_iter().flatten() {
                let name = item.as_str().or_else(|| item.get("source").and_then(Value::as_str)).unwrap_or_default();
                self.defined(name, &self.section(key), key, key.trim_end_matches('s'), sink);
            }
        }
        self.conditions(service, sink);
        self.advice(service, sink);
        self.build(service, tree, sink);
    }

    fn defined(&self, name: &str, known: &[String], key: &str, what: &str, sink: &mut Sink<'_>) {
        let there = known.iter().any(|known| known == name) || name.is_empty() || name.contains('$');
        // Over a base of another name anything may be defined elsewhere.
        if there || !self.whole && self.base.is_none_or(Value::is_null) {
            return;
        }
        let line = self.document.line_with(&["services", self.name, key], name);
        sink.error(
            line,
            "undefined",
            format!("service `{}` uses {what} `{name}`, which is not defined{}", self.name, hint(name, known)),
        );
    }

    fn volumes(&self, service: &Map<String, Value>, sink: &mut Sink<'_>) {
        for volume in service.get("volumes").and_then(Value::as_array).into_iter().flatten() {
            let name = match volume {
                // A single path is a volume without a name.
                Value::String(text) if text.contains(':') => text.split(':').next().unwrap_or_default(),
                Value::Object(map) if map.get("type").and_then(Value::as_str) == Some("volume") => {
                    map.get("source").and_then(Value::as_str).unwrap_or_default()
                }
                _ => continue,
            };
            if name.starts_with(['.', '/', '~', '$']) || name.contains(['\\', '$', '/']) || name.len() < 2 {
                if name.ends_with("docker.sock") {
                    let line = self.document.line_with(&["services", self.name, "volumes"], name);
                    sink.warn(
                        line,
                        "docker-socket",
                        format!("service `{}` gets the socket of Docker, and with it the machine", self.name),
                    );
                }
                continue;
            }
            self.defined(name, &self.section("volumes"), "volumes", "volume", sink);
        }
    }

    /// Waiting until a service is healthy needs somebody who says when it is.
    fn conditions(&self, service: &Map<String, Value>, sink: &mut Sink<'_>) {
        for (name, how) in service.get("depends_on").and_then(Value::as_object).into_iter().flatten() {
            let healthy = how.get("condition").and_then(Value::as_str) == Some("service_healthy");
            let other = self.services.get(name);
            if healthy
                && other.is_some_and(|other| other.get("healthcheck").is_none() && other.get("extends").is_none())
            {
                let line = self.line(&["depends_on", name]);
                sink.warn(
                    line,
                    "healthcheck",
                    format!("`{}` waits until `{name}` is healthy, which has no `healthcheck` here", self.name),
                );
            }
        }
    }

    fn advice(&self, service: &Map<String, Value>, sink: &mut Sink<'_>) {
        if service.get("privileged") == Some(&Value::Bool(true)) {
            sink.warn(
                self.line(&["privileged"]),
                "privileged",
                format!("service `{}` may do everything the machine's root may", self.name),
            );
        }
        if let Some(image) = service
            .get("image")
            .and_then(Value::as_str)
            .filter(|image| !image.contains('$') && !service.contains_key("build"))
        {
            let last = image.rsplit('/').next().unwrap_or(image);
            if last.ends_with(":latest") || !last.contains([':', '@']) {
                sink.warn(
                    self.line(&["image"]),
                    "tag",
                    format!("`{image}` is another image every day; name a version"),
                );
            }
        }
        let values: Vec<(String, String)> = match service.get("environment") {
            Some(Value::Object(map)) => {
                map.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
            }
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(|item| item.as_str()?.split_once('='))
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
            _ => Vec::new(),
        };
        for (name, _) in values.iter().filter(|(name, value)| is_secret(name) && !is_placeholder(value)) {
            let line = self.document.line_with(&["services", self.name, "environment"], name);
            sink.warn(
                line,
                "secret",
                format!("`{name}` is written here in plain; take it from the environment or from `secrets`"),
            );
        }
    }

    fn build(&self, service: &Map<String, Value>, tree: &Tree<'_>, sink: &mut Sink<'_>) {
        let (context, file) = match service.get("build") {
            Some(Value::String(context)) => (context.as_str(), "Dockerfile"),
            Some(Value::Object(build)) if !build.contains_key("dockerfile_inline") => {
                let text = |key: &str| build.get(key).and_then(Value::as_str);
                (text("context").unwrap_or("."), text("dockerfile").unwrap_or("Dockerfile"))
            }
            _ => return,
        };
        if context.contains([':', '$', '~']) || file.contains('$') || context.starts_with('/') || file.starts_with('/')
        {
            return;
        }
        let folder = crate::domain::folder_of(sink.path);
        let Some(path) =
            crate::domain::RepoPath::parse(format!("{folder}/{context}/{file}").trim_start_matches('/')).ok()
        else {
            return;
        };
        if !tree.has(path.as_str()) {
            sink.error(
                self.line(&["build"]),
                "build",
                format!("there is no `{}` to build service `{}` from", path.as_str(), self.name),
            );
        }
    }
}

/// Two services on one port of the machine.
fn ports(document: &Document, services: &Map<String, Value>, sink: &mut Sink<'_>) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for (name, service) in services {
        let ports = service.get("ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, port) in ports.iter().enumerate() {
            let number = index.to_string();
            let line = document.line(&["services", name, "ports", &number]);
            let Some(host) = host_port(port) else { continue };
            if host.is_empty() {
                sink.error(line, "port", format!("`{}` is no port", crate::text::sanitize_line(&port.to_string())));
                continue;
            }
            // Services of different profiles need not run together.
            let apart = |other: &str| services[other].get("profiles").is_some() || service.get("profiles").is_some();
            match taken.get(&host) {
                Some(other) if *other != name && !apart(other) => sink.error(
                    line,
                    "port-taken",
                    format!("port {host} of the machine is already that of service `{other}`"),
                ),
                Some(_) => {}
                None => {
                    taken.insert(host, name);
                }
            }
        }
    }
}

/// Address and port on the machine; empty when it is no port, `None` when there is none or it is not known.
fn host_port(port: &Value) -> Option<String> {
    if let Value::Object(map) = port {
        let published = map.get("published")?;
        let text = published.as_str().map_or_else(|| published.to_string(), str::to_owned);
        let protocol = map.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
        return (!text.contains(['$', '-'])).then(|| format!("{text}/{protocol}"));
    }
    let text = port.as_str().map_or_else(|| port.to_string(), str::to_owned);
    if text.contains(['$', '[', '-']) {
        return None;
    }
    let (text, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &str| part.parse::<u16>().is_ok();
    match parts.as_slice() {
        [container] if number(container) => None,
        [host, container] if number(host) && number(container) => Some(format!("{host}/{protocol}")),
        [address, host, container] if number(host) && number(container) => {
            Some(format!("{address}:{host}/{protocol}").replace("0.0.0.0:", ""))
        }
        [_, "", container] if number(container) => None,
        _ => Some(String::new()),
    }
}

/// Variables the file is filled from and that nobody gives a value.
fn variables(text: &str, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let folder = crate::domain::folder_of(sink.path);
    let declared = environment::declared_near(tree, folder);
    let mut said = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or_default();
        if line.trim_start().starts_with('#') {
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find('$') {
            let doubled = rest[at + 1..].starts_with('$');
            rest = &rest[at + 1 + usize::from(doubled)..];
            if doubled {
                continue;
            }
            let braced = rest.strip_prefix('{');
            let inner = braced.unwrap_or(rest);
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            let (name, after) = inner.split_at(end);
            let has_default = braced.is_some() && after.starts_with([':', '-', '+', '?']);
            if name.is_empty()
                || name.starts_with(|c: char| c.is_ascii_digit())
                || has_default
                || declared.contains(name)
                || environment::is_known(name)
            {
                continue;
            }
            if said.insert(name.to_owned()) {
                sink.warn(
                    index + 1,
                    "variable",
                    format!("`{name}` has no default and is in no .env.example: without it this is empty"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_file_has_none() {
        let sound = "services:\n  web:\n    build: ./web\n    ports: [\"8080:80\", \"127.0.0.1:9000:9000/udp\"]\n    environment:\n      A: ${A:-1}\n      B: ${B}\n    depends_on:\n      db: {condition: service_healthy}\n    networks: [inner]\n  db:\n    image: postgres:16\n    healthcheck:\n      test: [\"CMD\", \"pg_isready\"]\n    volumes: [\"data:/var/lib\", \"./x:/x\"]\n    networks: [inner]\nnetworks:\n  inner: {}\nvolumes:\n  data:\n";
        let others = [("web/Dockerfile", "FROM a:1"), (".env.example", "B=1\n")];
        seeded(
            "compose.yml",
            sound,
            &others,
            &[
                ("services:", "servces:", "1 error unknown-key"),
                (
                    "    healthcheck:",
                    "    healthchek:",
                    "13 error unknown-key: service `db` has no key `healthchek`, did you mean `healthcheck`?",
                ),
                ("      db: {cond", "      bd: {cond", "9 error undefined"),
                (
                    "    networks: [inner]\n  db",
                    "    networks: [iner]\n  db",
                    "10 error undefined: service `web` uses network `iner`, which is not defined, did you mean `inner`?",
                ),
                ("data:/var", "dta:/var", "15 error undefined"),
                ("    image: postgres:16", "    image: postgres:16\n    ports: [\"8080:1\"]", "13 error port-taken"),
                ("\"8080:80\"", "\"8080:http\"", "4 error port"),
                ("${B}", "${C}", "7 warning variable"),
                ("postgres:16", "postgres", "12 warning tag"),
                ("    image: postgres:16\n", "", "11 error image"),
                ("    image: postgres:16", "    image: postgres:16\n    depends_on: [web]", "8 error depends-cycle"),
                ("build: ./web", "build: ./wob", "3 error build"),
                ("A: ${A:-1}", "DB_PASSWORD: q7Zp2LmW9x", "6 warning secret"),
            ],
        );
    }
}
