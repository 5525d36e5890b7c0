//! `api_test` with `mode: graphql`: every query of the schema is asked once, and what should be refused is tried.

use serde_json::{Value, json};

use super::test::ApiTest;
use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::exchange::Exchange;
use crate::api::export;
use crate::api::graphql::{INTROSPECTION, Schema, named};
use crate::api::message::{Request, Response};
use crate::api::test::{Finding, Report, Severity, leak};

/// A query that goes deeper than any program needs.
const DEEP: usize = 30;

struct Probe<'a> {
    context: &'a Context,
    client: Client,
    path: String,
    auth: Option<Value>,
    report: Report,
}

/// Does it.
pub(super) async fn probe(context: &Context, input: &ApiTest) -> Result<Outcome, ApiError> {
    let target = context.target(input.url.as_deref()).await?;
    let path = if target.prefix().is_empty() { "/graphql" } else { "" };
    let report = Report { modes: vec!["graphql"], seed: input.seed.unwrap_or(1), ..Report::default() };
    let client = context.desk.client(&target)?;
    let mut probe = Probe { context, client, path: path.to_owned(), auth: input.auth.clone(), report };
    let schema = probe.schema(input.source.as_deref()).await?;
    context.say(&format!("{} types", schema.types.len()));
    let fields = schema.types.get(&schema.query).map(|root| root.fields.clone()).unwrap_or_default();
    for (name, field) in &fields {
        let chosen = input.ops.is_empty() || input.ops.contains(name);
        match query(&schema, name, &field.arguments) {
            Some(text) if chosen => probe.ask(name, &text).await?,
            None if chosen => probe.report.skipped.push(format!("{name}: no value for its arguments could be made")),
            _ => {}
        }
    }
    probe.deep(&schema).await?;
    probe.wrong().await?;
    let Probe { report, .. } = probe;
    Ok(Outcome::new(report.ok(), report.lines(), json!(report)))
}

impl Probe<'_> {
    async fn schema(&mut self, source: Option<&str>) -> Result<Schema, ApiError> {
        if let Some(path) = source {
            return Schema::read(path, &self.context.read(path).await?);
        }
        let (response, _) = self.send(INTROSPECTION).await?;
        let found = response.json().as_ref().and_then(Schema::of_introspection);
        found.ok_or_else(|| ApiError::Document {
            place: self.client.target().url(&self.path),
            what: format!(
                "does not tell its schema (status {}): introspection is switched off; give the SDL file as `source`",
                response.status
            ),
        })
    }

    async fn send(&mut self, query: &str) -> Result<(Response, Exchange), ApiError> {
        let request = Request::new("POST", self.path.as_str()).json(&json!({"query": query}));
        let desk = &self.context.desk;
        let (exchange, outcome) = desk.send(&self.client, &request, self.auth.as_ref()).await?;
        self.report.requests += 1;
        Ok((outcome?, desk.recorder.add(exchange)))
    }

    async fn ask(&mut self, name: &str, text: &str) -> Result<(), ApiError> {
        let (response, exchange) = self.send(text).await?;
        let body = response.json().unwrap_or_default();
        let fault =
            body["errors"].as_array().and_then(|errors| errors.first()).map(|error| error["message"].to_string());
        let shown = leak(&response.text());
        if response.status >= 500 || body.is_null() {
            self.found(name, "server-error", Severity::Failure, format!("answers {}", response.status), &exchange);
        } else if let Some(what) = shown {
            self.found(
                name,
                "leak",
                Severity::Failure,
                format!("the answer shows the inside of the service: {what}"),
                &exchange,
            );
        } else if let Some(fault) = fault {
            // An answer with errors is a failure, whatever its status says.
            self.found(
                name,
                "errors",
                Severity::Failure,
                format!("answers {} with errors: {fault}", response.status),
                &exchange,
            );
        } else {
            self.report.passed += 1;
        }
        Ok(())
    }

    /// A query without an end must be refused.
    async fn deep(&mut self, schema: &Schema) -> Result<(), ApiError> {
        let Some(text) = deep_query(schema) else {
            self.report.notes.push("no type leads back to itself: no query can be deep".to_owned());
            return Ok(());
        };
        let (response, exchange) = self.send(&text).await?;
        let refused = response.status >= 400 || response.json().is_some_and(|body| body["errors"].is_array());
        if refused {
            self.report.passed += 1;
        } else {
            let text = format!("takes a query {DEEP} levels deep: there is no depth limit");
            self.found("Query", "depth-limit", Severity::Warning, text, &exchange);
        }
        Ok(())
    }

    async fn wrong(&mut self) -> Result<(), ApiError> {
        for (what, text) in [("an unknown field", "{ noSuchField7f3a }"), ("a query that is cut off", "{ a { ")] {
            let (response, exchange) = self.send(text).await?;
            let told = response.json().is_some_and(|body| body["errors"].is_array());
            if response.status >= 500 || leak(&response.text()).is_some() || !told {
                let text = format!("{what} gives {} without a clean list of errors", response.status);
                self.found("Query", "error-body", Severity::Failure, text, &exchange);
            } else {
                self.report.passed += 1;
            }
        }
        Ok(())
    }

    fn found(&mut self, operation: &str, check: &'static str, severity: Severity, text: String, exchange: &Exchange) {
        self.report.failed += 1;
        self.report.findings.push(Finding {
            operation: operation.to_owned(),
            check,
            status: exchange.status(),
            severity,
            text,
            case: "a query".to_owned(),
            curl: export::curl(exchange),
            exchange: exchange.id.clone(),
            seen: 1,
        });
    }
}

