//! Finding the contract of a service: from the running one, from its framework, from a file.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{MOST_BYTES, Spec, merge};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::message::Request;
use crate::domain::{RepoPath, from_root};
use crate::stack::StackReport;
use crate::text;
use crate::workspace::{Exit, Job, Workspace, run_whole};

/// Where frameworks publish their document.
const ADDRESSES: [&str; 14] = [
    "/openapi.json",
    "/api-json",
    "/v3/api-docs",
    "/openapi.yaml",
    "/api/openapi.json",
    "/api/schema/",
    "/schema/",
    "/swagger.json",
    "/swagger/v1/swagger.json",
    "/swagger/doc.json",
    "/api-docs.json",
    "/api-docs/swagger.json",
    "/docs/openapi.json",
    "/doc.json",
];

/// Names of files that hold one.
const FILES: [&str; 8] = [
    "openapi.yaml",
    "openapi.yml",
    "openapi.json",
    "swagger.yaml",
    "swagger.yml",
    "swagger.json",
    "api.yaml",
    "openapi.spec.yaml",
];

/// Asks a running service at the usual addresses.
///
/// # Errors
/// None of them answers a document; or one does, and it is not valid.
pub async fn live(client: &Client, path: Option<&str>) -> Result<Spec, ApiError> {
    let addresses: Vec<&str> = path.map_or_else(|| ADDRESSES.to_vec(), |path| vec![path]);
    let mut fault = None;
    for address in &addresses {
        let mut request = Request::new("GET", *address);
        request.set_header("accept", "application/json, application/yaml;q=0.9, */*;q=0.5");
        let response = match client.send(&request).await {
            Ok(response) => response,
            Err(error) => return Err(error),
        };
        if !response.succeeded() {
            continue;
        }
        if response.cut || response.size > MOST_BYTES {
            fault = Some(ApiError::Document {
                place: client.target().url(address),
                what: "larger than what is read".to_owned(),
            });
            continue;
        }
        match Spec::read(&client.target().url(address), &response.text()) {
            Ok(spec) => return Ok(spec),
            Err(error) => {
                // A page for people at that address is no mistake of a document.
                let page = response.media_type().is_some_and(|media| media.contains("html"));
                fault = fault.or_else(|| (!page).then_some(error));
            }
        }
    }
    Err(fault.unwrap_or_else(|| ApiError::Document {
        place: client.target().origin().to_owned(),
        what: match addresses.as_slice() {
            [one] => format!("no OpenAPI document at {one}"),
            all => format!(
                "no OpenAPI document at any of {} usual addresses such as {} or {}; give its path or file as `source`",
                all.len(),
                all[0],
                all[2]
            ),
        },
    }))
}

/// Reads a file of the workspace.
///
/// # Errors
/// It is missing or no document.
pub fn file(workspace: &dyn Workspace, path: &str) -> Result<Spec, ApiError> {
    let wrong = |what: String| ApiError::Document { place: path.to_owned(), what };
    let path_in = RepoPath::parse(path).map_err(|error| wrong(error.to_string()))?;
    let state = workspace.read(&path_in).map_err(|error| wrong(error.to_string()))?;
    if state.bytes.len() > MOST_BYTES {
        return Err(wrong(format!(
            "{} bytes are more than the {} MB that are read",
            state.bytes.len(),
            MOST_BYTES >> 20
        )));
    }
    let text = String::from_utf8(state.bytes).map_err(|_| wrong("is no UTF-8".to_owned()))?;
    // A document may be made of several files of the tree.
    let beside = |path: &str| {
        let state = workspace.read(&RepoPath::parse(path).ok()?).ok()?;
        String::from_utf8(state.bytes).ok()
    };
    Spec::read_with(path, &text, &beside)
}

/// The files of the workspace that may hold a document, the nearest first.
pub fn candidates(workspace: &dyn Workspace) -> Vec<String> {
    let entries = workspace.list(None, 5, 20_000).map(|(entries, _)| entries).unwrap_or_default();
    let named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        FILES.contains(&name.as_str()) && !path.contains("node_modules/") && !path.contains("/test")
    };
    let mut found: Vec<String> = entries
        .into_iter()
        .filter(|entry| !entry.folder && named(entry.path.as_str()))
        .map(|entry| entry.path.to_string())
        .collect();
    found.sort_by_key(|path| (path.matches('/').count(), path.clone()));
    found
}

/// Asks the framework, without starting the service.
///
/// # Errors
/// There is no framework that can, or it fails: with its last line.
pub async fn framework(
    workspace: &dyn Workspace,
    report: &StackReport,
    cancel: CancellationToken,
) -> Result<Spec, ApiError> {
    let mut last = "no framework here writes its document down without being started".to_owned();
    for (folder, name) in frameworks(report) {
        let command = match name.as_str() {
            "fastapi" => match python_app(workspace, &folder, "FastAPI(") {
                Some(app) => format!(
                    "{} -c 'import json,sys;sys.path.insert(0,\".\");from {} import {} as app;print(json.dumps(app.openapi()))'",
                    python(workspace, &folder),
                    app.0,
                    app.1
                ),
                None => continue,
            },
            "django" => format!("{} manage.py spectacular --format openapi-json", python(workspace, &folder)),
            _ => continue,
        };
        match run(workspace, &folder, &command, cancel.clone()).await {
            Ok(text) => {
                let start = text.find('{').unwrap_or(0);
                return Spec::read(&format!("{name} ({command})"), &text[start..]);
            }
            Err(why) => last = format!("`{command}`: {why}"),
        }
    }
    Err(ApiError::Document { place: "framework".to_owned(), what: last })
}

