//! What killed programs have left: reported, and with `--fix` cleaned up.

use super::{Check, Surroundings};
use crate::git::{Recovered, Repository};
use crate::journal::Store;
use crate::workspace::{self, Leftover};

const NAME: &str = "left behind";

pub(super) fn check(around: &Surroundings, fix: bool) -> Check {
    let left = look(around);
    let pending = Repository::open(&around.folder).ok().filter(Repository::is_pending);
    if fix { cleaned(left, pending) } else { told(&left, pending.is_some()) }
}

fn look(around: &Surroundings) -> Vec<Leftover> {
    let store = Store::new(&around.directories.state);
    let folder = around.settings.workspace.folder_in(&around.directories.cache);
    workspace::leftovers(&folder.join("workspaces"), &folder.join("exec"), &|session| store.find(session).is_ok())
}

fn told(left: &[Leftover], pending: bool) -> Check {
    let mut parts: Vec<String> = left.iter().map(|left| left.what.clone()).collect();
    if pending {
        parts.insert(0, "a commit in this repository was left half done".to_owned());
    }
    let bytes: u64 = left.iter().map(|left| left.bytes).sum();
    let detail = match parts.as_slice() {
        [] => "nothing".to_owned(),
        _ => format!("{} ({} MiB)", shortened(&parts), bytes >> 20),
    };
    let hint = (!parts.is_empty())
        .then(|| "tenon doctor --fix removes it, and finishes or takes back such a commit".to_owned());
    Check { name: NAME, ok: !pending, detail, hint }
}

fn cleaned(left: Vec<Leftover>, pending: Option<Repository>) -> Check {
    let mut done = Vec::new();
    let mut trouble = Vec::new();
    if let Some(repository) = pending {
        match repository.recover() {
            Ok(None) => {}
            Ok(Some(Recovered::Finished { .. })) => done.push("a commit left half done is finished".to_owned()),
            Ok(Some(Recovered::TakenBack { .. })) => done.push("a commit left half done is taken back".to_owned()),
            Err(error) => trouble.push(error.to_string()),
        }
    }
    for left in left {
        match left.remove() {
            Ok(()) => done.push(format!("removed {}", left.what)),
            Err(error) => trouble.push(format!("{}: {error}", left.what)),
        }
    }
    let ok = trouble.is_empty();
    let parts = if ok { done } else { trouble };
    let detail = if parts.is_empty() { "nothing".to_owned() } else { shortened(&parts) };
    Check { name: NAME, ok, detail, hint: None }
}

fn shortened(parts: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut text = parts.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if parts.len() > SHOWN {
        text.push_str(&format!("; and {} more", parts.len() - SHOWN));
    }
    text
}
