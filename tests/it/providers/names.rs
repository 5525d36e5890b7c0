//! What names, keys and addresses resolve to.

use std::collections::BTreeMap;

use tenon::config::{ProviderSettings, Settings};
use tenon::provider::{ErrorKind, Registry};

use super::support::environment;

fn registry(pairs: &[(&str, &str)]) -> Registry {
    Registry::new(&Settings::default(), &environment(pairs))
}

fn own(name: &str, settings: ProviderSettings) -> Settings {
    Settings { providers: BTreeMap::from([(name.to_owned(), settings)]), ..Settings::default() }
}

#[test]
fn names_resolve() {
    let registry = registry(&[]);
    for (name, expected) in [
        ("anthropic/claude-opus-4-6", "anthropic/claude-opus-4-6"),
        ("anthropic/sonnet", "anthropic/claude-sonnet-5-5"),
        ("anthropic", "anthropic/claude-sonnet-5-5"),
        ("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4-20250514"),
        ("gpt-5.4", "openai/gpt-5.4"),
        ("openrouter/anthropic/claude-sonnet-5", "openrouter/anthropic/claude-sonnet-5"),
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        (" ollama/qwen2.5-coder:7b ", "ollama/qwen2.5-coder:7b"),
    ] {
        assert_eq!(registry.resolve(name).unwrap().name(), expected, "{name}");
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest() {
    let registry = registry(&[]);
    for (name, near) in [
        ("antropic/claude-opus-4-6", "anthropic"),
        ("olama/x", "ollama"),
        ("sonnet-5-5", "`provider/model`"),
        ("claud-sonnet-5-5", "anthropic/claude-sonnet-5-5"),
        ("ollama", "ollama/MODEL"),
    ] {
        let error = registry.resolve(name).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.hints.join(" ").contains(near), "{name}: {error:?}");
    }
}

#[test]
fn addresses_and_keys_come_from_the_environment() {
    let registry = registry(&[
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/"),
        ("OPENAI_API_KEY", "k-123456"),
        ("OLLAMA_HOST", "0.0.0.0"),
        ("GEMINI_API_KEY", "  "),
    ]);
    let seen = |name: &str| {
        let found = registry.resolve(name).unwrap();
        (found.address, found.local, found.key_present)
    };
    assert_eq!(seen("anthropic/x"), ("http://127.0.0.1:9/v1".into(), true, true));
    assert_eq!(seen("openai/x"), ("https://api.openai.com/v1".into(), false, true));
    assert_eq!(seen("ollama/x"), ("http://127.0.0.1:11434".into(), true, true));
    assert!(!seen("gemini/x").2);
    assert!(!seen("mistral/x").2);
}

#[test]
fn addresses_in_ones_own_cloud_are_made_of_variables() {
    for (variables, name, expected) in [
        (&[("AZURE_OPENAI_RESOURCE", "mine")][..], "azure/dep", "https://mine.openai.azure.com/openai/v1"),
        (
            &[("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/")],
            "azure/dep",
            "https://mine.openai.azure.com/openai/v1",
        ),
        (
            &[("AZURE_OPENAI_BASE_URL", "https://gate.test/azure/openai/v1")],
            "azure/dep",
            "https://gate.test/azure/openai/v1",
        ),
        (&[], "bedrock/m", "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"),
        (&[("AWS_REGION", "eu-west-1")], "bedrock/m", "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1"),
    ] {
        assert_eq!(registry(variables).resolve(name).unwrap().address, expected);
    }
    let error = registry(&[("AZURE_OPENAI_API_KEY", "k")]).resolve("azure/dep").unwrap_err();
    assert!(error.message.contains("AZURE_OPENAI_RESOURCE"), "{error}");
    assert_eq!(registry(&[("AZURE_OPENAI_API_KEY", "k")]).default_model(), None);
}

#[test]
fn the_first_provider_with_a_key_gives_the_default_model() {
    assert_eq!(registry(&[]).default_model(), None);
    assert_eq!(registry(&[("OLLAMA_HOST", "x")]).default_model(), None);
    let both = registry(&[("OPENAI_API_KEY", "k"), ("ANTHROPIC_API_KEY", "k")]);
    assert_eq!(both.default_model().as_deref(), Some("anthropic/claude-sonnet-5-5"));
    let token = registry(&[("ANTHROPIC_AUTH_TOKEN", "k")]);
    assert_eq!(token.default_model().as_deref(), Some("anthropic/claude-sonnet-5-5"));
}

#[test]
fn agents_inherit_what_cannot_be_had() {
    let registry = registry(&[("ANTHROPIC_API_KEY", "k")]);
    let current = "openai/gpt-5.4";
    for (wanted, expected, warns) in [
        (None, current, false),
        (Some("inherit"), current, false),
        (Some("opus"), "openai/gpt-6-astra", false),
        (Some("sonnet[1m]"), "openai/gpt-6.1-sol", false),
        (Some("claude-opus-4-6"), "anthropic/claude-opus-4-6", false),
        (Some("mistral/codestral-latest"), current, true),
        (Some("gpt-5.2"), current, true),
        (Some("my-own-model"), current, true),
    ] {
        let (model, warning) = registry.for_agent(wanted, current);
        assert_eq!((model.as_str(), warning.is_some()), (expected, warns), "{wanted:?}: {warning:?}");
    }
    let (model, warning) = registry.for_agent(Some("sonnet"), "ollama/qwen");
    assert_eq!(model, "ollama/qwen");
    assert!(warning.unwrap().contains("ollama/qwen is used instead"));
}

#[test]
fn a_provider_of_the_user_is_a_few_lines() {
    let settings = own(
        "work",
        ProviderSettings {
            wire: Some("chat".into()),
            base_url: Some("https://llm.example.test/openai/v1/".into()),
            key_env: Some("WORK_KEY".into()),
            ..ProviderSettings::default()
        },
    );
    let with_key = Registry::new(&settings, &environment(&[("WORK_KEY", "k")]));
    let found = with_key.resolve("work/our-model").unwrap();
    assert_eq!((found.address.as_str(), found.key_present), ("https://llm.example.test/openai/v1", true));
    assert_eq!(with_key.list()[0].name, "work");
    // What the configuration says about a known provider changes only that.
    let settings = own("anthropic", ProviderSettings { key_env: Some("MINE".into()), ..ProviderSettings::default() });
    let changed = Registry::new(&settings, &environment(&[("ANTHROPIC_API_KEY", "k")]));
    let found = changed.resolve("anthropic/opus").unwrap();
    assert_eq!((found.address.as_str(), found.key_present), ("https://api.anthropic.com/v1", false));
}

#[test]
fn a_mistake_in_the_configuration_is_told_when_it_matters() {
    for (settings, words) in [
        (
            ProviderSettings { wire: Some("chatt".into()), base_url: Some("http://x".into()), ..Default::default() },
            "chatt",
        ),
        (ProviderSettings { base_url: Some("http://x".into()), ..Default::default() }, "wire is missing"),
        (ProviderSettings { wire: Some("chat".into()), ..Default::default() }, "base_url is missing"),
        (ProviderSettings { wire: Some("chat".into()), base_url: Some("::".into()), ..Default::default() }, "address"),
    ] {
        let registry = Registry::new(&own("work", settings), &BTreeMap::new());
        let error = registry.resolve("work/x").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains(words), "{error}");
        assert!(registry.resolve("anthropic/opus").is_ok());
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let registry = registry(&[]);
    let found = registry.resolve("anthropic/opus").unwrap();
    let (sender, _receiver) = tokio::sync::mpsc::channel(1);
    let error = found.provider.ask(super::support::request(), sender).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains("ANTHROPIC_API_KEY is not set"), "{error}");
}
