//! Where requests go, out of what users write.

use reqwest::Url;

use super::wire::Wire;

/// A base address with the version of the interface, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// Reads a base address as users write it: with or without a slash, with or without the version, with the
    /// wire's own path, or a bare host and port.
    pub(super) fn new(wire: Wire, written: &str) -> Result<Self, String> {
        let written = written.trim();
        let with_scheme = if written.contains("://") { written.to_owned() } else { format!("http://{written}") };
        let mut base = Url::parse(&with_scheme).map_err(|error| format!("{written:?} is no address: {error}"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(format!("{written:?} is no http address"));
        }
        if base.host_str() == Some("0.0.0.0") {
            // An address to listen on; to reach the server there is this one.
            base.set_host(Some("127.0.0.1")).map_err(|error| error.to_string())?;
        }
        base.set_fragment(None);
        let path = wire.base_path(base.path());
        base.set_path(&path);
        Ok(Self { base })
    }

    /// The address of one operation.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            let known = self.base.query().map(|known| format!("{known}&")).unwrap_or_default();
            url.set_query(Some(&format!("{known}{query}")));
        }
        url
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether the line is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The address for people: without user, password and query.
    pub(super) fn shown(&self) -> String {
        let mut shown = self.base.clone();
        shown.set_query(None);
        let _ = (shown.set_username(""), shown.set_password(None));
        shown.as_str().trim_end_matches('/').to_owned()
    }
}

impl Wire {
    /// The path of a base address, completed by the version this wire needs.
    fn base_path(self, written: &str) -> String {
        let path = written.trim_end_matches('/');
        let (own, version): (&[&str], &str) = match self {
            Self::Anthropic => (&["/messages"], "/v1"),
            Self::Chat | Self::Responses => (&["/chat/completions", "/responses"], "/v1"),
            Self::Gemini => (&["/models", "/openai"], "/v1beta"),
            // Its own interface stands beside the compatible one, not below.
            Self::Ollama => (&["/api/chat", "/api", "/v1/chat/completions", "/v1"], ""),
        };
        let path = own.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let versioned = path.rsplit('/').next().is_some_and(is_version);
        match self {
            _ if versioned => path.to_owned(),
            // Compatible servers keep the interface under a path of their own as they like; a bare host has none.
            Self::Chat | Self::Responses if !path.is_empty() => path.to_owned(),
            _ => format!("{path}{version}"),
        }
    }
}

/// `v1`, `v1beta`, `v3`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_users_write_them() {
        for (wire, written, expected) in [
            (Wire::Anthropic, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            (Wire::Anthropic, "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
            (Wire::Anthropic, "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
            (Wire::Anthropic, "https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1/messages"),
            (Wire::Anthropic, "http://proxy/anthropic/", "http://proxy/anthropic/v1/messages"),
            (Wire::Chat, "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            (Wire::Chat, "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            (Wire::Chat, "https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
            (Wire::Chat, "http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080/v1/chat/completions"),
            (Wire::Chat, "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/chat/completions"),
            (Wire::Chat, "https://x.test/api/paas/v4/", "https://x.test/api/paas/v4/chat/completions"),
            (Wire::Chat, "https://router.test/inference", "https://router.test/inference/chat/completions"),
            (Wire::Chat, "localhost:11434", "http://localhost:11434/v1/chat/completions"),
            (Wire::Chat, "0.0.0.0:11434", "http://127.0.0.1:11434/v1/chat/completions"),
            (Wire::Responses, "https://api.openai.com", "https://api.openai.com/v1/responses"),
            (Wire::Gemini, "https://g.test", "https://g.test/v1beta/models/m:x?alt=sse"),
            (Wire::Gemini, "https://g.test/v1beta/", "https://g.test/v1beta/models/m:x?alt=sse"),
            (Wire::Gemini, "https://g.test/v1beta/openai/", "https://g.test/v1beta/models/m:x?alt=sse"),
            (Wire::Ollama, "127.0.0.1:11434", "http://127.0.0.1:11434/api/chat"),
            (Wire::Ollama, "http://box:1/v1/", "http://box:1/api/chat"),
            (Wire::Chat, "https://a.test/v1?api-version=7", "https://a.test/v1/chat/completions?api-version=7"),
        ] {
            let path = match wire {
                Wire::Anthropic => "/messages",
                Wire::Chat => "/chat/completions",
                Wire::Responses => "/responses",
                Wire::Gemini => "/models/m:x?alt=sse",
                Wire::Ollama => "/api/chat",
            };
            assert_eq!(Endpoint::new(wire, written).unwrap().url(path).as_str(), expected, "{written}");
        }
        assert!(Endpoint::new(Wire::Chat, "ftp://x").is_err());
        assert!(Endpoint::new(Wire::Chat, "http://").is_err());
    }

    #[test]
    fn this_machine_is_known() {
        for (written, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:80", true),
            ("0.0.0.0:9", true),
            ("http://192.168.1.2", false),
            ("https://api.openai.com", false),
        ] {
            assert_eq!(Endpoint::new(Wire::Chat, written).unwrap().is_loopback(), expected, "{written}");
        }
    }

    #[test]
    fn shown_addresses_hold_no_secrets() {
        let endpoint = Endpoint::new(Wire::Chat, "https://me:secret@x.test/v1?key=abc").unwrap();
        assert_eq!(endpoint.shown(), "https://x.test/v1");
    }
}
