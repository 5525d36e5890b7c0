//! Exchanges as people read them and other programs take them: a curl command line, a `.http` file.

use std::fmt::Write as _;

use serde::Deserialize;

use super::auth::{self, Credentials, Profile};
use super::exchange::Exchange;
use super::import::collection;
use super::message::Request;
use super::target::{Target, encode};
use crate::text;

/// As what recorded exchanges are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A line each.
    #[default]
    List,
    /// Request and answer with their headers and bodies.
    Whole,
    /// Command lines.
    Curl,
    /// A `.http` file.
    Http,
    /// A Postman collection.
    Postman,
}

impl Format {
    /// The exchanges as text that is safe to print.
    pub fn written(self, exchanges: &[Exchange]) -> String {
        let lines = |line: fn(&Exchange) -> String| exchanges.iter().map(line).collect::<Vec<_>>().join("\n");
        let text = match self {
            Self::List => lines(|exchange| format!("{:.0}  {}", exchange.at, exchange.line())),
            Self::Whole => lines(Exchange::whole),
            Self::Curl => lines(curl),
            Self::Http => http_file(exchanges),
            Self::Postman => {
                let collection = collection("recorded by tenon", exchanges);
                serde_json::to_string_pretty(&collection).unwrap_or_default()
            }
        };
        text::sanitize(&text).into_owned()
    }
}

/// An exchange as a curl command that a person can paste; `$NAME` stands for a secret.
pub fn curl(exchange: &Exchange) -> String {
    let mut headers = exchange.headers.clone();
    let mut url = exchange.url.clone();
    let mut user = None;
    match &exchange.auth {
        // What the header holds is made of both, so the command makes it.
        Some(Profile::Basic { user: name, password, password_env }) => {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case("authorization"));
            user = Some(format!("{name}:{}", auth::placeholder(password.as_ref(), password_env.as_ref(), "PASSWORD")));
        }
        Some(profile) => place(&profile.placeholder(), &mut headers, &mut url),
        None => {}
    }
    let body = exchange.body.as_ref().map(|body| body.text.as_bytes());
    let line = command(&exchange.method, &url, &headers, body);
    user.map_or(line.clone(), |user| line.replacen("curl ", &format!("curl -u {} ", quote_with_names(&user)), 1))
}

/// A request as a curl command.
pub fn curl_request(url: &str, request: &Request) -> String {
    let headers = super::exchange::redact_headers(&request.headers);
    command(&request.method, &super::exchange::redact_url(url), &headers, request.body.as_deref())
}

/// Puts what stands for credentials where they were.
pub(super) fn place(credentials: &Credentials, headers: &mut Vec<(String, String)>, url: &mut String) {
    match credentials {
        Credentials::Header(name, value) => {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        Credentials::Query(name, value) => {
            let hidden = format!("{}=[redacted", encode(name));
            if let Some(at) = url.find(&hidden) {
                let end = url[at..].find('&').map_or(url.len(), |end| at + end);
                url.replace_range(at..end, &format!("{}={value}", encode(name)));
            }
        }
    }
}

/// A longer body makes a file nobody reads.
const MOST_WRITTEN: usize = 16 << 10;
/// A longer body would be no line any more.
const MOST_BODY: usize = 2_000;

fn command(method: &str, url: &str, headers: &[(String, String)], body: Option<&[u8]>) -> String {
    let mut line = String::from("curl -sS -i");
    if method != "GET" || body.is_some() {
        let _ = write!(line, " -X {method}");
    }
    let _ = write!(line, " {}", quote_with_names(url));
    for (name, value) in headers {
        let _ = write!(line, " -H {}", quote_with_names(&format!("{name}: {value}")));
    }
    match body {
        None => {}
        Some(body) if body.len() > MOST_BODY => {
            let kind = body.first().map_or('?', |byte| char::from(*byte));
            let _ = write!(line, " --data-binary @- # {} bytes that begin with `{kind}`", body.len());
        }
        Some(body) => match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => {
                let _ = write!(line, " --data-raw {}", quote(text));
            }
            _ => {
                let bytes = body.iter().fold(String::new(), |mut out, byte| {
                    let _ = write!(out, "\\x{byte:02x}");
                    out
                });
                line = format!("printf '{bytes}' | {line} --data-binary @-");
            }
        },
    }
    line
}

