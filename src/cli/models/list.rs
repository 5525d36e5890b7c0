//! `tenon models list`: providers, servers on this machine, prices.

use std::collections::BTreeMap;

use super::super::surroundings::Surroundings;
use super::super::{Common, Done, print};
use super::{registry, state};
use crate::provider::embedded::weights;
use crate::provider::offers::{Offer, Ready, Scout};
use crate::provider::{LocalServer, ProviderSummary};
use crate::text;

/// Prints the providers; which servers on this machine answer is looked up on loopback only.
pub(super) async fn list(around: &Surroundings, common: &Common) -> Done {
    let registry = registry(around);
    let servers = registry.local_servers().await;
    let mut found = registry.list();
    for provider in found.iter_mut().filter(|provider| provider.on_this_machine) {
        let server = servers.iter().find(|server| server.provider == provider.name);
        provider.running = Some(server.is_some());
        if let Some(server) = server {
            provider.models.clone_from(&server.models);
        }
    }
    let inside = Scout::new(&around.settings, &around.environment, &around.directories.cache).embedded();
    if common.json {
        found.insert(0, summary(&inside));
        return print::json(&found);
    }
    let mut lines = format!("{:12} {:48} stays on this machine, costs nothing\n", weights::NAME, "inside this program");
    for offer in &inside {
        let pull = format!(": tenon models pull {}", offer.model.trim_start_matches("embedded/"));
        let pull = if matches!(offer.ready, Ready::Download(_)) { pull } else { String::new() };
        lines.push_str(&format!("  {:46}  {}{pull}\n", text::sanitize_line(&offer.model), offer.state));
    }
    for provider in found {
        lines.push_str(&line(&provider, &servers));
    }
    print::text(&lines)
}

/// The embedded models as a provider like the others: those that are here.
fn summary(inside: &[Offer]) -> ProviderSummary {
    let here = inside.iter().filter(|offer| offer.ready == Ready::Now);
    let models: Vec<String> = here.map(|offer| offer.model.trim_start_matches("embedded/").to_owned()).collect();
    ProviderSummary {
        name: weights::NAME.to_owned(),
        title: "Inside this program".to_owned(),
        wire: "none",
        address: "inside this program".to_owned(),
        local: true,
        key_env: None,
        key_present: !models.is_empty(),
        key_from: None,
        default_model: models.first().cloned(),
        models,
        prices: BTreeMap::new(),
        on_this_machine: true,
        running: None,
    }
}

fn line(provider: &ProviderSummary, servers: &[LocalServer]) -> String {
    let mut lines = format!("{:12} {:48} {}\n", provider.name, text::sanitize_line(&provider.address), state(provider));
    let shown = provider.key_present && provider.running != Some(false);
    for model in provider.models.iter().filter(|_| shown) {
        let name = format!("{}/{model}", provider.name);
        let price = provider.prices.get(model).map(|price| format!("  {price}")).unwrap_or_default();
        lines.push_str(&format!("  {:46}{price}\n", text::sanitize_line(&name)));
    }
    if shown && provider.models.is_empty() && servers.iter().any(|server| server.provider == provider.name) {
        lines.push_str("  it runs and has no model yet\n");
    }
    lines
}
