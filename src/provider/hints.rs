//! What to do about an error, one sentence each.

use super::ErrorKind;
use super::preset::Preset;

/// Hints for a missing or wrong key.
pub(super) fn auth(preset: &Preset) -> Vec<String> {
    let mut hints = Vec::new();
    if let Some(name) = preset.key_env.first() {
        hints.push(format!("Set {name} to a key of {}.", preset.title));
    }
    hints.push("Or choose another model; `tenon models list` shows what can be reached.".to_owned());
    hints
}

/// Hints for a request that failed.
pub(super) fn after(kind: ErrorKind, status: Option<u16>, preset: &Preset, model: &str) -> Vec<String> {
    match kind {
        ErrorKind::Auth => auth(preset),
        ErrorKind::Request if status == Some(404) => unknown_model(preset, model),
        ErrorKind::Request | ErrorKind::Config => vec![],
        ErrorKind::ContextTooLong => {
            let larger = preset.larger.iter().map(|how| format!("Or give this one a larger window: `{how}`."));
            let other = "Compact the conversation, or choose a model with a larger window.".to_owned();
            std::iter::once(other).chain(larger).collect()
        }
        ErrorKind::Busy => vec!["Wait a little and say it again, or choose another model.".to_owned()],
        ErrorKind::Server => {
            vec!["The failure is on the provider's side; try again later or choose another model.".to_owned()]
        }
        ErrorKind::Network => network(preset),
        ErrorKind::Protocol => vec!["Check the provider's base_url: something else answers there.".to_owned()],
    }
}

fn network(preset: &Preset) -> Vec<String> {
    match &preset.start {
        Some(start) => vec![format!("Is {} running? Start it with `{start}`.", preset.title)],
        None => vec!["Check the network and the provider's base_url.".to_owned()],
    }
}

fn unknown_model(preset: &Preset, model: &str) -> Vec<String> {
    let mut hints = Vec::new();
    let near = nearest(model, preset.known_models(), 3);
    if !near.is_empty() {
        hints.push(format!("Near to {model}: {}.", near.join(", ")));
    }
    if let Some(pull) = &preset.pull {
        hints.push(format!("If the model is not there yet: `{pull} {model}`."));
    }
    hints
}

/// The names nearest to a wrong one, best first.
pub(super) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let wrong = wrong.to_lowercase();
    let mut rated: Vec<(f64, &str)> =
        names.into_iter().map(|name| (strsim::jaro_winkler(&wrong, &name.to_lowercase()), name)).collect();
    rated.retain(|(score, _)| *score > 0.75);
    rated.sort_by(|a, b| b.0.total_cmp(&a.0));
    rated.dedup_by(|a, b| a.1 == b.1);
    rated.into_iter().take(most).map(|(_, name)| name).collect()
}
