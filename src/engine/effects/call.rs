//! Running tools, and the user's own shell commands.

use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::action::by_hand;
use crate::domain::{CallId, Progress, ToolCall};
use crate::text;
use crate::tool::{ToolContext, ToolOutput};

use super::super::input::{Outcome, Returned};
use super::{Bench, pieces};

/// Runs a tool, unless the user has to allow it first.
pub async fn call(bench: &Bench, call: ToolCall, permitted: bool, cancel: CancellationToken) -> Outcome {
    let Some(tool) = bench.tools.find(&call.name) else {
        let output = ToolOutput { ok: false, text: format!("There is no tool `{}`.", call.name) };
        return returned(output, Instant::now());
    };
    if !permitted && let Some(what) = tool.permission(&call.input) {
        return Outcome::NeedsPermission(what);
    }
    run(bench, &*tool, &call.call, call.input, permitted, cancel).await
}

/// Runs a command of the user's own. The tool of the agent does it, so both see the same.
///
/// A line that begins with `/api` is an order to the tools for the project's service.
pub async fn shell(bench: &Bench, call: CallId, command: String, cancel: CancellationToken) -> Outcome {
    match by_hand(&command) {
        Some(Ok((name, input))) => {
            if let Some(tool) = bench.tools.find(name) {
                return run(bench, &*tool, &call, input, false, cancel).await;
            }
        }
        Some(Err(text)) => return returned(ToolOutput { ok: false, text }, Instant::now()),
        None => {}
    }
    let Some(tool) = bench.tools.find("run") else {
        let output = ToolOutput { ok: false, text: "Commands cannot be run here.".to_owned() };
        return returned(output, Instant::now());
    };
    run(bench, &*tool, &call, serde_json::json!({ "command": command }), false, cancel).await
}

async fn run(
    bench: &Bench,
    tool: &dyn crate::tool::Tool,
    call: &CallId,
    input: Value,
    permitted: bool,
    cancel: CancellationToken,
) -> Outcome {
    let began = Instant::now();
    let (output, received) = mpsc::channel(64);
    let context = ToolContext { workspace: bench.workspace.clone(), output, cancel, permitted };
    let id = call.clone();
    let showing = tokio::spawn(pieces::show(bench.clone(), received, move |text| Progress::ToolOutput {
        call: id.clone(),
        text,
    }));
    let result = tool.call(&context, input).await;
    drop(context);
    // Something the tool started may still hold the channel; what it says is of no interest any more.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), showing).await;
    returned(result, began)
}

pub(super) fn returned(output: ToolOutput, began: Instant) -> Outcome {
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Outcome::Returned(Returned { ok: output.ok, output: text::redact(&output.text).into_owned(), ms })
}
