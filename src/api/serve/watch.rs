//! Queries of Python's object mappers, told by a module that every Python of the service loads at its start.

use super::Start;
use crate::domain::RepoPath;
use crate::workspace::Workspace;

/// The module: see the file itself.
const WATCH: &str = include_str!("../../../assets/queries.py");
/// Where it is put, in a workspace that is thrown away.
const PLACE: &str = ".tenon-queries";

/// Lets a service tell of its queries without a change of its own. Only for a workspace that is thrown away: a file is
/// written into it. Services that are not of Python tell of them in their log, or not at all. Blocking.
pub fn watch_queries(workspace: &dyn Workspace, start: &mut Start) {
    let planted = RepoPath::parse(&format!("{PLACE}/sitecustomize.py"))
        .is_ok_and(|path| workspace.write(&path, WATCH.as_bytes(), None).is_ok());
    if planted {
        let here = workspace.root().join(PLACE);
        let others = std::env::var_os("PYTHONPATH");
        let folders = std::iter::once(here).chain(others.iter().flat_map(std::env::split_paths));
        if let Ok(path) = std::env::join_paths(folders) {
            start.environment.push(("PYTHONPATH".to_owned(), path.to_string_lossy().into_owned()));
        }
    }
}
