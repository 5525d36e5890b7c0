//! `tenon models`: tasks that measure, weights that are fetched, keys that are kept.

mod pull;
mod tasks;
