//! `tenon models`: what models there are, and whether the way to one works.

use clap::Subcommand;
use serde::Serialize;
use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, print, run};
use crate::domain::Message;
use crate::provider::{ProviderSummary, Registry, Request};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List the providers, and for each whether a key is there
    List,
    /// Ask a model for one word and say how it went
    Test {
        /// The model, as provider/model; the configured one when left out
        model: Option<String>,
    },
}

#[derive(Serialize)]
struct TestReport {
    model: String,
    reachable: bool,
    ms: u128,
    output_tokens: u64,
    error: Option<String>,
}

pub(crate) async fn models(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    match arguments.what.unwrap_or(What::List) {
        What::List => list(around, common),
        What::Test { model } => test(around, common, model).await,
    }
}

/// Model names for choosing, the usable ones first.
pub(crate) fn names(around: &Surroundings) -> Vec<(String, String)> {
    let (ready, others): (Vec<_>, Vec<_>) =
        registry(around).list().into_iter().partition(|provider| provider.key_present);
    let named = |provider: ProviderSummary| {
        let state = state(&provider);
        let name = provider.name;
        provider.models.into_iter().map(move |model| (format!("{name}/{model}"), state.clone()))
    };
    ready.into_iter().chain(others).flat_map(named).collect()
}

/// What stands between the user and this provider, in a few words.
fn state(provider: &ProviderSummary) -> String {
    let place = if provider.local { "on this machine" } else { "leaves this machine" };
    match (provider.key_present, &provider.key_env) {
        (true, _) => format!("ready, {place}"),
        (false, Some(variable)) => format!("set {variable}, {place}"),
        (false, None) => place.to_owned(),
    }
}

pub(crate) fn registry(around: &Surroundings) -> Registry {
    Registry::new(&around.settings, &around.environment)
}

fn list(around: &Surroundings, common: &Common) -> Done {
    let found = registry(around).list();
    if common.json {
        return print::json(&found);
    }
    let mut lines = String::new();
    for provider in found {
        lines.push_str(&format!("{:12} {:44} {}\n", provider.name, provider.address, state(&provider)));
        for model in provider.models.iter().filter(|_| provider.key_present) {
            lines.push_str(&format!("  {}/{model}\n", provider.name));
        }
    }
    print::text(&lines)
}

async fn test(around: &Surroundings, common: &Common, model: Option<String>) -> Done {
    let registry = registry(around);
    let name = model
        .or_else(|| common.model.clone())
        .or_else(|| around.settings.model.clone())
        .or_else(|| registry.default_model())
        .ok_or_else(|| Failure::usage("no model is named and none is configured").hint("tenon models list"))?;
    let resolved = registry.resolve(&name).map_err(provider_failure)?;
    let (chunks, mut pieces) = mpsc::channel(64);
    let request = Request {
        model: resolved.model.clone(),
        system: "You answer with one word.".to_owned(),
        messages: vec![Message::User { text: "Say: ready".to_owned() }],
        tools: Vec::new(),
        max_tokens: 64,
    };
    let begun = std::time::Instant::now();
    let interrupt = run::interrupted();
    let answer = tokio::select! {
        answer = resolved.provider.ask(request, chunks) => answer,
        () = async { while pieces.recv().await.is_some() {} std::future::pending().await } => return Ok(Outcome::Failed),
        () = interrupt.cancelled() => return Ok(Outcome::Interrupted),
    };
    let ms = begun.elapsed().as_millis();
    let report = match &answer {
        Ok(reply) => TestReport {
            model: name,
            reachable: reply.complete,
            ms,
            output_tokens: reply.usage.output_tokens,
            error: None,
        },
        Err(error) => {
            TestReport { model: name, reachable: false, ms, output_tokens: 0, error: Some(error.to_string()) }
        }
    };
    let outcome = if report.reachable { Outcome::Done } else { Outcome::Failed };
    if common.json {
        print::json(&report)?;
        return Ok(outcome);
    }
    match answer {
        Ok(reply) => print::text(&format!(
            "{}: answered in {ms} ms: {}",
            report.model,
            crate::text::sanitize_line(reply.text.trim())
        )),
        Err(error) => Err(Failure { outcome: Outcome::Failed, ..provider_failure(error) }),
    }
}

/// A provider error as a person reads it.
pub(crate) fn provider_failure(error: crate::provider::ProviderError) -> Failure {
    let mut failure = Failure::usage(error.to_string());
    failure.hints = error.hints;
    failure
}
