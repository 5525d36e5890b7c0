//! The routes a program really has, beside those of the contract.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Spec;
use super::extract::{flask_module, frameworks, python, python_app, run};
use super::lint::shape;
use crate::stack::StackReport;
use crate::workspace::{Query, Workspace};

/// The method of a route that takes all of them, as far as the framework knows.
pub const ANY: &str = "ANY";

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Route {
    /// The method in capitals; [`ANY`] where the framework does not tell them apart.
    pub method: String,
    /// The path, parameters in braces.
    pub path: String,
    /// Where it was seen.
    pub place: String,
}

/// Routes, and how they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The routes.
    pub routes: Vec<Route>,
    /// Where they come from, in words.
    pub source: String,
}

/// What contract and program tell differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Routes the contract does not mention.
    pub undocumented: Vec<Route>,
    /// Operations the program has no route for.
    pub absent: Vec<String>,
}

/// Compares routes with a contract.
pub fn drift(table: &Table, spec: &Spec) -> Drift {
    let operations = spec.operations();
    let key = |method: &str, path: &str| (method.to_owned(), shape(path).trim_end_matches('/').to_owned());
    let documented: BTreeSet<_> = operations.iter().map(|operation| key(&operation.method, &operation.path)).collect();
    let real: BTreeSet<_> = table.routes.iter().map(|route| key(&route.method, &route.path)).collect();
    let known = |route: &Route| {
        let (method, path) = key(&route.method, &route.path);
        documented.iter().any(|(m, p)| *p == path && (method == ANY || *m == method))
    };
    let of_tools = |route: &Route| {
        let own = ["/openapi", "/docs", "/redoc", "/api-json", "/swagger", "/static", "/admin"];
        own.iter().any(|start| route.path.starts_with(start)) || matches!(route.method.as_str(), "HEAD" | "OPTIONS")
    };
    Drift {
        undocumented: table.routes.iter().filter(|route| !known(route) && !of_tools(route)).cloned().collect(),
        absent: operations
            .iter()
            .filter(|operation| {
                [operation.method.as_str(), ANY].iter().all(|method| !real.contains(&key(method, &operation.path)))
            })
            .map(|operation| operation.name())
            .collect(),
    }
}

static GIN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[GIN-debug\] ([A-Z]+)\s+(/\S*)\s+-->").ok());
static NEST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Mapped \{(/[^,]*), ([A-Z]+)\} route").ok());

/// Routes that frameworks write to their log at the start.
pub fn from_log(lines: &[String]) -> Option<Table> {
    let find = |pattern: &LazyLock<Option<Regex>>, method: usize, path: usize, name: &str| {
        let pattern = pattern.as_ref()?;
        let routes: Vec<Route> = lines
            .iter()
            .filter_map(|line| pattern.captures(line))
            .map(|found| Route {
                method: found[method].to_owned(),
                path: braces(&found[path]),
                place: format!("log of {name}"),
            })
            .collect();
        (!routes.is_empty()).then(|| Table { routes, source: format!("what {name} writes at its start") })
    };
    find(&GIN, 1, 2, "Gin").or_else(|| find(&NEST, 2, 1, "Nest"))
}

/// `:id`, `*path` and `<int:id>` are `{id}`.
fn braces(path: &str) -> String {
    let part = |part: &str| -> String {
        if let Some(name) = part.strip_prefix(':').or_else(|| part.strip_prefix('*')) {
            return format!("{{{}}}", name.trim_end_matches('?'));
        }
        match part.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')) {
            Some(inner) => format!("{{{}}}", inner.rsplit(':').next().unwrap_or(inner)),
            None => part
                .split_once(':')
                .filter(|_| part.starts_with('{'))
                .map_or_else(|| part.to_owned(), |(name, _)| format!("{name}}}")),
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Asks the framework for its routes, and looks into the sources where it cannot be asked.
pub async fn find(workspace: &dyn Workspace, report: &StackReport, cancel: CancellationToken) -> Table {
    let mut failed = String::new();
    for (folder, name) in frameworks(report) {
        let Some(command) = command(workspace, &folder, &name) else { continue };
        match run(workspace, &folder, &command, cancel.clone()).await {
            Ok(text) => {
                let routes: Vec<Route> = text.lines().flat_map(|line| printed(line, &name)).collect();
                if !routes.is_empty() {
                    return Table { routes, source: format!("asked {name} itself") };
                }
            }
            Err(why) => failed = format!(" ({name} could not be asked: {why})"),
        }
    }
    let routes = in_sources(workspace);
    let how = if routes.is_empty() {
        "seen in the sources in any of the ways that are known"
    } else {
        "found in the sources; prefixes of mounted routers are not followed"
    };
    Table { routes, source: format!("{how}{failed}") }
}

/// `ROUTE GET /items`, or a line of the table that Flask prints: `list_items  GET, POST  /items`.
fn printed(line: &str, name: &str) -> Vec<Route> {
    let route = |method: &str, path: &str| Route {
        method: method.to_owned(),
        path: braces(path.trim()),
        place: name.to_owned(),
    };
    if let Some((method, path)) = line.strip_prefix("ROUTE ").and_then(|rest| rest.split_once(' ')) {
        return vec![route(method, path)];
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [_, methods @ .., path] if name == "flask" && path.starts_with('/') => {
            methods.iter().map(|method| route(method.trim_end_matches(','), path)).collect()
        }
        _ => Vec::new(),
    }
}

fn command(workspace: &dyn Workspace, folder: &str, framework: &str) -> Option<String> {
    let python = python(workspace, folder);
    match framework {
        "fastapi" => {
            let (module, app) = python_app(workspace, folder, "FastAPI(")?;
            Some(format!(
                "{python} -c 'import sys;sys.path.insert(0,\".\");from {module} import {app} as a\n\
                 for r in a.routes:\n  for m in sorted(getattr(r,\"methods\",None) or []): print(\"ROUTE\",m,r.path)'"
            ))
        }
        "django" => Some(format!("{python} manage.py shell -v 0 -c '{DJANGO}'")),
        "flask" => Some(format!("{python} -m flask --app {} routes", flask_module(workspace, folder)?)),
        _ => None,
    }
}

/// Walks Django's table of addresses. Views that are functions do not say their methods.
const DJANGO: &str = r#"
import re
from django.urls import get_resolver
def walk(patterns, before):
    for p in patterns:
        path = before + str(p.pattern)
        if hasattr(p, "url_patterns"):
            walk(p.url_patterns, path)
            continue
        path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^)]*\))*\)", r"{\1}", path)
        path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", path)
        path = re.sub(r"\\Z|[\^$\\]", "", path)
        if "{format}" in path:
            continue
        view = p.callback
        of = getattr(view, "view_class", None) or getattr(view, "cls", None)
        methods = getattr(view, "actions", None) or (of and [m for m in of.http_method_names if hasattr(of, m)]) or ["any"]
        for method in methods:
            print("ROUTE", method.upper(), "/" + path)
