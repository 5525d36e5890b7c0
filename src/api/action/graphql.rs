//! `api_test` with `mode: graphql`: every query of the schema is asked once, and what should be refused is tried.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::test::ApiTest;
use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::exchange::Exchange;
use crate::api::export;
use crate::api::graphql::{Field, INTROSPECTION, Schema, make, named};
use crate::api::message::{Request, Response};
use crate::api::test::{Finding, Report, Severity, leak};

/// As many as nobody means to ask for.
const MANY: &str = "2000";
/// A list this long that an argument may ask for has no end.
const MOST_ITEMS: usize = 1_000;

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
        match make::query(&schema, name, None) {
            Some(text) if chosen => {
                probe.ask(name, &text).await?;
                probe.edges(&schema, name, field).await?;
            }
            None if chosen => probe.report.skipped.push(format!("{name}: no value for its arguments could be made")),
            _ => {}
        }
    }
    probe.deep(&schema).await?;
    probe.wrong().await?;
    let Probe { report, .. } = probe;
    Ok(Outcome::new(report.ok(), report.lines(), json!(report)))
}

/// The schema as a service tells it itself.
pub(super) async fn told(context: &Context, client: &Client, path: &str) -> Result<Schema, ApiError> {
    let request = Request::new("POST", path).json(&json!({"query": INTROSPECTION}));
    let (exchange, outcome) = context.desk.send(client, &request, None).await?;
    context.desk.recorder.add(exchange);
    of_answer(&outcome?, &client.target().url(path))
}

fn of_answer(response: &Response, place: &str) -> Result<Schema, ApiError> {
    response.json().as_ref().and_then(Schema::of_introspection).ok_or_else(|| ApiError::Document {
        place: place.to_owned(),
        what: format!(
            "does not tell its schema (status {}): introspection is switched off; give the SDL file as `source`",
            response.status
        ),
    })
}

impl Probe<'_> {
    async fn schema(&mut self, source: Option<&str>) -> Result<Schema, ApiError> {
        if let Some(path) = source {
            return Schema::read(path, &self.context.read(path).await?);
        }
        let (response, _) = self.send(INTROSPECTION).await?;
        of_answer(&response, &self.client.target().url(&self.path))
    }

    async fn send(&mut self, query: &str) -> Result<(Response, Exchange), ApiError> {
        let request = Request::new("POST", self.path.as_str()).json(&json!({"query": query}));
        let desk = &self.context.desk;
        let (exchange, outcome) = desk.send(&self.client, &request, self.auth.as_ref()).await?;
        self.report.requests += 1;
        // No answer is status 0: what was found before is worth telling all the same.
        Ok((outcome.unwrap_or_default(), desk.recorder.add(exchange)))
    }

    async fn ask(&mut self, name: &str, text: &str) -> Result<(), ApiError> {
        let (response, exchange) = self.send(text).await?;
        let body = response.json().unwrap_or_default();
        let fault =
            body["errors"].as_array().and_then(|errors| errors.first()).map(|error| error["message"].to_string());
        let shown = leak(&response.text());
        if response.status >= 500 || body.is_null() {
            self.found(name, "server-error", Severity::Failure, answered(&response), &exchange);
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

    /// Numbers at the edge: they may be refused, but must not break anything, and lists have an end.
    async fn edges(&mut self, schema: &Schema, name: &str, field: &Field) -> Result<(), ApiError> {
        for (argument, (kind, _)) in field.arguments.iter().filter(|(_, (kind, _))| named(kind) == "Int") {
            if kind.starts_with('[') {
                continue;
            }
            // A list of two thousand millions would be an attack.
            let values = ["0", "-1", MANY, "2147483647"];
            let values = if field.kind.starts_with('[') { &values[..3] } else { &values[..] };
            for value in values {
                let Some(text) = make::query(schema, name, Some((argument.as_str(), *value))) else { continue };
                let (response, exchange) = self.send(&text).await?;
                let whole = response.text();
                let inside = leak(&whole).map(str::to_owned).or_else(|| broken(&whole));
                let length = response.json().and_then(|body| body["data"][name].as_array().map(Vec::len)).unwrap_or(0);
                if response.status >= 500 || response.status == 0 || inside.is_some() {
                    let shown = inside.unwrap_or_else(|| answered(&response));
                    let text = format!("breaks on {argument}: {value}: {shown}");
                    self.found(name, "server-error", Severity::Failure, text, &exchange);
                    break;
                } else if length > MOST_ITEMS {
                    let text = format!("{argument}: {value} answers {length} items: the list has no upper end");
                    self.found(name, "unbounded-list", Severity::Failure, text, &exchange);
                    break;
                }
                self.report.passed += 1;
            }
        }
        Ok(())
    }

    /// A query without an end must be refused.
    async fn deep(&mut self, schema: &Schema) -> Result<(), ApiError> {
        let Some(text) = make::deep(schema) else {
            self.report.notes.push("no type leads back to itself: no query can be deep".to_owned());
            return Ok(());
        };
        let (response, exchange) = self.send(&text).await?;
        let refused = response.status >= 400 || response.json().is_some_and(|body| body["errors"].is_array());
        if refused {
            self.report.passed += 1;
        } else {
            let text = format!("takes a query {} levels deep: there is no depth limit", make::DEEP);
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

fn answered(response: &Response) -> String {
    if response.status == 0 { "gives no answer".to_owned() } else { format!("answers {}", response.status) }
}

/// What an error message gives away of a program that broke, rather than refused.
fn broken(text: &str) -> Option<String> {
    static BROKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?i)"message"\s*:\s*"([^"]*(?:by zero|internal server error|cannot read propert|nonetype|is not a function|has no attribute|index out of range|nil pointer|out of memory|recursion)[^"]*)""#,
        )
        .ok()
    });
    BROKEN.as_ref()?.captures(text).map(|found| found[1].chars().take(120).collect())
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn a_program_that_broke_is_told_from_one_that_refused() {
        assert_eq!(broken(r#"{"errors": [{"message": "float division by zero"}]}"#).unwrap(), "float division by zero");
        assert!(broken(r#"{"errors":[{"message":"Cannot read properties of undefined (reading 'x')"}]}"#).is_some());
        assert_eq!(broken(r#"{"errors": [{"message": "limit has to be positive"}]}"#), None);
        assert_eq!(broken(r#"{"data": {"text": "divided by zero"}}"#), None);
    }
}
