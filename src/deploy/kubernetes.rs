//! Manifests of Kubernetes.

use serde_json::{Map, Value};

use super::document::{self, Document};
use super::{Sink, Tree};
use crate::domain::Severity;

/// Kinds that run containers, with the way to the pod.
const WORKLOADS: [(&str, &[&str]); 7] = [
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("Pod", &[]),
];

/// Whether a YAML file is a manifest. One with a template's own signs is not read here.
pub(super) fn looks_like(text: &str) -> bool {
    let starts = |key: &str| text.lines().any(|line| line.starts_with(key));
    starts("apiVersion:")
        && starts("kind:")
        && !text.contains("{{")
        && !starts("kind: Kustomization")
        && !starts("kind: CustomResourceDefinition")
}

pub(super) fn check(text: &str, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let documents = document::read(text, sink);
    let all = workloads(sink.path, tree);
    for document in &documents {
        let kind = document.value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if document.value.get("apiVersion").is_none()
            || document.value.pointer("/metadata/name").is_none()
                && document.value.pointer("/metadata/generateName").is_none()
        {
            if !kind.ends_with("List") && document.value.get("kind").is_some() {
                sink.error(
                    document.line(&["kind"]),
                    "missing-key",
                    format!("{kind} needs `apiVersion` and `metadata.name`"),
                );
            }
            continue;
        }
        if let Some((_, path)) = WORKLOADS.iter().find(|(name, _)| *name == kind) {
            workload(document, kind, path, sink);
        }
        if kind == "Service" && is_core(document) {
            service(document, &all, sink);
        }
    }
}

fn is_core(document: &Document) -> bool {
    document.value.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

/// The pods that manifests of the same folder run: labels and ports.
struct Pod {
    labels: Map<String, Value>,
    namespace: Option<String>,
    ports: Vec<(Option<String>, Option<u64>)>,
}

fn workloads(path: &str, tree: &Tree<'_>) -> Vec<Pod> {
    let folder = path.rsplit_once('/').map(|(folder, _)| folder);
    let beside = |other: &&String| {
        other.rsplit_once('/').map(|(folder, _)| folder) == folder
            && (other.ends_with(".yml") || other.ends_with(".yaml"))
    };
    let mut quiet = Sink { path, found: Vec::new() };
    let mut found = Vec::new();
    for other in tree.paths.iter().filter(beside).take(200) {
        let Some(text) = tree.files.read(other).filter(|text| looks_like(text)) else { continue };
        for document in document::read(&text, &mut quiet) {
            let kind = document.value.get("kind").and_then(Value::as_str).unwrap_or_default();
            let Some((_, way)) = WORKLOADS.iter().find(|(name, _)| *name == kind) else { continue };
            let Some(pod) = way.iter().try_fold(&document.value, |value, part| value.get(part)) else { continue };
            let ports = containers(pod)
                .flat_map(|container| container.get("ports").and_then(Value::as_array).into_iter().flatten())
                .map(|port| {
                    (
                        port.get("name").and_then(Value::as_str).map(str::to_owned),
                        port.get("containerPort").and_then(Value::as_u64),
                    )
                });
            found.push(Pod {
                labels: pod.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default(),
                namespace: document.value.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned),
                ports: ports.collect(),
            });
        }
    }
    found
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["containers", "initContainers"]
        .into_iter()
        .flat_map(|key| pod.get("spec").and_then(|spec| spec.get(key)).and_then(Value::as_array).into_iter().flatten())
}

