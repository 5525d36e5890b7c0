//! Requests the contract forbids, and values at the edge. First what is known to break programs, then chance.

use serde_json::{Value, json};

use super::REFUSED;
use super::bench::Bench;
use super::case::{Case, Expectation, NO_UTF8, Payload, text};
use super::contract;
use crate::api::generate::{Edge, Fill, Generator, HUGE, TRUE_FOR_NUMBER, edges, wrong};
use crate::api::sign_up::is_login;
use crate::api::spec::lint::template_names;
use crate::api::spec::style::Style;
use crate::api::spec::{Operation, Parameter, Place, Validators};

pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    contract::learn(bench, &root, &validators).await;
    for operation in &operations {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        check(bench, &root, operation, &mut make).await;
    }
}

async fn check(bench: &mut Bench<'_>, root: &Value, operation: &Operation, make: &mut Generator<'_>) {
    let base = match bench.base(operation, Fill::Full, make).or_else(|_| bench.base(operation, Fill::Least, make)) {
        Ok(base) => base,
        Err(why) => {
            bench.skip(format!("negative {}: {why}", operation.name()));
            return;
        }
    };
    if !is_login(bench.here.spec, operation) && refuses_everything(bench, operation, &base).await {
        bench.skip(format!("negative {}: {REFUSED}", operation.name()));
        return;
    }
    let mut cases = parameters(bench, root, operation, &base);
    cases.extend(bodies(bench, root, operation, &base));
    let most = bench.options.cases;
    let dropped = cases.len().saturating_sub(most);
    cases.truncate(most);
    let fixed = cases.len();
    let mut sent = 0;
    for case in cases {
        let response = bench.attempt(operation, &case).await;
        if response.is_none() && bench.over() {
            return;
        }
        // What a language does by itself is no mistake, but worth knowing.
        if case.what.ends_with(TRUE_FOR_NUMBER) && response.is_some_and(|response| response.succeeded()) {
            let at = case.at.as_deref().unwrap_or_default();
            bench.note(format!("negative {}: {at} takes true for a number", operation.name()));
        }
        sent += 1;
        if bench.tired(operation) {
            return;
        }
    }
    sent += by_chance(bench, root, operation, make, most - fixed).await;
    if dropped > 0 {
        bench.beyond += dropped;
    }
    bench.tell(operation, &format!("{sent} invalid and odd requests"));
}

/// Without the right to ask, every refusal would look like a proof.
async fn refuses_everything(bench: &mut Bench<'_>, operation: &Operation, base: &Case) -> bool {
    let outcome = bench.send(operation, &base.request(operation)).await;
    matches!(outcome, Some(Ok(response)) if matches!(response.status, 401 | 403))
}

/// Random valid requests, each made wrong in one random way, as long as cases are left.
async fn by_chance(
    bench: &mut Bench<'_>,
    root: &Value,
    operation: &Operation,
    make: &mut Generator<'_>,
    left: usize,
) -> usize {
    let Some(schema) = bench.body_schema(operation).cloned() else { return 0 };
    let mut sent = 0;
    for _ in 0..left.min(200) {
        let Ok(base) = bench.base(operation, Fill::Some, make) else { break };
        let Payload::Json { media, value } = &base.payload else { break };
        let mut ways = wrong(root, &bench.validators, &schema, value);
        ways.extend(
            edges(root, &bench.validators, &schema, value).into_iter().filter(|edge| !edge.what.contains("1 MB")),
        );
        if ways.is_empty() {
            break;
        }
        let way = ways.swap_remove(make.choose(ways.len()));
        let case = body_case(&base, media, way);
        if bench.attempt(operation, &case).await.is_none() && bench.over() {
            break;
        }
        sent += 1;
    }
    sent
}

fn parameters(bench: &Bench<'_>, root: &Value, operation: &Operation, base: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    for parameter in operation.parameters.iter().filter(|p| matches!(p.place, Place::Path | Place::Query)) {
        let sample = sample(bench, root, parameter);
        let by_field = sample.is_object() && parameter.style.by_field();
        if parameter.place == Place::Query && parameter.required && !by_field {
            let mut case = base.but(format!("query {} missing", parameter.name), Expectation::Refused);
            case.query.retain(|(name, _)| *name != parameter.name);
            case.at = Some(parameter.name.clone());
            cases.push(case);
        }
        // The fields of an object are parameters of their own, and its name is none.
        if by_field {
            continue;
        }
        // A parameter is one text on the line: what it is depends on what it is read as.
        let wrong = wrong(root, &bench.validators, &parameter.schema, &sample).into_iter();
        let odd = edges(root, &bench.validators, &parameter.schema, &sample).into_iter();
        // A draft calls everything a text; what was a number when it was asked for is read as one.
        let number = bench.here.spec.drafted && base.names_a_number(&parameter.name);
        let numbers = number.then(|| edges(root, &bench.validators, &json!({"type": "integer"}), &json!(1)));
        for edge in wrong.chain(numbers.into_iter().flatten()).chain(odd) {
            cases.extend(parameter_case(bench, base, parameter, &edge));
        }
    }
    if template_names(&operation.path).next().is_some() {
        cases.extend(invalid_bytes(operation, base));
    }
    cases
}

