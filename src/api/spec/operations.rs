//! What a document promises, operation by operation.

use serde_json::{Map, Value};

use super::style::Style;
use super::{escape, resolve};

/// The methods of a path item.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Where a parameter is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it is put.
    pub place: Place,
    /// It must be there.
    pub required: bool,
    /// What it may be; `true` when the document does not say.
    pub schema: Value,
    /// How its value is written.
    pub style: Style,
    /// An example of the document.
    pub example: Option<Value>,
    /// What it means.
    pub description: String,
    /// Where it stands in the document.
    pub pointer: String,
}

/// A body that is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// It must be there.
    pub required: bool,
    /// Schemas by media type.
    pub content: Vec<(String, Value)>,
    /// An example of the document, for the first media type.
    pub example: Option<Value>,
}

impl Body {
    /// What is sent of all it may be: JSON where it may, else a form, else what comes first.
    pub fn preferred(&self) -> Option<&(String, Value)> {
        let form = |media: &str| media == "application/x-www-form-urlencoded";
        let json = self.content.iter().find(|(media, _)| crate::api::message::is_json(media));
        let form = json.or_else(|| self.content.iter().find(|(media, _)| form(media)));
        form.or_else(|| self.content.first())
    }
}

/// What is answered, by status.
pub type Responses = Vec<(String, Answer)>;

/// One documented answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it means.
    pub description: String,
    /// Schemas by media type; `None` where the document gives none.
    pub content: Vec<(String, Option<Value>)>,
    /// Headers: name, whether it must be there, schema.
    pub headers: Vec<(String, bool, Value)>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its id in the document.
    pub id: Option<String>,
    /// The method in capitals.
    pub method: String,
    /// The path template.
    pub path: String,
    /// One line that says what it does.
    pub summary: String,
    /// Parameters, those of the path item included.
    pub parameters: Vec<Parameter>,
    /// The body.
    pub body: Option<Body>,
    /// The answers.
    pub responses: Responses,
    /// Names of the security schemes any of which is needed; empty when none is.
    pub security: Vec<Vec<String>>,
    /// It may be asked without authentication as well.
    pub anonymous: bool,
    /// It is going to go.
    pub deprecated: bool,
    /// Where it stands in the document.
    pub pointer: String,
}

impl Operation {
    /// `GET /users/{id}`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// What the document says about a status: the exact one, then its hundred, then the default.
    pub fn answer(&self, status: u16) -> Option<&Answer> {
        let exact = |key: &str| self.responses.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        exact(&status.to_string())
            .or_else(|| exact(&format!("{}XX", status / 100)))
            .or_else(|| exact("default"))
            .map(|(_, answer)| answer)
    }

    /// The JSON schema of the body, with its media type.
    pub fn json_body(&self) -> Option<(&str, &Value)> {
        let content = &self.body.as_ref()?.content;
        let found = content.iter().find(|(media, _)| crate::api::message::is_json(media));
        found.map(|(media, schema)| (media.as_str(), schema))
    }

    /// Parameters of a place.
    pub fn parameters_in(&self, place: Place) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }
}

pub(super) fn all(root: &Value) -> Vec<Operation> {
    under(root, "paths")
}

/// What the service itself sends to others, by name in place of a path.
pub(super) fn webhooks(root: &Value) -> Vec<Operation> {
    under(root, "webhooks")
}

fn under(root: &Value, part: &str) -> Vec<Operation> {
    let none = Map::new();
    let paths = root.get(part).and_then(Value::as_object).unwrap_or(&none);
    let mut found = Vec::new();
    for (path, item) in paths {
        let item = resolve(root, item);
        for method in METHODS {
            let Some(operation) = item.get(method).filter(|operation| operation.is_object()) else { continue };
            let pointer = format!("/{part}/{}/{method}", escape(path));
            found.push(read(root, path, method, item, operation, pointer));
        }
    }
    found
}