fn workload(document: &Document, kind: &str, way: &[&str], sink: &mut Sink<'_>) {
    let name = document.value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if let Some(replicas) = document.value.pointer("/spec/replicas")
        && !replicas.is_u64()
        && !replicas.is_null()
    {
        sink.error(
            document.line(&["spec", "replicas"]),
            "type",
            format!("`replicas` is a whole number, not {replicas}"),
        );
    }
    let Some(pod) = way.iter().try_fold(&document.value, |value, part| value.get(part)) else {
        sink.error(document.line(&["spec"]), "missing-key", format!("{kind} `{name}` has no pod template"));
        return;
    };
    let labels = pod.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default();
    let selector = document.value.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    if matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") {
        match selector {
            Some(selector) => {
                for (label, value) in selector.iter().filter(|(label, value)| labels.get(*label) != Some(value)) {
                    let line = document.line(&["spec", "selector", "matchLabels", label]);
                    let has = labels.get(label).map_or("no such label".to_owned(), |other| format!("{label}: {other}"));
                    sink.error(
                        line,
                        "selector",
                        format!("{kind} `{name}` selects {label}: {value}, and its pods have {has}"),
                    );
                }
            }
            None if document.value.pointer("/spec/selector/matchExpressions").is_none() => {
                sink.error(document.line(&["spec"]), "selector", format!("{kind} `{name}` needs `spec.selector`"));
            }
            None => {}
        }
    }
    if containers(pod).next().is_none() {
        sink.error(
            document.line(&[&["metadata", "name"], &[][..]].concat()),
            "containers",
            format!("{kind} `{name}` has no containers"),
        );
    }
    let list = pod.pointer("/spec/containers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, one) in list.iter().enumerate() {
        let number = index.to_string();
        let at: Vec<&str> = [way, &["spec", "containers", &number]].concat();
        container(document, one, &at, kind, sink);
    }
}

fn container(document: &Document, container: &Value, at: &[&str], kind: &str, sink: &mut Sink<'_>) {
    let line = |path: &[&str]| document.line(&[at, path].concat());
    let name = container.get("name").and_then(Value::as_str).unwrap_or("?");
    match container.get("image").and_then(Value::as_str) {
        None => sink.error(line(&[]), "image", format!("container `{name}` has no image")),
        Some(image) if image.contains('$') => {}
        Some(image) => {
            let last = image.rsplit('/').next().unwrap_or(image);
            if last.ends_with(":latest") || !last.contains([':', '@']) {
                sink.warn(line(&["image"]), "tag", format!("`{image}` is another image every day; name a version"));
            }
        }
    }
    for (index, port) in container.get("ports").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let number = index.to_string();
        if port.get("containerPort").is_none_or(|port| port.as_u64().is_none_or(|port| port == 0 || port > 65_535)) {
            sink.error(line(&["ports", &number]), "type", "`containerPort` is a number from 1 to 65535");
        }
    }
    for (index, variable) in container.get("env").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let number = index.to_string();
        if variable.get("value").is_some_and(|value| value.is_number() || value.is_boolean()) {
            let name = variable.get("name").and_then(Value::as_str).unwrap_or("?");
            sink.error(
                line(&["env", &number, "value"]),
                "type",
                format!("the value of `{name}` has to be a text: put it in quotes"),
            );
        }
    }
    if container.pointer("/resources/limits").is_none() && container.pointer("/resources/requests").is_none() {
        sink.warn(line(&[]), "limits", format!("container `{name}` has no `resources`: it may take the whole node"));
    }
    let serves = matches!(kind, "Deployment" | "StatefulSet") && container.get("ports").is_some();
    if serves && container.get("readinessProbe").is_none() && container.get("livenessProbe").is_none() {
        sink.warn(
            line(&[]),
            "probes",
            format!("container `{name}` has no readinessProbe: it gets requests before it can answer"),
        );
    }
}