walk(get_resolver().url_patterns, "")
"#;

static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:^|[\s.@])(?:\w+\.)?(get|post|put|patch|delete)\(\s*["'`](/[^"'`\s]*)["'`]"#).ok()
});

/// `app.get("/x", …)`, `@router.post("/x")`, `r.GET("/x", …)`.
fn in_sources(workspace: &dyn Workspace) -> Vec<Route> {
    let query = Query {
        pattern: r#"(get|post|put|patch|delete|GET|POST|PUT|PATCH|DELETE)\(\s*["'`]/"#.to_owned(),
        path: None,
        glob: None,
        limit: 2_000,
    };
    let Some((call, (hits, _))) = CALL.as_ref().zip(workspace.search(&query).ok()) else { return Vec::new() };
    let source = |path: &str| {
        let ends = [".js", ".ts", ".mjs", ".cjs", ".py", ".go", ".rs"];
        ends.iter().any(|end| path.ends_with(end)) && !path.contains("test") && !path.contains("spec")
    };
    let mut found: Vec<Route> = hits
        .iter()
        .filter(|hit| source(hit.path.as_str()))
        .filter_map(|hit| {
            let found = call.captures(&hit.text)?;
            Some(Route {
                method: found[1].to_ascii_uppercase(),
                path: braces(&found[2]),
                place: format!("{}:{}", hit.path, hit.line),
            })
        })
        .collect();
    found.sort();
    found.dedup_by(|a, b| a.method == b.method && a.path == b.path);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn routes_are_read_from_logs_and_held_against_the_contract() {
        let log: Vec<String> = [
            "[GIN-debug] GET    /items/:id                --> main.get (3 handlers)",
            "[GIN-debug] POST   /items                    --> main.add (3 handlers)",
            "[GIN-debug] Listening and serving HTTP on :8080",
        ]
        .map(str::to_owned)
        .into();
        let table = from_log(&log).unwrap();
        assert_eq!(table.routes[0].path, "/items/{id}");
        let spec = json!({"openapi": "3.1.0", "paths": {"/items/{item}": {"get": {}}, "/gone": {"get": {}}}});
        let spec = Spec::of_value("s", &spec).unwrap();
        let any = Route { method: ANY.to_owned(), path: "/gone".to_owned(), place: "django".to_owned() };
        let all = Table { routes: [table.routes.clone(), vec![any]].concat(), ..table.clone() };
        assert_eq!(drift(&all, &spec).absent, [""; 0]);
        let drift = drift(&table, &spec);
        assert_eq!(drift.undocumented.iter().map(|route| route.path.as_str()).collect::<Vec<_>>(), ["/items"]);
        assert_eq!(drift.absent, ["GET /gone"]);
        assert_eq!(from_log(&["Mapped {/cats/:id, GET} route +1ms".to_owned()]).unwrap().routes[0].path, "/cats/{id}");
    }

    #[test]
    fn parameters_of_every_framework_are_braces() {
        for (path, expected) in [
            ("/a/:id", "/a/{id}"),
            ("/a/<int:id>/b", "/a/{id}/b"),
            ("/a/<id>", "/a/{id}"),
            ("/files/*path", "/files/{path}"),
            ("/a/{id}", "/a/{id}"),
            ("/a/{name:path}", "/a/{name}"),
            ("/a/:id?", "/a/{id}"),
        ] {
            assert_eq!(braces(path), expected, "{path}");
        }
        let call = CALL.as_ref().unwrap();
        for (line, method, path) in [
            ("app.get('/users/:id', show)", "get", "/users/:id"),
            ("@app.post(\"/items\", status_code=201)", "post", "/items"),
            ("\tr.DELETE(\"/items/:id\", h)", "DELETE", "/items/:id"),
        ] {
            let found = call.captures(line).unwrap();
            assert_eq!((&found[1], &found[2]), (method, path));
        }
    }
}
