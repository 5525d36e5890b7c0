//! What is known about a provider before it is asked: data, not code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::quirks::Quirks;
use super::wire::Wire;
use crate::domain::Usage;

const BUILT_IN: &str = include_str!("../../assets/providers.toml");
/// The window that is assumed where nothing is known.
const SMALL_WINDOW: u64 = 32_768;

/// A provider as the list of presets describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    pub name: String,
    pub title: String,
    pub wire: Wire,
    /// The wire that servers in its place are more likely to speak.
    #[serde(default)]
    pub wire_elsewhere: Option<Wire>,
    pub base_url: String,
    /// Variables that put another address in its place; the first that is set holds.
    #[serde(default)]
    pub base_url_env: Vec<String>,
    /// The path that is meant where such a variable names a host alone.
    #[serde(default)]
    pub base_path: Option<String>,
    /// The port that is meant where such a variable names a host alone.
    #[serde(default)]
    pub port: Option<u16>,
    /// Variables that may hold the key; the first that is set holds.
    #[serde(default)]
    pub key_env: Vec<String>,
    /// Variables that may hold a token for the `authorization` header.
    #[serde(default)]
    pub bearer_env: Vec<String>,
    #[serde(default)]
    pub default_model: Option<String>,
    /// A model named without a provider belongs to this one when it begins like this.
    #[serde(default)]
    pub prefixes: Vec<String>,
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// It runs on this machine and needs no key.
    #[serde(default)]
    pub local: bool,
    /// The command that starts it.
    #[serde(default)]
    pub start: Option<String>,
    /// The command that gives its models a larger window.
    #[serde(default)]
    pub larger: Option<String>,
    /// The command that fetches a model for it.
    #[serde(default)]
    pub pull: Option<String>,
    #[serde(default)]
    pub idle_seconds: Option<u64>,
    #[serde(default)]
    pub quirks: Quirks,
    #[serde(default)]
    pub models: Vec<ModelFacts>,
}

/// What is known about the models that match a pattern.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct ModelFacts {
    #[serde(rename = "match")]
    pub pattern: String,
    pub context: u64,
    #[serde(default)]
    pub max_output: Option<u32>,
    #[serde(flatten)]
    pub price: Price,
    /// What holds for long prompts.
    #[serde(default)]
    pub long: Option<LongPrice>,
}

/// US dollars for a million tokens; where input and output are not both known, nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Price {
    /// Of the prompt.
    pub input: Option<f64>,
    /// Of what the model writes.
    pub output: Option<f64>,
    /// Of a prompt read from the provider's cache; that of the prompt when not known.
    pub cache_read: Option<f64>,
    /// Of a prompt written to the provider's cache; that of the prompt when not known.
    pub cache_write: Option<f64>,
}

impl std::fmt::Display for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.input, self.output) {
            (Some(0.0), Some(0.0)) => f.write_str("free"),
            (Some(input), Some(output)) => write!(f, "${input} in, ${output} out for a million tokens"),
            _ => f.write_str("not known"),
        }
    }
}

/// The price of requests whose prompt is longer than a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) struct LongPrice {
    pub after: u64,
    #[serde(flatten)]
    pub price: Price,
}

#[derive(Deserialize)]
struct List {
    provider: Vec<Preset>,
}

/// The built-in presets in the order of preference.
pub(super) fn built_in() -> Result<Vec<Preset>, String> {
    crate::text::from_toml::<List>(BUILT_IN).map(|list| list.provider)
}

/// An address with its variables filled in: `{A|B|=x}` is the first of A and B that is set, else x.
///
/// # Errors
/// None of the variables is set; in words.
pub(super) fn filled(pattern: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let Some((before, rest)) = pattern.split_once('{') else { return Ok(pattern.to_owned()) };
    let Some((names, after)) = rest.split_once('}') else { return Ok(pattern.to_owned()) };
    let set = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let value = names.split('|').find_map(|name| name.strip_prefix('=').or_else(|| set(name)));
    let value = value.ok_or_else(|| format!("its address is not known: set {}", names.replace('|', " or ")))?;
    Ok(format!("{before}{value}{}", filled(after, environment)?))
}

/// The variables that may hold a key of a built-in provider.
pub(super) fn key_variables() -> Vec<String> {
    let presets = built_in().unwrap_or_default();
    presets.into_iter().flat_map(|preset| preset.key_env.into_iter().chain(preset.bearer_env)).collect()
}

