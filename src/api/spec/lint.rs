//! What is wrong with a document, and what its readers will miss.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::operations::{Operation, Place};
use super::{Spec, Validators, escape, resolve};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document is wrong.
    Error,
    /// Tools or people will misread it.
    Warning,
    /// It could say more.
    Hint,
}

/// Something about a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// How bad it is.
    pub severity: Severity,
    /// The rule.
    pub rule: &'static str,
    /// `file:line:column`.
    pub place: String,
    /// What, in one line.
    pub text: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        };
        write!(f, "{}: {severity}: {} [{}]", self.place, self.text, self.rule)
    }
}

/// Looks at a whole document.
pub fn lint(spec: &Spec) -> Vec<Remark> {
    let mut lint = Lint { spec, remarks: Vec::new() };
    lint.references();
    lint.information();
    let operations = spec.operations();
    lint.identity(&operations);
    for operation in &operations {
        lint.path(operation);
        lint.parameters(operation);
        lint.answers(operation);
        lint.security(operation);
    }
    lint.schemas();
    lint.remarks.sort_by_key(|remark| remark.severity);
    lint.remarks
}

struct Lint<'a> {
    spec: &'a Spec,
    remarks: Vec<Remark>,
}

impl Lint<'_> {
    fn say(&mut self, severity: Severity, rule: &'static str, pointer: &str, text: String) {
        let remark = Remark { severity, rule, place: self.spec.locate(pointer), text };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    fn references(&mut self) {
        for broken in self.spec.broken_references() {
            let text = format!("the reference `{}` {}", broken.reference, broken.why);
            self.say(Severity::Error, "reference", &broken.pointer, text);
        }
    }

    fn information(&mut self) {
        for name in ["title", "version"] {
            if self.spec.root["info"][name].as_str().is_none_or(|text| text.trim().is_empty()) {
                self.say(Severity::Error, "info", "/info", format!("`info.{name}` is missing"));
            }
        }
        if !self.spec.root.get("paths").is_some_and(Value::is_object) && self.spec.root.get("webhooks").is_none() {
            self.say(Severity::Error, "paths", "", "there are no `paths`".to_owned());
        }
    }

    /// Ids that are taken twice, and paths that mean the same.
    fn identity(&mut self, operations: &[Operation]) {
        let mut ids: BTreeMap<&str, &Operation> = BTreeMap::new();
        let mut shapes: BTreeMap<(String, &str), &Operation> = BTreeMap::new();
        for operation in operations {
            match operation.id.as_deref() {
                None => self.say(
                    Severity::Hint,
                    "operation-id",
                    &operation.pointer,
                    format!("{} has no operationId", operation.name()),
                ),
                Some(id) => {
                    if let Some(first) = ids.insert(id, operation) {
                        let text = format!("the operationId `{id}` is that of {} too", first.name());
                        self.say(Severity::Error, "operation-id", &format!("{}/operationId", operation.pointer), text);
                    }
                }
            }
            if let Some(first) = shapes.insert((shape(&operation.path), &operation.method), operation) {
                let text = format!("{} and {} are the same path", first.name(), operation.name());
                self.say(Severity::Error, "same-path", &operation.pointer, text);
            }
        }
    }

    fn path(&mut self, operation: &Operation) {
        let pointer = format!("/paths/{}", escape(&operation.path));
        if !operation.path.starts_with('/') {
            self.say(Severity::Error, "path", &pointer, format!("the path `{}` does not begin with /", operation.path));
        }
        let wanted: BTreeSet<&str> = template_names(&operation.path).collect();
        let declared: BTreeSet<&str> = operation.parameters_in(Place::Path).map(|p| p.name.as_str()).collect();
        for name in wanted.difference(&declared) {
            let text = format!("{}: the path parameter `{name}` is not declared", operation.name());
            self.say(Severity::Error, "path-parameter", &operation.pointer, text);
        }
        for name in declared.difference(&wanted) {
            let text = format!("{}: `{name}` is declared in the path, which has no {{{name}}}", operation.name());
            self.say(Severity::Error, "path-parameter", &operation.pointer, text);
        }
    }

    fn parameters(&mut self, operation: &Operation) {
        for parameter in &operation.parameters {
            if parameter.schema == Value::Bool(true) {
                let text = format!("{}: the parameter `{}` has no schema", operation.name(), parameter.name);
                self.say(Severity::Warning, "parameter-schema", &parameter.pointer, text);
            }
        }
        if operation.method == "GET" && operation.body.is_some() {
            let text = format!("{} declares a body, which GET has no use for", operation.name());
            self.say(Severity::Warning, "get-body", &operation.pointer, text);
        }
        let body = operation.body.as_ref();
        if matches!(operation.method.as_str(), "POST" | "PUT" | "PATCH")
            && body.is_some_and(|body| body.content.iter().any(|(_, schema)| is_open(schema)))
        {
            let text = format!("{}: the body has no schema, so nothing of it is checked", operation.name());
            self.say(Severity::Warning, "body-schema", &format!("{}/requestBody", operation.pointer), text);
        }
    }

    fn answers(&mut self, operation: &Operation) {
        let (name, pointer) = (operation.name(), format!("{}/responses", operation.pointer));
        if operation.responses.is_empty() {
            self.say(Severity::Error, "responses", &operation.pointer, format!("{name} documents no answer"));
            return;
        }
        if !operation.responses.iter().any(|(status, _)| status.starts_with(['2', '3', 'd', '1'])) {
            self.say(Severity::Warning, "success", &pointer, format!("{name} documents no success"));
        }
        for (status, answer) in &operation.responses {
            let at = format!("{pointer}/{status}");
            let valid = status == "default"
                || (status.len() == 3
                    && status.starts_with(['1', '2', '3', '4', '5'])
                    && (status[1..].eq_ignore_ascii_case("xx") || status.parse::<u16>().is_ok()));
            if !valid {
                self.say(Severity::Error, "status", &at, format!("{name}: `{status}` is no status"));
            }
            if answer.description.is_empty() {
                self.say(Severity::Warning, "description", &at, format!("{name}: {status} has no description"));
            }
            if status.starts_with('2') && answer.content.iter().any(|(_, schema)| schema.as_ref().is_none_or(is_open)) {
                let text = format!("{name}: the body of {status} has no schema, so nothing of it is checked");
                self.say(Severity::Warning, "response-schema", &at, text);
            }
        }
        self.listing(operation);
    }

    /// A list without an end is a finding of its own.
    fn listing(&mut self, operation: &Operation) {
        let root = &self.spec.root;
        let list = operation.responses.iter().filter(|(status, _)| status.starts_with('2')).any(|(_, answer)| {
            let schema = answer.content.first().and_then(|(_, schema)| schema.as_ref());
            schema.is_some_and(|schema| resolve(root, schema)["type"] == "array" && schema.get("maxItems").is_none())
        });
        let paged = operation.parameters_in(Place::Query).any(|parameter| is_paging(&parameter.name));
        if list && operation.method == "GET" && !paged {
            let text = format!("{} answers a list that nothing bounds", operation.name());
            self.say(Severity::Hint, "unbounded-list", &operation.pointer, text);
        }
    }

    fn security(&mut self, operation: &Operation) {
        let known = self.spec.root["components"]["securitySchemes"].as_object();
        for name in operation.security.iter().flatten() {
            if !known.is_some_and(|known| known.contains_key(name)) {
                let text = format!("{} needs the security scheme `{name}`, which is not defined", operation.name());
                self.say(Severity::Error, "security", &operation.pointer, text);
            }
        }
    }

    fn schemas(&mut self) {
        let validators = Validators::new(&self.spec.root);
        let schemas = self.spec.root["components"]["schemas"].as_object().cloned().unwrap_or_default();
        let whole = self.spec.text();
        for (name, schema) in &schemas {
            let pointer = format!("/components/schemas/{}", escape(name));
            self.schema(&validators, name, schema, &pointer);
            let used = format!("#/components/schemas/{}", escape(name));
            if !whole.contains(&used) {
                self.say(Severity::Hint, "unused", &pointer, format!("the schema `{name}` is used nowhere"));
            }
        }
    }

    fn schema(&mut self, validators: &Validators, name: &str, schema: &Value, pointer: &str) {
        if let Err(error) = validators.of(schema)
            && self.spec.broken_references().is_empty()
        {
            self.say(Severity::Error, "schema", pointer, format!("the schema `{name}`: {error}"));
            return;
        }
        let properties = schema["properties"].as_object();
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let open = schema.get("allOf").is_some() || schema.get("additionalProperties").is_some();
            if !open && properties.is_some_and(|properties| !properties.contains_key(required)) {
                let text = format!("the schema `{name}` requires `{required}`, which is none of its properties");
                self.say(Severity::Warning, "required", pointer, text);
            }
        }
        if schema["type"] == "array" && schema.get("items").is_none() && schema.get("prefixItems").is_none() {
            self.say(Severity::Warning, "items", pointer, format!("the list `{name}` does not say what is in it"));
        }
        for example in schema["examples"].as_array().into_iter().flatten().chain(schema.get("example")) {
            if let Some(error) = validators.errors(schema, example).first() {
                self.say(
                    Severity::Warning,
                    "example",
                    pointer,
                    format!("an example of `{name}` does not fit: {error}"),
                );
            }
        }
    }
}

