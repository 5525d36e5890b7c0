//! Lists end, and their pages neither repeat nor skip.

use std::collections::BTreeSet;

use serde_json::Value;

use super::bench::Bench;
use super::growth;
use super::report::Severity;
use crate::api::generate::{Fill, Generator};
use crate::api::message::{Request, Response};
use crate::api::spec::lint::is_paging;
use crate::api::spec::{Operation, Place, Validators, flatten};

/// Pages that are walked.
const MOST_PAGES: usize = 50;
/// A list this long that nothing bounds is too long.
const LONG: usize = 100;

/// How a list is paged.
struct Paging {
    size: Option<String>,
    position: Option<Position>,
}

#[derive(Clone)]
enum Position {
    Offset(String),
    Page(String),
    Cursor(String),
}

pub(super) async fn run(bench: &mut Bench<'_>) {
    let (root, operations) = (bench.here.spec.root.clone(), bench.operations.clone());
    let validators = Validators::new(&root);
    let mut lists = 0;
    let readers: Vec<&Operation> = operations.iter().filter(|operation| operation.method == "GET").collect();
    for operation in readers {
        let mut make = Generator::new(&root, &validators, bench.seed(operation));
        let Ok(mut case) = bench.base(operation, Fill::Least, &mut make) else { continue };
        case.query.retain(|(name, _)| !is_paging(name));
        let request = case.request(operation);
        let Some(outcome) = bench.send(operation, &request).await else { return };
        let Some(whole) = outcome.as_ref().ok().and_then(items) else { continue };
        lists += 1;
        let paging = paging(operation);
        bounded(bench, operation, &request, &outcome, whole.len(), &paging);
        if let Some(size) = &paging.size {
            odd_sizes(bench, operation, &request, size).await;
        }
        if growth::by_log(bench, operation, &request).await.is_none()
            && let Some(size) = &paging.size
        {
            growth::check(bench, operation, &request, size, whole.len()).await;
        }
        walk(bench, operation, &request, &paging, &whole).await;
        bench.tell(operation, "paged through");
    }
    if lists == 0 {
        bench.note("paging: no operation answers a list");
    }
}

fn paging(operation: &Operation) -> Paging {
    let mut paging = Paging { size: None, position: None };
    for parameter in operation.parameters_in(Place::Query) {
        let name = parameter.name.clone();
        match name.to_ascii_lowercase().as_str() {
            "limit" | "page_size" | "pagesize" | "per_page" | "perpage" | "size" | "take" | "top" | "first"
            | "max_results" => {
                paging.size = Some(name);
            }
            "offset" | "skip" => paging.position = Some(Position::Offset(name)),
            "page" => paging.position = Some(Position::Page(name)),
            "cursor" | "after" => paging.position = Some(Position::Cursor(name)),
            _ => {}
        }
    }
    paging
}

/// Whether anything that may be given sounds as if it bounds the list, also within a filter.
fn bounds(bench: &Bench<'_>, operation: &Operation) -> bool {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let bounding = |name: &str| {
        let name = plain(name);
        let known = ["limit", "size", "page", "top", "take", "first", "max", "count", "rows", "num", "token", "range"];
        known.iter().any(|word| name.starts_with(word) || name.ends_with(word))
    };
    operation.parameters.iter().filter(|parameter| parameter.place != Place::Path).any(|parameter| {
        let fields = flatten(&bench.here.spec.root, &parameter.schema);
        let fields = fields.get("properties").and_then(Value::as_object);
        bounding(&parameter.name) || fields.is_some_and(|fields| fields.keys().any(|name| bounding(name)))
    })
}

