//! The routes a program really has, beside those of the contract.

mod ask;
mod sources;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Spec;
use super::lint::shape;
use crate::api::serve::{Service, Start};
use crate::stack::StackReport;
use crate::workspace::Workspace;

pub use ask::{from_log, in_log};

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
    /// The parameters that are whole numbers, as far as the program says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
}

impl Route {
    /// With a path as frameworks write it: `:id`, `*path` and `<int:id>` are `{id}`.
    pub(super) fn new(method: &str, path: &str, place: &str) -> Self {
        let (path, numbers) = braces(path.trim());
        Self { method: method.to_ascii_uppercase(), path, place: place.to_owned(), numbers }
    }

    /// Whether it belongs to a tool, or comes with another route.
    pub(super) fn of_tools(&self) -> bool {
        let own = ["/openapi", "/docs", "/redoc", "/api-json", "/swagger", "/static", "/admin"];
        own.iter().any(|start| self.path.starts_with(start)) || matches!(self.method.as_str(), "HEAD" | "OPTIONS")
    }
}

/// Routes, and how they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The routes.
    pub routes: Vec<Route>,
    /// Where they come from, in words.
    pub source: String,
    /// The program itself told them; else they were read in its sources.
    pub certain: bool,
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
    Drift {
        undocumented: table.routes.iter().filter(|route| !known(route) && !route.of_tools()).cloned().collect(),
        absent: operations
            .iter()
            .filter(|operation| {
                [operation.method.as_str(), ANY].iter().all(|method| !real.contains(&key(method, &operation.path)))
            })
            .map(|operation| operation.name())
            .collect(),
    }
}

/// What stands for a parameter: `<int:id>` and `<id>`, `{id:int}`, `:id?`, `*path`.
static PARAMETER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>|\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}|([/.-])[:*](\w+)(?:\([^)]*\))?[?+*]?",
    )
    .ok()
});

/// The path with its parameters in braces, and those of them that are whole numbers.
fn braces(path: &str) -> (String, Vec<String>) {
    let Some(parameter) = PARAMETER.as_ref() else { return (path.to_owned(), Vec::new()) };
    let mut numbers = Vec::new();
    let path = parameter.replace_all(path, |found: &regex::Captures<'_>| {
        let group = |index: usize| found.get(index).map_or("", |text| text.as_str());
        let (kind, name) = match (group(2), group(3)) {
            ("", "") => ("", group(6)),
            ("", name) => (group(4), name),
            (name, _) => (group(1), name),
        };
        if matches!(kind, "int" | r"\d+" | "[0-9]+") {
            numbers.push(name.to_owned());
        }
        format!("{}{{{name}}}", group(5))
    });
    (path.into_owned(), numbers)
}

/// The routes of a service that runs: as it wrote them to its log when it started, else as [`find`] does.
pub async fn of_service(
    workspace: &dyn Workspace,
    report: &StackReport,
    service: &Service,
    cancel: CancellationToken,
) -> Table {
    match from_log(&service.beginning()) {
        Some(table) => table,
        None => {
            // It was built when it was started.
            let start = Start { build: None, ..service.start.clone() };
            find(workspace, report, Some(&start), cancel).await
        }
    }
}

/// Asks the framework for its routes, and looks into the sources where it cannot be asked. `start` is how the service
/// is started, for frameworks that can be asked in no other way.
pub async fn find(
    workspace: &dyn Workspace,
    report: &StackReport,
    start: Option<&Start>,
    cancel: CancellationToken,
) -> Table {
    let failed = match ask::asked(workspace, report, start, cancel).await {
        Ok(table) => return table,
        Err(failed) => failed,
    };
    let routes = sources::found(workspace);
    let how = if routes.is_empty() {
        "seen in the sources in any of the ways that are known"
    } else {
        "found in the sources; prefixes are followed within a file only"
    };
    Table { routes, source: format!("{how}{failed}"), certain: false }
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
        let any = Route::new(ANY, "/gone", "django");
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
            ("/a/<int:id>.json", "/a/{id}.json"),
            ("/a/<any(x, y):kind>", "/a/{kind}"),
            ("/a/{id:[0-9]{3}}/b", "/a/{id}/b"),
            ("/from/:a-:b", "/from/{a}-{b}"),
            ("/a/{name}:cancel", "/a/{name}:cancel"),
        ] {
            assert_eq!(braces(path).0, expected, "{path}");
        }
        assert_eq!(braces("/a/<int:id>/{name}/{page:int}").1, ["id", "page"]);
    }
}
