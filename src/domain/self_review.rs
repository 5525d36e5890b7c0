//! The self-review of a proposal: what was looked for, what was found, what the agent says to it.

use serde::{Deserialize, Serialize};

use super::{Evidence, Finding, GateStatus, Severity};

/// The gate that looks at the change for the self-review.
pub const REVIEW: &str = "review";
/// The end of the rule of a finding that only says that a topic is concerned.
pub const TOUCHED: &str = "touched";

/// The gate whose findings belong to several topics.
const CONTRACT: &str = "contract";

/// Whether a rule of a gate that asks the service is about who may do what, and who gets to know what.
pub fn is_about_security(rule: &str) -> bool {
    ["auth", "foreign-object", "leak", "shared-cache"].iter().any(|start| rule.starts_with(start))
}

/// What a self-review goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Who may do what, and with which input.
    Security,
    /// What it costs.
    Performance,
    /// What happens when something fails.
    Errors,
    /// What has to be written down for others.
    Docs,
    /// What notices when it breaks.
    Tests,
}

impl Topic {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Security, Self::Performance, Self::Errors, Self::Docs, Self::Tests];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Performance => "performance",
            Self::Errors => "errors",
            Self::Docs => "docs",
            Self::Tests => "tests",
        }
    }

    /// What is asked where nothing can be computed.
    pub fn question(self) -> &'static str {
        match self {
            Self::Security => "who may do this, where is that checked, and what may the input hold?",
            Self::Performance => "how many queries and rows does it cost at most?",
            Self::Errors => "what does the caller get when it fails half-way?",
            Self::Docs => "where is it described for those who call or operate it?",
            Self::Tests => "which test fails when this breaks?",
        }
    }

    /// Gates that say something about it besides [`REVIEW`].
    fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Security => &["secrets", "scope", "dependencies"],
            Self::Tests => &["tests", "coverage", "mutation"],
            Self::Docs => &[CONTRACT],
            Self::Performance => &["performance"],
            Self::Errors => &[],
        }
    }

    /// What a rule of the gate `contract` is about.
    fn of_contract(rule: &str) -> Self {
        let breaks = ["server-error", "no-answer", "error-body", "start"];
        match rule {
            _ if is_about_security(rule) => Self::Security,
            _ if breaks.contains(&rule) => Self::Errors,
            _ => Self::Docs,
        }
    }
}

/// How a topic stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The change does not concern it, as far as can be seen.
    Clear,
    /// Something was found, or only the agent could say, and it did not.
    Open,
    /// The agent says something to it. That is a claim, no evidence.
    Answered,
}

/// What the agent says to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer {
    /// The topic.
    pub topic: Topic,
    /// Its words.
    pub answer: String,
}

/// A topic of the self-review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    /// The topic.
    pub topic: Topic,
    /// How it stands.
    pub standing: Standing,
    /// What was found or why it is asked, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// What the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl ReviewItem {
    /// It in one line: "security: src/a.py:3: adds a route".
    pub fn line(&self) -> String {
        let first = self.found.first().map(|found| format!(": {found}")).unwrap_or_default();
        let more = self.found.len().saturating_sub(1);
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        format!("{}{first}{more}", self.topic.name())
    }
}

/// What the gates and the answers come to. `None` when the change was not looked at for it.
pub fn reviewed(evidence: &[&Evidence], answers: &[ReviewAnswer]) -> Option<Vec<ReviewItem>> {
    let look = evidence.iter().find(|found| found.gate == REVIEW && found.status != GateStatus::NotRun)?;
    Some(Topic::ALL.into_iter().map(|topic| item(topic, look, evidence, answers)).collect())
}