fn sample(bench: &Bench<'_>, root: &Value, parameter: &Parameter) -> Value {
    let made = Generator::new(root, &bench.validators, bench.options.seed).valid(&parameter.schema, Fill::Least);
    made.unwrap_or(Value::Null)
}

fn parameter_case(bench: &Bench<'_>, base: &Case, parameter: &Parameter, edge: &Edge) -> Option<Case> {
    let value = text(&edge.value);
    // Addresses have an end, and an empty segment is another path.
    if value.len() > 4_096 || value.contains('\u{0}') && parameter.place == Place::Path || edge.value.is_null() {
        return None;
    }
    if value.is_empty() && parameter.place == Place::Path || edge.value.is_object() || edge.value.is_array() {
        return None;
    }
    let mut readings = vec![Value::String(value.clone()), serde_json::from_str(&value).unwrap_or(Value::Null)];
    // One text is a list of one, unless a list is written as JSON.
    if parameter.style != Style::Json {
        readings.extend(readings.clone().into_iter().map(|reading| json!([reading])));
    }
    let allowed = edge.allowed || readings.iter().any(|reading| bench.validators.fits(&parameter.schema, reading));
    let place = if parameter.place == Place::Path { "path" } else { "query" };
    let expectation = if allowed || value == HUGE { Expectation::Survived } else { Expectation::Refused };
    let mut case = base.but(format!("{place} {} = {}", parameter.name, edge.what), expectation);
    case.at = Some(parameter.name.clone());
    match parameter.place {
        Place::Path => case.set_path(&parameter.name, value),
        _ => case.set_query(&parameter.name, value),
    }
    Some(case)
}

/// A path that is no UTF-8.
fn invalid_bytes(operation: &Operation, base: &Case) -> Option<Case> {
    let name = template_names(&operation.path).last()?;
    let mut case = base.but(format!("path {name} = bytes that are no UTF-8"), Expectation::Survived);
    case.set_path(name, NO_UTF8.to_owned());
    case.at = Some(name.to_owned());
    Some(case)
}

fn bodies(bench: &Bench<'_>, root: &Value, operation: &Operation, base: &Case) -> Vec<Case> {
    let Payload::Json { media, value } = &base.payload else { return Vec::new() };
    let Some(schema) = bench.body_schema(operation) else { return Vec::new() };
    let mut cases = Vec::new();
    let mut ways = wrong(root, &bench.validators, schema, value);
    ways.extend(edges(root, &bench.validators, schema, value));
    cases.extend(ways.into_iter().map(|way| body_case(base, media, way)));
    let typed = schema.get("type").is_some() || schema.get("properties").is_some() || schema.get("allOf").is_some();
    let raw = |what: &str, media: Option<&str>, bytes: Vec<u8>, refused: bool| Case {
        payload: Payload::Raw { media: media.map(str::to_owned), bytes },
        ..base.but(format!("body: {what}"), if refused { Expectation::Refused } else { Expectation::Survived })
    };
    let whole = super::case::json_text(value).into_bytes();
    let cut = whole[..whole.len().saturating_sub(1)].to_vec();
    cases.push(raw("JSON that is cut off", Some(media), cut, true));
    cases.push(raw("bytes that are no UTF-8", Some(media), [b"{\"a\": \"\xff\xfe\"}".as_slice()].concat(), typed));
    cases.push(raw("nested 200 levels deep", Some(media), [vec![b'['; 200], vec![b']'; 200]].concat(), typed));
    cases.push(raw("nested 50,000 levels deep", Some(media), vec![b'['; 50_000], true));
    cases.push(raw("XML", Some("application/xml"), b"<a/>".to_vec(), typed));
    cases.push(raw("without a content type", None, whole, false));
    if operation.body.as_ref().is_some_and(|body| body.required) {
        cases.push(raw("empty", Some(media), Vec::new(), true));
        cases.push(raw("null", Some(media), b"null".to_vec(), !bench.validators.fits(schema, &Value::Null)));
        cases.push(raw(
            "a list in place of an object",
            Some(media),
            b"[]".to_vec(),
            !bench.validators.fits(schema, &json!([])),
        ));
    }
    // What is known to break programs comes before what only tells about validation.
    cases.sort_by_key(|case| match case.expectation {
        Expectation::Survived => 0,
        _ => 1,
    });
    cases
}

fn body_case(base: &Case, media: &str, way: Edge) -> Case {
    let lenient = way.allowed || is_huge(&way.value) || way.what == TRUE_FOR_NUMBER;
    let expectation = if lenient { Expectation::Survived } else { Expectation::Refused };
    let at = if way.at.is_empty() { String::new() } else { format!(" {}", way.at) };
    let mut case = base.but(format!("body{at} = {}", way.what), expectation);
    case.payload = Payload::Json { media: media.to_owned(), value: way.value };
    case.at = Some(way.at);
    case
}

fn is_huge(value: &Value) -> bool {
    value.to_string().contains("18446744073709551616")
}
