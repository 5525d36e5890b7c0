//! `tenon stack` and `tenon verify`.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, print, run, undo};
use crate::domain::{Evidence, GateStatus, ProposalId};
use crate::gate::{self, GateContext};
use crate::git::{Repository, Source};
use crate::journal::BlobStore;
use crate::proposal;
use crate::stack as detection;
use crate::workspace::{self, Place, Workspace};

/// Says what the repository is.
pub(crate) fn stack(around: &Surroundings, common: &Common) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let report = detection::detect_folder(repository.root());
    if common.json {
        return print::json(&report);
    }
    print::text(&crate::text::sanitize(&report.to_string()))
}

/// Runs the gates on the working tree, against HEAD as base.
pub(crate) async fn verify(around: &Surroundings, common: &Common, wanted: &[String]) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let changes = repository.changes_from(&Source::Worktree).map_err(|error| undo::git_failure(&error))?;
    let state = tempfile::tempdir_in(super::exec::folder(around)?)
        .map_err(|error| Failure::failed(format!("the cache directory: {error}")))?;
    let mut place = Place::new(repository.root(), state.path().join("tree"), &around.environment);
    place.isolation = around.isolation(common);
    let tree: Arc<dyn Workspace> =
        workspace::open(place).await.map_err(|error| Failure::failed(error.to_string()))?.into();
    let base_files = changes.iter().map(|change| (change.path.clone(), change.base.clone())).collect();
    let base: Arc<dyn Workspace> =
        tree.fork(base_files).await.map_err(|error| Failure::failed(error.to_string()))?.into();
    let blobs = BlobStore::new(state.path().join("blobs"));
    let frozen = proposal::freeze(ProposalId::from("tree"), "working tree", "", changes, &blobs)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let interrupt = run::interrupted();
    let (output, mut pieces) = mpsc::channel(64);
    tokio::spawn(async move { while pieces.recv().await.is_some() {} });
    let context =
        GateContext { proposal: frozen.clone(), subject: tree.clone(), base, output, cancel: interrupt.clone() };
    let gates = gate::gates_for(&around.settings.gates);
    if let Some(unknown) = wanted.iter().find(|name| gates.iter().all(|gate| gate.name() != name.as_str())) {
        let names: Vec<&str> = gates.iter().map(|gate| gate.name()).collect();
        return Err(Failure::usage(format!("there is no gate `{unknown}`"))
            .hint(format!("the gates are: {}", names.join(", "))));
    }
    let mut evidence = Vec::new();
    for gate in gates.iter().filter(|gate| wanted.is_empty() || wanted.iter().any(|name| name == gate.name())) {
        let begun = std::time::Instant::now();
        let finding = gate.run(&context).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        evidence.push(Evidence {
            proposal: frozen.id.clone(),
            subject: frozen.hash.clone(),
            gate: gate.name().to_owned(),
            status: finding.status,
            reason: finding.reason,
            new: finding.new,
            old: finding.old,
            ms,
            command: finding.command,
            tests: finding.tests,
            base_tests: finding.base_tests,
            log: finding.log,
        });
    }
    let red = evidence.iter().any(|found| found.status == GateStatus::Fail);
    let unknown = evidence.iter().any(|found| found.status == GateStatus::NotRun);
    if common.json {
        print::json(&evidence)?;
    } else {
        for found in &evidence {
            print::text(&crate::headless::gate_text(found))?;
            if found.status == GateStatus::Fail {
                print::text(&crate::text::sanitize(&found.log))?;
            }
        }
    }
    if interrupt.is_cancelled() {
        return Ok(Outcome::Interrupted);
    }
    Ok(if red {
        Outcome::GateRed
    } else if unknown {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}
