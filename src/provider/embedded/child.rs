//! `tenon engine --stdio`: the process that holds the model.

use std::path::PathBuf;

/// What the process is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineArguments {
    /// The weights.
    pub model: PathBuf,
    /// Tokens of context.
    pub context: usize,
    /// How many threads to begin with.
    pub threads: usize,
    /// Where states of fixed prompts are kept.
    pub states: Option<PathBuf>,
}

/// Runs the engine on standard input and output until its input is closed. The exit code.
#[cfg(feature = "embedded")]
pub fn engine_main(arguments: &EngineArguments) -> i32 {
    use super::engine::say;
    use super::wire::Told;

    #[cfg(target_os = "linux")]
    {
        // A parent that was killed closes the pipe as well; this is for one that hangs.
        let _ = nix::sys::prctl::set_pdeathsig(Some(nix::sys::signal::Signal::SIGKILL));
    }
    match work(arguments) {
        Ok(()) => 0,
        Err(message) => {
            say(&mut std::io::stdout(), &Told::Failed { id: None, message, too_long: false });
            1
        }
    }
}

/// Says that there is no engine in this program.
#[cfg(not(feature = "embedded"))]
pub fn engine_main(_arguments: &EngineArguments) -> i32 {
    use super::wire::Told;

    let message = super::MISSING.to_owned();
    super::engine::say(&mut std::io::stdout(), &Told::Failed { id: None, message, too_long: false });
    1
}

#[cfg(feature = "embedded")]
fn work(arguments: &EngineArguments) -> Result<(), String> {
    use std::time::Instant;

    use llama_cpp_2::llama_backend::LlamaBackend;

    use super::engine::{Around, Brain as _, listen, say, serve};
    use super::llama::{self, Llama};
    use super::machine;
    use super::wire::Told;

    let missing = machine::missing_features();
    if !missing.is_empty() {
        return Err(format!("this processor lacks {}, which the embedded model needs", missing.join(", ")));
    }
    // Listens from the beginning: a program that ends while the weights are loaded takes this process with it.
    let (orders, cancelled) = listen(std::io::BufReader::new(std::io::stdin()), end);
    let begun = Instant::now();
    let mut backend = LlamaBackend::init().map_err(|error| error.to_string())?;
    backend.void_logs();
    let mut told = 0.0_f32;
    let model = llama::load(&backend, &arguments.model, move |part| {
        if part - told >= 0.05 || part >= 1.0 {
            told = part;
            say(&mut std::io::stdout(), &Told::Loading { part });
        }
    })?;
    let mut brain = Llama::new(&backend, &model, arguments.context, arguments.threads.max(1))?;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut out = std::io::stdout();
    say(&mut out, &Told::Loaded { model: llama::name(&model), context: brain.context(), ms });
    let size = std::fs::metadata(&arguments.model).map_or(0, |metadata| metadata.len());
    let fingerprint = format!("{}:{size}:{}", arguments.model.display(), arguments.context);
    let around = Around { states: arguments.states.clone(), fingerprint };
    serve(&mut brain, &orders, &cancelled, &around, &mut out);
    Ok(())
}

/// Ends the process at once: an orderly end would wait for a computation that nobody wants any more.
#[cfg(feature = "embedded")]
fn end() {
    #[cfg(unix)]
    {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
    std::process::exit(0);
}
