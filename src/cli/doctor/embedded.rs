//! The model inside this program: whether it is built in, whether its weights are whole, whether this machine can run it.

use super::super::surroundings::Surroundings;
use super::Check;
use crate::provider::embedded::weights::{self, KNOWN};
use crate::provider::embedded::{MISSING, machine};
use crate::provider::fetch::{sha256_of, size_in_words};

const NAME: &str = "embedded";

pub(super) fn check(around: &Surroundings) -> Check {
    if !cfg!(feature = "embedded") {
        return Check { name: NAME, ok: true, detail: MISSING.to_owned(), hint: None };
    }
    let free = machine::free_memory();
    let memory = free.map_or_else(|| "unknown".to_owned(), size_in_words);
    let place = format!("{} threads, {memory} of memory free", machine::cores());
    let lacks = machine::missing_features();
    let Some(model) = weights::installed(&around.directories.cache).first().copied() else {
        let model = &KNOWN[0];
        let detail = format!("no weights are here; {place}{}", lacking(&lacks));
        let hint = format!("tenon models pull {} fetches {}", model.name, size_in_words(model.bytes));
        return Check { name: NAME, ok: true, detail, hint: Some(hint) };
    };
    let path = weights::folder(&around.directories.cache).join(model.file);
    let (sound, hash, hint) = match sha256_of(&path) {
        Ok(found) if found == model.sha256 => (true, "the official file by its SHA-256".to_owned(), None),
        Ok(_) => {
            let hint = format!("remove {} and run tenon models pull {}", path.display(), model.name);
            (false, "another file than the official one, by its SHA-256".to_owned(), Some(hint))
        }
        Err(error) => (false, error.to_string(), None),
    };
    let room = free.is_none_or(|free| free >= model.memory);
    let short = if room { String::new() } else { format!("; it needs {}", size_in_words(model.memory)) };
    let detail = format!("{}, {hash}; {place}{short}{}", model.name, lacking(&lacks));
    let hint = hint.or_else(|| (!room).then(|| "close other programs, or choose a smaller model".to_owned()));
    Check { name: NAME, ok: sound && room && lacks.is_empty(), detail, hint }
}

fn lacking(features: &[&str]) -> String {
    if features.is_empty() { String::new() } else { format!("; this processor lacks {}", features.join(", ")) }
}
