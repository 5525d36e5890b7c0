//! The command line: definitions, and one file a subcommand.

mod agents;
mod api;
mod config_command;
mod demo;
mod doctor;
mod engine;
mod exec;
mod failure;
mod models;
mod pair;
mod print;
mod report;
mod review;
mod run;
mod sessions;
mod stack;
mod surroundings;
mod undo;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub use failure::Failure;

pub use crate::headless::Outcome;
use surroundings::Surroundings;

/// What every subcommand returns.
pub(crate) type Done = Result<Outcome, Failure>;

#[derive(Parser, Debug)]
#[command(
    name = "tenon",
    version,
    about = "A terminal pair programmer for backend code",
    long_about = "A terminal pair programmer for backend code.\n\nYou talk to it, it works in a transaction, and what reaches you is a proposal: \
                  hunks with the evidence that they work. Only what you approve becomes a commit.\n\nWithout a subcommand the terminal interface opens.",
    after_help = "Exit codes: 0 done, 1 the task failed, 2 usage or configuration, 3 a gate is red, 4 a proposal waits for review, 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    /// Go on with the last session of this repository
    #[arg(long = "continue", short = 'c')]
    go_on: bool,
    #[command(subcommand)]
    command: Option<Subcommands>,
}

/// Flags that every subcommand takes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Common {
    /// Work in this folder instead of the current one
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cd: Option<PathBuf>,
    /// The agent to work as
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// The model, as provider/model
    #[arg(long, global = true, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Go on with this session
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Insist on an isolation instead of taking the best there is
    #[arg(long, global = true, value_enum, value_name = "KIND")]
    pub(crate) isolation: Option<IsolationFlag>,
    /// Reports and lists as JSON, events as JSON lines
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// An isolation to insist on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationFlag {
    /// Overlay in Linux namespaces
    Overlay,
    /// A copy of the files
    Copy,
}

/// Which proposals `run` commits by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accept {
    /// None: the proposal waits for review
    #[default]
    None,
    /// The whole proposal, when every gate passed
    Green,
    /// The whole proposal, whatever the gates say
    All,
}

#[derive(Subcommand, Debug)]
enum Subcommands {
    /// Do a task without a screen; the task may come on standard input
    Run(run::Arguments),
    /// Review a change hunk by hunk
    Review(review::Arguments),
    /// Take the last approved commit back
    Undo(undo::Arguments),
    /// Bring the commit taken back last forward again
    Redo(undo::Arguments),
    /// List the sessions, the newest first
    Sessions(sessions::Arguments),
    /// Print what happened in a session
    Replay {
        /// The session; the last one of this repository when left out
        id: Option<String>,
    },
    /// Print what came of a session: approach, files, requests, checks, tests, variables, security
    Report {
        /// The session; the last one of this repository when left out
        id: Option<String>,
    },
    /// List, show and check agents
    Agents(agents::Arguments),
    /// List models and test the way to them
    Models(models::Arguments),
    /// Say what this repository is: services, frameworks, commands, each with where it was read
    Stack,
    /// Run the gates on the working tree
    Verify {
        /// The gates; all when left out
        gates: Vec<String>,
    },
    /// Serve, ask, check and load the project's HTTP interface
    Api(api::Arguments),
    /// Call one tool by hand
    Exec(exec::Arguments),
    /// Check the surroundings: isolation, git, folders, models
    Doctor {
        /// Removes what killed programs have left, and finishes or takes back a commit that was left half done.
        #[arg(long)]
        fix: bool,
    },
    /// Show the settings, their schema, or where they are read from
    Config(config_command::Arguments),
    /// Prepare a small backend project and open Tenon on it with a task ready to send
    Demo(demo::Arguments),
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Hold an embedded model for the program that started this one
    #[command(hide = true)]
    Engine(engine::Arguments),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come this way too; they are no mistake.
            let code = if error.use_stderr() { Outcome::Usage } else { Outcome::Done };
            let _ = error.print();
            return code.into();
        }
    };
    match dispatch(cli) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.print();
            failure.outcome.into()
        }
    }
}

/// The model of the server on this machine that was named by its provider alone, such as `llamacpp`.
fn served_model(around: &Surroundings, common: &Common) -> Result<Option<String>, Failure> {
    let named = common.model.as_ref().or(around.settings.model.as_ref());
    let Some(name) = named.filter(|name| !name.contains('/')) else { return Ok(None) };
    block_on(async { Ok(models::registry(around).served(name).await) })
}

fn dispatch(cli: Cli) -> Done {
    match &cli.command {
        Some(Subcommands::Completions { shell }) => return completions(*shell),
        Some(Subcommands::Man) => return man(),
        // Neither settings nor a folder matter to it.
        Some(Subcommands::Engine(arguments)) => return engine::engine(arguments),
        _ => {}
    }
    let common = cli.common;
    let around = Surroundings::of_process(&common)?;
    let common = match served_model(&around, &common)? {
        Some(model) => Common { model: Some(model), ..common },
        None => common,
    };
    match cli.command {
        None => block_on(pair::open(&around, &common, cli.go_on)),
        Some(Subcommands::Run(arguments)) => block_on(run::run(&around, &common, arguments)),
        Some(Subcommands::Review(arguments)) => block_on(review::review(&around, &common, arguments)),
        Some(Subcommands::Undo(arguments)) => undo::undo(&around, &common, &arguments, false),
        Some(Subcommands::Redo(arguments)) => undo::undo(&around, &common, &arguments, true),
        Some(Subcommands::Sessions(arguments)) => sessions::list(&around, &common, &arguments),
        Some(Subcommands::Replay { id }) => sessions::replay(&around, &common, id),
        Some(Subcommands::Report { id }) => report::report(&around, &common, id),
        Some(Subcommands::Agents(arguments)) => agents::agents(&around, &common, arguments),
        Some(Subcommands::Models(arguments)) => block_on(models::models(&around, &common, arguments)),
        Some(Subcommands::Stack) => stack::stack(&around, &common),
        Some(Subcommands::Verify { gates }) => block_on(stack::verify(&around, &common, &gates)),
        Some(Subcommands::Api(arguments)) => block_on(api::api(&around, &common, arguments)),
        Some(Subcommands::Exec(arguments)) => block_on(exec::exec(&around, &common, arguments)),
        Some(Subcommands::Doctor { fix }) => block_on(doctor::doctor(&around, &common, fix)),
        Some(Subcommands::Config(arguments)) => config_command::config(&around, &common, &arguments),
        Some(Subcommands::Demo(arguments)) => demo::demo(&around, &common, arguments),
        Some(Subcommands::Completions { .. } | Subcommands::Man | Subcommands::Engine(_)) => Ok(Outcome::Done),
    }
}

/// Runs a future to its end on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the asynchronous runtime did not start: {error}")))?;
    let done = runtime.block_on(work);
    // A blocking read of the terminal or of a file must not hold the end up.
    runtime.shutdown_background();
    done
}

fn completions(shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tenon", &mut script);
    print::bytes(&script)
}

fn man() -> Done {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Failure::failed(format!("the manual page could not be made: {error}")))?;
    print::bytes(&page)
}
