//! `serve`: the project's service in the workspace.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::serve::Service;

/// The input of `serve`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serve {
    /// What to do: `start`, `stop`, `status` or `logs`.
    pub op: Option<String>,
    /// The command line; found in the project's files when left out.
    pub command: Option<String>,
    /// The port the command always listens on; without it the service is told one through `PORT`.
    pub port: Option<u16>,
}

/// Lines of the log that are shown.
const SHOWN: usize = 60;

/// Starts, stops or looks at the service.
pub async fn serve(context: &Context, input: Serve) -> Outcome {
    match input.op.as_deref().unwrap_or("start") {
        "stop" => {
            let ran = context.desk.stop().await;
            let text = if ran { "The service was stopped with all it started." } else { "No service runs." };
            Outcome::new(true, text, json!({"stopped": ran}))
        }
        "status" | "logs" => look(context).await,
        _ => match start(context, input.command, input.port).await {
            Ok(service) => started(&service),
            Err(error) => Outcome::failed(&error),
        },
    }
}

/// Starts the service in place of the one that runs.
pub(super) async fn start(
    context: &Context,
    command: Option<String>,
    port: Option<u16>,
) -> Result<Arc<Service>, ApiError> {
    let start = context.start_of(command, port).await?;
    context.say(&format!("$ {}", start.line()));
    let starting = context.desk.serve(&context.workspace, start, Some(context.output.clone()));
    tokio::select! {
        started = starting => started,
        () = context.cancel.cancelled() => Err(ApiError::Service("interrupted".to_owned())),
    }
}

fn started(service: &Service) -> Outcome {
    let database = service.database();
    let with = database.as_ref().map(|title| format!(", with a scratch {title}")).unwrap_or_default();
    let text = format!(
        "`{}` runs{with} and answers on http://127.0.0.1:{} after {:.1} s. `http` with a path such as `/health` asks it; it runs \
         until `serve` is called again, with `op`: \"stop\" to end it.",
        service.start.command,
        service.port,
        service.ready_ms as f64 / 1e3
    );
    let value = json!({"command": service.start.command, "port": service.port, "ready_ms": service.ready_ms as u64, "database": database,
        "url": format!("http://127.0.0.1:{}", service.port)});
    Outcome::new(true, text, value)
}

async fn look(context: &Context) -> Outcome {
    let Some(service) = context.desk.service().await else {
        return Outcome::new(true, "No service runs.", json!({"running": false}));
    };
    let log = service.log(SHOWN);
    let text = format!("`{}` runs on port {}.\n{}", service.start.command, service.port, log.join("\n"));
    Outcome::new(
        true,
        text,
        json!({"running": true, "port": service.port, "command": service.start.command, "log": log}),
    )
}