/// The items of a list, or of the one list within an object that holds nothing else but numbers and texts about it.
pub(super) fn items(response: &Response) -> Option<Vec<Value>> {
    if !response.succeeded() {
        return None;
    }
    match response.json()? {
        Value::Array(items) => Some(items),
        Value::Object(map) => {
            let named = ["items", "data", "results", "content", "records", "rows"]
                .iter()
                .find_map(|name| map.get(*name)?.as_array());
            let mut lists = map.values().filter_map(Value::as_array);
            let only = lists.next().filter(|list| list.iter().all(Value::is_object) && lists.next().is_none());
            let about = map.values().all(|value| !value.is_object());
            named.or(only.filter(|_| about)).cloned()
        }
        _ => None,
    }
}

fn bounded(
    bench: &mut Bench<'_>,
    operation: &Operation,
    request: &Request,
    outcome: &Result<Response, String>,
    count: usize,
    paging: &Paging,
) {
    let what = "the list without a limit";
    // A draft knows of no parameters, so only the length of the list says something.
    if bench.here.spec.drafted && count < LONG {
        bench.passed();
    } else if paging.size.is_none() && paging.position.is_none() && !bounds(bench, operation) {
        let items = if count == 1 { "item" } else { "items" };
        let text = format!("answers all it has ({count} {items}) at once, and has no parameter to ask for fewer");
        let severity = if count >= LONG { Severity::Failure } else { Severity::Warning };
        bench.found(operation, ("unbounded-list", severity), (what, text), request, outcome);
    } else if count > LONG {
        let text = format!("answers {count} items when no limit is given");
        bench.found(operation, ("unbounded-list", Severity::Failure), (what, text), request, outcome);
    } else {
        bench.passed();
    }
}

/// 0, a negative and a huge size are refused or bounded.
async fn odd_sizes(bench: &mut Bench<'_>, operation: &Operation, request: &Request, size: &str) {
    for value in ["0", "-1", "1000000"] {
        let mut odd = request.clone();
        odd.add_query(size, value);
        let Some(outcome) = bench.send(operation, &odd).await else { return };
        let Ok(response) = &outcome else { continue };
        let what = format!("{size}={value}");
        let count = items(response).map(|items| items.len());
        if response.status >= 500 {
            bench.found(
                operation,
                ("server-error", Severity::Failure),
                (&what, format!("breaks on {what}")),
                &odd,
                &outcome,
            );
        } else if value != "1000000" && count.is_some_and(|count| count > LONG) {
            let text = format!("{what} answers {} items", count.unwrap_or(0));
            bench.found(operation, ("paging-size", Severity::Failure), (&what, text), &odd, &outcome);
        } else if value == "-1" && response.succeeded() {
            let text = format!("takes {what}");
            bench.found(operation, ("paging-size", Severity::Warning), (&what, text), &odd, &outcome);
        } else if value == "1000000" && count.is_some_and(|count| count > 1_000) {
            let text = format!("{what} answers {} items: the size has no upper end", count.unwrap_or(0));
            bench.found(operation, ("unbounded-list", Severity::Failure), (&what, text), &odd, &outcome);
        } else {
            bench.passed();
        }
    }
}

