//! The HTTP clients, built when the first request needs one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// One client for this machine and one for everywhere else.
///
/// Building a client with root certificates takes longer than the whole start of the program may, so neither exists
/// before it is used, and a server on loopback never needs the certificates.
#[derive(Debug, Default)]
pub(super) struct Clients {
    local: OnceLock<Result<Client, String>>,
    remote: OnceLock<Result<Client, String>>,
}

impl Clients {
    /// A client for servers on this machine, without certificates and without a proxy.
    pub(super) fn local(&self, connect: Duration) -> Result<Client, String> {
        self.local.get_or_init(|| local(connect)).clone()
    }

    /// A client for everywhere else.
    pub(super) fn remote(&self, connect: Duration) -> Result<Client, String> {
        self.remote.get_or_init(|| remote(connect)).clone()
    }
}

fn local(connect: Duration) -> Result<Client, String> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    built(Client::builder().tls_backend_preconfigured(tls).no_proxy(), connect)
}

fn remote(connect: Duration) -> Result<Client, String> {
    // An error says that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    built(Client::builder(), connect)
}

fn built(builder: ClientBuilder, connect: Duration) -> Result<Client, String> {
    builder
        .connect_timeout(connect)
        // A redirect would take the key to another place.
        .redirect(Policy::none())
        .user_agent(concat!("tenon/", env!("CARGO_PKG_VERSION")))
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
