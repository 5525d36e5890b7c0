//! The report at the end of the work, built from what the journal holds: nothing in it is a model's claim unless it says
//! so. What was not recorded is said to be missing.

mod environment;
mod exchange;
mod show;
mod workflow;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{
    Event, Evidence, Finding, GateStatus, Proposal, REVIEW, Record, ReviewItem, SessionId, Severity, Standing,
    TestCount, is_about_security,
};
use crate::journal::{BlobStore, JournalError, Store};
use crate::tool::protocol::{ASK, Ask, PLAN, PROPOSE, Plan, REPAIR, WorkPlan};

pub use exchange::Exchange;

/// Everything the report says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WorkReport {
    /// The session.
    pub session: String,
    /// What the user asked for.
    pub requests: Vec<String>,
    /// What the agent asked, with the answers.
    pub questions: Vec<Question>,
    /// The plan as it stands, with the checks of each step.
    pub plan: WorkPlan,
    /// The files of all proposals, as they were last proposed.
    pub files: Vec<File>,
    /// Requests to services, with how they were answered.
    pub exchanges: Vec<Exchange>,
    /// What the gates found on the last proposal.
    pub checks: Vec<Evidence>,
    /// Tests on the last proposal and on its base.
    pub tests: Option<(TestCount, Option<TestCount>)>,
    /// Environment variables that the changed code reads, with the file.
    pub environment: BTreeMap<String, String>,
    /// Findings that are about security.
    pub security: Vec<Finding>,
    /// What would make it better or surer, worst first.
    pub suggestions: Vec<String>,
    /// The self-review of the last proposal.
    pub review: Vec<ReviewItem>,
    /// What was done of each part of the work, by what is recorded of it.
    pub workflow: Vec<Stage>,
    /// How often failures went back to the agent.
    pub rounds: u32,
    /// The commits, oldest first.
    pub commits: Vec<Commit>,
}

/// A question of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The question.
    pub question: String,
    /// The user's answer, when there was one.
    pub answer: Option<String>,
}

/// A changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// The file.
    pub path: String,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its name.
    pub oid: String,
    /// The first line of its message.
    pub title: String,
}

pub use workflow::Stage;

/// Gates whose findings are about security.
const SECURITY: &[&str] = &["secrets", "scope", "dependencies", "scan", "security"];

fn tells_of_security(found: &Evidence, one: &Finding) -> bool {
    SECURITY.contains(&found.gate.as_str()) || is_about_security(one.rule.as_deref().unwrap_or_default())
}

/// Reads a session's journal and builds its report.
///
/// # Errors
/// There is no such session, or its journal cannot be read.
pub fn read(store: &Store, session: &SessionId) -> Result<WorkReport, JournalError> {
    Ok(of(&store.read(session)?.records, &store.blobs(session)))
}

/// Builds the report of a session.
pub fn of(records: &[Record], blobs: &BlobStore) -> WorkReport {
    let mut report = WorkReport::default();
    let mut proposals: Vec<Proposal> = Vec::new();
    let mut evidence: Vec<Evidence> = Vec::new();
    for record in records {
        report.take(&record.event, &mut proposals, &mut evidence);
    }
    report.answers(records);
    for change in proposals.iter().flat_map(|proposal| &proposal.changes) {
        let file = File { path: change.path.as_str().to_owned(), added: change.added, removed: change.removed };
        report.files.push(file);
        report.environment.extend(environment::read(change, blobs));
    }
    if let Some(last) = proposals.last() {
        report.checks = evidence.into_iter().filter(|found| found.subject == last.hash).collect();
    }
    report.tests = report.checks.iter().find_map(|found| found.tests.map(|tests| (tests, found.base_tests)));
    report.security = report
        .checks
        .iter()
        .flat_map(|found| found.findings.iter().filter(|one| tells_of_security(found, one)).cloned())
        .filter(|one| one.severity != Severity::Note || !one.old)
        .collect();
    report.workflow = workflow::of(&report);
    report.suggestions = report.suggested();
    report
}