/// Whether a schema allows everything.
fn is_open(schema: &Value) -> bool {
    matches!(schema, Value::Bool(true)) || schema.as_object().is_some_and(|map| map.keys().all(|key| key == "title"))
}

/// Whether a parameter of this name pages through a list.
pub fn is_paging(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "limit",
        "page",
        "page_size",
        "pagesize",
        "per_page",
        "perpage",
        "size",
        "offset",
        "cursor",
        "after",
        "before",
        "skip",
        "take",
        "top",
        "first",
        "max_results",
    ];
    NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// The names in the braces of a path.
pub fn template_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// A path with its parameters without names.
pub fn shape(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| format!("{out}{{}}{}", part.split_once('}').map_or(part, |(_, rest)| rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_mistake_is_named_with_its_line() {
        let text = "\
openapi: 3.1.0
info:
  title: t
paths:
  /a/{id}:
    get:
      operationId: same
      parameters:
        - name: q
          in: query
      responses:
        '20': {description: x}
    post:
      operationId: same
      security: [{nokey: []}]
      responses: {}
  /a/{other}:
    get:
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Gone'}
components:
  schemas:
    Unused:
      type: object
      required: [x]
      properties: {y: {type: integer}}
    Wrong:
      type: nonsense
    Example:
      type: integer
      examples: [a]
";
        let remarks = lint(&Spec::read("s.yaml", text).unwrap());
        let shown: Vec<String> = remarks.iter().map(ToString::to_string).collect();
        for part in [
            "s.yaml:2:1: error: `info.version` is missing [info]",
            "s.yaml:14:7: error: the operationId `same` is that of GET /a/{id} too [operation-id]",
            "error: GET /a/{id}: the path parameter `id` is not declared [path-parameter]",
            "s.yaml:9:9: warning: GET /a/{id}: the parameter `q` has no schema [parameter-schema]",
            "s.yaml:12:9: error: GET /a/{id}: `20` is no status [status]",
            "error: POST /a/{id} documents no answer [responses]",
            "needs the security scheme `nokey`",
            "error: GET /a/{id} and GET /a/{other} are the same path [same-path]",
            "error: the reference `#/components/schemas/Gone` leads nowhere [reference]",
            "warning: the schema `Unused` requires `x`",
            "hint: the schema `Unused` is used nowhere [unused]",
            "an example of `Example` does not fit",
        ] {
            assert!(shown.iter().any(|line| line.contains(part)), "{part}\n{}", shown.join("\n"));
        }
    }

    #[test]
    fn a_good_document_gives_no_error() {
        let text = r##"{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{"/a":{"get":{"operationId":"a",
            "responses":{"200":{"description":"ok","content":{"application/json":{"schema":{"type":"string","nullable":true}}}}}}}}}"##;
        assert_eq!(lint(&Spec::read("s", text).unwrap()), []);
    }
}
