//! Parts of a build that are started by themselves: modules of Maven and Gradle, crates, commands of Go, applications of
//! a workspace of Nest or Nx. A library is none, and what only one of is there is the whole itself.

mod cargo;
mod go;
mod jvm;
mod node;

pub(super) use jvm::serves;

use super::dependencies::Dependency;
use super::rules::Place;
use super::{Evidence, Fact, Role, Service, facts};

/// A part before its facts are known.
struct Part {
    /// Its folder within the whole's.
    folder: String,
    name: String,
    /// What says that it is started.
    evidence: Evidence,
    needs: Vec<Dependency>,
    /// The command that starts it from the whole's folder.
    command: Option<String>,
    /// The port that what it is built from sets.
    port: Option<(u16, Evidence)>,
    /// What it is there for.
    role: Role,
    /// What it listens with when no framework is among what it needs.
    plain: Option<Fact>,
    /// The address it listens on is handed to it: what its framework does by itself does not count.
    told: bool,
}

/// What a build consists of.
enum Found {
    /// One thing, which the whole is.
    Whole(Option<(String, Evidence)>),
    /// The same, where the address it listens on is handed to it.
    Told(Option<(String, Evidence)>),
    /// Several, or one in a folder of its own.
    Parts(Vec<Part>),
}

/// The parts of a service that is a build of several; a whole that has parts is none itself.
pub(super) fn of(place: &Place<'_>, whole: &mut Service, conflicts: &mut Vec<String>) -> Vec<Service> {
    let found = match whole.language {
        "java" | "kotlin" => jvm::parts(place, whole),
        "go" => go::parts(place, whole),
        "rust" => cargo::parts(place),
        "javascript" | "typescript" => node::parts(place, whole),
        _ => return Vec::new(),
    };
    let parts = match found {
        Found::Whole(None) | Found::Told(None) => return Vec::new(),
        Found::Whole(Some((command, evidence))) => {
            facts::started(place, whole, command, evidence);
            return Vec::new();
        }
        Found::Told(Some((command, evidence))) => {
            facts::started(place, whole, command, evidence);
            without_own_port(whole);
            return Vec::new();
        }
        Found::Parts(parts) => parts,
    };
    if parts.is_empty() {
        return Vec::new();
    }
    let made = parts.into_iter().map(|part| service(place, whole, part, conflicts)).collect();
    whole.framework = None;
    whole.run = None;
    whole.also.clear();
    whole.openapi.clear();
    whole.role = Role::Workspace;
    made
}

fn service(place: &Place<'_>, whole: &Service, part: Part, conflicts: &mut Vec<String>) -> Service {
    let folder = place.full(&part.folder);
    let there = place.at(&folder);
    let mut service = Service::new(&there, whole.language, part.evidence.clone(), whole.tests.clone());
    service.name = part.name;
    service.role = part.role;
    service.part_of = Some(whole.folder.clone());
    facts::fill(&there, &mut service, (&part.needs, &[]), conflicts);
    service.framework = service.framework.take().or(part.plain);
    service.package_manager.clone_from(&whole.package_manager);
    if let Some(command) = part.command {
        facts::started(&there, &mut service, command, part.evidence);
        service.run.iter_mut().for_each(|run| run.folder.clone_from(&whole.folder));
    }
    if let (Some(run), Some((port, evidence))) = (&mut service.run, part.port)
        && run.port_evidence.is_none()
    {
        (run.port, run.port_evidence) = (Some(port), Some(evidence));
    }
    if part.told {
        without_own_port(&mut service);
    }
    // Where one migrates, it is for all.
    if service.migrations.is_empty() && !service.databases.is_empty() && matches!(whole.language, "go" | "rust") {
        service.migrations.clone_from(&whole.migrations);
    }
    service
}

/// A port is known where a file says it.
fn without_own_port(service: &mut Service) {
    if let Some(run) = service.run.as_mut().filter(|run| run.port_evidence.is_none()) {
        run.port = None;
    }
}
