//! Benchmarks of tui.
