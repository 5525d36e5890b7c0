//! Benchmarks of diff.
