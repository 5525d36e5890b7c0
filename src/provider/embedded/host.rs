//! The program's side: starts the engine's process, asks it one thing at a time, and starts it again when it died.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, mpsc};

use super::machine;
use super::wire::{End, Order, Prompt, Timings, Told, Turn};

/// How the engine's process is started.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The executable; this program's own when `None`.
    pub path: Option<PathBuf>,
    /// Where states of fixed prompts are kept.
    pub states: Option<PathBuf>,
    /// A file to which every prompt and its answer is added, for whoever wants to know what a model was asked.
    pub log: Option<PathBuf>,
}

/// One engine for the whole program, whatever asks it.
pub struct Host {
    program: Program,
    engine: Mutex<Option<Engine>>,
    last: AtomicU64,
}

/// A running process.
struct Engine {
    model: PathBuf,
    child: Child,
    orders: mpsc::Sender<Order>,
    events: mpsc::Receiver<Told>,
    words: Arc<StdMutex<String>>,
    loaded: bool,
}

/// What a request shows while it is carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Somebody else is being answered.
    Queued,
    /// The weights are being loaded.
    Loading(f32),
    /// The prompt is being read: so many tokens of so many.
    Reading(usize, usize),
    /// A piece of the answer.
    Text(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its text, without the opening it was given.
    pub text: String,
    /// How it ended.
    pub end: End,
    /// What it took.
    pub timings: Timings,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The process could not be started.
    #[error("the embedded model's process could not be started: {0}")]
    Start(String),
    /// There is not enough memory.
    #[error("the model needs about {} of memory and {} are free", gigabytes(*.needed), gigabytes(*.free))]
    Memory {
        /// Bytes it needs.
        needed: u64,
        /// Bytes there are.
        free: u64,
    },
    /// The process ended in the middle.
    #[error("the embedded model's process ended: {0}")]
    Ended(String),
    /// The engine says that it cannot.
    #[error("{message}")]
    Failed {
        /// Why.
        message: String,
        /// The prompt was too long.
        too_long: bool,
    },
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Tells the engine to stop when the one who asked is gone.
struct Stop {
    orders: mpsc::Sender<Order>,
    id: u64,
    over: bool,
}

impl Drop for Stop {
    fn drop(&mut self) {
        if !self.over {
            let _ = self.orders.try_send(Order::Cancel { id: self.id });
        }
    }
}

impl Host {
    /// Nothing is started yet.
    pub fn new(program: Program) -> Self {
        Self { program, engine: Mutex::new(None), last: AtomicU64::new(0) }
    }

    /// Starts loading a model and reading what its prompts begin with, if nothing else is going on.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn warm(&self, model: &Path, turns: Vec<Turn>) -> Result<(), HostError> {
        let Ok(mut engine) = self.engine.try_lock() else { return Ok(()) };
        self.ensure(&mut engine, model).await?;
        if let Some(engine) = engine.as_ref() {
            let _ = engine.orders.try_send(Order::Warm { turns, threads: machine::threads() });
        }
        Ok(())
    }

    /// Has an answer written. Dropping the future stops it.
    ///
    /// # Errors
    /// See [`HostError`]. After one the process is started anew with the next request.
    pub async fn write(
        &self,
        model: &Path,
        prompt: Prompt,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Answer, HostError> {
        let mut engine = match self.engine.try_lock() {
            Ok(engine) => engine,
            Err(_) => {
                progress(Progress::Queued);
                self.engine.lock().await
            }
        };
        self.ensure(&mut engine, model).await?;
        let Some(running) = engine.as_mut() else { return Err(HostError::Start(String::new())) };
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let asked = self.program.log.as_ref().map(|_| prompt.clone());
        let order = Order::Write { id, prompt, threads: machine::threads() };
        let mut stop = Stop { orders: running.orders.clone(), id, over: false };
        let result = match running.orders.send(order).await {
            Ok(()) => running.follow(id, progress).await,
            Err(_) => Err(None),
        };
        stop.over = true;
        match result {
            Ok(answer) => {
                self.note(asked.as_ref(), &answer);
                Ok(answer)
            }
            Err(Some(error @ HostError::Failed { too_long: true, .. })) => Err(error),
            Err(told) => {
                let ended = match engine.take() {
                    Some(gone) => gone.ended().await,
                    None => String::new(),
                };
                Err(told.unwrap_or(HostError::Ended(ended)))
            }
        }
    }

    /// Adds a prompt and its answer to the log, where one is kept; a log that cannot be written disturbs nobody.
    fn note(&self, asked: Option<&Prompt>, answer: &Answer) {
        let (Some(path), Some(prompt)) = (&self.program.log, asked) else { return };
        let line =
            serde_json::json!({"prompt": prompt, "text": answer.text, "end": answer.end, "timings": answer.timings});
        let file = std::fs::File::options().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }

    async fn ensure(&self, engine: &mut Option<Engine>, model: &Path) -> Result<(), HostError> {
        if let Some(running) = engine.as_mut() {
            let alive = running.child.try_wait().is_ok_and(|status| status.is_none());
            if alive && running.model == model {
                return Ok(());
            }
        }
        if let Some(old) = engine.take() {
            // Two models do not fit into the memory of a small machine.
            old.ended().await;
        }
        *engine = Some(self.start(model).await?);
        Ok(())
    }

    async fn start(&self, model: &Path) -> Result<Engine, HostError> {
        let size = tokio::fs::metadata(model).await.map_or(0, |metadata| metadata.len());
        // Weights are mapped and partly repacked beside the mapping.
        let needed = size + size * 7 / 10;
        if let Some(free) = machine::free_memory().filter(|free| *free < needed) {
            return Err(HostError::Memory { needed, free });
        }
        let program = self.program.path.clone().unwrap_or_else(own);
        let mut command = Command::new(program);
        command.args(["engine", "--stdio", "--weights"]).arg(model);
        command.args(["--context", &machine::context().to_string(), "--threads", &machine::threads().to_string()]);
        if let Some(states) = &self.program.states {
            command.arg("--states").arg(states);
        }
        // Read by the OpenMP library while it is loaded: spinning threads starve on a busy machine.
        command.env("GOMP_SPINCOUNT", "1000").env_remove("GOMP_CPU_AFFINITY").env_remove("OMP_NUM_THREADS");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| HostError::Start(error.to_string()))?;
        let missing = || HostError::Start("its pipes are missing".to_owned());
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let words = Arc::new(StdMutex::new(String::new()));
        if let Some(mut errors) = child.stderr.take() {
            let words = Arc::clone(&words);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = errors.read(&mut buffer).await {
                    if let Ok(mut words) = words.lock() {
                        words.push_str(&String::from_utf8_lossy(&buffer[..read]));
                        let cut = words.len() - crate::text::tail(&words, 2_000).len();
                        words.drain(..cut);
                    }
                }
            });
        }
        let (orders, waiting) = mpsc::channel(16);
        let (tell, events) = mpsc::channel(256);
        tokio::spawn(pass_orders(waiting, input));
        tokio::spawn(pass_events(output, tell));
        Ok(Engine { model: model.to_owned(), child, orders, events, words, loaded: false })
    }
}

