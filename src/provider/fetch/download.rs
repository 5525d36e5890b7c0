//! A file over HTTP, going on where an earlier attempt stopped.

use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::part::{Origin, Part, insist_on_room};
use super::sources::{Wanted, Way};
use super::{FetchError, FetchErrorKind, FetchPatience, Progress, Stage, Tell};
use crate::provider::client;
use crate::text;

/// What an attempt came to that did not bring the whole file.
enum Broken {
    /// Trying again may help.
    Passing(String),
    /// It will not.
    Final(FetchError),
}

impl From<FetchError> for Broken {
    fn from(error: FetchError) -> Self {
        Self::Final(error)
    }
}

/// Appends what is missing. A broken line is taken up again, as long as tries bring something.
pub(super) async fn fetch(
    url: &Url,
    token: Option<&str>,
    wanted: &Wanted,
    part: &mut Part,
    tell: &Tell,
    patience: FetchPatience,
) -> Result<(), FetchError> {
    let client = client_for(url, patience)?;
    let mut fruitless = 0;
    loop {
        if wanted.bytes == Some(part.length()) {
            return Ok(());
        }
        let before = part.length();
        let why = match attempt(&client, url, token, wanted, part, tell, patience).await {
            Ok(()) => return Ok(()),
            Err(Broken::Final(error)) => return Err(error),
            Err(Broken::Passing(why)) => why,
        };
        fruitless = if part.length() > before { 1 } else { fruitless + 1 };
        if fruitless >= patience.tries {
            return Err(FetchError::source(format!("{why} ({fruitless} tries without a byte)")));
        }
        tell.note(format!("{why}; going on from {}", super::size_in_words(part.length())));
        sleep(patience.pause * 2_u32.pow(fruitless - 1)).await;
    }
}

async fn attempt(
    client: &Client,
    url: &Url,
    token: Option<&str>,
    wanted: &Wanted,
    part: &mut Part,
    tell: &Tell,
    patience: FetchPatience,
) -> Result<(), Broken> {
    let request = ranged(signed(client.get(url.clone()), token), url, wanted, part);
    let sent = timeout(patience.connect + patience.idle, request.send()).await;
    let mut response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(unreachable(&error)),
        Err(_) => return Err(Broken::Passing("no answer".to_owned())),
    };
    let total = accept(&response, url, wanted, part, tell)?;
    let folder = part.path().parent().unwrap_or(part.path()).to_owned();
    if let Some(total) = total {
        insist_on_room(&folder, total.saturating_sub(part.length()))?;
    }
    loop {
        match timeout(patience.idle, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                if wanted.bytes.is_some_and(|most| part.length() + bytes.len() as u64 > most) {
                    part.clear()?;
                    return Err(Broken::Final(FetchError::source(
                        "it sends more bytes than the file has; thrown away",
                    )));
                }
                part.write(&bytes)?;
                tell.send(Progress::at(Stage::Fetching, part.length(), total));
            }
            Ok(Ok(None)) => break,
            Ok(Err(error)) => {
                return Err(Broken::Passing(format!("the line broke: {}", client::root_cause(&error))));
            }
            Err(_) => return Err(Broken::Passing(format!("no byte for {} s", patience.idle.as_secs()))),
        }
    }
    match total {
        Some(total) if part.length() < total => Err(Broken::Passing("it ended before its end".to_owned())),
        _ => Ok(()),
    }
}

/// Asks for the rest only where the rest is sure to belong to what is there.
fn ranged(request: RequestBuilder, url: &Url, wanted: &Wanted, part: &Part) -> RequestBuilder {
    let same = part.origin.as_ref().filter(|origin| origin.url == url.as_str());
    let etag = same.and_then(|origin| origin.etag.as_deref());
    // With a pinned hash the bytes are the same everywhere, and a mistake shows at the end.
    if part.length() == 0 || (wanted.sha256.is_none() && etag.is_none()) {
        return request;
    }
    let request = request.header(header::RANGE, format!("bytes={}-", part.length()));
    match etag {
        Some(etag) => request.header(header::IF_RANGE, etag),
        None => request,
    }
}

/// Reads the head of an answer and brings the part in line with it; returns the size of the whole file.
fn accept(
    response: &Response,
    url: &Url,
    wanted: &Wanted,
    part: &mut Part,
    tell: &Tell,
) -> Result<Option<u64>, Broken> {
    let status = response.status();
    let whole = match status {
        StatusCode::OK => {
            if part.length() > 0 {
                // It does not go on from the middle, or the file is another one now.
                part.clear()?;
            }
            response.content_length()
        }
        StatusCode::PARTIAL_CONTENT => {
            let range = header_text(response.headers(), "content-range").and_then(|text| read_range(&text));
            match range {
                Some((from, total)) if from <= part.length() => {
                    part.cut(from, tell)?;
                    total
                }
                _ => {
                    part.clear()?;
                    return Err(Broken::Passing("it goes on from another place than asked".to_owned()));
                }
            }
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            part.clear()?;
            return Err(Broken::Passing("it has fewer bytes than are here; beginning anew".to_owned()));
        }
        status if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) => {
            return Err(Broken::Passing(format!("HTTP {status}")));
        }
        status => return Err(Broken::Final(refused(status, url))),
    };
    if let (Some(expected), Some(found)) = (wanted.bytes, whole)
        && expected != found
    {
        let message = format!("it has a file of {found} bytes instead of {expected}");
        return Err(Broken::Final(FetchError::source(message)));
    }
    let etag = strong_etag(response.headers());
    if part.length() == 0 || part.origin.is_none() {
        part.comes_from(Origin { url: url.to_string(), etag });
    }
    Ok(whole.or(wanted.bytes))
}