fn read(root: &Value, path: &str, method: &str, item: &Value, operation: &Value, pointer: String) -> Operation {
    let text = |name: &str| operation.get(name).and_then(Value::as_str).map(str::to_owned);
    let security = operation.get("security").or_else(|| root.get("security")).and_then(Value::as_array);
    let names = |requirement: &Value| -> Vec<String> {
        requirement.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let all: Vec<Vec<String>> = security.into_iter().flatten().map(names).collect();
    Operation {
        id: text("operationId"),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text("summary").or_else(|| text("description")).unwrap_or_default(),
        parameters: parameters(root, item, operation, &pointer),
        body: operation.get("requestBody").map(|body| read_body(root, body)),
        responses: responses(root, operation),
        anonymous: all.is_empty() || all.iter().any(Vec::is_empty),
        security: all.into_iter().filter(|names| !names.is_empty()).collect(),
        deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
        pointer,
    }
}

fn parameters(root: &Value, item: &Value, operation: &Value, pointer: &str) -> Vec<Parameter> {
    let above = pointer.rsplit_once('/').map_or("", |(above, _)| above);
    let mut found: Vec<Parameter> = Vec::new();
    for (owner, place) in [(operation, pointer), (item, above)] {
        let list = owner.get("parameters").and_then(Value::as_array).into_iter().flatten();
        for (index, parameter) in list.enumerate() {
            let read = read_parameter(root, resolve(root, parameter), format!("{place}/parameters/{index}"));
            let known =
                |read: &Parameter| found.iter().any(|known| known.name == read.name && known.place == read.place);
            found.extend(read.filter(|read| !known(read)));
        }
    }
    found
}

fn read_parameter(root: &Value, parameter: &Value, pointer: String) -> Option<Parameter> {
    let place = match parameter.get("in")?.as_str()? {
        "path" => Place::Path,
        "query" => Place::Query,
        "header" => Place::Header,
        "cookie" => Place::Cookie,
        _ => return None,
    };
    let content = parameter.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
    let schema = parameter.get("schema").or_else(|| content.and_then(|content| content.get("schema")));
    Some(Parameter {
        name: parameter.get("name")?.as_str()?.to_owned(),
        place,
        required: place == Place::Path || parameter.get("required") == Some(&Value::Bool(true)),
        schema: schema.cloned().unwrap_or(Value::Bool(true)),
        style: Style::read(parameter, place),
        example: example(root, parameter).or_else(|| schema.and_then(|schema| example(root, schema))),
        description: parameter.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        pointer,
    })
}

fn read_body(root: &Value, body: &Value) -> Body {
    let body = resolve(root, body);
    let none = Map::new();
    let content = body.get("content").and_then(Value::as_object).unwrap_or(&none);
    Body {
        required: body.get("required") == Some(&Value::Bool(true)),
        content: content
            .iter()
            .map(|(media, inner)| (media.clone(), inner.get("schema").cloned().unwrap_or(Value::Bool(true))))
            .collect(),
        example: content
            .values()
            .next()
            .and_then(|inner| example(root, inner).or_else(|| example(root, resolve(root, inner.get("schema")?)))),
    }
}

/// `example`, or the first of `examples` in either of its two shapes.
fn example(root: &Value, owner: &Value) -> Option<Value> {
    if let Some(example) = owner.get("example") {
        return Some(example.clone());
    }
    match owner.get("examples")? {
        Value::Array(list) => list.first().cloned(),
        Value::Object(map) => resolve(root, map.values().next()?).get("value").cloned(),
        _ => None,
    }
}

fn responses(root: &Value, operation: &Value) -> Responses {
    let none = Map::new();
    let map = operation.get("responses").and_then(Value::as_object).unwrap_or(&none);
    map.iter().map(|(status, answer)| (status.clone(), read_answer(root, resolve(root, answer)))).collect()
}

fn read_answer(root: &Value, answer: &Value) -> Answer {
    let none = Map::new();
    let part = |name: &str| answer.get(name).and_then(Value::as_object).unwrap_or(&none);
    Answer {
        description: answer.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        content: part("content").iter().map(|(media, inner)| (media.clone(), inner.get("schema").cloned())).collect(),
        headers: part("headers")
            .iter()
            .map(|(name, header)| {
                let header = resolve(root, header);
                let required = header.get("required") == Some(&Value::Bool(true));
                (name.clone(), required, header.get("schema").cloned().unwrap_or(Value::Bool(true)))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_is_read_with_what_it_inherits() {
        let root = json!({
            "security": [{"key": []}],
            "components": {"parameters": {"Id": {"name": "id", "in": "path", "schema": {"type": "integer"}}}},
            "paths": {"/a/{id}": {
                "parameters": [{"$ref": "#/components/parameters/Id"}, {"name": "q", "in": "query"}],
                "get": {"parameters": [{"name": "q", "in": "query", "required": true, "example": "x"}],
                        "responses": {"2XX": {"description": "ok"}, "default": {"description": "error"}}},
                "post": {"security": [], "responses": {}}
            }}
        });
        let found = all(&root);
        assert_eq!(found.iter().map(Operation::name).collect::<Vec<_>>(), ["GET /a/{id}", "POST /a/{id}"]);
        let get = &found[0];
        assert_eq!(get.security, [["key"]]);
        assert!(!get.anonymous && found[1].anonymous);
        let query: Vec<&Parameter> = get.parameters_in(Place::Query).collect();
        assert!(query.len() == 1 && query[0].required && query[0].example == Some(json!("x")));
        assert!(get.parameters_in(Place::Path).all(|parameter| parameter.required));
        assert_eq!(get.answer(204).unwrap().description, "ok");
        assert_eq!(get.answer(500).unwrap().description, "error");
    }
}
