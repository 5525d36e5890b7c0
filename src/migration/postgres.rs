//! A throw-away PostgreSQL in a workspace: started where the server's programs are installed, on a socket nobody else
//! reaches, gone with the walk.
//!
//! What runs on it was written by a model or a stranger: server and clients run in the workspace, like every command.

mod looking;
mod told;
mod walking;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::RepoPath;
use crate::workspace::{Exit, Job, Served, Workspace, run_whole};

pub(super) use walking::Fresh;

/// Starts and watches the server: see the file itself.
const STARTER: &str = include_str!("../../assets/postgres.sh");
/// Where scripts and dumps are, in the workspace.
const FOLDER: &str = ".tenon-gate/migration";
/// Where it listens, where it listens on a port.
pub(super) const PORT: u16 = 5432;
/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that is read of what a client writes.
const MOST: usize = 64 << 20;
/// A longer word of a command line is not taken everywhere.
const MOST_SAID: usize = 96 << 10;
/// Parts what a client says from what it complains about.
const COMPLAINTS: &str = "--tenon-complaints--";

/// A running server.
pub(super) struct Cluster {
    workspace: Arc<dyn Workspace>,
    served: Served,
    /// The folder of the socket, as commands of the workspace see it.
    pub folder: String,
    /// The folder of the programs.
    pub programs: String,
    /// How many questions it was asked, where it listens on a port.
    asked: Arc<AtomicUsize>,
    version: String,
    limit: Duration,
    cancel: CancellationToken,
    databases: AtomicU64,
}

/// What a client said.
struct Said {
    output: String,
    complaints: String,
    ok: bool,
}

/// What the user has set for databases of their own does not hold for this one.
pub(super) const NEUTRAL: &str = "unset PGSERVICE PGPORT PGPASSFILE PGHOST PGDATABASE PGOPTIONS; ";

/// A text as one word of a command line.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn inside(name: &str) -> Result<RepoPath, String> {
    RepoPath::parse(&format!("{FOLDER}/{name}")).map_err(|error| error.to_string())
}

impl Cluster {
    /// Starts one; nothing of it may run longer than `limit`.
    ///
    /// # Errors
    /// What is missing, in words.
    pub(super) async fn start(
        workspace: Arc<dyn Workspace>,
        limit: Duration,
        cancel: CancellationToken,
    ) -> Result<Self, String> {
        Self::begin(workspace, limit, cancel, "").await
    }

