//! `tenon report`: what came of a session, from its evidence.

use super::sessions::{last, store};
use super::surroundings::Surroundings;
use super::{Common, Done, Failure, print};
use crate::domain::SessionId;
use crate::report;
use crate::text;

pub(crate) fn report(around: &Surroundings, common: &Common, id: Option<String>) -> Done {
    let id = match id.or_else(|| common.session.clone()) {
        Some(id) => SessionId::from(id),
        None => last(around).ok_or_else(|| Failure::usage("there is no session of this repository yet"))?,
    };
    let store = store(around);
    let named = |error: crate::journal::JournalError| {
        Failure::usage(error.to_string()).hint("`tenon sessions --all` lists them")
    };
    let id = store.find(id.as_str()).map_err(named)?;
    let reading = store.read(&id).map_err(named)?;
    let report = report::of(&reading.records, &store.blobs(&id));
    if common.json {
        return print::json(&report);
    }
    print::text(&text::sanitize(&report.to_string()))
}
