//! `tenon stack` and `tenon verify`.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, Outcome, print, run, undo};
use crate::domain::{Evidence, GateStatus, ProposalId};
use crate::gate::{self, GateContext, Passing};
use crate::git::{Repository, Source};
use crate::journal::BlobStore;
use crate::proposal;
use crate::stack as detection;
use crate::workspace::{self, Place, Throwaway, Workspace};

/// Says what the repository is.
pub(crate) fn stack(around: &Surroundings, common: &Common) -> Done {
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let mut report = detection::detect_folder(repository.root());
    if let Some(command) = &around.settings.gates.tests.command {
        report.overruled_by(command);
    }
    let path = around.environment.get("PATH").map(String::as_str).unwrap_or_default();
    for tool in report.services.iter_mut().flat_map(|service| &mut service.toolchain) {
        detection::present(tool, path, repository.root());
    }
    if common.json {
        return print::json(&report);
    }
    print::text(&crate::text::sanitize(&report.to_string()))
}

/// Runs the gates on the working tree, against HEAD as base.
pub(crate) async fn verify(around: &Surroundings, common: &Common, wanted: &[String]) -> Done {
    let gates = gate::chosen(&around.settings, &around.environment, wanted).map_err(|unknown| {
        Failure::usage(unknown.to_string()).hint(format!("the gates are: {}", unknown.known.join(", ")))
    })?;
    let repository = Repository::open(&around.folder).map_err(|error| undo::git_failure(&error))?;
    let changes = repository.changes_from(&Source::Worktree).map_err(|error| undo::git_failure(&error))?;
    let state = Throwaway::new(&super::exec::folder(around)?)
        .map_err(|error| Failure::failed(format!("the cache directory: {error}")))?;
    let mut place = Place::new(repository.root(), state.path().join("tree"), &around.environment)
        .with_settings(&around.settings.workspace);
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
    let (output, _) = mpsc::channel(1);
    let context = GateContext::new(frozen.clone(), tree.clone(), base, output, interrupt.clone());
    let (to, mut passing) = mpsc::channel(64);
    let collect = async {
        let mut evidence: Vec<Evidence> = Vec::new();
        while let Some(passed) = passing.recv().await {
            if let Passing::Ended { gate, report, ms } = passed {
                evidence.push(report.evidence(&frozen, &frozen.hash, gate, ms));
            }
        }
        evidence
    };
    let ((), mut evidence) = tokio::join!(gate::prove(&gates, &context, !wanted.is_empty(), to), collect);
    evidence.sort_by_key(|found| gates.iter().position(|gate| gate.name() == found.gate));
    let red = evidence.iter().any(Evidence::is_red);
    // What was asked for by name and did not run is no success, even where it only informs.
    let missing = |found: &Evidence| !wanted.is_empty() && found.status == GateStatus::NotRun;
    let unknown = evidence.iter().any(|found| !found.is_green() || missing(found));
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
