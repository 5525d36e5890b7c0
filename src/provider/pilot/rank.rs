//! Which files matter for a task: by the paths and names it speaks of, by what a search found, by what was changed last.

use std::collections::BTreeMap;

use super::words::{Terms, stem};
use super::{files, languages, story::Story};

/// A file with the reasons to look at it, added up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ranked {
    /// The file.
    pub(super) path: String,
    /// The more, the likelier it matters.
    pub(super) score: f64,
    /// The task names it.
    pub(super) named: bool,
    /// Lines that were found, by number.
    pub(super) lines: Vec<usize>,
}

/// The largest file that is looked at, in bytes.
const LARGEST: u64 = 60_000;

/// All text files that were listed or found, the best first.
pub(super) fn rank(story: &Story, terms: &Terms) -> Vec<Ranked> {
    let listed: Vec<(String, u64)> = story
        .steps
        .iter()
        .filter(|step| step.name == "list" && step.ok)
        .flat_map(|step| files::listed(&step.output))
        .collect();
    let found: Vec<(String, Vec<(usize, String)>)> = story
        .steps
        .iter()
        .filter(|step| step.name == "search" && step.ok)
        .flat_map(|step| files::hits(&step.output))
        .collect();
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for (path, size) in &listed {
        if *size <= LARGEST {
            all.insert(path.clone(), 0.0);
        }
    }
    for (path, _) in &found {
        if !listed.iter().any(|(known, size)| known == path && *size > LARGEST) {
            all.entry(path.clone()).or_insert(0.0);
        }
    }
    // Without a list a named file is taken at its word.
    for path in &terms.paths {
        if !all.keys().any(|known| is_named(known, path)) && listed.is_empty() {
            all.insert(path.clone(), 0.0);
        }
    }
    let weights = weights(&found, terms);
    let speaks_of_tests = story.task.to_lowercase().contains("test");
    let mut ranked: Vec<Ranked> = all
        .into_keys()
        .filter(|path| !is_noise(path))
        .map(|path| {
            let lines = found.iter().filter(|(of, _)| *of == path).flat_map(|(_, lines)| lines).collect::<Vec<_>>();
            let named = terms.paths.iter().any(|wanted| is_named(&path, wanted));
            let mut score = by_path(&path, terms, speaks_of_tests) + by_hits(&lines, &weights);
            score += if named { 200.0 } else { 0.0 };
            if let Some(place) = story.touched.iter().position(|touched| *touched == path) {
                score += 12.0 / (place + 1) as f64;
            }
            Ranked { path, score, named, lines: lines.iter().map(|(number, _)| *number).collect() }
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
    ranked
}

/// Files of the repository that these lines bring in, by the names of modules.
pub(super) fn imported<'a>(lines: &[String], ranked: &'a [Ranked]) -> Vec<&'a str> {
    let brings = |line: &&String| {
        let line = line.trim_start();
        ["import ", "from ", "use ", "#include", "require"].iter().any(|word| line.starts_with(word))
            || line.contains("require(")
    };
    let words: Vec<&str> = lines
        .iter()
        .filter(brings)
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-'))
        .collect();
    // What a query is about stands in the schema.
    let query = |line: &String| ["select ", "insert into "].iter().any(|word| line.to_lowercase().starts_with(word));
    let queries = lines.iter().any(query);
    let is_brought = |file: &&Ranked| {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let stem = name.split('.').next().unwrap_or(name);
        languages::of(&file.path).is_code
            && !languages::is_test(&file.path)
            && (words.contains(&stem) || queries && name.ends_with(".sql") && stem.contains("schema"))
    };
    ranked.iter().filter(is_brought).map(|file| file.path.as_str()).collect()
}

/// Whether `wanted` means this path: all of it, or its end.
pub(super) fn is_named(path: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches("./");
    path == wanted || path.strip_suffix(wanted).is_some_and(|before| before.ends_with('/'))
}

fn is_noise(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lock = name.ends_with(".lock")
        || matches!(name, "package-lock.json" | "go.sum" | "pnpm-lock.yaml" | ".gitignore" | "LICENSE");
    let binary =
        [".png", ".jpg", ".gif", ".pdf", ".zip", ".db", ".sqlite", ".sqlite3", ".ico", ".woff2", ".gguf", ".pyc"];
    lock || binary.iter().any(|ending| name.ends_with(ending))
        || path.split('/').any(|part| matches!(part, "node_modules" | "vendor" | "dist" | ".git" | "__pycache__"))
}

/// How much a term says: the fewer files hold it, the more.
fn weights(found: &[(String, Vec<(usize, String)>)], terms: &Terms) -> Vec<(String, f64)> {
    let names = terms.names.iter().map(|name| (name.to_lowercase(), 3.0));
    let words = terms.words.iter().map(|word| (stem(word).to_owned(), 1.0));
    names
        .chain(words)
        .map(|(term, base)| {
            let holds =
                found.iter().filter(|(_, lines)| lines.iter().any(|(_, line)| line.to_lowercase().contains(&term)));
            let rarity = 1.0 + (found.len() as f64 / (1.0 + holds.count() as f64)).ln_1p();
            (term, base * rarity)
        })
        .collect()
}

fn by_hits(lines: &[&(usize, String)], weights: &[(String, f64)]) -> f64 {
    let mut score = 0.0;
    for (term, weight) in weights {
        let holding: Vec<&&(usize, String)> =
            lines.iter().filter(|(_, line)| line.to_lowercase().contains(term)).collect();
        if holding.is_empty() {
            continue;
        }
        let defined = holding.iter().any(|(_, line)| languages::defines(line));
        score += weight * (1.0 + (holding.len() as f64).ln() * 0.5) + if defined { weight * 1.5 } else { 0.0 };
    }
    score
}

fn by_path(path: &str, terms: &Terms, speaks_of_tests: bool) -> f64 {
    let lower = path.to_lowercase();
    let parts: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|part| part.len() > 2).collect();
    let all =
        terms.words.iter().map(|word| stem(word).to_owned()).chain(terms.names.iter().map(|name| name.to_lowercase()));
    let mut score = all.filter(|term| parts.iter().any(|part| stem(part) == term)).count() as f64 * 4.0;
    if languages::is_test(path) {
        score -= if speaks_of_tests { 2.0 } else { 14.0 };
    } else if languages::of(path).is_code {
        score += 6.0;
    } else {
        score -= 6.0;
    }
    let speaks_of_routes = terms.speaks_of_http();
    let serves = ["app", "api", "server", "route", "router", "handler", "view", "main", "controller", "index"];
    if speaks_of_routes && parts.iter().any(|part| serves.contains(&stem(part))) {
        score += 8.0;
    }
    score
}