/// This program, even if its file was replaced since it was started.
fn own() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tenon"))
}

async fn pass_orders(mut waiting: mpsc::Receiver<Order>, mut input: ChildStdin) {
    while let Some(order) = waiting.recv().await {
        let Ok(mut line) = serde_json::to_vec(&order) else { continue };
        line.push(b'\n');
        if input.write_all(&line).await.is_err() {
            break;
        }
    }
}

async fn pass_events(output: ChildStdout, tell: mpsc::Sender<Told>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(told) = serde_json::from_str(&line)
            && tell.send(told).await.is_err()
        {
            break;
        }
    }
}

impl Engine {
    /// Follows one answer to its end. `Err(None)` when the process went away.
    async fn follow(
        &mut self,
        id: u64,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Answer, Option<HostError>> {
        let mut text = String::new();
        if !self.loaded {
            progress(Progress::Loading(0.0));
        }
        while let Some(told) = self.events.recv().await {
            match told {
                Told::Loading { part } => progress(Progress::Loading(part)),
                Told::Loaded { .. } => self.loaded = true,
                Told::Reading { id: of, done, total } if of == id => progress(Progress::Reading(done, total)),
                Told::Text { id: of, text: piece } if of == id => {
                    text.push_str(&piece);
                    progress(Progress::Text(piece));
                }
                Told::Done { id: of, end, timings } if of == id => return Ok(Answer { text, end, timings }),
                Told::Failed { id: of, message, too_long } if of.is_none_or(|of| of == id) => {
                    return Err(Some(HostError::Failed { message, too_long }));
                }
                // Left over from an answer nobody waits for any more.
                _ => {}
            }
        }
        Err(None)
    }

    /// Ends the process and says how it came to its end.
    async fn ended(mut self) -> String {
        drop(self.orders);
        let waited = tokio::time::timeout(Duration::from_millis(500), self.child.wait()).await;
        let status = match waited {
            Ok(Ok(status)) => in_words(status),
            _ => {
                let _ = self.child.kill().await;
                "it did not answer any more".to_owned()
            }
        };
        let words = self.words.lock().map(|words| words.trim().to_owned()).unwrap_or_default();
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if last.is_empty() { status } else { format!("{status}; its last words: {}", crate::text::sanitize_line(last)) }
    }
}

fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return match signal {
                9 => "killed (signal 9); often the machine had no memory left".to_owned(),
                4 => "an instruction this processor does not have (signal 4)".to_owned(),
                6 => "it gave up (signal 6)".to_owned(),
                signal => format!("signal {signal}"),
            };
        }
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => "unknown".to_owned(),
    }
}
