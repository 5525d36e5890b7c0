//! `tenon models test`: whether the way to a model works, whether it calls tools, how fast it is and what it costs.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::surroundings::Surroundings;
use super::super::{Common, Done, Failure, Outcome, print, run};
use super::{chosen, provider_failure, registry};
use crate::domain::{Message, ToolSpec};
use crate::provider::offers::{Ready, Scout};
use crate::provider::{Chunk, Price, ProviderError, Registry, Reply, Request, Resolved};

/// What was found out about a model.
#[derive(Debug, Serialize)]
struct TestReport {
    model: String,
    /// Where requests go.
    address: String,
    local: bool,
    reachable: bool,
    /// It called the tool it was asked to call; `None` when that was not tried.
    tool_calls: Option<bool>,
    /// Milliseconds until the first piece of the answer.
    first_token_ms: Option<u64>,
    tokens_per_second: Option<f64>,
    /// US dollars for a million tokens, where the price is known.
    price: Option<Price>,
    cost_usd: Option<f64>,
    error: Option<String>,
    hints: Vec<String>,
}

/// An answer and how long it took.
struct Timed {
    reply: Reply,
    first: Option<Duration>,
    took: Duration,
}

pub(super) async fn test(around: &Surroundings, common: &Common, model: Option<String>, all: bool) -> Done {
    let registry = registry(around);
    let names =
        if all { usable(around, &registry).await } else { vec![chosen(around, common, model, &registry).await?] };
    if names.is_empty() {
        return Err(Failure::usage("there is no key in the environment and no server on this machine")
            .hint("tenon models pull brings a model that runs in this program"));
    }
    let interrupt = run::interrupted();
    let mut reports = Vec::new();
    for name in names {
        let resolved = registry.resolve(&name).map_err(provider_failure)?;
        let Some(report) = probe(&resolved, &interrupt).await else { return Ok(Outcome::Interrupted) };
        if !common.json {
            tell(&report)?;
        }
        reports.push(report);
    }
    if common.json {
        match reports.as_slice() {
            [only] if !all => print::json(only)?,
            every => print::json(&every)?,
        };
    }
    let reachable = reports.iter().all(|report| report.reachable);
    Ok(if reachable { Outcome::Done } else { Outcome::Failed })
}

/// The default model of every provider with a key, the first model of every server on this machine, and the models
/// inside this program.
async fn usable(around: &Surroundings, registry: &Registry) -> Vec<String> {
    let remote = registry.list().into_iter().filter(|provider| provider.key_present && !provider.local);
    let named = remote.filter_map(|provider| Some(format!("{}/{}", provider.name, provider.default_model?)));
    let local = registry.local_servers().await.into_iter();
    let served = local.filter_map(|server| Some(format!("{}/{}", server.provider, server.models.first()?)));
    let inside = Scout::new(&around.settings, &around.environment, &around.directories.cache).embedded();
    let inside = inside.into_iter().filter(|offer| offer.ready == Ready::Now).map(|offer| offer.model);
    named.chain(served).chain(inside).collect()
}

/// Two small requests: words for the speed, then a call. `None` when interrupted.
async fn probe(resolved: &Resolved, interrupt: &CancellationToken) -> Option<TestReport> {
    let mut report = TestReport {
        model: resolved.name(),
        address: resolved.address.clone(),
        local: resolved.local,
        reachable: false,
        tool_calls: None,
        first_token_ms: None,
        tokens_per_second: None,
        price: resolved.price,
        cost_usd: None,
        error: None,
        hints: Vec::new(),
    };
    let words = match timed(resolved, "Count from one to thirty in words.", vec![], interrupt).await? {
        Ok(words) => words,
        Err(error) => return Some(failed(report, error)),
    };
    report.reachable = words.reply.complete;
    report.first_token_ms = words.first.and_then(|first| u64::try_from(first.as_millis()).ok());
    report.tokens_per_second = speed(&words);
    report.cost_usd = words.reply.usage.cost_usd;
    if resolved.steered {
        // Such a model never calls: the pilot does.
        return Some(report);
    }
    let asked = "Call the tool `report` with the word ready.";
    match timed(resolved, asked, vec![report_tool()], interrupt).await? {
        Ok(called) => {
            report.tool_calls =
                Some(called.reply.calls.iter().any(|call| call.name == "report" && call.invalid.is_none()));
            report.cost_usd = report.cost_usd.zip(called.reply.usage.cost_usd).map(|(first, second)| first + second);
        }
        Err(error) => return Some(failed(report, error)),
    }
    Some(report)
}

