//! Benchmarks of engine.
