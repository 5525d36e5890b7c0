//! A scratch PostgreSQL for a service that is started in a workspace: its address, its tables and rows, and how often
//! it was asked.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::dialect::{self, Dialect};
use super::find;
use super::postgres::{Cluster, PORT};
use super::rows::Filling;
use crate::domain::from_folder;
use crate::stack::{Files, Service};
use crate::workspace::{Workspace, WorkspaceFiles};

/// The name of the database, and of the user.
const NAME: &str = "app";
/// A service that is left alone ends after this time, and so does its database.
const MOST_LIFE: Duration = Duration::from_secs(8 * 3_600);
/// A list of fewer rows shows little.
const FEWEST_ROWS: usize = 4;
/// Rows are put in that many times at the most.
const FILLINGS: usize = 2;

/// A running scratch database; nothing of it is left when it is dropped.
pub struct Provided {
    cluster: Cluster,
}

/// Whether a service is written for PostgreSQL, and for nothing else that is at hand without a server.
pub fn wants_postgres(service: &Service) -> bool {
    dialect::of_service(Some(service)) == Some(Dialect::Postgres)
}

impl Provided {
    /// Starts an empty one in a workspace with a network of its own. Only what is too long for a command line is written
    /// into its tree.
    ///
    /// # Errors
    /// What is missing, in words.
    pub async fn start(workspace: Arc<dyn Workspace>, cancel: CancellationToken) -> Result<Self, String> {
        let cluster = Cluster::listening(workspace, MOST_LIFE, cancel).await?;
        let provided = Self { cluster };
        let made = format!("CREATE ROLE {NAME} SUPERUSER LOGIN;\nCREATE DATABASE {NAME} OWNER {NAME};");
        provided.cluster.ask("postgres", &made).await?;
        Ok(provided)
    }

    /// The variables by which services find their database.
    pub fn environment(&self) -> Vec<(String, String)> {
        let (host, port) = ("127.0.0.1".to_owned(), PORT.to_string());
        let url = format!("postgresql://{NAME}:{NAME}@{host}:{port}/{NAME}");
        let jdbc = format!("jdbc:postgresql://{host}:{port}/{NAME}");
        let name = NAME.to_owned();
        let known: [(&[&str], String); 7] = [
            (&["DATABASE_URL", "POSTGRES_URL", "DB_URL", "PG_URL", "POSTGRES_DSN", "DATABASE_DSN"], url),
            (&["SPRING_DATASOURCE_URL", "JDBC_DATABASE_URL"], jdbc),
            (&["PGHOST", "DB_HOST", "POSTGRES_HOST", "DATABASE_HOST"], host),
            (&["PGPORT", "DB_PORT", "POSTGRES_PORT", "DATABASE_PORT"], port),
            (
                &["PGUSER", "DB_USER", "DB_USERNAME", "POSTGRES_USER", "DATABASE_USER", "SPRING_DATASOURCE_USERNAME"],
                name.clone(),
            ),
            (
                &[
                    "PGPASSWORD",
                    "DB_PASSWORD",
                    "DB_PASS",
                    "POSTGRES_PASSWORD",
                    "DATABASE_PASSWORD",
                    "SPRING_DATASOURCE_PASSWORD",
                ],
                name.clone(),
            ),
            (&["PGDATABASE", "DB_NAME", "DB_DATABASE", "POSTGRES_DB", "DATABASE_NAME"], name),
        ];
        let pair = |(names, value): (&[&str], String)| {
            names.iter().map(|name| ((*name).to_owned(), value.clone())).collect::<Vec<_>>()
        };
        // Nothing here answers in TLS.
        let plain = ("PGSSLMODE".to_owned(), "disable".to_owned());
        known.into_iter().flat_map(pair).chain([plain]).collect()
    }

    /// Its name for people, with the version.
    pub fn title(&self) -> String {
        self.cluster.title()
    }

    /// How many questions it was asked so far.
    pub fn asked(&self) -> usize {
        self.cluster.asked()
    }

    /// Applies the migrations in SQL that a folder of the workspace holds, oldest first. `None`: it holds none.
    ///
    /// # Errors
    /// Which one broke off, and why.
    pub async fn migrate(&self, workspace: &Arc<dyn Workspace>, folder: &str) -> Result<Option<usize>, String> {
        let (tree, inside) = (Arc::clone(workspace), folder.to_owned());
        let read = tokio::task::spawn_blocking(move || {
            let files = WorkspaceFiles(tree.as_ref());
            let paths = files.list();
            let own = paths.iter().filter(|path| from_folder(&inside, path).is_some());
            let folder = own.filter_map(|path| find::folder_of(path)).next()?;
            find::set(&files, &paths, &folder, false)
        });
        let Some(set) = read.await.map_err(|error| error.to_string())? else { return Ok(None) };
        for unit in &set.units {
            if let Err(broken) = self.cluster.run(NAME, &unit.up).await? {
                let line = broken.line.map(|line| format!(":{line}")).unwrap_or_default();
                return Err(format!("{}{line}: {}", unit.up.path, broken.error));
            }
        }
        Ok(Some(set.units.len()))
    }

    /// Puts rows into the tables, where nobody else has put some in. Returns how many tables there are.
    ///
    /// # Errors
    /// The database cannot be looked at.
    pub async fn fill(&self) -> Result<usize, String> {
        for _ in 0..FILLINGS {
            let state = self.cluster.state(NAME, &[]).await?;
            let most = state.rows.values().map(Vec::len).max().unwrap_or(0);
            if state.schema.tables.is_empty() || most >= FEWEST_ROWS {
                return Ok(state.schema.tables.len());
            }
            self.cluster.fill(NAME, Filling::WithoutNulls, &[]).await?;
        }
        self.cluster.state(NAME, &[]).await.map(|state| state.schema.tables.len())
    }
}
