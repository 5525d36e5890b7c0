//! `tenon models`: tasks that measure, weights that are fetched, keys that are kept.

mod first_run;
mod pull;
mod tasks;
