//! Routes as they are written in the sources, for what cannot be asked.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::Route;
use crate::workspace::{Hit, Query, Workspace};

/// What a line has to hold to be looked at.
const LINES: &str = r#"(?i)\b(get|post|put|patch|delete|group|route|blueprint|apirouter)\(.*["'`]/"#;

static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:^|[\s.@])(?:(\w+)\.)?(get|post|put|patch|delete)\(\s*["'`](/[^"'`\s]*)["'`]"#).ok()
});
/// `v1 := r.Group("/v1")`, `items = APIRouter(prefix="/items")`, `bp = Blueprint("x", __name__, url_prefix="/x")`.
static GROUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(\w+)\s*:?=\s*(?:(\w+)\.)?(?:group\(|(?:apirouter|blueprint)\(.*prefix\s*=)\s*["'`](/[^"'`\s]*)["'`]"#,
    )
    .ok()
});
/// `.route("/items/{id}", get(show).delete(remove))` of Axum.
static AXUM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\.route\(\s*"(/[^"]*)"\s*,(.*)"#).ok());
static METHOD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(get|post|put|patch|delete)\(").ok());

/// Every route that is found. A prefix is followed within its file only.
pub(super) fn found(workspace: &dyn Workspace) -> Vec<Route> {
    let query = Query { pattern: LINES.to_owned(), path: None, glob: None, limit: 2_000 };
    let Ok((mut hits, _)) = workspace.search(&query) else { return Vec::new() };
    let source = |path: &str| {
        let ends = [".js", ".ts", ".mjs", ".cjs", ".py", ".go", ".rs"];
        ends.iter().any(|end| path.ends_with(end)) && !path.contains("test") && !path.contains("spec")
    };
    hits.retain(|hit| source(hit.path.as_str()));
    hits.sort_by(|a, b| (a.path.as_str(), a.line).cmp(&(b.path.as_str(), b.line)));
    let mut routes: Vec<Route> = hits.chunk_by(|a, b| a.path == b.path).flat_map(of_file).collect();
    routes.sort();
    routes.dedup_by(|a, b| a.method == b.method && a.path == b.path);
    routes
}

fn of_file(hits: &[Hit]) -> Vec<Route> {
    let mut prefixes: BTreeMap<String, String> = BTreeMap::new();
    let mut routes = Vec::new();
    for hit in hits {
        let place = format!("{}:{}", hit.path, hit.line);
        let prefix = |prefixes: &BTreeMap<String, String>, name: Option<&str>| {
            name.and_then(|name| prefixes.get(name)).cloned().unwrap_or_default()
        };
        if let Some(group) = GROUP.as_ref().and_then(|group| group.captures(&hit.text)) {
            let before = prefix(&prefixes, group.get(2).map(|name| name.as_str()));
            prefixes.insert(group[1].to_owned(), format!("{before}{}", group[3].trim_end_matches('/')));
        } else if let Some(call) = CALL.as_ref().and_then(|call| call.captures(&hit.text)) {
            let before = prefix(&prefixes, call.get(1).map(|name| name.as_str()));
            routes.push(Route::new(&call[2], &format!("{before}{}", &call[3]), &place));
        } else if let Some(route) = AXUM.as_ref().and_then(|route| route.captures(&hit.text)) {
            let methods = METHOD.iter().flat_map(|method| method.captures_iter(&route[2]));
            routes.extend(methods.map(|method| Route::new(&method[1], &route[1], &place)));
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RepoPath;

    #[test]
    fn routes_are_read_with_the_prefix_of_their_group() {
        let lines = [
            "app.get('/users/:id', show)",
            "@app.post(\"/items\", status_code=201)",
            "\tv1 := r.Group(\"/api/v1\")",
            "\torders := v1.Group(\"/orders\")",
            "\torders.DELETE(\"/:id\", h)",
            "stock = APIRouter(tags=[\"stock\"], prefix=\"/stock\")",
            "@stock.get(\"/{item_id}\")",
            "    .route(\"/a/{id}\", get(show).delete(remove))",
        ];
        let hit = |(index, text): (usize, &&str)| Hit {
            path: RepoPath::parse("a.go").unwrap(),
            line: index as u64 + 1,
            text: (*text).to_owned(),
        };
        let hits: Vec<Hit> = lines.iter().enumerate().map(hit).collect();
        let found: Vec<String> =
            of_file(&hits).iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(
            found,
            [
                "GET /users/{id}",
                "POST /items",
                "DELETE /api/v1/orders/{id}",
                "GET /stock/{item_id}",
                "GET /a/{id}",
                "DELETE /a/{id}"
            ]
        );
    }
}
