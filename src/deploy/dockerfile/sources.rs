//! Whether what a Dockerfile copies is there.

use globset::Glob;

use super::super::{Sink, Tree, rules};
use super::parse::{self, Instruction};
use crate::domain::from_root;

/// What the folder a build is given may be, relative to the root.
fn contexts(tree: &Tree<'_>, dockerfile: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut folder = dockerfile;
    // A Dockerfile in `docker/` may be built from any folder above it.
    while let Some((above, _)) = folder.rsplit_once('/') {
        found.push(above.to_owned());
        folder = above;
    }
    for path in
        tree.paths.iter().filter(|path| path.contains("compose") && (path.ends_with(".yml") || path.ends_with(".yaml")))
    {
        let Some(text) = tree.files.read(path) else { continue };
        let place = crate::domain::folder_of(path);
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once(':') else { continue };
            if matches!(key, "context" | "build") && !value.trim().is_empty() {
                let value = value.trim().trim_matches(['"', '\'']).trim_start_matches("./");
                let value = if value == "." { "" } else { value };
                found.push(from_root(place, value));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// What git ignores is made by something, and not being there now is no mistake.
fn is_ignored(tree: &Tree<'_>, path: &str) -> bool {
    let mut builder = ignore::gitignore::GitignoreBuilder::new("/");
    for line in tree.files.read(".gitignore").unwrap_or_default().lines() {
        let _ = builder.add_line(None, line);
    }
    builder.build().is_ok_and(|rules| rules.matched_path_or_any_parents(format!("/{path}"), false).is_ignore())
}

fn joined(context: &str, source: &str) -> String {
    let source = source.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
    if context.is_empty() { source.to_owned() } else { format!("{}/{source}", context.trim_end_matches('/')) }
}

fn is_there(tree: &Tree<'_>, path: &str) -> bool {
    if path.is_empty() || path == "." {
        return true;
    }
    if path.contains(['*', '?', '[']) {
        let Ok(glob) = Glob::new(path) else { return true };
        let glob = glob.compile_matcher();
        let folders = |path: &str| path.match_indices('/').any(|(at, _)| glob.is_match(&path[..at]));
        return tree.paths.iter().any(|known| glob.is_match(known) || folders(known));
    }
    tree.has_folder(path)
}

/// Says which sources are nowhere.
pub(super) fn check(instruction: &Instruction, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let foreign = instruction.options.iter().any(|(name, _)| name == "from");
    if foreign || !instruction.heredocs.is_empty() {
        return;
    }
    let places = parse::places(instruction);
    let contexts = contexts(tree, sink.path);
    for source in &places[..places.len().saturating_sub(1)] {
        if source.contains(['$', '<']) || source.contains("://") || source.starts_with("git@") || source.contains("..")
        {
            continue;
        }
        let candidates: Vec<String> = contexts.iter().map(|context| joined(context, source)).collect();
        if candidates.iter().any(|path| is_there(tree, path)) {
            continue;
        }
        let built = &rules::rules().dockerfile.built;
        let parts = || source.trim_start_matches("./").split('/');
        let made = parts().any(|part| built.iter().any(|known| known == part))
            || [".jar", ".war", ".whl", ".so", ".tar.gz", ".tgz", ".deb", ".zip", ".tar", ".exe"]
                .iter()
                .any(|end| source.ends_with(end))
            || !parts().next_back().unwrap_or_default().contains('.') && parts().count() == 1 && !source.ends_with('/')
            || candidates.iter().any(|path| is_ignored(tree, path));
        let beside: Vec<String> = candidates
            .iter()
            .flat_map(|path| {
                let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
                tree.paths
                    .iter()
                    .filter_map(move |known| known.strip_prefix(&folder)?.split('/').next().map(str::to_owned))
                    .collect::<Vec<_>>()
            })
            .collect();
        let name = parts().next_back().unwrap_or_default();
        let hint = rules::hint(name, &beside);
        let message = format!("`{source}` is not there{hint}");
        if made && hint.is_empty() {
            continue;
        }
        sink.error(instruction.line, "copy", message);
    }
}

/// A whole folder is copied, and nothing says what is left out.
pub(super) fn ignore_file(instructions: &[Instruction], tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let whole = |one: &&Instruction| {
        matches!(one.word.as_str(), "COPY" | "ADD")
            && !one.options.iter().any(|(name, _)| name == "from")
            && parse::places(one).first().is_some_and(|source| matches!(source.as_str(), "." | "./"))
    };
    let Some(copy) = instructions.iter().find(whole) else { return };
    let own = format!("{}.dockerignore", sink.path);
    let there =
        tree.has(&own) || contexts(tree, sink.path).iter().any(|context| tree.has(&joined(context, ".dockerignore")));
    if !there {
        sink.warn(
            copy.line,
            "dockerignore",
            "everything is copied and there is no .dockerignore: .git, .env and dependencies go into the image",
        );
    }
}
