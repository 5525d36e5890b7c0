//! The names deploy files may hold, from `assets/deploy.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::text;

/// All of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    pub actions: Actions,
    pub gitlab: Gitlab,
    pub compose: Compose,
    pub dockerfile: Dockerfile,
    pub systemd: Systemd,
    pub nginx: Nginx,
    pub environment: Environment,
    pub second: Vec<Second>,
}

/// Somebody else's checker.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Second {
    pub kind: String,
    pub program: String,
    pub command: String,
    pub reads: String,
    /// What says that it has not read everything.
    pub gives_up: Option<String>,
    pub passes_over: Option<String>,
    /// Its lines count from 0.
    #[serde(default)]
    pub from_zero: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Actions {
    pub top: Vec<String>,
    pub job: Vec<String>,
    pub step: Vec<String>,
    pub strategy: Vec<String>,
    pub events: Vec<String>,
    pub contexts: Vec<String>,
    pub functions: Vec<String>,
    pub untrusted: Vec<String>,
    pub own: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gitlab {
    pub top: Vec<String>,
    pub job: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compose {
    pub top: Vec<String>,
    pub service: Vec<String>,
    pub build: Vec<String>,
    pub healthcheck: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dockerfile {
    pub instructions: BTreeMap<String, Vec<String>>,
    pub built: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Systemd {
    pub sections: Vec<String>,
    pub unit: Vec<String>,
    pub service: Vec<String>,
    pub install: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nginx {
    pub directives: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    pub known: Vec<String>,
    pub families: Vec<String>,
    pub files: Vec<String>,
}

static RULES: LazyLock<Rules> =
    LazyLock::new(|| text::from_toml(include_str!("../../assets/deploy.toml")).unwrap_or_default());

/// The rules.
pub(super) fn rules() -> &'static Rules {
    &RULES
}

/// ", did you mean `x`?" when a known name is near.
pub(super) fn hint(word: &str, known: &[String]) -> String {
    near(word, known).map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}

/// The known name that is near.
pub(super) fn near<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    text::nearest(word, known.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_can_be_read() {
        let read = text::from_toml::<Rules>(include_str!("../../assets/deploy.toml"));
        assert!(read.is_ok(), "{:?}", read.err());
        assert_eq!(hint("servces", &["services".to_owned()]), ", did you mean `services`?");
    }
}
