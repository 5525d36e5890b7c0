//! The user interface as a user meets it: keys and updates in, screens and commands out.

mod chat;
mod corpus;
mod findings;
mod harness;
mod hostile_diff;
mod models;
mod review;
mod robust;
mod screens;