/// Walks over all pages: nothing twice, nothing left out, the same order the second time.
async fn walk(bench: &mut Bench<'_>, operation: &Operation, request: &Request, paging: &Paging, whole: &[Value]) {
    let Some(position) = &paging.position else { return };
    let mut seen: Vec<Value> = Vec::new();
    let mut keys = BTreeSet::new();
    let mut cursor: Option<String> = None;
    let per_page = 3;
    let mut first: Option<(Request, Vec<String>)> = None;
    for page in 0..MOST_PAGES {
        let mut next = request.clone();
        if let Some(size) = &paging.size {
            next.add_query(size, &per_page.to_string());
        }
        match position {
            Position::Offset(name) => next.add_query(name, &seen.len().to_string()),
            Position::Page(name) => next.add_query(name, &(page + 1).to_string()),
            Position::Cursor(name) => match &cursor {
                Some(cursor) => next.add_query(name, cursor),
                None if page > 0 => break,
                None => {}
            },
        }
        let Some(outcome) = bench.send(operation, &next).await else { return };
        let Ok(response) = &outcome else { return };
        let Some(items) = items(response) else { break };
        if items.is_empty() {
            break;
        }
        first.get_or_insert_with(|| (next.clone(), items.iter().map(identity).collect()));
        if paging.size.is_some() && items.len() > per_page {
            let text = format!("answers {} items where {per_page} were asked for", items.len());
            bench.found(operation, ("paging-size", Severity::Failure), ("a page of 3", text), &next, &outcome);
            return;
        }
        cursor = next_cursor(response);
        for item in items {
            if !keys.insert(identity(&item)) {
                let text = format!("page {} repeats {}", page + 1, short(&item));
                bench.found(
                    operation,
                    ("paging-repeats", Severity::Failure),
                    ("walking over the pages", text),
                    &next,
                    &outcome,
                );
                return;
            }
            seen.push(item);
        }
        bench.passed();
    }
    left_out(bench, operation, request, &keys, whole).await;
    if let Some((page, known)) = first {
        again(bench, operation, &page, &known).await;
    }
    total(bench, operation, request, seen.len()).await;
}

/// What the list without pages begins with has to be on the pages too, as far as they were walked.
async fn left_out(
    bench: &mut Bench<'_>,
    operation: &Operation,
    request: &Request,
    keys: &BTreeSet<String>,
    whole: &[Value],
) {
    let Some(missing) = whole.iter().take(keys.len()).find(|item| !keys.contains(&identity(item))) else { return };
    let text = format!("no page holds {}, which the list without pages does", short(missing));
    let Some(outcome) = bench.send(operation, request).await else { return };
    let found = ("paging-skips", Severity::Failure);
    bench.found(operation, found, ("walking over the pages", text), request, &outcome);
}

/// The first page asked for once more holds the same in the same order.
async fn again(bench: &mut Bench<'_>, operation: &Operation, page: &Request, known: &[String]) {
    let Some(outcome) = bench.send(operation, page).await else { return };
    let Some(items) = outcome.as_ref().ok().and_then(items) else { return };
    if items.iter().map(identity).eq(known.iter().cloned()) {
        bench.passed();
    } else {
        let text = "answers other items, or in another order, the second time".to_owned();
        bench.found(operation, ("paging-order", Severity::Warning), ("the first page twice", text), page, &outcome);
    }
}

/// Where the answer says how many there are, the walk has to have found them all.
async fn total(bench: &mut Bench<'_>, operation: &Operation, request: &Request, walked: usize) {
    let Some(outcome) = bench.send(operation, request).await else { return };
    let Ok(response) = &outcome else { return };
    let body = response.json().unwrap_or_default();
    let told = ["total", "count", "total_count", "totalCount"].iter().find_map(|name| body.get(*name)?.as_u64());
    let told = told.or_else(|| response.header("x-total-count")?.parse().ok());
    if told.is_some_and(|told| told as usize != walked && walked < MOST_PAGES * 3) {
        let text = format!("the pages hold {walked} items, the answer says {}", told.unwrap_or(0));
        bench.found(
            operation,
            ("paging-skips", Severity::Failure),
            ("walking over the pages", text),
            request,
            &outcome,
        );
    }
}

fn next_cursor(response: &Response) -> Option<String> {
    let body = response.json()?;
    let names = ["next_cursor", "nextCursor", "cursor", "next", "endCursor", "next_page_token"];
    let found = names.iter().find_map(|name| body.get(*name)?.as_str().map(str::to_owned));
    found.filter(|cursor| !cursor.is_empty())
}

fn identity(item: &Value) -> String {
    let named = ["id", "uuid", "_id", "slug", "key"].iter().find_map(|name| item.get(*name));
    named.unwrap_or(item).to_string()
}

fn short(item: &Value) -> String {
    identity(item).chars().take(40).collect()
}