/// A weak tag does not promise the same bytes.
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    header_text(headers, "etag").filter(|tag| !tag.starts_with("W/"))
}

/// `bytes 100-199/1000`: where it begins, and the size of the whole.
fn read_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let from = range.split_once('-')?.0.trim().parse().ok()?;
    Some((from, total.trim().parse().ok()))
}

fn refused(status: StatusCode, url: &Url) -> FetchError {
    let error = FetchError::source(format!("HTTP {status}"));
    match status.as_u16() {
        401 | 403 if url.path().contains("/resolve/") => {
            error.hint("If the repository asks for an account: set HF_TOKEN, after accepting its terms on the hub.")
        }
        _ => error,
    }
}

fn unreachable(error: &reqwest::Error) -> Broken {
    let cause = client::root_cause(error);
    if error.is_connect() || error.is_timeout() {
        // Another source is sooner asked than a dead line comes back.
        return Broken::Final(FetchError::source(format!("no connection: {cause}")));
    }
    if error.is_redirect() || error.is_builder() {
        return Broken::Final(FetchError::source(cause));
    }
    Broken::Passing(format!("the line broke: {cause}"))
}

/// What the hub says about a file before it is fetched; without it the file is taken as it comes.
pub(super) async fn look_up(wanted: Wanted, patience: FetchPatience) -> Result<Wanted, FetchError> {
    let Some(source) = wanted.sources.first().cloned() else { return Ok(wanted) };
    match source.way {
        Way::Repository { hub, repository, quantisation, token } => {
            let file = file_of(&hub, &repository, &quantisation, token.as_deref(), patience).await?;
            let url = format!("{hub}/{repository}/resolve/main/{file}");
            let url = Url::parse(&url).map_err(|error| FetchError::usage(format!("{url:?}: {error}")))?;
            let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
            let mut wanted = Wanted { title: name.clone(), file: name, ..wanted };
            wanted.sources[0].way = Way::Address { url, token };
            Box::pin(look_up(wanted, patience)).await
        }
        Way::Address { url, token } => {
            let client = client::downloads(is_loopback(&url), patience.connect, false).map_err(FetchError::source)?;
            let asked = signed(client.head(url.clone()), token.as_deref()).send();
            let Ok(Ok(answer)) = timeout(patience.connect + Duration::from_secs(10), asked).await else {
                return Ok(wanted);
            };
            let text = |name: &str| header_text(answer.headers(), name);
            let hash = text("x-linked-etag").map(|tag| tag.trim_matches('"').to_owned()).filter(|tag| is_sha256(tag));
            let bytes = text("x-linked-size").and_then(|size| size.parse().ok());
            Ok(Wanted { sha256: hash, bytes, ..wanted })
        }
        Way::Packages(_) => Ok(wanted),
    }
}

/// The file of a repository that has the quantisation, by the hub's list.
async fn file_of(
    hub: &str,
    repository: &str,
    quantisation: &str,
    token: Option<&str>,
    patience: FetchPatience,
) -> Result<String, FetchError> {
    let url = format!("{hub}/api/models/{repository}");
    let url = Url::parse(&url).map_err(|error| FetchError::usage(format!("{url:?}: {error}")))?;
    let client = client_for(&url, patience)?;
    let asked = async {
        let answer =
            signed(client.get(url.clone()), token).send().await.map_err(|error| match unreachable(&error) {
                Broken::Final(error) => error,
                Broken::Passing(why) => FetchError::source(why),
            })?;
        if !answer.status().is_success() {
            return Err(refused(answer.status(), &url));
        }
        answer.json::<Value>().await.map_err(|error| FetchError::source(client::root_cause(&error)))
    };
    let listed = timeout(patience.connect + patience.idle, asked).await;
    let listed = listed.unwrap_or_else(|_| Err(FetchError::source("no answer")));
    let listed = listed.map_err(|error| FetchError { message: format!("{repository}: {}", error.message), ..error })?;
    let names = listed["siblings"].as_array().into_iter().flatten().filter_map(|file| file["rfilename"].as_str());
    let files: Vec<&str> = names.filter(|name| name.ends_with(".gguf")).collect();
    let wanted = quantisation.to_ascii_lowercase();
    // A model in several files cannot be taken by its first part.
    let fits = |name: &&&str| name.to_ascii_lowercase().contains(&wanted) && !name.contains("-of-");
    if let Some(found) = files.iter().find(fits) {
        return Ok((*found).to_owned());
    }
    let some: Vec<String> = files.iter().take(12).map(|name| text::sanitize_line(name).into_owned()).collect();
    let error = FetchError {
        kind: FetchErrorKind::Usage,
        ..FetchError::source(format!("{repository} has no single GGUF file with {quantisation} in its name"))
    };
    Err(if some.is_empty() { error } else { error.hint(format!("It has {}.", some.join(", "))) })
}

fn client_for(url: &Url, patience: FetchPatience) -> Result<Client, FetchError> {
    client::downloads(is_loopback(url), patience.connect, true).map_err(FetchError::source)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The token goes to the first address only: a redirect to another host drops it.
fn signed(request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(read_range("bytes 100-199/1000"), Some((100, Some(1000))));
        assert_eq!(read_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(read_range("bytes */1000"), None);
        assert_eq!(read_range("lines 1-2/3"), None);
    }
}
