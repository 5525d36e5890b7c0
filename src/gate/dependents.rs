//! Which services use a service of the same repository: a change to it has to pass their tests too.

use std::collections::BTreeSet;

use crate::stack::{self, Files, Service, StackReport};
use crate::workspace::{Workspace, WorkspaceFiles};

/// More services are not looked at.
const MOST: usize = 200;

/// The services whose tests prove a change to these paths: those that hold one, and those that use them, directly or
/// through others. Reads manifests, so it blocks.
pub(super) fn tested_by<'a>(report: &'a StackReport, paths: &[&str], workspace: &dyn Workspace) -> Vec<&'a Service> {
    let mut chosen = report.tested_by(paths);
    let touched = report.touched_by(paths);
    if report.services.len() < 2 || report.services.len() > MOST || touched.is_empty() {
        return chosen;
    }
    let uses = Uses::read(report, &WorkspaceFiles(workspace));
    for service in uses.by(report, &touched) {
        if !service.tests.is_empty() && !chosen.contains(&service) {
            chosen.push(service);
        }
    }
    chosen
}

/// What the services of a repository are called, and what each asks for.
struct Uses {
    /// Pairs of a service and one it uses, by their places in the report.
    pairs: BTreeSet<(usize, usize)>,
}

impl Uses {
    fn read(report: &StackReport, files: &dyn Files) -> Self {
        let services = || report.services.iter().enumerate();
        let names: Vec<(usize, String)> =
            services().filter_map(|(index, service)| Some((index, name(service, files)?))).collect();
        if names.is_empty() {
            return Self { pairs: BTreeSet::new() };
        }
        let mut pairs = BTreeSet::new();
        for need in stack::needs(files) {
            let user = services().find(|(_, one)| one.folder == need.folder && one.language == need.language);
            let Some((user, _)) = user else { continue };
            let is_used = |used: usize| used != user && family(report.services[used].language) == family(need.language);
            let used = names.iter().filter(|(used, name)| is_used(*used) && *name == need.name);
            pairs.extend(used.map(|(used, _)| (user, *used)));
        }
        Self { pairs }
    }

    /// The services that use these, directly or through others.
    fn by<'a>(&self, report: &'a StackReport, these: &[&Service]) -> Vec<&'a Service> {
        let all = report.services.iter().enumerate();
        let mut reached: BTreeSet<usize> =
            all.filter(|(_, service)| these.contains(service)).map(|(index, _)| index).collect();
        let first = reached.clone();
        loop {
            let users: BTreeSet<usize> =
                self.pairs.iter().filter(|(_, used)| reached.contains(used)).map(|(user, _)| *user).collect();
            if users.is_subset(&reached) {
                break;
            }
            reached.extend(users);
        }
        reached.difference(&first).map(|index| &report.services[*index]).collect()
    }
}

fn family(language: &str) -> &str {
    match language {
        "typescript" => "javascript",
        "kotlin" => "java",
        other => other,
    }
}

/// What others call a service when they depend on it.
fn name(service: &Service, files: &dyn Files) -> Option<String> {
    let read = |manifest: &str| files.read(&service.full(manifest));
    let table = |manifest: &str| read(manifest).and_then(|text| text.parse::<toml::Table>().ok());
    let within = |table: &toml::Table, path: &[&str]| {
        let (last, above) = path.split_last()?;
        let inner = above.iter().try_fold(table, |table, key| table.get(*key)?.as_table())?;
        Some(inner.get(*last)?.as_str()?.to_owned())
    };
    match family(service.language) {
        "javascript" => {
            let manifest: serde_json::Value = serde_json::from_str(&read("package.json")?).ok()?;
            Some(manifest.get("name")?.as_str()?.to_owned())
        }
        "go" => {
            let text = read("go.mod")?;
            let module = text.lines().find_map(|line| line.trim().strip_prefix("module "))?;
            Some(module.split_whitespace().next()?.trim_matches('"').to_owned())
        }
        "python" => {
            let project = table("pyproject.toml")?;
            let name =
                within(&project, &["project", "name"]).or_else(|| within(&project, &["tool", "poetry", "name"]))?;
            Some(name.to_lowercase().replace(['_', '.'], "-"))
        }
        "java" => {
            let text = read("pom.xml")?;
            let own = text.split_once("</parent>").map_or(text.as_str(), |(_, own)| own);
            let (_, rest) = own.split_once("<artifactId>")?;
            Some(rest.split_once("</artifactId>")?.0.trim().to_owned())
        }
        "rust" => within(&table("Cargo.toml")?, &["package", "name"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Table(BTreeMap<String, String>);

    impl Files for Table {
        fn read(&self, path: &str) -> Option<String> {
            self.0.get(path).cloned()
        }

        fn exists(&self, path: &str) -> bool {
            self.0.keys().any(|known| known == path || known.starts_with(&format!("{path}/")))
        }

        fn list(&self) -> Vec<String> {
            self.0.keys().cloned().collect()
        }
    }

    fn users(files: &[(&str, &str)], changed: &str) -> Vec<String> {
        let files = Table(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect());
        let report = stack::detect(&files);
        let uses = Uses::read(&report, &files);
        let found = uses.by(&report, &report.touched_by(&[changed]));
        found.into_iter().map(|service| service.folder.clone()).collect()
    }

    #[test]
    fn whoever_uses_a_changed_service_is_found_through_others_too() {
        let node = [
            ("packages/core/package.json", r#"{"name": "@shop/core"}"#),
            ("packages/cart/package.json", r#"{"name": "@shop/cart", "dependencies": {"@shop/core": "workspace:*"}}"#),
            ("packages/web/package.json", r#"{"name": "@shop/web", "devDependencies": {"@shop/cart": "*"}}"#),
            ("packages/mail/package.json", r#"{"name": "@shop/mail", "dependencies": {"core": "1"}}"#),
        ];
        assert_eq!(users(&node, "packages/core/index.js"), ["packages/cart", "packages/web"]);
        assert_eq!(users(&node, "packages/web/index.js"), Vec::<String>::new());
        let go = [
            ("a/go.mod", "module example.com/a\n\nrequire (\n\texample.com/b v0.0.0\n)\n"),
            ("b/go.mod", "module example.com/b\n"),
        ];
        assert_eq!(users(&go, "b/b.go"), ["a"]);
        let python = [
            ("api/pyproject.toml", "[project]\nname = \"api\"\ndependencies = [\"shop-core\"]\n"),
            ("core/pyproject.toml", "[project]\nname = \"shop_core\"\n"),
        ];
        assert_eq!(users(&python, "core/src/core.py"), ["api"]);
    }
}
