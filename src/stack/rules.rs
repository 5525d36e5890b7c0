//! What all languages share: a folder to look at, and the tables of what a dependency says.

use super::{Evidence, Files, Framework};

/// Files that make a folder a project.
pub(super) const MANIFESTS: &[&str] = &[
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements.txt",
    "Pipfile",
    "manage.py",
    "package.json",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
];

/// Dependencies that say what a project is, by name in its manifests.
pub(super) const PYTHON: &[(&str, &str)] = &[
    ("fastapi", "fastapi"),
    ("django", "django"),
    ("flask", "flask"),
    ("sqlalchemy", "sqlalchemy"),
    ("alembic", "alembic"),
    ("psycopg", "postgresql"),
    ("psycopg2", "postgresql"),
    ("psycopg2-binary", "postgresql"),
    ("asyncpg", "postgresql"),
    ("pymysql", "mysql"),
    ("mysqlclient", "mysql"),
    ("pymongo", "mongodb"),
    ("redis", "redis"),
];

/// The same for JavaScript.
pub(super) const NODE: &[(&str, &str)] = &[
    ("@nestjs/core", "nestjs"),
    ("express", "express"),
    ("fastify", "fastify"),
    ("pg", "postgresql"),
    ("mysql2", "mysql"),
    ("mongoose", "mongodb"),
    ("better-sqlite3", "sqlite"),
    ("redis", "redis"),
    ("ioredis", "redis"),
    ("@prisma/client", "prisma"),
    ("typeorm", "typeorm"),
    ("sequelize", "sequelize"),
    ("knex", "knex"),
];

/// The same for Go, Rust and the JVM, found as text in the manifest.
pub(super) const OTHERS: &[(&str, &str, &str)] = &[
    ("go.mod", "github.com/gin-gonic/gin", "gin"),
    ("go.mod", "github.com/go-chi/chi", "chi"),
    ("go.mod", "github.com/labstack/echo", "echo"),
    ("go.mod", "gorm.io/gorm", "gorm"),
    ("go.mod", "github.com/lib/pq", "postgresql"),
    ("go.mod", "github.com/jackc/pgx", "postgresql"),
    ("Cargo.toml", "axum", "axum"),
    ("Cargo.toml", "actix-web", "actix"),
    ("Cargo.toml", "sqlx", "sqlx"),
    ("Cargo.toml", "diesel", "diesel"),
    ("pom.xml", "spring-boot-starter", "spring-boot"),
    ("build.gradle", "org.springframework.boot", "spring-boot"),
    ("build.gradle.kts", "org.springframework.boot", "spring-boot"),
];

/// A folder with what lies in and below it.
pub(super) struct Place<'a> {
    files: &'a dyn Files,
    /// Relative to the root; empty for the root.
    pub folder: &'a str,
    /// Files in and below the folder, relative to it.
    pub paths: Vec<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn new(files: &'a dyn Files, paths: &'a [String], folder: &'a str) -> Self {
        let inside = |path: &'a String| match folder {
            "" => Some(path.as_str()),
            _ => path.strip_prefix(folder)?.strip_prefix('/'),
        };
        Self { files, folder, paths: paths.iter().filter_map(inside).collect() }
    }

    /// The path from the root.
    pub(super) fn full(&self, path: &str) -> String {
        if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        self.files.read(&self.full(path))
    }

    /// A file anywhere in the repository.
    pub(super) fn read_from_root(&self, path: &str) -> Option<String> {
        self.files.read(path)
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.files.exists(&self.full(path))
    }

    /// Whether a file lies directly in the folder and is not ignored.
    pub(super) fn has(&self, name: &str) -> bool {
        self.paths.contains(&name)
    }

    /// The first line that fits.
    pub(super) fn find(&self, path: &str, fits: impl Fn(&str) -> bool) -> Option<Evidence> {
        let text = self.read(path)?;
        let (index, line) = text.lines().enumerate().find(|(_, line)| fits(line))?;
        Some(Evidence { file: self.full(path), line: Some(index + 1), text: shortened(line) })
    }

    /// That a file is there at all.
    pub(super) fn presence(&self, path: &str, meaning: &str) -> Evidence {
        Evidence { file: self.full(path), line: None, text: meaning.to_owned() }
    }

    /// Frameworks by a word in manifests.
    pub(super) fn frameworks(&self, manifests: &[&str], table: &[(&str, &'static str)]) -> Vec<Framework> {
        let mut found: Vec<Framework> = Vec::new();
        for (dependency, name) in table {
            if found.iter().any(|framework| framework.name == *name) {
                continue;
            }
            let hit = manifests.iter().find_map(|manifest| self.find(manifest, |line| names(line, dependency)));
            found.extend(hit.map(|evidence| Framework { name, evidence }));
        }
        found
    }
}

fn shortened(line: &str) -> String {
    line.trim().chars().take(160).collect()
}

/// Whether a line of a manifest names a dependency: as a whole word, not in a comment, any case.
pub(super) fn names(line: &str, dependency: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().to_ascii_lowercase();
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/');
    let mut from = 0;
    while let Some(at) = line[from..].find(dependency).map(|at| at + from) {
        let end = at + dependency.len();
        let before = line[..at].chars().next_back().is_some_and(inside);
        let after = line[end..].chars().next().is_some_and(inside);
        if !before && !after {
            return true;
        }
        from = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_dependency_is_a_whole_word_outside_comments() {
        for (line, dependency, expected) in [
            ("pytest>=8", "pytest", true),
            ("    \"pytest[x]>=8\",", "pytest", true),
            ("Django==5.0", "django", true),
            ("pytest-cov", "pytest", false),
            ("# pytest", "pytest", false),
            ("django-pytest", "pytest", false),
            ("django-redis==5", "redis", false),
            ("redis[hiredis]", "redis", true),
            ("", "redis", false),
        ] {
            assert_eq!(names(line, dependency), expected, "{line}");
        }
    }
}
