//! What a project has from the projects around it: the tools of the whole, and the databases that are started beside it.

use crate::stack::facts::{self, family};
use crate::stack::rules::Place;
use crate::stack::{Fact, Role, Service, StackReport};

/// A project without a linter of its own is looked at by that of the whole; so with the other tools.
pub(super) fn tools(report: &mut StackReport) {
    let all = report.services.clone();
    // What a whole has only because another part of it has it, is not this part's.
    let parts: Vec<&Service> =
        all.iter().filter(|one| one.part_of.as_deref().is_some_and(|whole| whole != one.folder)).collect();
    let elsewhere = |fact: &Fact, own: &str| {
        parts.iter().any(|part| part.folder != own && part.relative(&fact.evidence.file).is_some())
    };
    for service in &mut report.services {
        let above = |other: &&Service| {
            family(other.language) == family(service.language)
                && (other.folder.len() < service.folder.len()
                    || service.part_of.as_deref() == Some(other.folder.as_str()))
                && (other.folder.is_empty() || service.folder.starts_with(&format!("{}/", other.folder)))
                && other.part_of.is_none()
        };
        let mut wholes: Vec<&Service> = all.iter().filter(above).collect();
        wholes.sort_by_key(|other| std::cmp::Reverse(other.folder.len()));
        for whole in wholes {
            let part = service.part_of.as_deref() == Some(whole.folder.as_str());
            let own = service.folder.clone();
            let of_all =
                |facts: &[Fact]| facts.iter().filter(|fact| !elsewhere(fact, &own)).cloned().collect::<Vec<_>>();
            take(&mut service.test_runners, &of_all(&whole.test_runners), part);
            take(&mut service.linters, &of_all(&whole.linters), part);
            take(&mut service.formatters, &of_all(&whole.formatters), part);
            take(&mut service.type_checkers, &of_all(&whole.type_checkers), part);
            if service.toolchain.is_empty() {
                service.toolchain.clone_from(&whole.toolchain);
            }
        }
    }
}

/// Projects of .NET without tests of their own are tested by the solution they stand in.
pub(super) fn solution(report: &mut StackReport) {
    let solutions: Vec<Service> =
        report.services.iter().filter(|one| one.language == "csharp" && one.role == Role::Workspace).cloned().collect();
    for service in report.services.iter_mut().filter(|one| one.language == "csharp" && one.role != Role::Workspace) {
        let holds = |solution: &&Service| solution.relative(&service.evidence.file).is_some();
        if let Some(solution) = solutions.iter().rfind(holds).filter(|_| service.tests.is_empty()) {
            service.tests.clone_from(&solution.tests);
            service.part_of = Some(solution.folder.clone());
        }
    }
}

/// What is built by the whole is looked at by all that looks at it; what is only beside it, where it has nothing itself.
fn take(own: &mut Vec<Fact>, whole: &[Fact], part: bool) {
    if part || own.is_empty() {
        whole.iter().for_each(|fact| facts::add(own, fact.clone()));
    }
}

/// What the root starts beside the only service there is, is for it.
pub(super) fn databases(root: &Place<'_>, report: &mut StackReport) {
    let mut serving = report.services.iter_mut().filter(|service| service.role == Role::Service);
    let (Some(only), None) = (serving.next(), serving.next()) else { return };
    if !only.folder.is_empty() {
        facts::databases(root, only);
    }
}