fn service(document: &Document, pods: &[Pod], sink: &mut Sink<'_>) {
    let name = document.value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let Some(selector) =
        document.value.pointer("/spec/selector").and_then(Value::as_object).filter(|selector| !selector.is_empty())
    else {
        return;
    };
    let namespace = document.value.pointer("/metadata/namespace").and_then(Value::as_str);
    let fits = |pod: &&Pod| {
        selector.iter().all(|(label, value)| pod.labels.get(label) == Some(value))
            && (namespace.is_none() || pod.namespace.is_none() || pod.namespace.as_deref() == namespace)
    };
    let matching: Vec<&Pod> = pods.iter().filter(fits).collect();
    if matching.is_empty() {
        let near = pods.iter().any(|pod| selector.keys().any(|label| pod.labels.contains_key(label)));
        let words: Vec<String> =
            selector.iter().map(|(label, value)| format!("{label}: {}", value.as_str().unwrap_or_default())).collect();
        // Its pods may be made elsewhere.
        let severity = if near && pods.len() == 1 { Severity::Error } else { Severity::Warning };
        sink.say(
            severity,
            document.line(&["spec", "selector"]),
            "selector",
            format!("Service `{name}` selects {}, and no pod of this folder is called so", words.join(", ")),
        );
        return;
    }
    for (index, port) in
        document.value.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let number = index.to_string();
        let line = document.line(&["spec", "ports", &number]);
        if port.get("port").is_none_or(|port| !port.is_u64()) {
            sink.error(line, "type", format!("Service `{name}`: `port` is a number"));
            continue;
        }
        let target = port.get("targetPort").or(port.get("port")).unwrap_or(&Value::Null);
        let ports = || matching.iter().flat_map(|pod| &pod.ports);
        let there = match target {
            Value::String(text) if text.parse::<u64>().is_err() => {
                ports().any(|(known, _)| known.as_deref() == Some(text))
            }
            other => {
                let wanted = other.as_u64().or_else(|| other.as_str()?.parse().ok());
                ports().any(|(_, known)| *known == wanted)
            }
        };
        if !there {
            let declared: Vec<String> = ports()
                .map(|(name, port)| {
                    format!(
                        "{}{}",
                        port.unwrap_or(0),
                        name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default()
                    )
                })
                .collect();
            let target = target.as_str().map_or_else(|| target.to_string(), str::to_owned);
            let line = document.line(&[
                "spec",
                "ports",
                &number,
                if port.get("targetPort").is_some() { "targetPort" } else { "port" },
            ]);
            if declared.is_empty() {
                sink.warn(
                    line,
                    "port",
                    format!("Service `{name}` sends to port {target}, and its pods say nothing of their ports"),
                );
            } else {
                sink.error(
                    line,
                    "port",
                    format!("Service `{name}` sends to port {target}, and its pods have {}", declared.join(", ")),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_manifest_has_none() {
        let sound = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: api\n  template:\n    metadata:\n      labels:\n        app: api\n    spec:\n      containers:\n        - name: api\n          image: api:1.2\n          ports:\n            - name: http\n              containerPort: 8000\n          env:\n            - name: A\n              value: \"1\"\n          readinessProbe: {httpGet: {path: /, port: http}}\n          resources: {limits: {memory: 1Gi}}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: api\nspec:\n  selector:\n    app: api\n  ports:\n    - port: 80\n      targetPort: http\n";
        seeded(
            "k8s/api.yaml",
            sound,
            &[],
            &[
                ("replicas: 2", "replicas: \"two\"", "6 error type"),
                ("      app: api\n  template", "      app: apo\n  template", "9 error selector"),
                ("    app: api\n  ports", "    app: web\n  ports", "32 error selector"),
                ("targetPort: http", "targetPort: web", "36 error port"),
                ("targetPort: http", "targetPort: 9000", "36 error port"),
                ("value: \"1\"", "value: 1", "23 error type"),
                ("api:1.2", "api", "17 warning tag"),
                ("          resources: {limits: {memory: 1Gi}}\n", "", "16 warning limits"),
                ("          readinessProbe: {httpGet: {path: /, port: http}}\n", "", "16 warning probes"),
                ("containerPort: 8000", "containerPort: http", "19 error type"),
            ],
        );
    }
}
