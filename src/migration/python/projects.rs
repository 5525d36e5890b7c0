//! Which projects of Python have migrations, and which of their files are some.

use crate::domain::{from_folder, from_root};
use crate::stack::{Files, Service};

/// The two tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::migration) enum Tool {
    Alembic,
    Django,
}

/// A project whose migrations are Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::migration) struct Project {
    pub tool: Tool,
    /// The folder the tool is called in, relative to the root.
    pub folder: String,
    /// The Python that has its packages.
    pub python: String,
    /// `alembic.ini`, or the module of the settings.
    pub name: String,
    /// The Flask application, as `flask --app` has it.
    pub application: Option<String>,
}

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alembic => "alembic",
            Self::Django => "django",
        }
    }

    pub(in crate::migration) fn title(self) -> &'static str {
        match self {
            Self::Alembic => "Alembic",
            Self::Django => "Django",
        }
    }

    /// What a file that describes tables says.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Alembic => &["mapped_column(", "Column(", "__tablename__", "table=True", "relationship("],
            Self::Django => &["models.Model", "models.", "AbstractUser", "AbstractBaseUser"],
        }
    }

    /// Its own tables, by their exact names.
    pub(super) fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Alembic => &["alembic_version"],
            Self::Django => &["django_migrations"],
        }
    }
}

/// Whether a file of Python may be a migration or describe tables, whatever project it belongs to.
pub(in crate::migration) fn may_matter(path: &str, text: &str) -> bool {
    let placed = path.split('/').rev().nth(1).is_some_and(|folder| matches!(folder, "versions" | "migrations"));
    placed || [Tool::Alembic, Tool::Django].iter().any(|tool| tool.words().iter().any(|word| text.contains(word)))
}

/// The projects of a service, as its files say.
pub(in crate::migration) fn projects(service: &Service, files: &dyn Files, paths: &[String]) -> Vec<Project> {
    let python = service.interpreter.clone().unwrap_or_else(|| "python3".to_owned());
    let run = service.run.as_ref().and_then(|run| run.command.as_deref()).map(str::split_whitespace);
    let application =
        run.and_then(|mut words| words.find(|word| *word == "--app").and(words.next()).map(str::to_owned));
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| service.relative(path).is_some()) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == "alembic.ini" {
            // Flask-Migrate keeps its settings beside its environment and is called from the folder above.
            let (folder, name) = match folder.rsplit_once('/').unwrap_or(("", folder)) {
                (above, last) if files.exists(&from_root(folder, "env.py")) => (above, format!("{last}/{name}")),
                _ => (folder, name.to_owned()),
            };
            let (folder, python) = (folder.to_owned(), python.clone());
            found.push(Project { tool: Tool::Alembic, folder, python, name, application: application.clone() });
        }
        if name == "manage.py"
            && let Some(settings) = files.read(path).as_deref().and_then(settings_of)
        {
            found.push(Project {
                tool: Tool::Django,
                folder: folder.to_owned(),
                python: python.clone(),
                name: settings,
                application: None,
            });
        }
    }
    // The interpreter is named from the service's folder.
    for project in &mut found {
        let inner = service.relative(&project.folder).unwrap_or_default();
        let up = "../".repeat(if inner.is_empty() { 0 } else { inner.matches('/').count() + 1 });
        if project.python.contains('/') && !project.python.starts_with('/') {
            project.python = format!("{up}{}", project.python);
        }
    }
    found
}

fn settings_of(manage: &str) -> Option<String> {
    let line = manage.lines().find(|line| line.contains("DJANGO_SETTINGS_MODULE"))?;
    let mut texts = line.split(['"', '\'']).map(str::trim);
    texts.rfind(|text| text.contains('.') || *text == "settings").map(str::to_owned)
}

impl Project {
    /// A path is one of its migrations.
    pub(in crate::migration) fn is_migration(&self, path: &str) -> bool {
        let inside = from_folder(&self.folder, path).is_some();
        let folder = if self.tool == Tool::Alembic { "versions" } else { "migrations" };
        let parts: Vec<&str> = path.split('/').collect();
        let above = parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied();
        inside && path.ends_with(".py") && !path.ends_with("__init__.py") && above == Some(folder)
    }

    /// A file may describe tables.
    pub(in crate::migration) fn is_model(&self, path: &str, text: &str) -> bool {
        let named = self.tool == Tool::Alembic || path.contains("models");
        path.ends_with(".py") && named && self.tool.words().iter().any(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_project_are_read_from_its_manage_file() {
        let line = "    os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")\n";
        assert_eq!(settings_of(line).as_deref(), Some("shop.settings"));
        assert_eq!(settings_of("import os"), None);
    }
}