/// Every framework with the folder of its service.
pub(super) fn frameworks(report: &StackReport) -> Vec<(String, String)> {
    let of = |service: &crate::stack::Service| -> Vec<(String, String)> {
        let facts = service.framework.iter().chain(&service.also);
        facts.map(|framework| (service.folder.clone(), framework.name.clone())).collect()
    };
    report.services.iter().flat_map(of).collect()
}

/// The Python of the project's own environment.
pub fn python(workspace: &dyn Workspace, folder: &str) -> &'static str {
    for (path, command) in [(".venv/bin/python", ".venv/bin/python"), ("venv/bin/python", "venv/bin/python")] {
        let path = from_root(folder, path);
        let there = RepoPath::parse(&path).is_ok_and(|path| path.under(workspace.root()).symlink_metadata().is_ok());
        if there {
            return command;
        }
    }
    "python3"
}

/// Module and name of an application: `app.main` and `app` for `app = FastAPI(` in app/main.py.
pub fn python_app(workspace: &dyn Workspace, folder: &str, constructor: &str) -> Option<(String, String)> {
    let pattern = format!(r"^\w+(\s*:\s*\w+)?\s*=\s*(\w+\.)?{}", regex::escape(constructor));
    let (module, line) = python_module(workspace, folder, pattern)?;
    let name = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?.to_owned();
    Some((module, name))
}

/// The module of a Flask application, or of the function that makes one; `flask` finds either in it.
pub fn flask_module(workspace: &dyn Workspace, folder: &str) -> Option<String> {
    let pattern = r"^(\w+\s*=\s*(flask\.)?Flask\(|def (create|make)_app\()".to_owned();
    python_module(workspace, folder, pattern).map(|(module, _)| module)
}

/// The first module, tests left out, with a line that fits, and the line.
fn python_module(workspace: &dyn Workspace, folder: &str, pattern: String) -> Option<(String, String)> {
    let query = crate::workspace::Query {
        pattern,
        path: RepoPath::parse(folder).ok(),
        glob: Some("*.py".to_owned()),
        limit: 20,
    };
    let (hits, _) = workspace.search(&query).ok()?;
    let hit = hits.iter().find(|hit| !hit.path.as_str().contains("test"))?;
    let path = hit.path.as_str().strip_prefix(folder).unwrap_or(hit.path.as_str()).trim_start_matches('/');
    let module = path.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
    let module = module.strip_prefix("src.").filter(|_| hits.len() == 1).unwrap_or(&module).to_owned();
    Some((module, hit.text.clone()))
}

/// Runs a command and returns what it wrote.
pub(super) async fn run(
    workspace: &dyn Workspace,
    folder: &str,
    command: &str,
    cancel: CancellationToken,
) -> Result<String, String> {
    let mut job = Job::new(format!("{command} 2>&1"), Duration::from_secs(60));
    job.folder = RepoPath::parse(folder).ok();
    let (exit, text) = run_whole(workspace, job, cancel, MOST_BYTES).await;
    match exit {
        Ok(Exit::Code(0)) => Ok(text),
        Ok(_) => Err(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed").to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The document as it is written to a file: JSON or YAML by the name of the file. Of what the file holds now, order,
/// comments and everything that is the same stay as they are.
///
/// # Errors
/// It cannot be written down.
pub fn written(spec: &Spec, path: &str, current: Option<&str>) -> Result<String, ApiError> {
    let wrong = |what: String| ApiError::Document { place: path.to_owned(), what };
    let json = spec.text().trim_start().starts_with('{');
    let as_json = path.ends_with(".json");
    let mut value: Value = match spec.version.as_str() {
        "2.0" => spec.root.clone(),
        _ if json => serde_json::from_str(spec.text()).unwrap_or_else(|_| spec.root.clone()),
        _ => serde_norway::from_str(spec.text()).map(text::from_yaml).unwrap_or_else(|_| spec.root.clone()),
    };
    if spec.version == "2.0" {
        value["openapi"] = Value::from("3.1.0");
    }
    let merge = if as_json { merge::into_json } else { merge::into_yaml };
    if let Some(merged) = current.filter(|current| *current != spec.text()).and_then(|current| merge(current, &value)) {
        return Ok(merged);
    }
    if json == as_json && spec.version != "2.0" && !spec.drafted {
        return Ok(spec.text().to_owned());
    }
    if as_json {
        return serde_json::to_string_pretty(&value).map(|text| text + "\n").map_err(|error| wrong(error.to_string()));
    }
    serde_norway::to_string(&value).map_err(|error| wrong(error.to_string()))
}
