//! The engine: the pure machine under random inputs, and whole sessions on real repositories.

mod machine;
mod properties;
