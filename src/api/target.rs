//! Where requests go: an origin, and the socket that leads into a workspace's own network.

use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;

use super::ApiError;

/// The origin of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    origin: String,
    prefix: String,
    host: String,
    /// A unix socket that leads to the service; connections go there instead of to the host.
    socket: Option<PathBuf>,
    own: bool,
}

impl Target {
    /// Reads `http://host:port` with an optional path that every request is below.
    ///
    /// # Errors
    /// It is no address of an HTTP service, or holds a user and password.
    pub fn parse(url: &str) -> Result<Self, ApiError> {
        let wrong = |why: String| ApiError::Url { url: crate::text::redact(url).into_owned(), why };
        let text = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let parsed = Url::parse(&text).map_err(|error| wrong(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong(format!("the scheme is `{}`, not http or https", parsed.scheme())));
        }
        if parsed.password().is_some() {
            return Err(wrong("it holds a password; give an `auth` profile instead".to_owned()));
        }
        let host = parsed.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            origin: parsed.origin().ascii_serialization(),
            prefix: parsed.path().trim_end_matches('/').to_owned(),
            host,
            socket: None,
            own: false,
        })
    }

    /// A service on a port of a workspace's own network, reached through a socket where there is one.
    pub fn local(port: u16, socket: Option<PathBuf>) -> Self {
        let origin = format!("http://127.0.0.1:{port}");
        Self { origin, prefix: String::new(), host: "127.0.0.1".to_owned(), socket, own: true }
    }

    /// The same with a path below which every request is.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.prefix);
        self
    }

    /// Whether it is the project's own service, on whatever port that is.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// `http://host:port`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The socket that leads to it.
    pub fn socket(&self) -> Option<&std::path::Path> {
        self.socket.as_deref()
    }

    /// The path every request is below; empty or `/x`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The whole address of a path; an address that is whole already stays.
    pub fn url(&self, path: &str) -> String {
        if path.contains("://") {
            return path.to_owned();
        }
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        format!("{}{}{slash}{path}", self.origin, self.prefix)
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.socket.is_some() || is_loopback_host(&self.host)
    }

    /// Whether an address has the same origin.
    pub fn holds(&self, url: &str) -> bool {
        Self::parse(url).is_ok_and(|other| {
            other.origin == self.origin
                || (other.is_loopback() && self.is_loopback() && port_of(&other.origin) == port_of(&self.origin))
        })
    }
}

fn port_of(origin: &str) -> Option<u16> {
    Url::parse(origin).ok()?.port_or_known_default()
}

/// Whether a host name can only mean this machine.
fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Writes text so that it is one segment of a path, or one value of a query.
pub fn encode(text: &str) -> String {
    encode_bytes(text.as_bytes())
}

/// The same for bytes that need not be UTF-8.
pub fn encode_bytes(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://localhost:3000", true),
            ("127.0.0.1:8000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80/x", true),
            ("http://0.0.0.0:80", true),
            ("http://api.localhost", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
            ("https://example.org", false),
        ] {
            assert_eq!(Target::parse(url).unwrap().is_loopback(), expected, "{url}");
        }
        assert!(Target::local(80, Some("/run/s".into())).is_loopback());
    }

    #[test]
    fn addresses_are_put_together() {
        let target = Target::parse("http://localhost:3000/api/").unwrap();
        assert_eq!(target.url("/users?x=1"), "http://localhost:3000/api/users?x=1");
        assert_eq!(target.url("users"), "http://localhost:3000/api/users");
        assert_eq!(target.url("http://other/x"), "http://other/x");
        assert!(target.holds("http://127.0.0.1:3000/x") && !target.holds("http://localhost:3001/"));
    }

    #[test]
    fn what_is_no_service_is_refused_without_its_password() {
        let error = Target::parse("http://me:hunter2@host/").unwrap_err().to_string();
        assert!(error.contains("password") && !error.contains("hunter2"), "{error}");
        assert!(Target::parse("ftp://x").is_err());
        assert!(Target::parse("http://").is_err());
    }

    #[test]
    fn a_segment_stays_a_segment() {
        assert_eq!(encode("../a b\u{202e}"), "..%2Fa%20b%E2%80%AE");
        assert_eq!(encode_bytes(&[0xff, b'a']), "%FFa");
    }
}