impl Preset {
    /// A provider of the user's of which only wire and address are known.
    pub(super) fn of_user(name: &str, wire: Wire, base_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            wire,
            wire_elsewhere: None,
            base_url: base_url.to_owned(),
            base_url_env: vec![],
            base_path: None,
            port: None,
            key_env: vec![],
            bearer_env: vec![],
            default_model: None,
            prefixes: vec![],
            aliases: BTreeMap::new(),
            headers: BTreeMap::new(),
            local: false,
            start: None,
            larger: None,
            pull: None,
            idle_seconds: None,
            quirks: Quirks::default(),
            models: vec![],
        }
    }

    /// Whether it refuses to answer without a key.
    pub(super) fn needs_key(&self) -> bool {
        let keyless = self.key_env.is_empty() && self.bearer_env.is_empty();
        !self.local && !keyless
    }

    /// What a model costs, where that is known; nothing on a machine of one's own.
    pub(super) fn price(&self, model: &str, on_this_machine: bool) -> Option<Price> {
        let price = self.facts(model).price;
        let free = Price { input: Some(0.0), output: Some(0.0), ..Price::default() };
        price.input.and(price.output).map(|_| price).or_else(|| on_this_machine.then_some(free))
    }

    /// What is known about a model.
    pub(super) fn facts(&self, model: &str) -> ModelFacts {
        let found = self.models.iter().find(|facts| matches(&facts.pattern, model));
        found.cloned().unwrap_or_else(|| ModelFacts { context: SMALL_WINDOW, ..ModelFacts::default() })
    }

    /// Models that are known by name.
    pub(super) fn known_models(&self) -> impl Iterator<Item = &str> {
        let whole = self.models.iter().map(|facts| facts.pattern.trim_end_matches('*'));
        let named = self.aliases.values().chain(&self.default_model).map(String::as_str);
        named.chain(whole.filter(|name| !name.is_empty() && !name.contains('*') && !name.ends_with(['-', '/'])))
    }
}

impl ModelFacts {
    /// What a request cost; `None` where the price is not known.
    pub(super) fn cost(&self, usage: &Usage) -> Option<f64> {
        let price = match self.long {
            Some(long) if usage.context_tokens() > long.after => long.price,
            _ => self.price,
        };
        let (input, output) = (price.input?, price.output?);
        let (read, written) = (usage.cache_read_tokens, usage.cache_write_tokens);
        let fresh = if usage.cached_in_input {
            usage.input_tokens.saturating_sub(read).saturating_sub(written)
        } else {
            usage.input_tokens
        };
        #[expect(clippy::cast_precision_loss, reason = "no request has 2^52 tokens")]
        let share = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        Some(
            share(fresh, input)
                + share(usage.output_tokens + usage.thinking_tokens, output)
                + share(read, price.cache_read.unwrap_or(input))
                + share(written, price.cache_write.unwrap_or(input)),
        )
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = pattern.split('*').next_back().filter(|_| pattern.contains('*')) else { return rest.is_empty() };
    let middle: Vec<&str> = parts.collect();
    for part in middle.iter().take(middle.len().saturating_sub(1)) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_made_of_variables() {
        let environment = BTreeMap::from([("B".to_owned(), "b".to_owned()), ("E".to_owned(), " ".to_owned())]);
        for (pattern, expected) in [
            ("https://x/v1", Some("https://x/v1")),
            ("https://{A|B}.x/{B}", Some("https://b.x/b")),
            ("https://{A|E|=c}.x", Some("https://c.x")),
            ("https://{A}.x", None),
        ] {
            assert_eq!(filled(pattern, &environment).ok().as_deref(), expected, "{pattern}");
        }
        assert!(filled("{A|E}", &environment).unwrap_err().contains("set A or E"));
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("claude-opus-4*", "claude-opus-4-1-20250805", true),
            ("anthropic/claude-*-5*", "anthropic/claude-sonnet-5.5", true),
            ("anthropic/claude-*-5*", "anthropic/claude-sonnet-4", false),
            ("a*c", "abd", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_list_reads_and_is_sound() {
        let presets = built_in().unwrap();
        let mut names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), presets.len());
        for preset in &presets {
            assert!(preset.local || !preset.key_env.is_empty(), "{}", preset.name);
            assert_eq!(preset.models.last().map(|facts| facts.pattern.as_str()), Some("*"), "{}", preset.name);
            for (index, facts) in preset.models.iter().enumerate() {
                let shadowed = preset.models[..index].iter().find(|earlier| {
                    matches(&earlier.pattern, facts.pattern.trim_end_matches('*')) && earlier.pattern != facts.pattern
                });
                assert!(shadowed.is_none(), "{}: {} is hidden by {shadowed:?}", preset.name, facts.pattern);
                assert_eq!(facts.price.input.is_some(), facts.price.output.is_some(), "{}", facts.pattern);
            }
        }
    }

    #[test]
    fn cost_counts_cached_tokens_once() {
        let presets = built_in().unwrap();
        let by_name = |name: &str| presets.iter().find(|preset| preset.name == name).unwrap();
        let usage =
            Usage { input_tokens: 1_000_000, output_tokens: 100_000, cache_read_tokens: 500_000, ..Usage::default() };
        let close = |cost: Option<f64>, expected: f64| (cost.unwrap() - expected).abs() < 1e-9;
        // Beside the cached ones: 1 M fresh, 0.5 M cached, 0.1 M out.
        let claude = by_name("anthropic").facts("claude-opus-4-6");
        assert!(close(claude.cost(&usage), 5.0 + 2.5 + 0.25), "{:?}", claude.cost(&usage));
        // Within the prompt's: 0.5 M fresh; and more than 272,000 tokens cost more.
        let gpt = by_name("openai").facts("gpt-5.4");
        let inside = Usage { cached_in_input: true, ..usage };
        assert!(close(gpt.cost(&inside), 2.5 + 2.25 + 0.25), "{:?}", gpt.cost(&inside));
        assert_eq!(by_name("anthropic").facts("claude-haiku-5-5").cost(&usage), None);
        assert_eq!(by_name("ollama").facts("qwen").cost(&usage), None);
    }
}