/// A finding with its place.
fn placed(finding: &Finding) -> String {
    match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("`{path}:{line}`: {}", finding.message),
        (Some(path), None) => format!("`{path}`: {}", finding.message),
        _ => finding.message.clone(),
    }
}

impl WorkReport {
    fn take(&mut self, event: &Event, proposals: &mut Vec<Proposal>, evidence: &mut Vec<Evidence>) {
        match event {
            Event::SessionOpened { session, .. } => self.session = session.to_string(),
            Event::UserSaid { text, queued: false, .. } => self.requests.push(text.clone()),
            Event::ToolCalled { name, input, .. } if name == PLAN => {
                if let Ok(plan) = serde_json::from_value::<Plan>(input.clone()) {
                    self.plan.take(plan);
                }
            }
            Event::Proposed { proposal } => {
                proposals.retain(|known| known.id != proposal.id);
                proposals.push(proposal.clone());
            }
            Event::GateReported(found) => {
                evidence.retain(|known| known.gate != found.gate || known.subject != found.subject);
                evidence.push(found.as_ref().clone());
            }
            Event::StepChecked { step, ok, reason, .. } => self.plan.checked(*step, *ok, reason),
            Event::SelfReviewed { items, .. } => self.review.clone_from(items),
            Event::SentBack { .. } => self.rounds += 1,
            Event::Committed { oid, message, .. } => {
                let title = message.lines().next().unwrap_or_default().to_owned();
                self.commits.push(Commit { oid: oid.clone(), title });
            }
            Event::Undone { oid, redo: false, .. } => self.commits.retain(|commit| commit.oid != *oid),
            _ => {}
        }
    }

    /// What the evidence leaves open: what is red, what nobody could check, what only deserves a look, what was begun
    /// and not finished.
    fn suggested(&self) -> Vec<String> {
        let reason = |found: &Evidence| found.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let secure = |found: &&Evidence| !SECURITY.contains(&found.gate.as_str());
        let red = self.checks.iter().filter(|found| found.is_red());
        let mut all: Vec<String> = red.map(|found| format!("repair {}{}", found.gate, reason(found))).collect();
        let unknown = self.checks.iter().filter(|found| found.status == GateStatus::NotRun && !found.advisory);
        all.extend(unknown.map(|found| format!("not verified: {}{}", found.gate, reason(found))));
        let undone = self.plan.steps.iter().filter(|step| !step.is_done());
        all.extend(undone.map(|step| format!("planned and not done: {}", step.step.title)));
        let open = self.review.iter().filter(|item| item.standing == Standing::Open);
        all.extend(open.map(|item| format!("the self-review left open: {}", item.line())));
        for found in self.checks.iter().filter(secure).filter(|found| found.gate != REVIEW) {
            let looks = found.findings.iter().filter(|one| !one.old && one.severity == Severity::Warning);
            all.extend(looks.take(10).map(|one| format!("{} ({})", placed(one), found.gate)));
        }
        let flaky = self.checks.iter().flat_map(|found| &found.cases).filter(|case| case.flaky);
        all.extend(
            flaky.map(|case| format!("the test {} is flaky: it failed and passed when it ran again", case.name)),
        );
        let old = self.checks.iter().filter(|found| found.old > 0);
        all.extend(old.map(|found| format!("{} of {} were there before and still are", found.old, found.gate)));
        all
    }

    /// Questions and requests with what came back.
    fn answers(&mut self, records: &[Record]) {
        let mut results: BTreeMap<&str, &str> = BTreeMap::new();
        for record in records {
            if let Event::ToolReturned { call, output, .. } = &record.event {
                results.insert(call.as_str(), output);
            }
        }
        for record in records {
            let Event::ToolCalled { call, name, input, .. } = &record.event else { continue };
            let result = results.get(call.as_str()).copied();
            if name == ASK {
                if let Ok(Ask { question, .. }) = serde_json::from_value::<Ask>(input.clone()) {
                    self.questions.push(Question { question, answer: result.map(str::to_owned) });
                }
            } else if name == PROPOSE {
                self.rounds += u32::from(result.is_some_and(|result| result.contains(REPAIR)));
            } else {
                self.exchanges.extend(exchange::of(name, input, result));
            }
        }
    }
}
