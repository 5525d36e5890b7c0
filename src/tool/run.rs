//! `run`: a command in the workspace.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::domain::ToolSpec;
use crate::text;
use crate::workspace::{Exit, Job};

use super::{Tool, ToolContext, ToolOutput, access, input};

mod collect;

pub(super) const NAME: &str = "run";

const DEFAULT_LIMIT: u64 = 120;
const MOST_LIMIT: u64 = 1_800;

/// Runs a command.
pub(super) struct Run;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    command: String,
    timeout_s: Option<u64>,
    network: Option<bool>,
    env_files: Option<bool>,
}

impl Input {
    /// What the user has to be asked for.
    fn wishes(&self) -> Vec<&'static str> {
        let network = (self.network == Some(true)).then_some("access to the network");
        let env_files = (self.env_files == Some(true)).then_some("the real values of the .env files");
        network.into_iter().chain(env_files).collect()
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "A command line for `sh -c`, run in the repository root."},
            "timeout_s": {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "description": "Seconds until it is \
                killed with all it started; default: 120."},
            "network": {"type": "boolean", "description": "It needs the outside network; the user is asked. Loopback \
                always works."},
            "env_files": {"type": "boolean", "description": "It needs the real values of the user's .env files, which \
                are masked otherwise; the user is asked."}
        },
        "required": ["command"],
        "additionalProperties": false
    })
}

#[async_trait]
impl Tool for Run {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: NAME.to_owned(),
            description: "Runs a command in the workspace: tests, builds, formatters, generators. What it changes is \
                          part of your draft; the user's files stay untouched. `.git` is read-only: git can show, but \
                          not stage, commit, stash or move; use mv and rm. There is no terminal and no input, and \
                          everything it starts is ended with it. Long output is cut in the middle."
                .to_owned(),
            input_schema: schema(),
        }
    }

    fn permission(&self, value: &Value) -> Option<String> {
        let input: Input = input::read(&schema(), value).ok()?;
        let wishes = input.wishes();
        (!wishes.is_empty()).then(|| format!("run `{}` with {}", one_line(&input.command), wishes.join(" and ")))
    }

    fn summary(&self, value: &Value) -> String {
        input::text_field(value, "command")
    }

    async fn call(&self, context: &ToolContext, value: Value) -> ToolOutput {
        let input: Input = match input::read(&schema(), &value) {
            Ok(input) => input,
            Err(error) => return ToolOutput::failed(error),
        };
        if input.command.trim().is_empty() {
            return ToolOutput::failed("`command` is empty.");
        }
        let wishes = input.wishes();
        if !wishes.is_empty() && !context.permitted {
            let wishes = wishes.join(" and ");
            return ToolOutput::failed(format!("The user did not allow {wishes}. Go on without it, or ask."));
        }
        let limit = input.timeout_s.unwrap_or(DEFAULT_LIMIT);
        let job = Job {
            command: input.command,
            folder: None,
            environment: Vec::new(),
            limit: Duration::from_secs(limit),
            network: input.network == Some(true),
            env_files: input.env_files == Some(true),
        };
        run(context, job, limit).await
    }
}

async fn run(context: &ToolContext, job: Job, limit: u64) -> ToolOutput {
    let begun = Instant::now();
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(64);
    let collecting = async {
        let mut collected = collect::Collected::default();
        while let Some(piece) = receiver.recv().await {
            collected.push(&piece);
            // The log pane may be gone; the command still has to be read to its end.
            let _ = context.output.send(piece).await;
        }
        collected
    };
    let (ended, collected) = tokio::join!(context.workspace.run(job, sender, context.cancel.clone()), collecting);
    let output = collected.text();
    match ended {
        Ok(exit) => {
            let ended = how_it_ended(exit, limit, begun.elapsed());
            let body = if output.is_empty() { "[no output]\n".to_owned() } else { output };
            ToolOutput { ok: exit == Exit::Code(0), text: format!("{body}[{ended}]\n") }
        }
        Err(error) => ToolOutput::failed(format!("{output}The command could not be run: {}", access::explain(&error))),
    }
}

fn how_it_ended(exit: Exit, limit: u64, took: Duration) -> String {
    let took = took.as_secs_f64();
    match exit {
        Exit::Code(code) => format!("exit code {code} after {took:.1} s"),
        Exit::Signal(signal) => format!("killed by signal {signal}{} after {took:.1} s", signal_name(signal)),
        Exit::TimedOut => format!(
            "killed: not done after {limit} s. Give a larger `timeout_s` (at most {MOST_LIMIT}) if it needs longer; a \
             server never ends by itself"
        ),
        Exit::Cancelled => format!("interrupted by the user after {took:.1} s"),
        Exit::Exceeded(limit) => format!("stopped after {took:.1} s with all it started: {limit}"),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL; perhaps out of memory)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

fn one_line(command: &str) -> String {
    text::sanitize_line(command.trim()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_network_needs_a_permission() {
        for (value, expected) in [
            (json!({"command": "ls"}), None),
            (json!({"command": "ls", "network": false}), None),
            (json!({"command": "curl x", "network": true}), Some("run `curl x` with access to the network")),
            (json!({"command": "curl x", "network": "true"}), Some("run `curl x` with access to the network")),
            (
                json!({"command": "npm test", "env_files": true}),
                Some("run `npm test` with the real values of the .env files"),
            ),
            (json!({"network": true}), None),
        ] {
            assert_eq!(Run.permission(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn the_end_is_told() {
        let took = Duration::from_millis(1_240);
        assert_eq!(how_it_ended(Exit::Code(3), 120, took), "exit code 3 after 1.2 s");
        assert!(how_it_ended(Exit::Signal(9), 120, took).contains("SIGKILL"));
        assert!(how_it_ended(Exit::TimedOut, 120, took).contains("after 120 s"));
        assert!(how_it_ended(Exit::Cancelled, 120, took).contains("interrupted"));
    }
}
