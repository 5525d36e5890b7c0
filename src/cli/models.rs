//! `tenon models`: what models there are, whether the way to one works, and how good it is.

mod key;
mod list;
mod meter;
mod pull;
mod tasks;
mod test;

use std::path::PathBuf;

use clap::Subcommand;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure};
use crate::provider::{ProviderSummary, Registry};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List the providers: whether a key is there, whether a local server runs, what a model costs
    List,
    /// Ask a model and say whether it is reachable, calls tools, how fast it is and what it costs
    Test(TestArguments),
    /// Fetch weights for the embedded model; an interrupted download goes on where it stopped
    Pull(pull::PullArguments),
    /// Keep a provider's key in the system's keyring
    Key(key::KeyArguments),
    /// Bring in weights from a .gguf file, or from a folder with the parts of one
    Import {
        /// The file or folder
        path: PathBuf,
    },
}

#[derive(clap::Args, Debug)]
struct TestArguments {
    /// The model, as provider/model; the configured one when left out
    model: Option<String>,
    /// Test every provider that has a key and every server on this machine
    #[arg(long, conflicts_with_all = ["model", "tasks"])]
    all: bool,
    /// Let it do small backend tasks and count those it gets right
    #[arg(long)]
    tasks: bool,
    /// Only the tasks with this in their name; may be given more than once
    #[arg(long, value_name = "PART", requires = "tasks")]
    only: Vec<String>,
    /// Keep the repositories and what happened in them in this folder
    #[arg(long, value_name = "DIR", requires = "tasks")]
    keep: Option<PathBuf>,
    /// Seconds a task may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "tasks")]
    limit: u64,
}

pub(crate) async fn models(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    match arguments.what.unwrap_or(What::List) {
        What::List => list::list(around, common).await,
        What::Test(arguments) if arguments.tasks => {
            let model = chosen(around, common, arguments.model, &registry(around)).await?;
            let measure = tasks::Measure { only: arguments.only, keep: arguments.keep, limit_s: arguments.limit };
            tasks::measure(around, common, &model, measure).await
        }
        What::Test(arguments) => test::test(around, common, arguments.model, arguments.all).await,
        What::Pull(arguments) => pull::pull(around, common, arguments).await,
        What::Key(arguments) => key::key(around, arguments).await,
        What::Import { path } => pull::import(around, common, path).await,
    }
}

/// What stands between the user and this provider, in a few words.
fn state(provider: &ProviderSummary) -> String {
    let place = if provider.local { "on this machine" } else { "leaves this machine" };
    match (provider.key_present, &provider.key_env) {
        _ if provider.running == Some(false) => "does not run".to_owned(),
        _ if provider.running == Some(true) => format!("runs, {place}"),
        (true, _) => format!("ready, {place}"),
        (false, Some(variable)) => format!("set {variable}, {place}"),
        (false, None) => place.to_owned(),
    }
}

pub(crate) fn registry(around: &Surroundings) -> Registry {
    Registry::new(&around.settings, &around.environment)
}

/// The model that a command is about: the one named, the configured one, or the best for which there is a key.
async fn chosen(
    around: &Surroundings,
    common: &Common,
    named: Option<String>,
    registry: &Registry,
) -> Result<String, Failure> {
    let name = named
        .or_else(|| common.model.clone())
        .or_else(|| around.settings.model.clone())
        .or_else(|| registry.default_model())
        .ok_or_else(|| Failure::usage("no model is named and none is configured").hint("tenon models list"))?;
    Ok(registry.served(&name).await.unwrap_or(name))
}

/// A provider error as a person reads it.
pub(crate) fn provider_failure(error: crate::provider::ProviderError) -> Failure {
    let mut failure = Failure::usage(error.to_string());
    failure.hints = error.hints;
    failure
}
