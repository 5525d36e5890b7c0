//! What tools, gate and command line share in one session: services, records, variables, clients.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ApiError;
use super::auth::{Credentials, Profile, Secrets};
use super::client::Client;
use super::exchange::{self, Exchange};
use super::message::{Request, Response};
use super::record::Recorder;
use super::serve::{Databases, Service, Start};
use super::target::Target;
use super::variables::Variables;
use crate::config::ApiSettings;
use crate::workspace::Workspace;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(30);

/// Shared by everything that asks a service.
#[derive(Default)]
pub struct Desk {
    /// What was sent and answered.
    pub recorder: Recorder,
    /// Authentication profiles and how the service is started.
    pub settings: ApiSettings,
    /// Where services get their databases from.
    pub databases: Option<Arc<dyn Databases>>,
    environment: BTreeMap<String, String>,
    variables: Mutex<Variables>,
    service: tokio::sync::Mutex<Option<Arc<Service>>>,
    /// Where the running service is reached, for those who may not wait.
    running: Mutex<Option<Target>>,
    tokens: Mutex<BTreeMap<String, Credentials>>,
}

impl Desk {
    /// With the user's environment, for secrets, and a file that keeps exchanges.
    pub fn new(environment: BTreeMap<String, String>, settings: ApiSettings, records: Option<PathBuf>) -> Self {
        let recorder = records.map_or_else(Recorder::default, Recorder::in_file);
        Self { recorder, settings, environment, ..Self::default() }
    }

    /// The same, whose services get the databases they want.
    #[must_use]
    pub fn with_databases(self, databases: Arc<dyn Databases>) -> Self {
        Self { databases: Some(databases), ..self }
    }

    /// The variables that are set.
    pub fn variables(&self) -> Variables {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets variables.
    pub fn set_variables(&self, more: Variables) {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
    }

    /// Where the running service is reached; `None` when none runs, as far as is known.
    pub fn running(&self) -> Option<Target> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The running service.
    pub async fn service(&self) -> Option<Arc<Service>> {
        self.service.lock().await.clone().filter(|service| service.runs())
    }

    /// Starts a service in place of the one that runs.
    ///
    /// # Errors
    /// See [`Service::start`].
    pub async fn serve(
        &self,
        workspace: &Arc<dyn Workspace>,
        start: Start,
        output: Option<mpsc::Sender<Vec<u8>>>,
    ) -> Result<Arc<Service>, ApiError> {
        let mut slot = self.service.lock().await;
        self.set_running(None);
        // Its port has to be free before the next one listens there.
        if let Some(Ok(old)) = slot.take().map(Arc::try_unwrap) {
            old.stop().await;
        }
        // The service outlives the call that started it, so it does not end with the call's own token.
        let databases = self.databases.as_deref();
        let started = Service::start_with(databases, workspace, start, output, CancellationToken::new()).await?;
        let service = Arc::new(started);
        self.set_running(Some(service.target.clone()));
        *slot = Some(Arc::clone(&service));
        Ok(service)
    }

    /// Ends the service; whether one was running.
    pub async fn stop(&self) -> bool {
        self.set_running(None);
        self.service.lock().await.take().is_some_and(|service| service.runs())
    }

    fn set_running(&self, target: Option<Target>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// Credentials of a profile: a name of the settings, or a profile written out. A token that was asked for is kept
    /// until [`Desk::forget_tokens`].
    ///
    /// # Errors
    /// There is no such profile, it is not valid, or its secret is missing.
    pub async fn credentials(&self, auth: &Value, client: &Client) -> Result<(Profile, Credentials), ApiError> {
        let profile = self.profile(auth)?;
        let key = format!("{} {auth}", client.target().origin());
        let variables = self.variables();
        let asked_for = matches!(profile, Profile::ClientCredentials(_) | Profile::Password(_));
        let kept = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(kept) = kept.filter(|_| asked_for) {
            return Ok((profile, kept));
        }
        let secrets = Secrets { environment: &self.environment, variables: &variables };
        let credentials = profile.credentials(secrets, client).await?;
        if asked_for {
            self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(key, credentials.clone());
        }
        Ok((profile, credentials))
    }

    /// Asks for tokens anew next time: the ones at hand are no good any more.
    pub fn forget_tokens(&self) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A secret by the name of its environment variable.
    pub fn secret(&self, name: &str) -> Option<String> {
        self.environment.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn profile(&self, auth: &Value) -> Result<Profile, ApiError> {
        match auth {
            Value::String(name) => self
                .settings
                .auth
                .get(name)
                .cloned()
                .ok_or_else(|| {
                    let known: Vec<&str> = self.settings.auth.keys().map(String::as_str).collect();
                    let known = if known.is_empty() { "none is configured".to_owned() } else { known.join(", ") };
                    ApiError::Auth(format!(
                        "there is no profile `{name}` ({known}); `[api.auth.{name}]` of config.toml makes one"
                    ))
                })
                .and_then(|value| read_profile(&serde_json::to_value(value).unwrap_or_default())),
            other => read_profile(other),
        }
    }

    /// Sends a request and keeps the exchange. An expired token is asked for once more.
    ///
    /// # Errors
    /// The credentials could not be had. A request without an answer is no error here: the exchange says so.
    pub async fn send(
        &self,
        client: &Client,
        request: &Request,
        auth: Option<&Value>,
    ) -> Result<(Exchange, Result<Response, ApiError>), ApiError> {
        let (mut sent, mut profile, mut used) = (request.clone(), None, None);
        if let Some(auth) = auth {
            let (known, credentials) = self.credentials(auth, client).await?;
            credentials.apply(&mut sent);
            (profile, used) = (Some(known), Some(credentials));
        }
        let mut outcome = client.send(&sent).await;
        let renewable = matches!(profile, Some(Profile::ClientCredentials(_) | Profile::Password(_)));
        if let (true, Ok(Response { status: 401, .. }), Some(auth)) = (renewable, &outcome, auth) {
            self.forget_tokens();
            let (_, credentials) = self.credentials(auth, client).await?;
            sent = request.clone();
            credentials.apply(&mut sent);
            outcome = client.send(&sent).await;
            used = Some(credentials);
        }
        let sent = exchange::concealed(&sent, used.as_ref().as_slice());
        let url = client.target().url(&sent.url);
        let kept = outcome.as_ref().map_err(ToString::to_string);
        let exchange = Exchange::new(&url, &sent, kept, profile.as_ref(), Vec::new());
        Ok((exchange, outcome))
    }

    /// A client for a target.
    ///
    /// # Errors
    /// The encryption could not be set up.
    pub fn client(&self, target: &Target) -> Result<Client, ApiError> {
        Client::new(target, REQUEST)
    }
}

fn read_profile(value: &Value) -> Result<Profile, ApiError> {
    serde_json::from_value(value.clone()).map_err(|error| {
        ApiError::Auth(format!(
            "no valid profile: {error}; `kind` is bearer, basic, api_key, client_credentials or password"
        ))
    })
}
