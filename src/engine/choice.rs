//! Which agent works, and with which model.

use crate::agent::{self, AgentDef, Catalogue};
use crate::config::Settings;
use crate::domain::{NoteLevel, SessionId, ToolSpec};
use crate::provider::ProviderError;
use crate::text;
use crate::tool::{Tools, protocol};

use super::input::Chosen;
use super::models::{Found, Models};
use super::prompt::{self, Surroundings};
use super::rules::{ModelRules, Rules};

/// Agents a model is told of at most.
const AGENTS_TOLD: usize = 40;

/// What a choice is made from.
pub struct Choosing<'a> {
    /// All agents.
    pub catalogue: &'a Catalogue,
    /// All models.
    pub models: &'a dyn Models,
    /// All tools.
    pub tools: &'a Tools,
    /// The settings.
    pub settings: &'a Settings,
    /// Where the agent works.
    pub surroundings: &'a Surroundings,
    /// The session.
    pub session: &'a SessionId,
    /// Tasks can be handed to other agents.
    pub delegates: bool,
}

/// A choice, ready to work with.
pub struct Choice {
    /// What is recorded.
    pub chosen: Chosen,
    /// What decisions go by from now on.
    pub rules: Rules,
    /// The way to the model, when there is one.
    pub found: Option<Found>,
}

impl Choosing<'_> {
    /// Finds the agent and the model. `model` is what the user asked for by name; without it the agent's own model
    /// holds, then the configured one, then what the environment has.
    ///
    /// # Errors
    /// There is no such agent, or no such model although it was asked for by name. In words for the user.
    pub fn choose(&self, agent: Option<&str>, model: Option<&str>) -> Result<Choice, String> {
        let agent = self.agent(agent)?;
        let mut notes = agent_notes(agent);
        let found = self.model(agent, model, &mut notes)?;
        let allowed = agent.allowed();
        let everything = agent.tools.is_none() && agent.disallowed_tools.is_empty();
        let tools: Option<Vec<String>> =
            (!everything).then(|| allowed.tools.iter().map(|tool| (*tool).to_owned()).collect());
        let mut specs = self.tools.specs(tools.as_deref());
        specs.extend(self.delegate(tools.as_deref()));
        let mut budget = self.settings.budget;
        if let Some(most) = agent.max_turns {
            budget.requests = Some(budget.requests.map_or(most, |limit| limit.min(most)));
        }
        let (name, model) = match &found {
            Some((name, found)) => {
                let window = found.provider.context_window(&found.model);
                (name.clone(), Ok(ModelRules::new(found.model.clone(), window)))
            }
            None => (String::new(), Err(self.missing())),
        };
        let rules = Rules {
            session: self.session.clone(),
            system: prompt::system(&agent.prompt, self.surroundings),
            specs,
            model,
            budget,
            rounds: self.settings.gates.rounds,
            steps: !self.settings.gates.off.iter().any(|name| name == "steps"),
            trailers: self.settings.commit.trailers,
            more_trailers: self.settings.commit.more_trailers.clone(),
        };
        let context_window = rules.model.as_ref().ok().map(|model| model.window);
        let chosen = Chosen { agent: agent.name.clone(), model: name, tools, context_window, notes };
        Ok(Choice { chosen, rules, found: found.map(|(_, found)| found) })
    }

    /// The tool that hands tasks over, with the agents there are, for an agent that may call it.
    fn delegate(&self, allowed: Option<&[String]>) -> Option<ToolSpec> {
        let may = allowed.is_none_or(|names| names.iter().any(|name| name == protocol::DELEGATE));
        let others = self.catalogue.agents.iter().filter(|other| !other.name.is_empty());
        let lines: Vec<String> = others
            .take(AGENTS_TOLD)
            .map(|other| {
                let about = other.description.lines().next().unwrap_or_default();
                format!("\n- {}: {}", other.name, text::truncate(about, 120))
            })
            .collect();
        let mut spec = protocol::spec(protocol::DELEGATE).filter(|_| may && self.delegates && !lines.is_empty())?;
        spec.description.push_str(" Several calls in one answer run side by side. The agents:");
        spec.description.push_str(&lines.concat());
        Some(spec)
    }

    fn agent(&self, name: Option<&str>) -> Result<&AgentDef, String> {
        let wanted = name.or(self.settings.agent.as_deref()).unwrap_or(agent::DEFAULT);
        self.catalogue.find(wanted).ok_or_else(|| {
            let near =
                self.catalogue.nearest(wanted).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
            format!("there is no agent `{wanted}`.{near} `tenon agents list` shows those there are.")
        })
    }

    fn model(
        &self,
        agent: &AgentDef,
        asked: Option<&str>,
        notes: &mut Vec<String>,
    ) -> Result<Option<(String, Found)>, String> {
        if let Some(name) = asked {
            let found = self.models.find(name).map_err(|error| in_words(&error))?;
            return Ok(Some((full(&found), found)));
        }
        let configured = self.settings.model.clone().or_else(|| self.models.default_model()).unwrap_or_default();
        let (name, note) = match &agent.model {
            Some(wanted) => self.models.for_agent(wanted, &configured),
            None => (configured, None),
        };
        notes.extend(note.map(|note| format!("agent {}: {note}", agent.name)));
        if name.is_empty() {
            return Ok(None);
        }
        match self.models.find(&name) {
            Ok(found) => Ok(Some((full(&found), found))),
            Err(error) => {
                notes.push(format!("the model `{name}` cannot be used: {}", in_words(&error)));
                Ok(None)
            }
        }
    }

    fn missing(&self) -> String {
        "No model is configured, so nobody can answer. Name one with --model provider/model, TENON_MODEL, or `model = \
         \"provider/model\"` in config.toml; keys come from ANTHROPIC_API_KEY or OPENAI_API_KEY, a local server from \
         OLLAMA_HOST. `tenon models list` shows what was found."
            .to_owned()
    }
}

/// An alias or a bare name is recorded as what it came to.
fn full(found: &Found) -> String {
    format!("{}/{}", found.provider.name(), found.model)
}

fn in_words(error: &ProviderError) -> String {
    let hints: String = error.hints.iter().map(|hint| format!(" {hint}")).collect();
    format!("{error}.{hints}")
}

fn agent_notes(agent: &AgentDef) -> Vec<String> {
    let odd: Vec<String> =
        agent.notes.iter().filter(|note| note.level != NoteLevel::Info).map(ToString::to_string).collect();
    if odd.is_empty() { Vec::new() } else { vec![format!("agent {}: {}", agent.name, odd.join("; "))] }
}
