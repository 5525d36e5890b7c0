//! The wires to language models, against a real server on loopback.

mod fake_server;
