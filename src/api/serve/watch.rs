//! Queries of a service, told by what its runtime loads at its start: a module for Python and Node.js, a file in place
//! of one of the standard library for Go.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{MOST_BUILD, Start};
use crate::domain::RepoPath;
use crate::workspace::{Exit, Job, Workspace, run_whole};

/// The modules: see the files themselves.
const PYTHON: &str = include_str!("../../../assets/queries.py");
const NODE: &str = include_str!("../../../assets/queries.cjs");
/// What is added to Go's package of databases.
const GO: &str = include_str!("../../../assets/queries.go");
/// Where they are put, in a workspace that is thrown away.
const PLACE: &str = ".tenon-queries";
/// Go's package of databases is some 100 KiB of text.
const MOST_TEXT: usize = 2 << 20;

/// Lets a service tell of its queries without a change of its own. Only for a workspace that is thrown away: files are
/// written into it. Services of other languages tell of them in their log, or not at all.
pub async fn watch_queries(workspace: &Arc<dyn Workspace>, start: &mut Start, cancel: &CancellationToken) {
    let (tree, planted) = (Arc::clone(workspace), [("sitecustomize.py", PYTHON), ("queries.cjs", NODE)]);
    let plant = move || planted.iter().all(|(name, text)| write(tree.as_ref(), name, text));
    if !tokio::task::spawn_blocking(plant).await.unwrap_or(false) {
        return;
    }
    let here = workspace.root().join(PLACE);
    let others = std::env::var_os("PYTHONPATH");
    let folders = std::iter::once(here.clone()).chain(others.iter().flat_map(std::env::split_paths));
    if let Ok(path) = std::env::join_paths(folders) {
        start.environment.push(("PYTHONPATH".to_owned(), path.to_string_lossy().into_owned()));
    }
    let module = here.join("queries.cjs").display().to_string();
    let others = std::env::var("NODE_OPTIONS").map(|others| format!("{others} ")).unwrap_or_default();
    let quoted = module.replace('\\', "\\\\").replace('"', "\\\"");
    start.environment.push(("NODE_OPTIONS".to_owned(), format!("{others}--require \"{quoted}\"")));
    if start.line().split_whitespace().any(|word| word == "go")
        && let Some(flags) = go_flags(workspace, start, cancel).await
    {
        start.environment.push(("GOFLAGS".to_owned(), flags));
    }
}

fn write(workspace: &dyn Workspace, name: &str, text: &str) -> bool {
    RepoPath::parse(&format!("{PLACE}/{name}")).is_ok_and(|path| workspace.write(&path, text.as_bytes(), None).is_ok())
}

/// Plants what every Go program is compiled with, and returns the flags that say so. `None` where Go is built otherwise.
async fn go_flags(workspace: &Arc<dyn Workspace>, start: &Start, cancel: &CancellationToken) -> Option<String> {
    let command = "go env GOVERSION GOFLAGS GOROOT && cat \"$(go env GOROOT)/src/database/sql/sql.go\"";
    let job = Job {
        folder: RepoPath::parse(&start.folder).ok(),
        environment: start.environment.clone(),
        ..Job::new(command, MOST_BUILD)
    };
    let (exit, text) = run_whole(workspace.as_ref(), job, cancel.clone(), MOST_TEXT).await;
    if !matches!(exit, Ok(Exit::Code(0))) {
        return None;
    }
    let (version, rest) = text.split_once('\n')?;
    // Versions that do not know the flag do not tell theirs either.
    let (flags, rest) = Some(rest).filter(|_| !version.is_empty())?.split_once('\n')?;
    let (root, source) = rest.split_once('\n')?;
    let here = workspace.root().join(PLACE);
    let replaced = |name: &str| (format!("{root}/src/database/sql/{name}"), here.join(format!("go-{name}")));
    let files = BTreeMap::from([replaced("sql.go"), replaced("tenon.go")]);
    let overlay = json!({"Replace": files});
    let (tree, watched) = (Arc::clone(workspace), watched(source)?);
    let plant = move || {
        write(tree.as_ref(), "go-sql.go", &watched)
            && write(tree.as_ref(), "go-tenon.go", GO)
            && write(tree.as_ref(), "overlay.json", &overlay.to_string())
    };
    let planted = tokio::task::spawn_blocking(plant).await.unwrap_or(false);
    let path = here.join("overlay.json").display().to_string();
    // A flag with a space in it stands in quotes.
    let flag = if path.contains(' ') { format!("'-overlay={path}'") } else { format!("-overlay={path}") };
    planted.then(|| format!("{flags} {flag}").trim().to_owned())
}

/// Go's package of databases, which tells of what it is asked. `None` for a version that is written otherwise.
fn watched(source: &str) -> Option<String> {
    let mut text = source.to_owned();
    for (head, call) in
        [("func (db *DB) queryDC(", "tenonQuery(query)"), ("func (s *Stmt) QueryContext(", "tenonQuery(s.query)")]
    {
        let at = text.find(head)?;
        let body = at + text[at..].find("{\n")? + 2;
        text.insert_str(body, &format!("\t{call}\n"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_databases_tells_of_its_queries_at_both_places() {
        let source = "package sql\n\nfunc (s *Stmt) QueryContext(ctx context.Context, args ...any) (*Rows, error) {\n\ts.closemu.RLock()\n}\n\n\
                      func (db *DB) queryDC(ctx, txctx context.Context, query string, args []any) (*Rows, error) {\n\tqueryerCtx, ok := x\n}\n";
        let text = watched(source).unwrap();
        assert!(
            text.contains("{\n\ttenonQuery(s.query)\n\ts.closemu")
                && text.contains("{\n\ttenonQuery(query)\n\tqueryer")
        );
        assert_eq!(watched("package sql\n"), None);
    }
}
