//! Which servers on this machine answer, and which models they have.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::client::Clients;
use super::endpoint::Endpoint;
use super::preset::Preset;
use super::wire::Wire;

/// How long a server on this machine may take to say what it has.
const PATIENCE: Duration = Duration::from_millis(800);

/// A server that answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LocalServer {
    /// The provider's name in front of the slash.
    pub provider: String,
    /// Where it is.
    pub address: String,
    /// Its models, as it names them.
    pub models: Vec<String>,
}

/// Asks one server; `None` when nobody is there or something else is.
pub(super) async fn look(preset: &Preset, endpoint: &Endpoint, clients: &Clients) -> Option<LocalServer> {
    let path = if preset.wire == Wire::Ollama { "/api/tags" } else { "/models" };
    let client = clients.client(endpoint, PATIENCE).ok()?;
    let asked = async {
        let response = client.get(endpoint.url(path)).send().await.ok()?;
        let body = response.error_for_status().ok()?.bytes().await.ok()?;
        serde_json::from_slice::<Value>(&body).ok()
    };
    let listed = timeout(PATIENCE, asked).await.ok().flatten()?;
    let models = ["models", "data"].iter().find_map(|key| listed[*key].as_array())?;
    let named = |model: &Value| ["name", "id", "model"].iter().find_map(|key| model[*key].as_str()).map(str::to_owned);
    let models = models.iter().filter_map(named).collect();
    Some(LocalServer { provider: preset.name.clone(), address: endpoint.shown(), models })
}
