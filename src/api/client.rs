//! Sending one request to one target.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Method};

use super::ApiError;
use super::auth::Credentials;
use super::message::{Request, Response};
use super::target::Target;

/// The most of a body that is kept.
const MOST_BODY: usize = 4 << 20;

/// A connection that is found closed is found so at once.
const CLOSED_EARLY: Duration = Duration::from_millis(500);

/// Why there was no answer.
struct Broken {
    error: ApiError,
    /// The connection ended before anything was answered.
    closed: bool,
}

impl From<ApiError> for Broken {
    fn from(error: ApiError) -> Self {
        Self { error, closed: false }
    }
}

/// Sends requests to a target. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    target: Target,
    who: Option<Credentials>,
}

impl Client {
    /// A client that gives a request up after `limit`. It follows no redirect: where one leads is an answer too.
    ///
    /// # Errors
    /// The encryption could not be set up.
    pub fn new(target: &Target, limit: Duration) -> Result<Self, ApiError> {
        let builder = ClientBuilder::new()
            .connect_timeout(limit.min(Duration::from_secs(10)))
            .timeout(limit)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tenon/", env!("CARGO_PKG_VERSION")));
        let builder = match target.socket() {
            #[cfg(unix)]
            Some(socket) => builder.unix_socket(socket),
            #[cfg(not(unix))]
            Some(_) => builder,
            None if target.is_loopback() => builder.no_proxy(),
            None => builder,
        };
        let built = if target.origin().starts_with("https://") { encrypted(builder) } else { plain(builder) };
        Ok(Self { http: built?, target: target.clone(), who: None })
    }

    /// The same with a path below which every request is.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        Self { target: self.target.clone().below(prefix), ..self.clone() }
    }

    /// The same, showing these credentials with every request.
    #[must_use]
    pub fn showing(&self, credentials: Credentials) -> Self {
        Self { who: Some(credentials), ..self.clone() }
    }

    /// Where its requests go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// There was no whole answer: in one line why.
    pub async fn send(&self, request: &Request) -> Result<Response, ApiError> {
        let begun = Instant::now();
        match self.send_once(request).await {
            // A kept connection that the service had closed already says nothing about this request.
            Err(Broken { closed: true, .. }) if begun.elapsed() < CLOSED_EARLY => {
                self.send_once(request).await.map_err(|broken| broken.error)
            }
            other => other.map_err(|broken| broken.error),
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Response, Broken> {
        let shown = self.who.as_ref().map(|who| {
            let mut request = request.clone();
            who.apply(&mut request);
            request
        });
        let request = shown.as_ref().unwrap_or(request);
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| ApiError::Input(format!("`{}` is no HTTP method", request.method)))?;
        let url = self.target.url(&request.url);
        let mut builder = self.http.request(method, &url).headers(headers(&request.headers)?);
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let begun = Instant::now();
        let sent = builder.send().await;
        let mut answer = sent.map_err(|error| Broken { closed: error.is_request(), error: transport(&error) })?;
        let mut response = Response {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            ..Response::default()
        };
        while let Some(piece) = answer.chunk().await.map_err(|error| transport(&error))? {
            response.size += piece.len();
            let room = MOST_BODY.saturating_sub(response.body.len()).min(piece.len());
            response.body.extend_from_slice(&piece[..room]);
            response.cut |= room < piece.len();
        }
        response.ms = begun.elapsed().as_secs_f64() * 1e3;
        Ok(response)
    }
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let wrong = || ApiError::Input(format!("the header `{name}` cannot be sent: it holds a control character"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
        headers.append(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}

/// Without encryption no root certificates are loaded, which takes longer than most requests.
fn plain(builder: ClientBuilder) -> Result<reqwest::Client, ApiError> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ApiError::Transport(error.to_string()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    builder.tls_backend_preconfigured(tls).build().map_err(|error| transport(&error))
}

fn encrypted(builder: ClientBuilder) -> Result<reqwest::Client, ApiError> {
    // An error says that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder.build().map_err(|error| transport(&error))
}

fn transport(error: &reqwest::Error) -> ApiError {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let what = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        format!("nothing answers there: {inner}")
    } else {
        format!("the connection broke off: {inner}")
    };
    ApiError::Transport(what)
}
