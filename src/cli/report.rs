//! `tenon report`: what came of a session, from its evidence.

use super::sessions::{find_session, unreadable};
use super::surroundings::Surroundings;
use super::{Common, Done, print};
use crate::report;
use crate::text;

pub(crate) fn report(around: &Surroundings, common: &Common, id: Option<String>) -> Done {
    let (store, id) = find_session(around, common, id)?;
    let report = report::read(&store, &id).map_err(|error| unreadable(&error))?;
    if common.json {
        return print::json(&report);
    }
    print::text(&text::sanitize(&report.to_string()))
}
