//! Developing and testing a backend's HTTP interface: a service that is started and asked, what its contract says, and
//! whether both agree.
//!
//! | Where | What |
//! |---|---|
//! | `target`, `client`, `message` | where requests go, sending one, what was sent and answered |
//! | `exchange`, `record`, `export` | what is kept of it, without secrets, and how it is given to other programs |
//! | `auth`, `token`, `variables`, `expect` | who asks, what is filled in, what is asserted |
//! | `sign_up` | being let in as a new user, where nobody says how |
//! | `serve` | a service of the project in its workspace: started, healthy, stopped |
//! | `spec` | OpenAPI documents: read, normalised, resolved, linted, compared, written down |
//! | `graphql` | the same for GraphQL schemas |
//! | `generate` | values that a schema allows, and values that it does not |
//! | `test` | the checks, one file a mode; findings shrunk to a minimal request |
//! | `load` | closed and open loop, the knee, two builds side by side |
//! | `import` | collections of other programs |
//! | `second` | other programs asked for a second opinion |
//! | `detect` | how the project's service is started |
//! | `action` | what can be asked for: the input, what is done, what is told |
//! | `desk` | what tools, gate and command line share: services, records, variables |
//!
//! `reqwest` is used in `client` only. Requests go to loopback; anywhere else they need a permission, which the
//! callers ask for.

pub mod action;
pub mod auth;
pub mod client;
pub mod desk;
pub mod detect;
pub mod exchange;
pub mod expect;
pub mod export;
pub mod generate;
pub mod graphql;
pub mod import;
pub mod load;
pub mod message;
pub mod record;
pub mod second;
pub mod serve;
pub mod sign_up;
pub mod spec;
pub mod target;
pub mod test;
pub mod token;
pub mod variables;

/// What could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// An address that is none.
    #[error("`{url}` is no address of an HTTP service: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A document that cannot be read as what it should be.
    #[error("{place}: {what}")]
    Document {
        /// The file or address, with line and column where they are known.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// A request that got no answer.
    #[error("{0}")]
    Transport(String),
    /// Who asks could not be settled.
    #[error("authentication: {0}")]
    Auth(String),
    /// The service could not be started, or ended.
    #[error("{0}")]
    Service(String),
    /// Something given does not fit.
    #[error("{0}")]
    Input(String),
}

impl ApiError {
    /// Whether nothing was begun: what was asked for cannot be done or is not allowed as it was said.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Url { .. } | Self::Auth(_) | Self::Input(_))
    }
}
