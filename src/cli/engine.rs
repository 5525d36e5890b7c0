//! `tenon engine --stdio`: holds an embedded model; started by the program itself.

use std::path::PathBuf;

use super::{Done, Failure, Outcome};
use crate::provider::embedded::{EngineArguments, engine_main};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Speak JSON lines on standard input and output
    #[arg(long)]
    stdio: bool,
    /// The GGUF file
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Tokens of context
    #[arg(long, default_value_t = 4_096)]
    context: usize,
    /// Threads to begin with
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Where the state of fixed prompts is kept
    #[arg(long, value_name = "DIR")]
    states: Option<PathBuf>,
}

pub(crate) fn engine(arguments: &Arguments) -> Done {
    if !arguments.stdio {
        return Err(Failure::usage("the engine speaks on standard input and output only").hint("tenon engine --stdio"));
    }
    let arguments = EngineArguments {
        model: arguments.weights.clone(),
        context: arguments.context,
        threads: arguments.threads,
        states: arguments.states.clone(),
    };
    match engine_main(&arguments) {
        0 => Ok(Outcome::Done),
        _ => Ok(Outcome::Failed),
    }
}
