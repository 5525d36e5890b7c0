//! What the gates found on a proposal, as the conversation tells it: what failed and what did not run by name, the rest
//! as a number. Where the gates' own rows do not fit on the screen this is what keeps a proposal from looking green.

use crate::domain::{ContentHash, Evidence, GateStatus, Proposal};
use crate::tui::theme::Role;

use super::ChatPane;
use super::item::{Entry, Item};
use super::layout::count;

/// The gates of one proposal.
#[derive(Clone, Debug)]
pub struct Checks {
    subject: ContentHash,
    gates: Vec<Gate>,
    /// The gates have ended, as far as the conversation can tell: more was said after them.
    settled: bool,
}

#[derive(Clone, Debug)]
struct Gate {
    name: String,
    standing: Standing,
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Failed,
    NotRun,
    Passed,
}

impl Gate {
    /// What a row says of a gate; nothing of one that only informs and has nothing good to tell.
    fn of(evidence: &Evidence) -> Option<Self> {
        let standing = match evidence.status {
            GateStatus::Pass => Standing::Passed,
            _ if evidence.advisory => return None,
            GateStatus::Fail => Standing::Failed,
            GateStatus::NotRun => Standing::NotRun,
        };
        Some(Self { name: evidence.gate.clone(), standing, reason: evidence.reason.clone() })
    }
}

impl Checks {
    fn take(&mut self, gate: Gate) {
        match self.gates.iter_mut().find(|known| known.name == gate.name) {
            Some(known) => *known = gate,
            None => self.gates.push(gate),
        }
    }

    fn of(&self, standing: Standing) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(move |gate| gate.standing == standing)
    }

    /// Rows with their marks, the worst first. A tick only where everything passed and nothing is still to come.
    pub fn rows(&self) -> Vec<(&'static str, Role, String)> {
        let told = |gate: &Gate, how: &str| match &gate.reason {
            Some(reason) => format!("{} {how}: {reason}", gate.name),
            None => format!("{} {how}", gate.name),
        };
        let failed = self.of(Standing::Failed).map(|gate| ("✗ ", Role::Fail, told(gate, "failed")));
        let unknown = self.of(Standing::NotRun).map(|gate| ("! ", Role::Warn, told(gate, "did not run")));
        let mut rows: Vec<_> = failed.chain(unknown).collect();
        let passed = self.of(Standing::Passed).count();
        if passed > 0 {
            let words = format!("{} {}", count(passed, "gate"), if passed == 1 { "passes" } else { "pass" });
            let good = self.settled && rows.is_empty();
            rows.push(if good { ("✓ ", Role::Pass, words) } else { ("· ", Role::Dim, words) });
        }
        rows
    }

    /// The rows in one line, for an export.
    pub fn words(&self) -> String {
        self.rows().into_iter().map(|(_, _, words)| words).collect::<Vec<_>>().join("; ")
    }
}

impl ChatPane {
    /// Announces a proposal; what the gates find on it goes below.
    pub(super) fn proposed(&mut self, proposal: &Proposal) {
        let added: usize = proposal.changes.iter().map(|change| change.added).sum();
        let removed: usize = proposal.changes.iter().map(|change| change.removed).sum();
        let files = count(proposal.changes.len(), "file");
        let text =
            format!("proposal {} {}: {files}, +{added} −{removed}; Tab goes to the diff", proposal.id, proposal.title);
        self.push(Item::Proposed { text, subject: proposal.hash.clone() });
    }

