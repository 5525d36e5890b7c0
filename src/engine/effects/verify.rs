//! Running the gates on the draft for the agent that works on it: what they find is an answer, never evidence.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{CallId, Evidence, Finding, Progress, Proposal, ProposalId, TestStatus};
use crate::gate::{self, GateContext, Passing};
use crate::proposal;
use crate::tool::ToolOutput;

use super::super::decide::evidence_in_words;
use super::super::input::Outcome;
use super::{Bench, blocking, call, generated, pieces, prove};

/// The most lines of one kind that are told of a gate.
const TOLD: usize = 20;

/// Runs these gates on the draft, or all that concern it, and answers with what they found.
pub async fn verify(bench: &Bench, id: CallId, wanted: Vec<String>, cancel: CancellationToken) -> Outcome {
    let began = Instant::now();
    let (ok, text) = match found(bench, &id, &wanted, &cancel).await {
        Ok(found) => in_words(&found),
        Err(text) => (false, text),
    };
    if cancel.is_cancelled() { Outcome::Stopped } else { call::returned(ToolOutput { ok, text }, began) }
}

async fn found(
    bench: &Bench,
    id: &CallId,
    wanted: &[String],
    cancel: &CancellationToken,
) -> Result<Vec<Evidence>, String> {
    let gates = gate::chosen(&bench.settings, &bench.environment, wanted).map_err(|unknown| {
        format!("There is no gate `{}`. The gates are: {}.", unknown.name, unknown.known.join(", "))
    })?;
    let draft = drafted(bench).await?;
    let prove::Forks { subject, base, memory } = prove::forks(bench, &draft, None).await?;
    let (output, _) = mpsc::channel(1);
    let context = GateContext::new(draft.clone(), subject, base, output, cancel.clone()).remembering(memory);
    let (to, passing) = mpsc::channel(64);
    // Owns the context, so that it is gone with the workspaces once the gates are through.
    let proving = async { gate::prove(&gates, &context, !wanted.is_empty(), to).await };
    let ((), mut found) = tokio::join!(proving, listen(bench, id, &draft, passing));
    found.sort_by_key(|found| gates.iter().position(|gate| gate.name() == found.gate));
    Ok(found)
}

/// What the draft would be as a proposal. It gets no number and no place in the journal.
async fn drafted(bench: &Bench) -> Result<Proposal, String> {
    let bench = bench.clone();
    blocking(move || {
        let (changes, _) = generated::leave_out(bench.workspace.changes().map_err(|error| error.to_string())?);
        if changes.is_empty() {
            return Err("Nothing in the workspace differs from the user's tree: there is nothing to verify.".to_owned());
        }
        let frozen = proposal::freeze(ProposalId::from("draft"), "the draft", "", changes, &bench.blobs);
        frozen.map_err(|error| error.to_string())
    })
    .await
}

async fn listen(bench: &Bench, id: &CallId, draft: &Proposal, mut passing: mpsc::Receiver<Passing>) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut texts: BTreeMap<&'static str, pieces::Pieces> = BTreeMap::new();
    while let Some(passed) = passing.recv().await {
        match passed {
            Passing::Began { gate } => bench.show(Progress::Waiting { what: format!("gate {gate}") }),
            Passing::Output { gate, bytes } => {
                let text = texts.entry(gate).or_default().take(&bytes);
                if !text.is_empty() {
                    bench.show(Progress::ToolOutput { call: id.clone(), text });
                }
            }
            // The agent gets one answer, at the end.
            Passing::Early { .. } => {}
            Passing::Ended { gate, report, ms } => found.push(report.evidence(draft, &draft.hash, gate, ms)),
        }
    }
    found
}

/// What the agent reads: gate by gate what is new with its place, then what base has as well.
fn in_words(found: &[Evidence]) -> (bool, String) {
    let red: Vec<&str> = found.iter().filter(|one| one.is_red()).map(|one| one.gate.as_str()).collect();
    let mut text = String::new();
    for one in found {
        text.push_str(&gate_in_words(one));
    }
    let unknown = found.iter().filter(|one| !one.is_red() && !one.is_green()).count();
    text.push_str(&match (red.is_empty(), unknown) {
        (false, _) => format!("What is new stands against proposing this: {}.\n", red.join(", ")),
        (true, 0) => "Nothing new stands against proposing this.\n".to_owned(),
        (true, _) => format!("Nothing new was found, but {unknown} gate(s) did not run: that is no pass.\n"),
    });
    (red.is_empty(), text)
}

fn gate_in_words(evidence: &Evidence) -> String {
    // Findings with their places say what the log says, in fewer words.
    let log = if evidence.findings.is_empty() { evidence.log.clone() } else { String::new() };
    let mut text = evidence_in_words(&Evidence { log, ..evidence.clone() });
    let failed = evidence.cases.iter().filter(|case| case.status == TestStatus::Failed && case.path.is_some());
    let cases = failed.map(|case| Finding {
        path: case.path.clone(),
        line: case.line,
        message: format!("{}: {}", case.name, case.message.as_deref().unwrap_or("failed")),
        old: case.old,
        ..Finding::default()
    });
    let old = evidence.findings.iter().filter(|finding| finding.old).cloned();
    for finding in cases.chain(old).take(TOLD) {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = finding.path.map(|path| format!("{path}{line}: ")).unwrap_or_default();
        let on_base = if finding.old { " (on base too)" } else { "" };
        text.push_str(&format!("  {place}{}{on_base}\n", finding.message.lines().next().unwrap_or_default()));
    }
    text
}
