//! The tools that are steps of the protocol: a model calls them like any other, and the engine carries them out.

mod plan;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{ReviewAnswer, ToolSpec, Topic};

use super::input;

pub use plan::{Check, Planned, Seen, WorkPlan};

/// The name of the tool that says what is going to be done.
pub const PLAN: &str = "plan";
/// The name of the tool that asks the user.
pub const ASK: &str = "ask";
/// The name of the tool that hands the draft to the user.
pub const PROPOSE: &str = "propose";
/// The name of the tool that gives work to another agent.
pub const DELEGATE: &str = "delegate";

/// The name of the tool that runs the gates on the draft without proposing it.
pub const VERIFY: &str = "verify";

/// How the result of [`PROPOSE`] goes on when failures go back to the agent.
pub const REPAIR: &str = "Repair what failed and call propose again";

pub(super) const NAMES: [&str; 5] = [PLAN, ASK, VERIFY, PROPOSE, DELEGATE];

/// How far a step of a plan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Todo,
    /// Being worked on.
    Doing,
    /// Done.
    Done,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is going to be done.
    pub title: String,
    /// How one sees that it is done.
    pub acceptance: String,
    /// How far it is.
    #[serde(default)]
    pub status: StepStatus,
}

/// The input of `plan`: all steps, each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// The input of `ask`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What the user is asked.
    pub question: String,
    /// Answers to choose from; the user may always write another.
    #[serde(default)]
    pub options: Vec<String>,
}

/// The input of `propose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propose {
    /// What the change does, in one line.
    pub title: String,
    /// The draft of the commit message.
    pub message: String,
    /// What the agent says to the topics of its self-review.
    #[serde(default)]
    pub review: Vec<ReviewAnswer>,
}

/// The input of `delegate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegate {
    /// The agent that is to do it.
    pub agent: String,
    /// What it is to do, complete in itself.
    pub task: String,
}

/// The input of `verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The gates to run; those that concern the draft when empty.
    #[serde(default)]
    pub gates: Vec<String>,
}

/// A call of one of these tools, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// What is going to be done.
    Plan(Plan),
    /// A question for the user.
    Ask(Ask),
    /// The draft is ready.
    Propose(Propose),
    /// Work for another agent.
    Delegate(Delegate),
    /// The gates are to run on the draft.
    Verify(Verify),
}

impl Protocol {
    /// Reads a call; `None` when the name is not one of these tools.
    ///
    /// # Errors
    /// Inside: the sentence for the model that says what does not fit and what would.
    pub fn read(name: &str, value: &Value) -> Option<Result<Self, String>> {
        let schema = schema(name)?;
        let read = match name {
            PLAN => input::read(&schema, value).map(Self::Plan),
            ASK => input::read(&schema, value).map(Self::Ask),
            PROPOSE => input::read(&schema, value).map(Self::Propose),
            VERIFY => input::read(&schema, value).map(Self::Verify),
            _ => input::read(&schema, value).map(Self::Delegate),
        };
        Some(read.and_then(Self::filled))
    }

    fn filled(self) -> Result<Self, String> {
        let fields: &[(&str, &str)] = match &self {
            Self::Plan(_) | Self::Verify(_) => &[],
            Self::Ask(ask) => &[("question", &ask.question)],
            Self::Propose(propose) => &[("title", &propose.title)],
            Self::Delegate(delegate) => &[("agent", &delegate.agent), ("task", &delegate.task)],
        };
        match fields.iter().find(|(_, text)| text.trim().is_empty()) {
            Some((name, _)) => Err(format!("`{name}` is empty.")),
            None => Ok(self),
        }
    }

    /// One line for the chat.
    pub fn summary(&self) -> String {
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        match self {
            Self::Plan(plan) => {
                let done = plan.steps.iter().filter(|step| step.status == StepStatus::Done).count();
                format!("{done} of {} steps done", plan.steps.len())
            }
            Self::Ask(ask) => first(&ask.question),
            Self::Propose(propose) => first(&propose.title),
            Self::Delegate(delegate) => format!("{}: {}", delegate.agent, first(&delegate.task)),
            Self::Verify(verify) if verify.gates.is_empty() => "all gates".to_owned(),
            Self::Verify(verify) => first(&verify.gates.join(", ")),
        }
    }
}

/// What models are told of these tools. `delegate` is not among them: it is told with the agents there are.
pub fn specs() -> Vec<ToolSpec> {
    NAMES.into_iter().filter(|name| *name != DELEGATE).filter_map(spec).collect()
}