    /// Takes what a gate found on the last proposal. Gates on a part of it are shown where the part was chosen.
    pub(super) fn checked(&mut self, evidence: &Evidence) {
        let announced = self.entries.iter().rev().find_map(|entry| match &entry.item {
            Item::Proposed { subject, .. } => Some(subject),
            _ => None,
        });
        let Some(gate) = Gate::of(evidence) else { return };
        if evidence.partial || announced != Some(&evidence.subject) {
            return;
        }
        let known = self.entries.iter().rposition(|entry| {
            matches!(&entry.item, Item::Checks(checks) if checks.subject == evidence.subject && !checks.settled)
        });
        let index = known.unwrap_or_else(|| {
            self.push(Item::Checks(Checks { subject: evidence.subject.clone(), gates: Vec::new(), settled: false }))
        });
        self.change(index, |item| {
            if let Item::Checks(checks) = item {
                checks.take(gate);
            }
        });
    }

    /// Something was said that comes after the gates. What they find from now on is another run of them.
    pub(super) fn settle_checks(&mut self) {
        let open = |entry: &Entry| matches!(&entry.item, Item::Checks(checks) if !checks.settled);
        let Some(index) = self.entries.iter().rposition(open) else { return };
        self.change(index, |item| {
            if let Item::Checks(checks) = item {
                checks.settled = true;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, TurnEnd, Usage};

    fn announced() -> ChatPane {
        let mut chat = ChatPane::new(Vec::new());
        chat.event(&Event::Proposed { proposal: proposal() });
        chat
    }

    fn proposal() -> Proposal {
        Proposal {
            id: "p1".into(),
            title: "x".to_owned(),
            message: String::new(),
            hash: ContentHash::of(b"a"),
            changes: Vec::new(),
        }
    }

    fn found(chat: &mut ChatPane, gate: &str, status: GateStatus, reason: Option<&str>) {
        let mut evidence = Evidence::new("p1".into(), ContentHash::of(b"a"), gate, status);
        evidence.reason = reason.map(str::to_owned);
        chat.event(&Event::GateReported(Box::new(evidence)));
    }

    fn rows(chat: &ChatPane) -> Vec<String> {
        let rows = |entry: &Entry| match &entry.item {
            Item::Checks(checks) => checks.rows(),
            _ => Vec::new(),
        };
        chat.entries.iter().flat_map(rows).map(|(mark, _, words)| format!("{mark}{words}")).collect()
    }

    #[test]
    fn a_tick_stands_only_where_everything_passed_and_ended() {
        let mut chat = announced();
        found(&mut chat, "scope", GateStatus::Pass, None);
        assert_eq!(rows(&chat), ["· 1 gate passes"]);
        found(&mut chat, "tests", GateStatus::Pass, None);
        chat.event(&Event::TurnEnded { reason: TurnEnd::Done, detail: None, usage: Usage::default() });
        assert_eq!(rows(&chat), ["✓ 2 gates pass"]);
    }

    #[test]
    fn what_failed_and_what_did_not_run_is_named_first() {
        let mut chat = announced();
        found(&mut chat, "scope", GateStatus::Pass, None);
        found(&mut chat, "migration", GateStatus::NotRun, Some("no PostgreSQL"));
        chat.event(&Event::TurnEnded { reason: TurnEnd::Done, detail: None, usage: Usage::default() });
        assert_eq!(rows(&chat), ["! migration did not run: no PostgreSQL", "· 1 gate passes"]);
        found(&mut chat, "tests", GateStatus::Fail, Some("1 test fails that passes on base"));
        let last = rows(&chat).pop();
        assert_eq!(
            last.as_deref(),
            Some("✗ tests failed: 1 test fails that passes on base"),
            "another run, another item"
        );
    }

    #[test]
    fn gates_on_another_content_and_gates_that_only_inform_are_not_told() {
        let mut chat = announced();
        let mut evidence = Evidence::new("p1".into(), ContentHash::of(b"part"), "tests", GateStatus::Fail);
        chat.event(&Event::GateReported(Box::new(evidence.clone())));
        evidence.subject = ContentHash::of(b"a");
        evidence.advisory = true;
        chat.event(&Event::GateReported(Box::new(evidence)));
        assert_eq!(rows(&chat), Vec::<String>::new());
    }
}
