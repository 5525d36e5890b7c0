//! Every integration test in one linked binary.
#![allow(missing_docs, reason = "tests are named after the rule they prove")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should fail")]

mod agents;
mod api;
mod audit;
mod bad_input;
mod config;
mod diff;
mod embedded;
mod engine;
mod gate;
mod git;
mod going_back;
mod headless;
mod journal;
mod models;
mod pair;
mod patches;
mod proposal;
mod providers;
mod report;
mod resume;
mod stack;
mod support;
mod taking_back;
mod terminal;
mod tools;
mod tui;
mod workspace;