/// A query for one field, with values for what it needs and all its plain fields.
fn query(
    schema: &Schema,
    name: &str,
    arguments: &std::collections::BTreeMap<String, (String, bool)>,
) -> Option<String> {
    let mut given = Vec::new();
    for (argument, (kind, default)) in arguments {
        if kind.ends_with('!') && !default {
            given.push(format!("{argument}: {}", value(schema, kind, 0)?));
        }
    }
    let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
    let kind = &schema.types[&schema.query].fields[name].kind;
    Some(format!("{{ {name}{given}{} }}", selection(schema, named(kind), 0)))
}

fn value(schema: &Schema, kind: &str, depth: usize) -> Option<String> {
    if kind.starts_with('[') {
        return Some("[]".to_owned());
    }
    match named(kind) {
        "Int" | "ID" => Some("1".to_owned()),
        "Float" => Some("1.5".to_owned()),
        "String" => Some("\"a\"".to_owned()),
        "Boolean" => Some("true".to_owned()),
        other => {
            let known = schema.types.get(other).filter(|_| depth < 4)?;
            if let Some(first) = known.values.first() {
                return Some(first.clone());
            }
            let fields = known.fields.iter().filter(|(_, field)| field.kind.ends_with('!') && !field.default);
            let made: Option<Vec<String>> = fields
                .map(|(name, field)| Some(format!("{name}: {}", value(schema, &field.kind, depth + 1)?)))
                .collect();
            known.input.then_some(())?;
            Some(format!("{{{}}}", made?.join(", ")))
        }
    }
}

fn selection(schema: &Schema, name: &str, depth: usize) -> String {
    let Some(kind) = schema.types.get(name).filter(|kind| !kind.fields.is_empty()) else {
        let union = schema
            .types
            .get(name)
            .and_then(|kind| kind.values.first())
            .filter(|first| schema.types.contains_key(*first));
        return if union.is_some() { " { __typename }".to_owned() } else { String::new() };
    };
    let plain = |field: &&crate::api::graphql::Field| {
        !field.arguments.values().any(|(kind, default)| kind.ends_with('!') && !default)
    };
    let mut parts = vec!["__typename".to_owned()];
    for (field, known) in kind.fields.iter().filter(|(_, field)| plain(field)) {
        let composed = schema.types.get(named(&known.kind)).is_some_and(|kind| !kind.fields.is_empty());
        if !composed {
            parts.push(field.clone());
        } else if depth < 1 {
            parts.push(format!("{field}{}", selection(schema, named(&known.kind), depth + 1)));
        }
    }
    format!(" {{ {} }}", parts.join(" "))
}

/// A query that follows a field that leads back to its own type.
fn deep_query(schema: &Schema) -> Option<String> {
    let root = schema.types.get(&schema.query)?;
    for (name, field) in &root.fields {
        let kind = named(&field.kind);
        let Some(owner) = schema.types.get(kind) else { continue };
        let back = owner.fields.iter().find(|(_, inner)| named(&inner.kind) == kind && inner.arguments.is_empty());
        let Some((back, _)) = back else { continue };
        let Some(start) = query(schema, name, &field.arguments) else { continue };
        let head = start.trim_start_matches("{ ").split(" {").next()?.to_owned();
        let inner = format!("{}__typename{}", format!("{back} {{ ").repeat(DEEP), " }".repeat(DEEP));
        return Some(format!("{{ {head} {{ {inner} }} }}"));
    }
    None
}