    /// The same, which listens on [`PORT`] of the workspace's loopback as well and counts what it is asked.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub(super) async fn listening(
        workspace: Arc<dyn Workspace>,
        limit: Duration,
        cancel: CancellationToken,
    ) -> Result<Self, String> {
        Self::begin(workspace, limit, cancel, &format!(" {PORT}")).await
    }

    async fn begin(
        workspace: Arc<dyn Workspace>,
        limit: Duration,
        cancel: CancellationToken,
        port: &str,
    ) -> Result<Self, String> {
        // The path of a socket may have some hundred bytes only, and two workspaces may see one `/tmp`.
        let folder = format!("/tmp/tenon-pg-{}", uuid());
        let command = format!("{NEUTRAL}exec sh -c {} postgres.sh {}{port}", word(STARTER), word(&folder));
        let job = Job::new(command, limit + PATIENCE);
        let (sender, mut said) = mpsc::channel::<Vec<u8>>(32);
        let served = workspace.serve(job, sender, cancel.clone()).await.map_err(|error| error.to_string())?;
        let mut text = String::new();
        let line = async {
            while let Some(piece) = said.recv().await {
                text.push_str(&String::from_utf8_lossy(&piece));
                let known = |line: &&str| line.starts_with("ready ") || line.starts_with("failed ");
                let whole = text.rfind('\n').map_or("", |end| &text[..end]);
                if let Some(line) = whole.lines().find(known) {
                    return Some(line.to_owned());
                }
            }
            None
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let line = tokio::time::timeout(PATIENCE, line).await.ok().flatten();
        match line.as_deref().map(|line| line.split(' ').collect::<Vec<_>>()).as_deref() {
            Some(["ready", programs, version]) => Ok(Self {
                folder,
                programs: (*programs).to_owned(),
                asked: told::count(said, asked),
                version: (*version).to_owned(),
                workspace,
                served,
                limit,
                cancel,
                databases: AtomicU64::new(0),
            }),
            Some(["failed", why @ ..]) => Err(why.join(" ")),
            _ if cancel.is_cancelled() => Err("interrupted".to_owned()),
            _ => {
                Err(format!("PostgreSQL did not start: {}", text.trim().lines().next_back().unwrap_or("no word of it")))
            }
        }
    }

    /// How many questions it was asked so far, where it counts them.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Its name for people, with the version.
    pub(super) fn title(&self) -> String {
        format!("PostgreSQL {}", self.version)
    }

    /// Ends it; nothing of it is left.
    pub(super) async fn stop(self) {
        let _ = self.served.stop().await;
        // Only what was killed before it could clean up has left something.
        let (sender, _) = mpsc::channel(1);
        let remove = format!("rm -rf {0} {0}.*", word(&self.folder));
        let _ = self.workspace.run(Job::new(remove, self.limit), sender, CancellationToken::new()).await;
    }

    /// Makes an empty database, or the copy of one nobody is connected to.
    pub(super) async fn create(&self, template: Option<&str>) -> Result<String, String> {
        let name = format!("walk_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let from = template.map(|template| format!(" TEMPLATE \"{template}\"")).unwrap_or_default();
        self.ask("postgres", &format!("CREATE DATABASE \"{name}\"{from};")).await.map(|_| name)
    }

    /// Makes the database of this name anew, with what a dump holds.
    pub(super) async fn restore(&self, name: &str, dump: &[u8]) -> Result<(), String> {
        self.ask("postgres", &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE);\nCREATE DATABASE \"{name}\";"))
            .await?;
        self.workspace.write(&inside("dump.sql")?, dump, None).map_err(|error| error.to_string())?;
        let said = self.client(name, "dump.sql").await?;
        if said.ok { Ok(()) } else { Err(format!("what base holds cannot be put back: {}", first(&said.complaints))) }
    }

    /// All that a database holds.
    pub(super) async fn dump(&self, name: &str) -> Result<Vec<u8>, String> {
        let file = inside("base.sql")?;
        let path = file.under(self.workspace.root()).to_string_lossy().into_owned();
        let command = format!(
            "{} -h {} -p 5432 -U postgres --no-sync -f {} {name}",
            word(&format!("{}/pg_dump", self.programs)),
            word(&self.folder),
            word(&path)
        );
        let said = self.command(&command).await?;
        if !said.ok {
            return Err(format!("what base holds cannot be taken over: {}", first(&said.complaints)));
        }
        self.workspace.read(&file).map(|state| state.bytes).map_err(|error| error.to_string())
    }

    /// Runs a script that has to work.
    pub(super) async fn ask(&self, database: &str, script: &str) -> Result<String, String> {
        let said = self.script(database, script).await?;
        if said.ok { Ok(said.output) } else { Err(first(&said.complaints)) }
    }

    async fn script(&self, database: &str, script: &str) -> Result<Said, String> {
        let (file, quoted) = (format!("{}.step.sql", self.folder), word(script));
        // What fits into a command line leaves no file in the tree.
        if quoted.len() <= MOST_SAID {
            return self.reading(database, &file, &format!("printf %s {quoted} >{} && ", word(&file))).await;
        }
        self.workspace.write(&inside("step.sql")?, script.as_bytes(), None).map_err(|error| error.to_string())?;
        self.client(database, "step.sql").await
    }

    async fn client(&self, database: &str, file: &str) -> Result<Said, String> {
        let file = inside(file)?.under(self.workspace.root()).to_string_lossy().into_owned();
        self.reading(database, &file, "").await
    }

    /// Lets a client read a file, after what makes it.
    async fn reading(&self, database: &str, file: &str, made: &str) -> Result<Said, String> {
        let command = format!(
            "{made}PGOPTIONS='-c client_min_messages=error' {} -X -q -A -t -v ON_ERROR_STOP=1 -h {} -p 5432 -U postgres -d {database} -f {}",
            word(&format!("{}/psql", self.programs)),
            word(&self.folder),
            word(file)
        );
        self.command(&command).await
    }

    async fn command(&self, command: &str) -> Result<Said, String> {
        let errors = word(&format!("{}.err", self.folder));
        let command = format!("{NEUTRAL}{command} 2>{errors}; code=$?; echo '{COMPLAINTS}'; cat {errors}; exit $code");
        let job = Job::new(command, self.limit);
        let (exit, all) = run_whole(self.workspace.as_ref(), job, self.cancel.clone(), MOST).await;
        let (output, complaints) = all.rsplit_once(COMPLAINTS).unwrap_or((&all, ""));
        let code = match exit.map_err(|error| error.to_string())? {
            Exit::Code(code) => code,
            Exit::Cancelled => return Err("interrupted".to_owned()),
            Exit::TimedOut => return Err(format!("not done within {} s", self.limit.as_secs())),
            other => return Err(format!("psql ended with {other:?}")),
        };
        if let Some(gone) = ["could not connect", "connection to server", "server closed"]
            .iter()
            .find_map(|words| complaints.lines().find(|line| line.contains(words)))
        {
            return Err(format!("the scratch server is gone: {gone}"));
        }
        Ok(Said { output: output.to_owned(), complaints: complaints.trim().to_owned(), ok: code == 0 })
    }
}

/// The first thing a client complains about, without the place in our own script.
fn first(complaints: &str) -> String {
    let line = complaints.lines().find(|line| line.contains("ERROR:") || line.contains("error:"));
    let line = line.or_else(|| complaints.lines().next()).unwrap_or("no word of why");
    line.split_once("ERROR:").map_or(line, |(_, words)| words).trim().to_owned()
}

/// Something no other server is called.
fn uuid() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{:x}-{}", std::process::id(), now.as_nanos(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
