//! Second opinions: other programs asked about the same service, where they are installed. Each answer names who gave
//! it and never changes what was found here.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::spec::Spec;
use crate::text;
use crate::workspace::{Exit, Job, Workspace, run_whole};

/// What another program says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opinion {
    /// The program.
    pub by: &'static str,
    /// It ran to its end.
    pub ran: bool,
    /// It found nothing wrong; `None` when it did not run.
    pub clean: Option<bool>,
    /// In words: the end of what it wrote, or why it did not run.
    pub text: String,
}

/// Bytes of another program that are read.
const MOST: usize = 16 << 20;
/// Lines of it that are shown.
const SHOWN: usize = 25;
/// A command line holds no more.
const MOST_HANDED: usize = 100_000;

/// `redocly lint` on a document.
pub async fn redocly(workspace: &dyn Workspace, document: &str, cancel: CancellationToken) -> Opinion {
    let name = if document.trim_start().starts_with('{') { "openapi.json" } else { "openapi.yaml" };
    let program = "$(command -v redocly || ls node_modules/.bin/redocly 2>/dev/null)";
    ask(
        workspace,
        "redocly",
        program,
        &format!("lint --format=stylish \"$FOLDER/{name}\""),
        Some((name, document)),
        cancel,
    )
    .await
}

/// `schemathesis run` on a service.
pub async fn schemathesis(context: &super::action::Context, spec: &Spec, client: &Client, seed: u64) -> Opinion {
    let program = "$(command -v schemathesis || command -v st || ls .venv/bin/schemathesis 2>/dev/null)";
    let url = client.target().url("");
    let arguments = format!("run --url {url} --seed {seed} --max-examples 30 --no-color \"$FOLDER/openapi.json\"");
    let document = spec.root.to_string();
    ask(
        context.workspace.as_ref(),
        "schemathesis",
        program,
        &arguments,
        Some(("openapi.json", &document)),
        context.cancel.clone(),
    )
    .await
}

/// `newman run` on a collection of the workspace.
pub async fn newman(
    workspace: &dyn Workspace,
    path: &str,
    environment: Option<&str>,
    url: &str,
    cancel: CancellationToken,
) -> Opinion {
    let program = "$(command -v newman || ls node_modules/.bin/newman 2>/dev/null)";
    let plain = |path: &str| path.replace('\'', "");
    let environment = environment.map(|file| format!("--environment '{}' ", plain(file))).unwrap_or_default();
    let arguments = format!("run '{}' {environment}--env-var baseUrl={url} --color off", plain(path));
    ask(workspace, "newman", program, &arguments, None, cancel).await
}

/// Runs a program inside the workspace, where it reaches the same service on the same port. The document is handed
/// over in a folder outside the tree, so that the draft stays as it is.
async fn ask(
    workspace: &dyn Workspace,
    by: &'static str,
    program: &str,
    arguments: &str,
    document: Option<(&str, &str)>,
    cancel: CancellationToken,
) -> Opinion {
    if document.is_some_and(|(_, text)| text.len() > MOST_HANDED) {
        let text = format!("{by}: not run, the document is too large to be handed over");
        return Opinion { by, ran: false, clean: None, text };
    }
    let handed =
        document.map(|(name, text)| format!("cat > \"$FOLDER/{name}\" <<'END_OF_DOCUMENT'\n{text}\nEND_OF_DOCUMENT\n"));
    let command = format!(
        "PROGRAM={program}; [ -n \"$PROGRAM\" ] || {{ echo not-installed; exit 97; }}\n\
         FOLDER=$(mktemp -d) || exit 98; trap 'rm -rf \"$FOLDER\"' EXIT\n{}\"$PROGRAM\" {arguments} 2>&1",
        handed.unwrap_or_default()
    );
    let job = Job::new(command, Duration::from_secs(180));
    let (exit, output) = run_whole(workspace, job, cancel, MOST).await;
    let output = text::sanitize_output(&output);
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
    match exit {
        Ok(Exit::Code(97)) => {
            Opinion { by, ran: false, clean: None, text: format!("{by}: not run, it is not installed") }
        }
        Ok(Exit::Code(code @ 0..=2)) if !lines.is_empty() => {
            let verdict = if code == 0 { "found nothing" } else { "found something" };
            Opinion {
                by,
                ran: true,
                clean: Some(code == 0),
                text: text::redact(&format!("{by} {verdict}:\n{end}")).into_owned(),
            }
        }
        Ok(how) => Opinion { by, ran: false, clean: None, text: format!("{by}: not run to its end ({how:?}):\n{end}") },
        Err(error) => Opinion { by, ran: false, clean: None, text: format!("{by}: not run: {error}") },
    }
}
