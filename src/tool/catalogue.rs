//! Every tool there is, by name.

use std::sync::Arc;

use crate::api::desk::Desk;
use crate::domain::ToolSpec;

use super::{Tool, ToolOutput, protocol};
use super::{api, apply_patch, deploy, edit, http, list, migrate, read, remove, run, search, serve, stack, write};

/// The tools that change files.
const CHANGING: [&str; 6] = [edit::NAME, apply_patch::NAME, write::NAME, remove::NAME, run::NAME, api::SPEC];

/// The tools an agent can be given.
#[derive(Clone)]
pub struct Tools {
    tools: Vec<(&'static str, Arc<dyn Tool>)>,
}

impl Default for Tools {
    fn default() -> Self {
        Self::new()
    }
}

impl Tools {
    /// All tools, with nothing kept of what they ask services.
    pub fn new() -> Self {
        Self::with(Arc::new(Desk::default()))
    }

    /// All tools, with what those for services share.
    pub fn with(desk: Arc<Desk>) -> Self {
        let service = api::ApiTool { desk };
        Self {
            tools: vec![
                (read::NAME, Arc::new(read::Read)),
                (list::NAME, Arc::new(list::List)),
                (search::NAME, Arc::new(search::Search)),
                (edit::NAME, Arc::new(edit::EditTool)),
                (apply_patch::NAME, Arc::new(apply_patch::ApplyPatch)),
                (write::NAME, Arc::new(write::Write)),
                (remove::NAME, Arc::new(remove::Remove)),
                (run::NAME, Arc::new(run::Run)),
                (serve::NAME, Arc::new(serve::Serve(service.clone()))),
                (http::NAME, Arc::new(http::Http(service.clone()))),
                (api::SPEC, Arc::new(api::ApiSpec(service.clone()))),
                (api::TEST, Arc::new(api::ApiTest(service))),
                (stack::NAME, Arc::new(stack::Stack)),
                (migrate::NAME, Arc::new(migrate::Migrate)),
                (deploy::NAME, Arc::new(deploy::Deploy)),
            ],
        }
    }

    /// The tool of this name; `None` for the tools of the protocol, which the engine carries out.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.tools.iter().find(|(known, _)| *known == name).map(|(_, tool)| Arc::clone(tool))
    }

    /// Every name, those of the protocol last.
    pub fn names(&self) -> Vec<&'static str> {
        self.tools.iter().map(|(name, _)| *name).chain(protocol::NAMES).collect()
    }

    /// What a model is told: every tool, or those in `allowed`. `propose` comes with every tool that changes files,
    /// because without it nothing they do could reach the user.
    pub fn specs(&self, allowed: Option<&[String]>) -> Vec<ToolSpec> {
        let wanted = |name: &str| match allowed {
            None => true,
            Some(names) if name == protocol::PROPOSE => {
                names.iter().any(|allowed| allowed == name || CHANGING.contains(&allowed.as_str()))
            }
            Some(names) => names.iter().any(|allowed| allowed == name),
        };
        let tools = self.tools.iter().filter(|(name, _)| wanted(name)).map(|(_, tool)| tool.spec());
        tools.chain(protocol::specs().into_iter().filter(|spec| wanted(&spec.name))).collect()
    }

    /// The answer to a call of a tool that is not there or not allowed.
    pub fn unknown(&self, name: &str, allowed: Option<&[String]>) -> ToolOutput {
        let names: Vec<String> = self.specs(allowed).into_iter().map(|spec| spec.name).collect();
        let near = super::input::nearest(name, names.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
        ToolOutput::failed(format!("There is no tool `{name}`.{hint} The tools are: {}.", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_has_one_spec_that_refuses_unknown_fields() {
        let specs = Tools::new().specs(None);
        for spec in &specs {
            assert_eq!(spec.input_schema["type"], "object", "{}", spec.name);
            assert_eq!(spec.input_schema["additionalProperties"], false, "{}", spec.name);
            assert!(spec.description.len() > 20, "{}", spec.name);
        }
        let mut names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), specs.len());
    }

    #[test]
    fn odd_inputs_have_a_summary_of_one_line() {
        for (name, tool) in &Tools::new().tools {
            assert_eq!(tool.spec().name, *name);
            for odd in [json!(null), json!([]), json!("x"), json!({"command": "a\nb"}), json!({"path": {"a": 1}})] {
                assert_eq!(tool.permission(&odd), None);
                assert!(!tool.summary(&odd).contains('\n'), "{name}");
            }
        }
    }

    #[test]
    fn only_allowed_tools_are_told_and_propose_comes_with_those_that_change_files() {
        let names = |allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
            Tools::new().specs(Some(&allowed)).into_iter().map(|spec| spec.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["read", "run"]), ["read", "run", "propose"]);
        assert_eq!(names(&["read", "search"]), ["read", "search"]);
        assert_eq!(names(&["plan", "propose"]), ["plan", "propose"]);
    }

    #[test]
    fn an_unknown_tool_is_answered_with_the_nearest() {
        let output = Tools::new().unknown("applypatch", None);
        assert!(!output.ok);
        assert!(output.text.contains("Did you mean `apply_patch`?"), "{}", output.text);
    }
}
