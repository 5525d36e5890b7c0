//! What there is to choose from on this machine, and what each choice means for the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::embedded::weights::{self, KnownModel};
use super::fetch::{Fetcher, free_space, size_in_words};
use super::registry::{ProviderSummary, Registry};
use crate::config::Settings;
use crate::text;

/// Memory that the rest of the machine keeps.
const MEMORY_MARGIN: u64 = 400_000_000;

/// A model that can be chosen, or could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name as `provider/model`.
    pub model: String,
    /// In a few words how it stands: `key found`, `1.12 GB to download`, `needs OPENAI_API_KEY`.
    pub state: String,
    /// Whether it can be taken.
    pub ready: Ready,
    /// What choosing it means, a sentence each.
    pub details: Vec<String>,
}

/// What stands between the user and a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Nothing.
    Now,
    /// A download of so many bytes.
    Download(u64),
    /// Something the user has to do; the state says what.
    Missing,
}

/// Looks for models: the environment's keys at once, servers on this machine when asked.
pub struct Scout {
    settings: Settings,
    environment: BTreeMap<String, String>,
    cache: PathBuf,
}

impl std::fmt::Debug for Scout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scout").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Scout {
    /// Looks in these surroundings.
    pub fn new(settings: &Settings, environment: &BTreeMap<String, String>, cache: &Path) -> Self {
        Self { settings: settings.clone(), environment: environment.clone(), cache: cache.to_owned() }
    }

    /// What is known without asking anybody, the best first: models with a key, the embedded ones, those that need
    /// something. Reads no more than the sizes of a few files.
    pub fn offers(&self) -> Vec<Offer> {
        let remote = self.registry().list().into_iter().filter(|provider| !provider.local);
        let (ready, missing): (Vec<_>, Vec<_>) = remote.partition(|provider| provider.key_present);
        // One of each first, so that the ways there are can be seen at a glance.
        let mut offers: Vec<Offer> = ready.iter().filter_map(best).collect();
        offers.extend(self.embedded());
        offers.extend(missing.iter().filter_map(without_key));
        offers.extend(ready.iter().flat_map(others));
        offers
    }

    /// Models of the servers on this machine that answer. Nothing but loopback is asked.
    async fn servers(&self) -> Vec<Offer> {
        let servers = self.registry().local_servers().await;
        let named = servers.into_iter().flat_map(|server| {
            let address = text::sanitize_line(&server.address).into_owned();
            server.models.into_iter().map(move |model| Offer {
                model: format!("{}/{model}", server.provider),
                state: format!("runs at {address}"),
                ready: Ready::Now,
                details: vec!["Stays on this machine. Costs nothing.".to_owned()],
            })
        });
        named.collect()
    }

    /// Everything there is to choose from, servers on this machine included.
    pub async fn all(&self) -> Vec<Offer> {
        let mut offers = self.offers();
        // After models with a key, before those that run in here.
        let inside = |offer: &Offer| offer.ready != Ready::Now || offer.model.starts_with("embedded/");
        let at = offers.iter().position(inside).unwrap_or(offers.len());
        offers.splice(at..at, self.servers().await);
        offers
    }

    /// What fetches the weights of an offer that is to be downloaded.
    pub fn fetcher(&self) -> Fetcher {
        Fetcher::new(&self.cache, &self.environment)
    }

    fn registry(&self) -> Registry {
        Registry::new(&self.settings, &self.environment)
    }

    /// The models that run inside this program, and those that could.
    pub fn embedded(&self) -> Vec<Offer> {
        let installed = weights::installed(&self.cache);
        let mut known: Vec<&KnownModel> = weights::KNOWN.iter().collect();
        // What is there comes before what is better and is not.
        known.sort_by_key(|model| !installed.contains(model));
        let mut offers: Vec<Offer> =
            known.into_iter().map(|model| embedded(model, installed.contains(&model), &self.cache)).collect();
        offers.extend(weights::others(&self.cache).into_iter().map(|name| Offer {
            model: format!("{}/{name}", weights::NAME),
            state: "installed".to_owned(),
            ready: embedded_ready(),
            details: vec!["Stays on this machine. Costs nothing. Weights of your own.".to_owned()],
        }));
        offers
    }
}

/// The model that a provider with a key is best known for.
fn best(provider: &ProviderSummary) -> Option<Offer> {
    provider.default_model.as_ref().map(|model| with_key(provider, model))
}

/// Its other models.
fn others(provider: &ProviderSummary) -> impl Iterator<Item = Offer> {
    let others = provider.models.iter().filter(|model| Some(*model) != provider.default_model.as_ref());
    others.map(move |model| with_key(provider, model))
}

fn with_key(provider: &ProviderSummary, model: &str) -> Offer {
    Offer {
        model: format!("{}/{model}", provider.name),
        state: key_state(provider),
        ready: Ready::Now,
        details: vec![leaves(provider), price(provider, model)],
    }
}

fn without_key(provider: &ProviderSummary) -> Option<Offer> {
    let model = provider.default_model.as_ref()?;
    Some(Offer {
        model: format!("{}/{model}", provider.name),
        state: provider.key_env.as_ref().map_or_else(|| "needs a key".to_owned(), |name| format!("needs {name}")),
        ready: Ready::Missing,
        details: vec![
            leaves(provider),
            format!("Set the variable, or keep the key in the keyring: tenon models key {}", provider.name),
        ],
    })
}

fn key_state(provider: &ProviderSummary) -> String {
    match &provider.key_from {
        Some(from) => format!("key from {from}"),
        None => "needs no key".to_owned(),
    }
}

fn leaves(provider: &ProviderSummary) -> String {
    format!("Your words and the code it reads leave this machine, to {}.", text::sanitize_line(&provider.address))
}

fn price(provider: &ProviderSummary, model: &str) -> String {
    match provider.prices.get(model) {
        Some(price) => format!("Costs {price}."),
        None => "Its price is not known here.".to_owned(),
    }
}

fn embedded_ready() -> Ready {
    if cfg!(feature = "embedded") { Ready::Now } else { Ready::Missing }
}

fn embedded(model: &KnownModel, installed: bool, cache: &Path) -> Offer {
    let state = match installed {
        _ if !cfg!(feature = "embedded") => "this build has no embedded model".to_owned(),
        true => "installed".to_owned(),
        false => format!("{} to download", size_in_words(model.bytes)),
    };
    let ready = match (embedded_ready(), installed) {
        (Ready::Now, false) => Ready::Download(model.bytes),
        (ready, _) => ready,
    };
    let mut details =
        vec![format!("Runs inside this program: needs no account, nothing leaves this machine. {}.", model.licence)];
    details.push(format!("A small model: one change in a file at a time, {}", room(model, installed, cache)));
    Offer { model: format!("{}/{}", weights::NAME, model.name), state, ready, details }
}

/// Whether it fits into memory and on the disk.
fn room(model: &KnownModel, installed: bool, cache: &Path) -> String {
    let mut words = format!("{} of memory", size_in_words(model.memory));
    if let Some(free) = free_memory() {
        let short = free < model.memory.saturating_add(MEMORY_MARGIN);
        words.push_str(&format!(" ({} free{})", size_in_words(free), if short { ": TOO LITTLE" } else { "" }));
    }
    if let Some(free) = free_space(cache).filter(|_| !installed) {
        let short = free < model.bytes;
        words.push_str(&format!(", {} of disk free{}", size_in_words(free), if short { ": TOO LITTLE" } else { "" }));
    }
    words + "."
}

/// Memory that programs can have without swapping, where the system tells.
fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    kilobytes.checked_mul(1_024)
}
