//! A folder of a repository: what lies in it, and which lines of it say something.

use std::cell::OnceCell;

use super::{EntryRule, rules};
use crate::domain::{folder_of, from_folder, from_root};
use crate::stack::{Evidence, Files};

/// A folder with what lies in and below it.
pub(in crate::stack) struct Place<'a> {
    files: &'a dyn Files,
    all: &'a [String],
    /// Relative to the root; empty for the root.
    pub folder: &'a str,
    /// Files in and below the folder, relative to it, sorted.
    pub paths: Vec<&'a str>,
    /// Those of them that may be sources, the nearest first, once they were asked for.
    sources: OnceCell<Vec<&'a str>>,
}

impl<'a> Place<'a> {
    /// A folder of a repository with these files. Folders in `others` belong to somebody else.
    pub(in crate::stack) fn new(files: &'a dyn Files, paths: &'a [String], folder: &'a str) -> Self {
        // Of sorted paths those of a folder stand together.
        let inside = paths[first(paths, folder)..].iter().map_while(|path| from_folder(folder, path));
        Self { files, all: paths, folder, paths: inside.collect(), sources: OnceCell::new() }
    }

    /// Another folder of the same repository.
    pub(in crate::stack) fn at<'b>(&self, folder: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        Place::new(self.files, self.all, folder)
    }

    /// The same without what belongs to projects inside it.
    pub(in crate::stack) fn without(&self, others: &[&str]) -> Place<'a> {
        let mut paths = self.paths.clone();
        for folder in
            others.iter().filter_map(|other| from_folder(self.folder, other)).filter(|inner| !inner.is_empty())
        {
            let start = format!("{folder}/");
            let from = paths.partition_point(|path| *path < start.as_str());
            let to = from + paths[from..].partition_point(|path| path.starts_with(&start));
            paths.drain(from..to);
        }
        Self { files: self.files, all: self.all, folder: self.folder, paths, sources: OnceCell::new() }
    }

    /// All files of the repository.
    pub(in crate::stack) fn all(&self) -> &'a [String] {
        self.all
    }

    /// The path from the root.
    pub(in crate::stack) fn full(&self, path: &str) -> String {
        from_root(self.folder, path)
    }

    pub(in crate::stack) fn read(&self, path: &str) -> Option<String> {
        self.files.read(&self.full(path))
    }

    /// A file anywhere in the repository.
    pub(in crate::stack) fn read_from_root(&self, path: &str) -> Option<String> {
        self.files.read(path)
    }

    pub(in crate::stack) fn exists(&self, path: &str) -> bool {
        self.files.exists(&self.full(path))
    }

    /// Whether a file lies directly in the folder and is not ignored.
    pub(in crate::stack) fn has(&self, name: &str) -> bool {
        self.paths.binary_search(&name).is_ok()
    }

    /// The first line of a file that fits, called from the root.
    pub(in crate::stack) fn find_from_root(&self, path: &str, fits: impl Fn(&str) -> bool) -> Option<Evidence> {
        let text = self.files.read(path)?;
        let (index, line) = text.lines().enumerate().find(|(_, line)| fits(line))?;
        Some(Evidence { file: path.to_owned(), line: Some(index + 1), text: shortened(line) })
    }

    /// Files that lie directly in a folder above, the nearest folder first, each with that folder.
    pub(in crate::stack) fn above(&self) -> Vec<(&'a str, &'a str)> {
        let mut found = Vec::new();
        let mut folder = self.folder;
        while !folder.is_empty() {
            folder = folder_of(folder);
            let mut at = first(self.all, folder);
            while let Some(path) = self.all.get(at).and_then(|path| from_folder(folder, path)) {
                match path.split_once('/') {
                    None => {
                        found.push((folder, path));
                        at += 1;
                    }
                    // Whatever lies deeper stands together.
                    Some((inner, _)) => at = after(self.all, at, &from_root(folder, inner)),
                }
            }
        }
        found
    }

    /// The first line that fits.
    pub(in crate::stack) fn find(&self, path: &str, fits: impl Fn(&str) -> bool) -> Option<Evidence> {
        let text = self.read(path)?;
        let (index, line) = text.lines().enumerate().find(|(_, line)| fits(line))?;
        Some(self.line(path, index, line))
    }

    /// A line of a file as evidence; the index counts from 0.
    pub(in crate::stack) fn line(&self, path: &str, index: usize, line: &str) -> Evidence {
        Evidence { file: self.full(path), line: Some(index + 1), text: shortened(line) }
    }

    /// That a file is there at all.
    pub(in crate::stack) fn presence(&self, path: &str, meaning: &str) -> Evidence {
        Evidence { file: self.full(path), line: None, text: meaning.to_owned() }
    }

    /// The line where a program in this language begins to listen, nearest first.
    pub(in crate::stack) fn entry(&self, language: &str) -> Option<Evidence> {
        let rule = rules().entry.iter().find(|rule| rule.language == language)?;
        let endings: Vec<&str> = rule.endings.iter().map(String::as_str).collect();
        self.entry_in(rule, &self.sources(&endings))
    }

    /// The same in these files only.
    pub(in crate::stack) fn entry_in(&self, rule: &EntryRule, files: &[&str]) -> Option<Evidence> {
        let regex = rule.regex.as_ref()?;
        let says = |line: &str| !line.trim_start().starts_with(['#', '/', '*']) && regex.is_match(line);
        files.iter().find_map(|path| self.find(path, says))
    }

    /// Source files of the project with one of these endings, the nearest first, tests left out, a bounded number.
    pub(in crate::stack) fn sources(&self, endings: &[&str]) -> Vec<&'a str> {
        const MOST: usize = 300;
        let all = self.sources.get_or_init(|| {
            let own = |path: &&str| {
                !path.ends_with(".d.ts")
                    && !path.split('/').any(|part| NO_SOURCE.iter().any(|word| part.starts_with(word)))
            };
            let mut found: Vec<&str> = self.paths.iter().copied().filter(own).collect();
            found.sort_by_cached_key(|path| path.matches('/').count());
            found
        });
        let wanted = |path: &&str| endings.iter().any(|end| path.ends_with(end));
        all.iter().copied().filter(wanted).take(MOST).collect()
    }
}

/// Where the paths of a folder begin among sorted ones.
fn first(paths: &[String], folder: &str) -> usize {
    if folder.is_empty() {
        return 0;
    }
    let start = format!("{folder}/");
    paths.partition_point(|path| path.as_str() < start.as_str())
}

/// Where they end; one of them stands at `at`.
fn after(paths: &[String], at: usize, folder: &str) -> usize {
    let inside = |path: &String| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    at + paths[at..].partition_point(inside).max(1)
}

/// Beginnings of names of files and folders that say nothing about what is served.
const NO_SOURCE: &[&str] = &[
    "test",
    "__tests__",
    "node_modules",
    "docs",
    "examples",
    "conftest",
    "spec",
    "dist",
    "build",
    "bench",
    ".",
    "vendor",
    "migrations",
];

fn shortened(line: &str) -> String {
    line.trim().chars().take(160).collect()
}
