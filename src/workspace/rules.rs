//! What git ignores, as far as untracked files go.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::Environment;
use super::tree::Tree;

/// Ignore rules of a tree: `.gitignore` files of the folders, then `.git/info/exclude`, then the user's own list.
pub(super) struct Rules<'a> {
    tree: &'a Tree,
    outer: Vec<Gitignore>,
    /// Also honour `.ignore` files, which hide from searches only.
    searching: bool,
    /// Paths that count as ignored whatever the lists say.
    links: BTreeSet<PathBuf>,
    folders: RefCell<HashMap<PathBuf, Rc<Vec<Gitignore>>>>,
}

impl<'a> Rules<'a> {
    /// Rules for deciding what belongs to a change.
    pub fn new(tree: &'a Tree, outer: &Outer) -> Self {
        Self { tree, outer: outer.0.clone(), searching: false, links: BTreeSet::new(), folders: RefCell::default() }
    }

    /// Rules for looking around, where `.ignore` files count as well.
    pub fn for_searching(tree: &'a Tree, outer: &Outer) -> Self {
        Self { searching: true, ..Self::new(tree, outer) }
    }

    /// Links to ignored folders, which are ignored although the lists may name folders only.
    pub fn with_links(self, links: BTreeSet<PathBuf>) -> Self {
        Self { links, ..self }
    }

    /// Whether a path is ignored by a rule on itself; its folders are known not to be.
    pub fn ignores(&self, path: &Path, folder: bool) -> bool {
        if self.links.contains(path) {
            return true;
        }
        for ancestor in path.ancestors().skip(1) {
            let Ok(relative) = path.strip_prefix(ancestor) else { continue };
            for list in self.of_folder(ancestor).iter() {
                match list.matched(relative, folder) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
        }
        for list in &self.outer {
            match list.matched(path, folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    /// Whether a path or a folder above it is ignored.
    pub fn ignores_deep(&self, path: &Path, folder: bool) -> bool {
        let mut above: Vec<&Path> = path.ancestors().skip(1).filter(|a| !a.as_os_str().is_empty()).collect();
        above.reverse();
        above.into_iter().any(|folder| self.ignores(folder, true)) || self.ignores(path, folder)
    }

    fn of_folder(&self, folder: &Path) -> Rc<Vec<Gitignore>> {
        if let Some(known) = self.folders.borrow().get(folder) {
            return Rc::clone(known);
        }
        let mut lists = Vec::new();
        let names: &[&str] = if self.searching { &[".ignore", ".gitignore"] } else { &[".gitignore"] };
        for name in names {
            if let Some(bytes) = self.tree.optional(&folder.join(name)) {
                lists.push(parse(&bytes));
            }
        }
        let lists = Rc::new(lists);
        self.folders.borrow_mut().insert(folder.to_owned(), Rc::clone(&lists));
        lists
    }
}

/// Ignore lists from outside the tree, nearest first.
#[derive(Clone, Default)]
pub(super) struct Outer(Vec<Gitignore>);

impl Outer {
    /// Reads `info/exclude` of the repository and the user's own ignore file.
    pub fn read(common_git_folder: Option<&Path>, environment: &Environment) -> Self {
        let exclude = common_git_folder.map(|folder| folder.join("info/exclude"));
        let lists = [exclude, personal_list(environment)];
        Self(lists.into_iter().flatten().filter_map(|path| std::fs::read(path).ok()).map(|b| parse(&b)).collect())
    }
}

/// `core.excludesFile` of the user's git configuration, or its default place.
fn personal_list(environment: &Environment) -> Option<PathBuf> {
    let home = environment.get("HOME").map(PathBuf::from);
    let config = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let config = config.or_else(|| home.as_ref().map(|home| home.join(".config")))?;
    let files = [home.as_ref().map(|home| home.join(".gitconfig")), Some(config.join("git/config"))];
    let named = files.into_iter().flatten().filter_map(|file| std::fs::read_to_string(file).ok()).find_map(|text| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            key.trim().eq_ignore_ascii_case("excludesfile").then(|| value.trim().trim_matches('"').to_owned())
        })
    });
    match named {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home.map(|home| home.join(rest)),
            None => Some(PathBuf::from(path)),
        },
        None => Some(config.join("git/ignore")),
    }
}

/// A line that is no valid pattern matches nothing, as in git.
fn parse(bytes: &[u8]) -> Gitignore {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = GitignoreBuilder::new("");
    for line in text.strip_prefix('\u{feff}').unwrap_or(&text).lines() {
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}
