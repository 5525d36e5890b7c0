//! Who asks: profiles that add credentials to a request, with secrets named by environment variable.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::client::Client;
use super::message::Request;
use super::target::encode;
use super::variables::{self, Variables};

/// Where an API key is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a header.
    #[default]
    Header,
    /// In the query.
    Query,
    /// In a cookie.
    Cookie,
}

/// A way to authenticate. A secret is `{{variable}}`, or the name of an environment variable in the field that ends
/// in `_env`; it is never part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Profile {
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token, usually `{{token}}`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// The environment variable that holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_env: Option<String>,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
        /// The environment variable that holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password_env: Option<String>,
    },
    /// A key in a header, the query or a cookie.
    ApiKey {
        /// Its name there.
        name: String,
        /// Where.
        #[serde(default, rename = "in")]
        place: Place,
        /// The key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The environment variable that holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_env: Option<String>,
    },
    /// OAuth 2: the client itself.
    ClientCredentials(OAuth),
    /// OAuth 2: a user with a password.
    Password(OAuth),
}

/// How a token is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth {
    /// The token endpoint: a path of the service, or an address.
    pub token_url: String,
    /// The client.
    pub client_id: Option<String>,
    /// The client's secret.
    pub client_secret: Option<String>,
    /// The environment variable that holds it.
    pub client_secret_env: Option<String>,
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The environment variable that holds it.
    pub password_env: Option<String>,
    /// What is asked for.
    pub scope: Option<String>,
}

/// Credentials that are ready to be put into a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A header.
    Header(String, String),
    /// A parameter of the query.
    Query(String, String),
}

impl Credentials {
    /// Puts them into a request, in place of what is there.
    pub fn apply(&self, request: &mut Request) {
        match self {
            Self::Header(name, value) => request.set_header(name, value),
            Self::Query(name, value) => request.add_query(name, value),
        }
    }

    /// Whether a request carries them.
    pub fn are_in(&self, request: &Request) -> bool {
        match self {
            Self::Header(name, value) => request.header(name) == Some(value.as_str()),
            Self::Query(name, _) => request.url.contains(&format!("{name}=")),
        }
    }

    /// The bearer token, when that is what they are.
    pub fn bearer(&self) -> Option<&str> {
        match self {
            Self::Header(name, value) if name.eq_ignore_ascii_case("authorization") => value.strip_prefix("Bearer "),
            _ => None,
        }
    }

    /// The same with its value written otherwise.
    pub(super) fn renamed(self, written: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Header(name, value) => Self::Header(name, written(&value)),
            Self::Query(name, value) => Self::Query(name, written(&value)),
        }
    }

    /// The same with another secret in the same place.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        match self {
            Self::Header(name, value) => {
                let scheme = value.split_once(' ').filter(|(scheme, _)| matches!(*scheme, "Bearer" | "Basic"));
                let value = scheme.map_or_else(|| secret.to_owned(), |(scheme, _)| format!("{scheme} {secret}"));
                Self::Header(name.clone(), value)
            }
            Self::Query(name, _) => Self::Query(name.clone(), secret.to_owned()),
        }
    }
}

/// Where secrets come from.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'a> {
    /// The environment.
    pub environment: &'a BTreeMap<String, String>,
    /// Variables saved from answers.
    pub variables: &'a Variables,
}

impl Secrets<'_> {
    fn filled(&self, text: &str) -> Result<String, ApiError> {
        variables::fill(text, self.variables).map_err(ApiError::Auth)
    }

    fn get(&self, what: &str, text: Option<&String>, name: Option<&String>) -> Result<String, ApiError> {
        match (text, name) {
            (Some(text), _) => self.filled(text),
            (None, Some(name)) => {
                let value = self.environment.get(name).filter(|value| !value.trim().is_empty());
                value.cloned().ok_or_else(|| ApiError::Auth(format!("the environment variable {name} is not set")))
            }
            (None, None) => Err(ApiError::Auth(format!("the profile has neither `{what}` nor `{what}_env`"))),
        }
    }
}

