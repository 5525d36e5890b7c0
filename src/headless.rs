//! Work without a screen: events as text or JSON lines, and a script in the reviewer's place.

mod lines;
mod tasks;
mod work;

pub use lines::{Output, Style, gate_text, record_text};
pub use tasks::Attendant;
pub use work::{AcceptRule, Outcome, Task, close, commit, work};
