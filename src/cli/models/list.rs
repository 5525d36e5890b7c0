//! `tenon models list`: providers, servers on this machine, prices.

use super::super::surroundings::Surroundings;
use super::super::{Common, Done, print};
use super::{registry, state};
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
    if common.json {
        return print::json(&found);
    }
    let mut lines = String::new();
    for provider in found {
        lines.push_str(&line(&provider, &servers));
    }
    print::text(&lines)
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
