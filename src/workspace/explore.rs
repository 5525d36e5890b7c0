//! Looking around in a workspace: `list` and `search`.

use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use grep_regex::RegexMatcherBuilder;
use grep_searcher::sinks::Bytes;
use grep_searcher::{BinaryDetection, SearcherBuilder};

use super::rules::Rules;
use super::tree::{Kind, Tree};
use super::{Entry, Hit, Query, WorkspaceError, io_error};
use crate::domain::RepoPath;

/// Bytes of a matching line that are kept.
const LINE: usize = 500;

/// Hits when the query names no limit.
const HITS: usize = 1_000;

/// Lists a folder; see [`super::Workspace::list`].
pub(super) fn list(
    tree: &Tree,
    rules: &Rules<'_>,
    start: Option<&RepoPath>,
    depth: usize,
    limit: usize,
) -> Result<(Vec<Entry>, bool), WorkspaceError> {
    if let Some(path) = start {
        match kind(tree, path)? {
            Kind::Folder => {}
            _ => return Err(WorkspaceError::Kind { path: path.clone(), what: "a file, not a folder" }),
        }
    }
    let mut found = Vec::new();
    let finished = walk(tree, rules, start, depth.max(1), &mut |path, kind| {
        let Some(name) = repo_path(path) else { return true };
        if found.len() >= limit {
            return false;
        }
        let size = match kind {
            Kind::Folder => 0,
            _ => tree.metadata(path).ok().flatten().map_or(0, |metadata| metadata.len()),
        };
        found.push(Entry { path: name, folder: kind == Kind::Folder, size });
        true
    });
    Ok((found, !finished))
}

/// Searches files; see [`super::Workspace::search`].
/// `shown` gives what is to be searched in place of a file's own bytes.
pub(super) fn search(
    tree: &Tree,
    rules: &Rules<'_>,
    query: &Query,
    shown: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> Result<(Vec<Hit>, bool), WorkspaceError> {
    let matcher = RegexMatcherBuilder::new()
        .case_smart(true)
        .line_terminator(Some(b'\n'))
        .build(&query.pattern)
        .map_err(|error| WorkspaceError::Pattern(error.to_string()))?;
    let glob = query.glob.as_deref().map(Filter::new).transpose()?;
    let mut searcher =
        SearcherBuilder::new().line_number(true).binary_detection(BinaryDetection::quit(0)).bom_sniffing(true).build();
    let limit = if query.limit == 0 { HITS } else { query.limit };
    let mut hits: Vec<Hit> = Vec::new();
    let mut look = |path: &Path| -> bool {
        let Some(name) = repo_path(path).filter(|name| glob.as_ref().is_none_or(|glob| glob.takes(name))) else {
            return true;
        };
        let Ok(file) = tree.open_file(path) else { return true };
        let before = hits.len();
        let mut more = false;
        let sink = Bytes(|line, bytes| {
            more = hits.len() >= limit;
            if !more {
                hits.push(Hit { path: name.clone(), line, text: line_text(bytes) });
            }
            Ok(!more)
        });
        // A file that cannot be read to its end has no hits at all.
        let searched = match shown(path) {
            Some(bytes) => searcher.search_slice(&matcher, &bytes, sink),
            None => searcher.search_file(&matcher, &file, sink),
        };
        if let Err(error) = searched {
            hits.truncate(before);
            return error.kind() != io::ErrorKind::OutOfMemory;
        }
        !more
    };
    if let Some(path) = &query.path
        && kind(tree, path)? != Kind::Folder
    {
        let finished = look(path.as_ref());
        return Ok((hits, !finished));
    }
    let finished = walk(tree, rules, query.path.as_ref(), usize::MAX, &mut |path, kind| {
        // A symlink is searched where its target lies.
        kind != Kind::File || look(path)
    });
    Ok((hits, !finished))
}

/// What a named start is, symlinks followed.
fn kind(tree: &Tree, path: &RepoPath) -> Result<Kind, WorkspaceError> {
    match tree.kind(path.as_ref()).map_err(io_error(format!("cannot look at `{path}`")))? {
        None => Err(WorkspaceError::Missing(path.clone())),
        Some(Kind::Symlink) => match tree.entries(path.as_ref()) {
            Ok(_) => Ok(Kind::Folder),
            Err(_) => tree.read(path).map(|_| Kind::File),
        },
        Some(kind) => Ok(kind),
    }
}

/// Visits what the rules allow below a folder, in the order of paths, until `visit` says no; whether it came to the end.
fn walk(
    tree: &Tree,
    rules: &Rules<'_>,
    start: Option<&RepoPath>,
    depth: usize,
    visit: &mut dyn FnMut(&Path, Kind) -> bool,
) -> bool {
    let folder = start.map_or_else(PathBuf::new, |path| PathBuf::from(path.as_str()));
    // Who names an ignored folder wants to see it.
    let wanted = start.is_some() && rules.ignores_deep(&folder, true);
    descend(tree, (!wanted).then_some(rules), &folder, depth, visit)
}

fn descend(
    tree: &Tree,
    rules: Option<&Rules<'_>>,
    folder: &Path,
    depth: usize,
    visit: &mut dyn FnMut(&Path, Kind) -> bool,
) -> bool {
    // A folder that cannot be read, or is gone by now, has nothing to show.
    let Ok(entries) = tree.entries(folder) else { return true };
    for entry in entries {
        let path = folder.join(&entry.name);
        let is_folder = entry.kind == Kind::Folder;
        if entry.name == ".git" || rules.is_some_and(|rules| rules.ignores(&path, is_folder)) {
            continue;
        }
        if !visit(&path, entry.kind) {
            return false;
        }
        if is_folder && depth > 1 && !descend(tree, rules, &path, depth.saturating_sub(1), visit) {
            return false;
        }
    }
    true
}

/// The path as tools know it; `None` for names they cannot write.
fn repo_path(path: &Path) -> Option<RepoPath> {
    path.to_str().and_then(|text| RepoPath::parse(text).ok()).filter(|parsed| Path::new(parsed.as_str()) == path)
}

fn line_text(bytes: &[u8]) -> String {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = String::from_utf8_lossy(line.get(..LINE).unwrap_or(line)).into_owned();
    if line.len() > LINE {
        // The cut may have fallen into a character.
        while text.ends_with('\u{fffd}') {
            text.pop();
        }
        text.push('…');
    }
    text
}

/// A glob as people mean it: without a slash it is about the name, with one about the path.
struct Filter {
    matcher: GlobMatcher,
    on_name: bool,
}

impl Filter {
    fn new(glob: &str) -> Result<Self, WorkspaceError> {
        let text = glob.strip_prefix("./").unwrap_or(glob);
        let matcher = GlobBuilder::new(text.strip_prefix('/').unwrap_or(text))
            .literal_separator(true)
            .build()
            .map_err(|error| WorkspaceError::Pattern(error.to_string()))?
            .compile_matcher();
        Ok(Self { matcher, on_name: !text.contains('/') })
    }

    fn takes(&self, path: &RepoPath) -> bool {
        self.matcher.is_match(if self.on_name { path.file_name() } else { path.as_str() })
    }
}