fn failed(report: TestReport, error: ProviderError) -> TestReport {
    TestReport { error: Some(error.to_string()), hints: error.hints, ..report }
}

fn report_tool() -> ToolSpec {
    ToolSpec {
        name: "report".to_owned(),
        description: "Reports one word.".to_owned(),
        input_schema: json!({"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"],
            "additionalProperties": false}),
    }
}

async fn timed(
    resolved: &Resolved,
    text: &str,
    tools: Vec<ToolSpec>,
    interrupt: &CancellationToken,
) -> Option<Result<Timed, ProviderError>> {
    let (chunks, mut pieces) = mpsc::channel(256);
    let request = Request {
        model: resolved.model.clone(),
        system: "You answer briefly.".to_owned(),
        messages: vec![Message::User { text: text.to_owned() }],
        tools,
        max_tokens: 256,
        temperature: None,
    };
    let begun = Instant::now();
    let first = async {
        let mut first = None;
        while let Some(piece) = pieces.recv().await {
            if !matches!(piece, Chunk::Waiting(_)) {
                first = first.or_else(|| Some(begun.elapsed()));
            }
        }
        first
    };
    tokio::select! {
        (answer, first) = async { tokio::join!(resolved.provider.ask(request, chunks), first) } => {
            Some(answer.map(|reply| Timed { reply, first, took: begun.elapsed() }))
        }
        () = interrupt.cancelled() => None,
    }
}

/// Tokens written a second, from the first one on.
fn speed(words: &Timed) -> Option<f64> {
    let writing = words.took.saturating_sub(words.first?).as_secs_f64();
    let tokens = words.reply.usage.output_tokens + words.reply.usage.thinking_tokens;
    #[expect(clippy::cast_precision_loss, reason = "an answer has few tokens")]
    let speed = tokens as f64 / writing;
    // What came in one piece says nothing about the speed of the model.
    (tokens > 1 && writing > 0.005).then_some((speed * 10.0).round() / 10.0)
}

fn tell(report: &TestReport) -> Result<(), Failure> {
    let place = if report.local { "on this machine" } else { "leaves this machine" };
    let mut lines = vec![format!("{}  ({}, {place})", report.model, report.address)];
    if let Some(error) = &report.error {
        lines.push(format!("  not usable: {}", crate::text::sanitize_line(error)));
        lines.extend(report.hints.iter().map(|hint| format!("    → {}", crate::text::sanitize_line(hint))));
        return print::text(&lines.join("\n")).map(drop);
    }
    lines.push(format!("  reachable     {}", if report.reachable { "yes" } else { "the answer broke off" }));
    let calls = match report.tool_calls {
        Some(true) => "work",
        Some(false) => "NO: it did not call the tool it was asked to call",
        None => "not needed: a small model, Tenon calls the tools and asks it for edits",
    };
    lines.push(format!("  tool calls    {calls}"));
    let first = report.first_token_ms.map_or_else(|| "unknown".to_owned(), |ms| format!("{ms} ms"));
    let speed =
        report.tokens_per_second.map_or_else(|| "unknown".to_owned(), |speed| format!("{speed} tokens a second"));
    lines.push(format!("  speed         {speed}, first token after {first}"));
    let price = report.price.map_or_else(|| "not known".to_owned(), |price| price.to_string());
    lines.push(format!("  price         {price}"));
    print::text(&lines.join("\n")).map(drop)
}