fn item(topic: Topic, look: &Evidence, evidence: &[&Evidence], answers: &[ReviewAnswer]) -> ReviewItem {
    let own = |finding: &&Finding| {
        let rule = finding.rule.as_deref().unwrap_or_default();
        !finding.old && rule.strip_prefix(topic.name()).is_some_and(|rest| rest.starts_with('/'))
    };
    let mut found: Vec<String> = look.findings.iter().filter(own).map(placed).collect();
    let failed_contract = |gate: &&&Evidence| gate.gate == CONTRACT && gate.status == GateStatus::Fail;
    for gate in evidence.iter().filter(failed_contract) {
        let new = gate.findings.iter().filter(|finding| !finding.old && finding.severity == Severity::Error);
        let about = |finding: &&Finding| Topic::of_contract(finding.rule.as_deref().unwrap_or_default()) == topic;
        let first_line = |finding: &Finding| finding.message.lines().next().unwrap_or_default().to_owned();
        found.extend(new.filter(about).map(|finding| format!("gate {CONTRACT}: {}", first_line(finding))));
    }
    let of_topic = |gate: &&&Evidence| topic.gates().contains(&gate.gate.as_str()) && !failed_contract(gate);
    for gate in evidence.iter().filter(of_topic) {
        match gate.status {
            GateStatus::Fail => {
                found.push(format!("gate {}: {}", gate.gate, gate.reason.as_deref().unwrap_or("failed")));
            }
            GateStatus::NotRun if !gate.advisory => {
                found.push(format!("gate {} did not run: {}", gate.gate, gate.reason.as_deref().unwrap_or("")));
            }
            // What only deserves a look is in the log; it needs no answer of its own.
            GateStatus::Pass | GateStatus::NotRun => {}
        }
    }
    let answer = answers.iter().rev().find(|answer| answer.topic == topic).map(|answer| answer.answer.clone());
    let standing = match (&answer, found.is_empty()) {
        (Some(_), _) => Standing::Answered,
        (None, true) => Standing::Clear,
        (None, false) => Standing::Open,
    };
    ReviewItem { topic, standing, found, answer }
}

fn placed(finding: &Finding) -> String {
    match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: {}", finding.message),
        (Some(path), None) => format!("{path}: {}", finding.message),
        _ => finding.message.clone(),
    }
}

/// The whole in one line, for people: "security open (a.py:3: adds a route) · errors answered".
pub fn review_in_words(items: &[ReviewItem]) -> String {
    let clear = items.iter().filter(|item| item.standing == Standing::Clear).count();
    let mut parts: Vec<String> = items
        .iter()
        .filter_map(|item| match item.standing {
            Standing::Open => Some(format!("{} unanswered{}", item.topic.name(), first(item))),
            Standing::Answered => Some(format!("{} answered: {}", item.topic.name(), item.answer.as_deref()?)),
            Standing::Clear => None,
        })
        .collect();
    if clear > 0 {
        parts.push(format!("{clear} of {} with nothing found", items.len()));
    }
    parts.join(" · ")
}

fn first(item: &ReviewItem) -> String {
    item.found.first().map(|found| format!(" ({found})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContentHash;

    fn gate(name: &str, status: GateStatus, findings: Vec<Finding>) -> Evidence {
        Evidence { findings, ..Evidence::new("p1".into(), ContentHash::of(b""), name, status) }
    }

    fn finding(rule: &str) -> Finding {
        Finding {
            severity: Severity::Warning,
            rule: Some(rule.to_owned()),
            path: Some("a.py".to_owned()),
            line: Some(3),
            message: "adds a route".to_owned(),
            ..Finding::default()
        }
    }

    #[test]
    fn what_is_found_is_open_until_it_is_answered() {
        let look = gate(REVIEW, GateStatus::Pass, vec![finding("security/touched")]);
        let tests = gate("tests", GateStatus::Fail, Vec::new());
        let all = [&look, &tests];
        let items = reviewed(&all, &[]).unwrap();
        let standing = |items: &[ReviewItem]| items.iter().map(|item| item.standing).collect::<Vec<_>>();
        use Standing::{Answered, Clear, Open};
        assert_eq!(standing(&items), [Open, Clear, Clear, Clear, Open]);
        assert_eq!(items[0].line(), "security: a.py:3: adds a route");
        let answers = [ReviewAnswer { topic: Topic::Security, answer: "owners only, routes.py:9".to_owned() }];
        let items = reviewed(&all, &answers).unwrap();
        assert_eq!(standing(&items), [Answered, Clear, Clear, Clear, Open]);
        assert!(review_in_words(&items).starts_with("security answered: owners only"), "{}", review_in_words(&items));
        assert_eq!(reviewed(&all[1..], &[]), None, "nobody looked");
    }

    #[test]
    fn what_the_contract_gate_finds_belongs_to_what_it_is_about() {
        let look = gate(REVIEW, GateStatus::Pass, Vec::new());
        let error = |rule: &str| Finding { severity: Severity::Error, path: None, line: None, ..finding(rule) };
        let contract = gate(CONTRACT, GateStatus::Fail, vec![error("foreign-object"), error("server-error")]);
        let items = reviewed(&[&look, &contract], &[]).unwrap();
        use Standing::{Clear, Open};
        assert_eq!(items.iter().map(|item| item.standing).collect::<Vec<_>>(), [Open, Clear, Open, Clear, Clear]);
        assert_eq!(items[0].line(), "security: gate contract: adds a route");
        let skipped = gate(CONTRACT, GateStatus::NotRun, Vec::new());
        let items = reviewed(&[&look, &skipped], &[]).unwrap();
        assert_eq!(items[3].standing, Open, "what was not checked is not known to be described");
    }
}
