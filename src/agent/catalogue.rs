//! All agents there are, with precedence: what is nearest to the work wins.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{AgentDef, Note, Source, parse};

/// The agents shipped with the program.
const BUILTIN: &[(&str, &str)] = &[
    ("senior-backend-dev.md", include_str!("../../agents/senior-backend-dev.md")),
    ("reviewer.md", include_str!("../../agents/reviewer.md")),
];

/// Larger files are no prompts.
const SIZE_LIMIT: u64 = 2 * 1024 * 1024;
const DEPTH_LIMIT: usize = 12;

/// Where to look, nearest first within each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// The user's own.
    pub user: Vec<PathBuf>,
    /// The repository's.
    pub project: Vec<PathBuf>,
}

/// A file that is no agent, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub note: Note,
}

/// All agents there are.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The ones that can be used, sorted by name.
    pub agents: Vec<AgentDef>,
    /// The ones behind a nearer one of the same name.
    pub shadowed: Vec<AgentDef>,
    /// Files that were found but are no agents.
    pub skipped: Vec<Skipped>,
}

/// The user's folders: Tenon's own before Claude Code's.
pub fn user_folders(config: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let own = config.join("agents");
    std::iter::once(own).chain(home.map(|home| home.join(".claude/agents"))).collect()
}

/// The repository's folders from `from` up to `root`, nearest first.
pub fn project_folders(from: &Path, root: &Path) -> Vec<PathBuf> {
    let inside = from.starts_with(root);
    let start = if inside { from } else { root };
    let levels = start.ancestors().take_while(|level| level.starts_with(root));
    levels.flat_map(|level| [level.join(".tenon/agents"), level.join(".claude/agents")]).collect()
}

/// The agents shipped with the program.
pub fn builtin() -> Vec<AgentDef> {
    BUILTIN.iter().map(|(name, text)| parse(name, text.as_bytes(), Source::Builtin)).collect()
}

impl Catalogue {
    /// Loads everything. Folders that do not exist are no problem; nothing else is passed over in silence.
    pub fn load(folders: &Folders) -> Self {
        let mut catalogue = Self::default();
        let sources = [(Source::Project, &folders.project), (Source::User, &folders.user)];
        for (source, paths) in sources {
            for path in paths {
                catalogue.add_folder(path, source);
            }
        }
        for agent in builtin() {
            catalogue.add(agent);
        }
        catalogue.agents.sort_by(|a, b| a.name.cmp(&b.name));
        catalogue
    }

    /// The agent of that name. Case is a difference; nothing is guessed.
    pub fn find(&self, name: &str) -> Option<&AgentDef> {
        self.agents.iter().find(|agent| agent.name == name)
    }

    /// The name that a mistyped one is probably about.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let names = self.agents.iter().map(|agent| agent.name.as_str());
        let scored = names.map(|known| (strsim::osa_distance(known, name), known)).min()?;
        (scored.0 <= name.chars().count() / 3 + 1).then_some(scored.1)
    }

    fn add_folder(&mut self, folder: &Path, source: Source) {
        let mut skipped = Vec::new();
        for agent in load_folder(folder, source, &mut skipped) {
            if agent.has_front_matter {
                self.add(agent);
            } else {
                let note = Note::warning(None, "no front matter, so it is not an agent");
                skipped.push(Skipped { path: agent.path.unwrap_or_default(), note });
            }
        }
        self.skipped.extend(skipped);
    }

    fn add(&mut self, mut agent: AgentDef) {
        match self.agents.iter().find(|nearer| nearer.name == agent.name) {
            Some(nearer) => {
                let by =
                    nearer.path.as_ref().map_or_else(|| "a built-in agent".into(), |path| path.display().to_string());
                agent.notes.push(Note::info(None, format!("not used: {by} has the same name and is nearer")));
                self.shadowed.push(agent);
            }
            None => self.agents.push(agent),
        }
    }
}

/// Loads every `*.md` of a folder and of its folders, sorted by path; files without front matter too, with a note.
/// What could not be read at all goes to `skipped`.
pub fn load_folder(folder: &Path, source: Source, skipped: &mut Vec<Skipped>) -> Vec<AgentDef> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    collect(folder, 0, &mut seen, &mut files, skipped);
    files.sort();
    let mut agents = Vec::new();
    for path in files {
        match load_file(&path, source) {
            Ok(agent) => agents.push(agent),
            Err(reason) => skipped.push(Skipped { path, note: Note::error(None, reason) }),
        }
    }
    agents
}

fn load_file(path: &Path, source: Source) -> Result<AgentDef, String> {
    let about = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("not a regular file".into());
    }
    if about.len() > SIZE_LIMIT {
        return Err(format!("{} bytes; a prompt is not larger than {SIZE_LIMIT}", about.len()));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut agent = parse(&path.to_string_lossy(), &bytes, source);
    agent.path = Some(path.to_owned());
    Ok(agent)
}

/// Symlinked folders are followed, but none twice, so a loop ends.
fn collect(
    folder: &Path,
    depth: usize,
    seen: &mut BTreeSet<PathBuf>,
    files: &mut Vec<PathBuf>,
    skipped: &mut Vec<Skipped>,
) {
    let Ok(real) = folder.canonicalize() else { return };
    if !real.is_dir() || !seen.insert(real) {
        return;
    }
    if depth > DEPTH_LIMIT {
        let note = Note::warning(None, format!("deeper than {DEPTH_LIMIT} folders; not searched"));
        skipped.push(Skipped { path: folder.to_owned(), note });
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let note = Note::error(None, format!("cannot be read: {error}"));
            skipped.push(Skipped { path: folder.to_owned(), note });
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, depth + 1, seen, files, skipped);
        } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("md")) {
            files.push(path);
        }
    }
}