impl Profile {
    /// Gets the credentials, over the network where a token has to be asked for.
    ///
    /// # Errors
    /// A secret is missing, or the token endpoint refuses.
    pub async fn credentials(&self, secrets: Secrets<'_>, client: &Client) -> Result<Credentials, ApiError> {
        let authorization = |value: String| Credentials::Header("authorization".to_owned(), value);
        Ok(match self {
            Self::Bearer { token, token_env } => {
                authorization(format!("Bearer {}", secrets.get("token", token.as_ref(), token_env.as_ref())?.trim()))
            }
            Self::Basic { user, password, password_env } => {
                let password = secrets.get("password", password.as_ref(), password_env.as_ref())?;
                let user = secrets.filled(user)?;
                authorization(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
            }
            Self::ApiKey { name, place, key, key_env } => {
                let key = secrets.get("key", key.as_ref(), key_env.as_ref())?;
                match place {
                    Place::Header => Credentials::Header(name.to_ascii_lowercase(), key),
                    Place::Query => Credentials::Query(name.clone(), key),
                    Place::Cookie => Credentials::Header("cookie".to_owned(), format!("{name}={key}")),
                }
            }
            Self::ClientCredentials(oauth) => authorization(oauth.ask("client_credentials", secrets, client).await?),
            Self::Password(oauth) => authorization(oauth.ask("password", secrets, client).await?),
        })
    }

    /// How a person writes the credentials down without the secret: `$NAME` stands for it.
    pub fn placeholder(&self) -> Credentials {
        let authorization = |value: String| Credentials::Header("authorization".to_owned(), value);
        match self {
            Self::Bearer { token, token_env } => {
                authorization(format!("Bearer {}", placeholder(token.as_ref(), token_env.as_ref(), "TOKEN")))
            }
            // Editors and our own reader make the header of both.
            Self::Basic { user, password, password_env } => authorization(format!(
                "Basic {user} {}",
                placeholder(password.as_ref(), password_env.as_ref(), "PASSWORD")
            )),
            Self::ApiKey { name: field, place, key, key_env } => {
                let key = placeholder(key.as_ref(), key_env.as_ref(), "API_KEY");
                match place {
                    Place::Header => Credentials::Header(field.to_ascii_lowercase(), key),
                    Place::Query => Credentials::Query(field.clone(), key),
                    Place::Cookie => Credentials::Header("cookie".to_owned(), format!("{field}={key}")),
                }
            }
            Self::ClientCredentials(_) | Self::Password(_) => authorization("Bearer $TOKEN".to_owned()),
        }
    }
}

/// What stands for a secret that is written out or named by its variable.
pub(in crate::api) fn placeholder(text: Option<&String>, name: Option<&String>, default: &str) -> String {
    match (name, text) {
        (Some(name), _) => format!("${name}"),
        (None, Some(text)) if text.starts_with("{{") => text.clone(),
        _ => format!("${default}"),
    }
}

impl OAuth {
    async fn ask(&self, grant: &str, secrets: Secrets<'_>, client: &Client) -> Result<String, ApiError> {
        if !self.token_url.starts_with('/') && !client.target().holds(&self.token_url) {
            return Err(ApiError::Auth(format!(
                "the token endpoint {} is not of the service that is asked; get the token first and use `bearer`",
                crate::text::redact(&self.token_url)
            )));
        }
        let mut form = vec![("grant_type", grant.to_owned())];
        let mut request = Request::new("POST", self.token_url.as_str());
        if grant == "password" {
            let user = self.username.as_ref().ok_or_else(|| ApiError::Auth("`username` is missing".to_owned()))?;
            form.push(("username", user.clone()));
            form.push(("password", secrets.get("password", self.password.as_ref(), self.password_env.as_ref())?));
        }
        form.extend(self.scope.clone().map(|scope| ("scope", scope)));
        let secret = (self.client_secret.is_some() || self.client_secret_env.is_some())
            .then(|| secrets.get("client_secret", self.client_secret.as_ref(), self.client_secret_env.as_ref()))
            .transpose()?;
        match (&self.client_id, secret) {
            (Some(id), Some(secret)) => {
                let basic = BASE64.encode(format!("{}:{}", encode(id), encode(&secret)));
                request.set_header("authorization", &format!("Basic {basic}"));
            }
            (Some(id), None) => form.push(("client_id", id.clone())),
            (None, _) if grant == "client_credentials" => {
                return Err(ApiError::Auth("`client_id` is missing".to_owned()));
            }
            (None, _) => {}
        }
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        request.set_header("content-type", "application/x-www-form-urlencoded");
        request.body = Some(body.join("&").into_bytes());
        let response = client.send(&request).await?;
        let token = response.json().and_then(|body| body["access_token"].as_str().map(str::to_owned));
        token.filter(|_| response.succeeded()).map(|token| format!("Bearer {token}")).ok_or_else(|| {
            let why = response.json().and_then(|body| body["error"].as_str().map(str::to_owned)).unwrap_or_default();
            ApiError::Transport(format!("the token endpoint {} answers {} {why}", self.token_url, response.status))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn profiles_are_read_and_hold_no_secret_when_written_down() {
        for (value, expected) in [
            (json!({"kind": "bearer", "token_env": "T"}), ("authorization", "Bearer $T")),
            (json!({"kind": "bearer", "token": "abc"}), ("authorization", "Bearer $TOKEN")),
            (json!({"kind": "bearer", "token": "{{t}}"}), ("authorization", "Bearer {{t}}")),
            (json!({"kind": "basic", "user": "ann", "password_env": "P"}), ("authorization", "Basic ann $P")),
            (json!({"kind": "api_key", "name": "X-Key", "key_env": "K"}), ("x-key", "$K")),
            (json!({"kind": "password", "token_url": "/token", "username": "a"}), ("authorization", "Bearer $TOKEN")),
        ] {
            let profile: Profile = serde_json::from_value(value.clone()).unwrap();
            let Credentials::Header(name, text) = profile.placeholder() else { panic!("{value}") };
            assert_eq!((name.as_str(), text.as_str()), expected, "{value}");
        }
        assert!(serde_json::from_value::<Profile>(json!({"kind": "bearer", "tokn": "x"})).is_err());
    }

    #[test]
    fn another_secret_takes_the_same_place() {
        let bearer = Credentials::Header("authorization".into(), "Bearer a".into());
        assert_eq!(bearer.with_secret("b").bearer(), Some("b"));
        let key = Credentials::Header("x-key".into(), "a".into());
        assert_eq!(key.with_secret("b"), Credentials::Header("x-key".into(), "b".into()));
    }
}