/// Quotes for a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// In double quotes where `$NAME` has to be filled in by the shell.
fn quote_with_names(text: &str) -> String {
    let named = text.split('$').nth(1).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    if named && !text.contains(['`', '"', '\\']) { format!("\"{text}\"") } else { quote(text) }
}

/// The variable that stands for the project's own service in files for other programs.
pub(super) const BASE_URL: &str = "base_url";

/// A comment in a `.http` file that says what the status has to be.
pub(super) const EXPECT: &str = "# @expect ";

/// The address as it is written into such a file, and what [`BASE_URL`] stands for in it.
pub(super) fn address(exchange: &Exchange, url: &str) -> (String, Option<String>) {
    let own = exchange.own.then(|| Target::parse(url).ok()).flatten();
    match own.as_ref().and_then(|target| Some((target.origin(), url.strip_prefix(target.origin())?))) {
        Some((origin, path)) => (format!("{{{{{BASE_URL}}}}}{path}"), Some(origin.to_owned())),
        None => (url.to_owned(), None),
    }
}

/// A header's value without its secret, which is a variable of the header's name.
pub(super) fn hidden(name: &str, value: &str) -> String {
    match value.find("[redacted") {
        Some(at) => format!("{}{{{{{}}}}}", &value[..at], name.to_ascii_lowercase().replace('-', "_")),
        None => value.to_owned(),
    }
}

/// Exchanges as a `.http` file, as editors run it.
pub fn http_file(exchanges: &[Exchange]) -> String {
    let (mut out, mut origin) = (String::new(), None);
    for exchange in exchanges {
        let mut headers = exchange.headers.clone();
        let mut url = exchange.url.clone();
        if let Some(profile) = &exchange.auth {
            place(&profile.placeholder().renamed(environment), &mut headers, &mut url);
        }
        let (url, base) = address(exchange, &url);
        origin = origin.or(base);
        let named = exchange.operation.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        let _ = writeln!(out, "### {}{named}", exchange.id);
        if exchange.answer.is_some() {
            let _ = writeln!(out, "{EXPECT}{}", exchange.status());
        }
        let _ = writeln!(out, "{} {url}", exchange.method);
        for (name, value) in headers {
            let _ = writeln!(out, "{name}: {}", hidden(&name, &value));
        }
        match &exchange.body {
            Some(body) if body.changed || body.text.len() > MOST_WRITTEN => {
                let _ = writeln!(out, "# its body of {} bytes is left out", body.bytes);
            }
            Some(body) => {
                let _ = writeln!(out, "\n{}", body.text);
            }
            None => {}
        }
        out.push('\n');
    }
    match origin {
        Some(origin) => format!("@{BASE_URL} = {origin}\n\n{out}"),
        None => out,
    }
}

/// `.http` files write an environment variable as `{{$processEnv NAME}}`.
fn environment(value: &str) -> String {
    match value.rsplit_once('$') {
        Some((before, name)) if name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()) => {
            format!("{before}{{{{$processEnv {name}}}}}")
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_and_holds_no_secret() {
        let mut request = Request::new("POST", "/x").json(&serde_json::json!({"name": "it's"}));
        request.set_header("authorization", "Bearer abcdefghijklmnopqrstuvwxyz");
        let profile = Profile::Bearer { token: None, token_env: Some("API_TOKEN".into()) };
        let exchange =
            Exchange::new("http://localhost:1/x?a=1&b=2", &request, Err(String::new()), Some(&profile), vec![]);
        assert_eq!(
            curl(&exchange),
            r#"curl -sS -i -X POST 'http://localhost:1/x?a=1&b=2' -H 'content-type: application/json' -H "authorization: Bearer $API_TOKEN" --data-raw '{"name":"it'\''s"}'"#
        );
        let file = http_file(&[exchange]);
        assert!(file.contains("authorization: Bearer {{$processEnv API_TOKEN}}\n\n{\"name\":\"it's\"}"), "{file}");
    }

    #[test]
    fn odd_bodies_are_still_a_command() {
        let bytes = Request { body: Some(vec![0xff, 0]), ..Request::new("POST", "/") };
        assert_eq!(
            curl_request("http://h/", &bytes),
            r"printf '\xff\x00' | curl -sS -i -X POST 'http://h/' --data-binary @-"
        );
        let large = Request { body: Some(vec![b'a'; 1 << 20]), ..Request::new("POST", "/") };
        assert!(curl_request("http://h/", &large).len() < 200);
    }
}
