//! The hot paths, with the budget of each in its own file. `cargo bench`.

mod api;
mod diff;
mod engine;
mod gate;
mod journal;
mod stack;
mod tui;
mod workspace;

fn main() {
    divan::main();
}