/// What models are told of one of these tools.
pub fn spec(name: &str) -> Option<ToolSpec> {
    let description = match name {
        PLAN => {
            "Shows the user what you are going to do, step by step, each with how one sees that it is done. Call it \
             again with all steps when a step is done or the plan changes. For work of more than one step. Where a command \
             or a test can tell, give it in backticks in `acceptance` (`pytest tests/test_orders.py`, `TestCancel`): it is \
             run before the step counts as done."
        }
        ASK => {
            "Asks the user one question and waits for the answer. Only for what you cannot find out and what would \
             be costly to get wrong; give options where there are few."
        }
        VERIFY => {
            "Runs the project's checks (gates such as tests, lint, types, secrets) on the draft as it is now and on the \
             user's tree below it, and says what is new and what was there before. Shows the user nothing: it is how \
             you find out before `propose`."
        }
        PROPOSE => {
            "Hands everything you changed in the workspace to the user for review, with the results of the project's \
             checks. Call it once the work is complete and you have run the tests yourself. `title` is one line; \
             `message` is the draft of the commit message, in the style of the repository's history. `review` answers what \
             the self-review asks, in one sentence each."
        }
        DELEGATE => {
            "Gives a task to another agent, which works in a workspace of its own and reports back. The task has to \
             be complete in itself: the other agent does not see this conversation."
        }
        _ => return None,
    };
    Some(ToolSpec { name: name.to_owned(), description: description.to_owned(), input_schema: schema(name)? })
}

fn schema(name: &str) -> Option<Value> {
    let (properties, required) = match name {
        PLAN => (
            json!({"steps": {"type": "array", "minItems": 1, "description": "All steps in order.", "items": {
                "type": "object",
                "properties": {
                    "title": {"type": "string", "description": "What is done."},
                    "acceptance": {"type": "string", "description": "How one sees that it is done."},
                    "status": {"type": "string", "enum": ["todo", "doing", "done"], "description": "Default: todo."}
                },
                "required": ["title", "acceptance"],
                "additionalProperties": false
            }}}),
            json!(["steps"]),
        ),
        ASK => (
            json!({
                "question": {"type": "string", "description": "The question, complete in itself."},
                "options": {"type": "array", "items": {"type": "string"}, "description": "Answers to choose from."}
            }),
            json!(["question"]),
        ),
        VERIFY => (
            json!({"gates": {
                "type": "array", "items": {"type": "string"},
                "description": "Names of the gates to run. Default: all that concern the change."
            }}),
            json!([]),
        ),
        PROPOSE => (
            json!({
                "title": {"type": "string", "description": "What the change does, in one line."},
                "message": {"type": "string", "description": "The draft of the commit message."},
                "review": {"type": "array", "description": "Answers to the self-review, where it asked.", "items": {
                    "type": "object",
                    "properties": {
                        "topic": {"type": "string", "enum": Topic::ALL.map(Topic::name)},
                        "answer": {"type": "string", "description": "Where and how it is taken care of."}
                    },
                    "required": ["topic", "answer"],
                    "additionalProperties": false
                }}
            }),
            json!(["title", "message"]),
        ),
        DELEGATE => (
            json!({
                "agent": {"type": "string", "description": "The name of the agent."},
                "task": {"type": "string", "description": "What it is to do, complete in itself."}
            }),
            json!(["agent", "task"]),
        ),
        _ => return None,
    };
    Some(json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_into_types() {
        let plan = Protocol::read("plan", &json!({"steps": [{"title": "a", "acceptance": "b", "status": "done"}]}));
        let step = Step { title: "a".into(), acceptance: "b".into(), status: StepStatus::Done };
        assert_eq!(plan, Some(Ok(Protocol::Plan(Plan { steps: vec![step] }))));
        let ask = Protocol::read("ask", &json!({"question": "which?"}));
        assert_eq!(ask, Some(Ok(Protocol::Ask(Ask { question: "which?".into(), options: vec![] }))));
        assert_eq!(Protocol::read("read", &json!({})), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (name, value, part) in [
            ("plan", json!({"steps": []}), "empty"),
            ("plan", json!({"steps": [{"title": "a"}]}), "`acceptance` is missing in `steps[0]`"),
            ("ask", json!({"question": " "}), "`question` is empty"),
            ("propose", json!({"titel": "x"}), "Did you mean `title`?"),
            ("verify", json!({"gate": ["tests"]}), "Did you mean `gates`?"),
            ("delegate", json!({"agent": "a"}), "`task` is missing"),
        ] {
            let error = Protocol::read(name, &value).unwrap().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn delegate_is_told_by_who_knows_the_agents() {
        assert!(specs().iter().all(|spec| spec.name != DELEGATE));
        assert!(spec(DELEGATE).is_some());
    }
}
