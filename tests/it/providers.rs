//! The wires to language models, against a real server on loopback and against recorded answers.

mod asking;
mod corpus;
mod fake_server;
mod keys;
mod llama_server;
mod names;
mod recorded;
mod retries;
mod standing_in;
mod support;
