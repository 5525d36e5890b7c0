//! The HTTP clients, built when the first request needs one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use super::endpoint::Endpoint;

const AGENT: &str = concat!("tenon/", env!("CARGO_PKG_VERSION"));

/// One client for this machine and one for everywhere else.
///
/// Building a client with root certificates takes longer than the whole start of the program may, so none exists
/// before it is used, and a plain server on loopback never needs the certificates.
#[derive(Debug, Default)]
pub(super) struct Clients {
    local: OnceLock<Result<Client, String>>,
    local_tls: OnceLock<Result<Client, String>>,
    remote: OnceLock<Result<Client, String>>,
}

impl Clients {
    /// The client for an address.
    pub(super) fn client(&self, endpoint: &Endpoint, connect: Duration) -> Result<Client, String> {
        let client = match (endpoint.is_loopback(), endpoint.is_encrypted()) {
            (true, false) => self.local.get_or_init(|| local(connect)),
            (true, true) => self.local_tls.get_or_init(|| encrypted(Client::builder().no_proxy(), connect)),
            (false, _) => self.remote.get_or_init(|| encrypted(Client::builder(), connect)),
        };
        client.clone()
    }
}

/// A client for files: it goes where a redirect points, without the key when that is another host. `follow` off shows
/// the answer that redirects.
pub(super) fn downloads(loopback: bool, connect: Duration, follow: bool) -> Result<Client, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = if loopback { Client::builder().no_proxy() } else { Client::builder() };
    let redirects = if follow { Policy::limited(10) } else { Policy::none() };
    let builder = builder.connect_timeout(connect).redirect(redirects).user_agent(AGENT);
    builder.build().map_err(|error| root_cause(&error))
}

fn local(connect: Duration) -> Result<Client, String> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    built(Client::builder().tls_backend_preconfigured(tls).no_proxy(), connect)
}

fn encrypted(builder: ClientBuilder, connect: Duration) -> Result<Client, String> {
    // An error says that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    built(builder, connect)
}

fn built(builder: ClientBuilder, connect: Duration) -> Result<Client, String> {
    builder
        .connect_timeout(connect)
        // A redirect would take the key to another place.
        .redirect(Policy::none())
        .user_agent(AGENT)
        .build()
        .map_err(|error| root_cause(&error))
}

/// The innermost reason of an error; the outer ones repeat the address.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
