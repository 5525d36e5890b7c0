//! Benchmarks of workspace.
