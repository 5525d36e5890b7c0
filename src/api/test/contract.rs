//! Valid requests: status, headers, content type and body as documented; what is absent is a 404.

use serde_json::json;

use super::REFUSED;
use super::bench::Bench;
use super::case::{Case, Expectation, Payload};
use crate::api::generate::{Fill, Generator};
use crate::api::sign_up::is_login;
use crate::api::spec::lint::template_names;
use crate::api::spec::{Operation, Place, Validators};

pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    // Values are made by validators of their own, so that the bench can be changed meanwhile.
    let validators = Validators::new(&root);
    learn(bench, &root, &validators).await;
    for operation in &operations {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        check(bench, operation, &mut make).await;
    }
}

/// Asks every list once, so that there are names to ask for.
pub(super) async fn learn(bench: &mut Bench<'_>, root: &serde_json::Value, validators: &Validators) {
    let all = bench.here.spec.operations();
    let lists: Vec<&Operation> = all.iter().filter(|one| one.method == "GET" && !one.path.contains('{')).collect();
    for operation in lists {
        let mut make = Generator::new(root, validators, bench.seed(operation));
        let Ok(case) = bench.base(operation, Fill::Least, &mut make) else { continue };
        let request = case.request(operation);
        if let Some(Ok(response)) = bench.send(operation, &request).await {
            bench.learn(&request, &response);
        }
    }
}

async fn check(bench: &mut Bench<'_>, operation: &Operation, make: &mut Generator<'_>) {
    let mut refused = 0;
    let mut sent = 0;
    // Removing needs something that is there, each time.
    let random = if operation.method == "DELETE" { 0 } else { (bench.options.cases / 4).clamp(1, 50) };
    let fills = [Fill::Least, Fill::Full].into_iter().chain(std::iter::repeat_n(Fill::Some, random));
    let mut before: Vec<Case> = Vec::new();
    for fill in fills {
        let mut case = match bench.base(operation, fill, make) {
            Ok(case) => case,
            Err(why) => {
                if fill != Fill::Some {
                    bench.skip(format!("contract {}: {why}", operation.name()));
                }
                continue;
            }
        };
        if before.contains(&case) && (operation.method != "POST" || bench.here.spec.drafted) {
            continue;
        }
        if bench.tired(operation) {
            break;
        }
        before.push(case.clone());
        let words = if fill == Fill::Least { "the least that is valid" } else { "a valid request" };
        case.what = words.to_owned();
        let request = case.request(operation);
        let Some(response) = bench.attempt(operation, &case).await else { break };
        sent += 1;
        bench.learn(&request, &response);
        refused += usize::from(matches!(response.status, 401 | 403));
        if refused == sent && sent == 3 {
            break;
        }
    }
    if sent > 0 && refused == sent && !is_login(bench.here.spec, operation) {
        undocumented(bench, operation, make).await;
        bench.skip(format!("contract {}: {REFUSED}", operation.name()));
        return;
    }
    absent(bench, operation, make).await;
    bench.tell(operation, &format!("{sent} valid requests"));
}

/// Who was told that nobody is kept out may wonder.
async fn undocumented(bench: &mut Bench<'_>, operation: &Operation, make: &mut Generator<'_>) {
    if !operation.anonymous || bench.options.credentials.is_some() {
        return;
    }
    let Ok(case) = bench.base(operation, Fill::Least, make) else { return };
    let request = case.request(operation);
    let Some(outcome) = bench.send_as_is(operation, &request).await else { return };
    if matches!(&outcome, Ok(response) if matches!(response.status, 401 | 403)) {
        bench.guarded_in_silence(operation, &request, &outcome);
    }
}

fn looks_like_a_name(parameter: &str) -> bool {
    let lower = parameter.to_ascii_lowercase();
    lower.ends_with("id") || ["pk", "slug", "uuid"].contains(&lower.as_str())
}

/// Asks for something that cannot exist.
async fn absent(bench: &mut Bench<'_>, operation: &Operation, make: &mut Generator<'_>) {
    let last = template_names(&operation.path).last().map(str::to_owned);
    let Some(name) = last.filter(|_| matches!(operation.method.as_str(), "GET" | "DELETE" | "PUT" | "PATCH")) else {
        return;
    };
    let Some(parameter) = operation.parameters_in(Place::Path).find(|parameter| parameter.name == name) else { return };
    let Ok(base) = bench.base(operation, Fill::Least, make) else { return };
    // A price or a date in a path is the name of nothing: every value of it is there.
    let documented = operation.responses.iter().any(|(status, _)| status == "404");
    let known = bench.known.has(&name);
    if !(documented || known || looks_like_a_name(&name)) {
        return;
    }
    let unlikely = [json!(999_999_937), json!("7f3a9c1e-0000-4000-a000-00000000dead"), json!("no-such-thing-7f3a9c")];
    // A draft calls everything a text; who is asked for by a number is looked for by one.
    let number = bench.here.spec.drafted && base.names_a_number(&name);
    let fits = unlikely.into_iter().find(|value| number || bench.validators.fits(&parameter.schema, value));
    // A PUT may make what it is asked to write; of a draft it is learnt whether there is a 404.
    let open = operation.method == "PUT" || bench.here.spec.drafted && !documented && !known;
    let expectation = if open { Expectation::Survived } else { Expectation::Absent };
    if let Some(value) = fits {
        let value = super::case::text(&value);
        let mut case = base.but(format!("{name} = {value}, which does not exist"), expectation);
        case.set_path(&name, value);
        case.at = matches!(case.payload, Payload::None).then(|| name.clone());
        bench.attempt(operation, &case).await;
    }
}
