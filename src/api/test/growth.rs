//! A list whose every row costs a query: the time grows with the rows by more than rows are worth.

use std::time::Duration;

use super::bench::Bench;
use super::paging::items;
use super::report::Severity;
use crate::api::message::Request;
use crate::api::spec::Operation;

/// Rows below which a difference says nothing.
const FEWEST_ROWS: usize = 10;
/// The most rows that are asked for.
const MOST_ROWS: usize = 100;
/// Pairs of requests, in turns.
const PAIRS: usize = 9;
/// Writing a row as JSON takes microseconds; asking a database for one takes at least this many milliseconds.
const A_QUERY: f64 = 0.15;
/// The long list has to be slower than the short one by this much, whatever a row costs.
const TIMES: f64 = 3.0;

/// Rows that are enough where queries can be counted.
const FEWEST_COUNTED: usize = 4;
/// How long the log of a service may be behind its answers.
const LATE: Duration = Duration::from_millis(40);

/// Counts the queries of one request by the log of the service; `None` where it shows none.
async fn counted(bench: &mut Bench<'_>, operation: &Operation, request: &Request) -> Option<(usize, usize)> {
    let queries = bench.here.queries?;
    let before = settled(queries).await;
    let outcome = bench.send(operation, request).await?;
    let rows = outcome.as_ref().ok().and_then(items)?.len();
    let count = settled(queries).await.saturating_sub(before);
    (count > 0).then_some((count, rows))
}

/// The count, once it no longer grows.
pub(super) async fn settled(queries: &(dyn Fn() -> usize + Send + Sync)) -> usize {
    let mut last = queries();
    for _ in 0..25 {
        tokio::time::sleep(LATE).await;
        let now = queries();
        if now == last {
            break;
        }
        last = now;
    }
    last
}

/// Whether a list of some rows took a query for each of them, by the log; `None` when the log does not say.
pub(super) async fn by_log(bench: &mut Bench<'_>, operation: &Operation, request: &Request) -> Option<bool> {
    let (count, rows) = counted(bench, operation, request).await?;
    if rows < FEWEST_COUNTED {
        return None;
    }
    if count < rows {
        bench.passed();
        return Some(false);
    }
    let outcome = bench.send(operation, request).await?;
    let text = format!("{count} queries for a list of {rows}: one for every row?");
    bench.found(operation, ("n-plus-one", Severity::Failure), ("the list", text), request, &outcome);
    Some(true)
}

/// Asks for one row and for many in turns. `rows` is how many the list holds, as far as is known.
pub(super) async fn check(bench: &mut Bench<'_>, operation: &Operation, request: &Request, size: &str, rows: usize) {
    let rows = rows.min(MOST_ROWS);
    if rows < FEWEST_ROWS {
        let name = operation.name();
        bench.note(format!("queries {name}: {rows} rows are too few to say whether each costs a query"));
        return;
    }
    let sized = |count: usize| {
        let mut sized = request.clone();
        sized.add_query(size, &count.to_string());
        sized
    };
    let (one, many) = (sized(1), sized(rows));
    let (mut short, mut long, mut last) = (Vec::new(), Vec::new(), None);
    for _ in 0..PAIRS {
        for (asked, times) in [(&one, &mut short), (&many, &mut long)] {
            let Some(outcome) = bench.send(operation, asked).await else { return };
            let Ok(response) = &outcome else { return };
            let count = items(response).map_or(0, |items| items.len());
            // A service that does not do what the size says cannot be measured by it.
            if count != if std::ptr::eq(asked, &one) { 1 } else { rows } {
                return;
            }
            times.push(response.ms);
            last = Some(outcome);
        }
    }
    let Some(outcome) = last else { return };
    match a_row(&mut short, &mut long, rows) {
        Some(ms) => {
            let text = format!(
                "each further row takes {ms:.2} ms more ({:.1} ms for 1, {:.1} ms for {rows}): a query for every row?",
                middle(&mut short),
                middle(&mut long)
            );
            let what = format!("{size}=1 and {size}={rows}");
            bench.found(operation, ("grows-with-rows", Severity::Warning), (&what, text), &many, &outcome);
        }
        None => bench.passed(),
    }
}

/// What a row costs in milliseconds, when it is as much as a query. Every long answer has to be slower than the usual
/// short one, lest a busy machine is taken for one.
fn a_row(short: &mut [f64], long: &mut [f64], rows: usize) -> Option<f64> {
    let (usual, slow) = (middle(short), middle(long));
    let quickest = long.first().copied()?;
    let each = (slow - usual) / (rows - 1) as f64;
    let always = quickest - usual >= A_QUERY * (rows - 1) as f64 / 2.0;
    (each >= A_QUERY && slow >= usual * TIMES && always).then_some(each)
}

/// The middle one, after sorting.
fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_a_row_is_told_from_long_answers_and_from_noise() {
        for (short, long, rows, expected) in [
            ([2.0, 2.1, 2.2], [22.0, 23.0, 24.0], 21, true),
            // A hundred rows of JSON.
            ([2.0, 2.1, 2.2], [3.0, 3.1, 3.2], 100, false),
            // One quick answer among the long ones: the machine was busy.
            ([2.0, 2.1, 2.2], [2.3, 30.0, 40.0], 21, false),
            // A service that is slow anyway.
            ([50.0, 50.0, 50.0], [54.0, 54.0, 54.0], 21, false),
        ] {
            assert_eq!(a_row(&mut short.clone(), &mut long.clone(), rows).is_some(), expected, "{short:?} {long:?}");
        }
    }
}
