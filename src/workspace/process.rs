//! Running a command: its output, its limits and its end.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::disk::Disk;
use super::{Exit, Job, WorkspaceError, io_error};

/// How long a killed command may take to be gone, and its last output to be taken.
const GRACE: Duration = Duration::from_secs(5);

/// A command that was started, with what its end of life depends on.
pub(super) struct Started {
    child: Child,
    output: pipe::Receiver,
    control: Control,
    disk: Option<Arc<Disk>>,
}

impl Started {
    /// The process everything the command starts descends from.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The same, ended when it takes too much of the disk.
    pub fn watched(self, disk: &Arc<Disk>) -> Self {
        Self { disk: Some(Arc::clone(disk)), ..self }
    }
}

/// Starts a command with both output streams in one pipe.
pub(super) fn start(mut command: Command, control: Control, stdin: Stdio) -> Result<Started, WorkspaceError> {
    let (reader, writer) = std::io::pipe().map_err(io_error("cannot make a pipe"))?;
    let second = writer.try_clone().map_err(io_error("cannot make a pipe"))?;
    command.stdin(stdin).stdout(Stdio::from(writer)).stderr(Stdio::from(second)).kill_on_drop(true);
    let child = command.spawn().map_err(io_error("cannot start the command"))?;
    // The command holds the writing ends; they have to be closed here for the pipe to come to its end.
    drop(command);
    let output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(io_error("cannot read the output"))?;
    Ok(Started { child, output, control, disk: None })
}

/// Passes output on until the command has ended, and ends it when it has to.
pub(super) async fn follow(
    started: Started,
    limit: Duration,
    output: mpsc::Sender<Vec<u8>>,
    cancel: CancellationToken,
) -> Result<Exit, WorkspaceError> {
    let Started { mut child, output: mut reader, mut control, disk } = started;
    let mut full = std::pin::pin!(async {
        match disk {
            Some(disk) => disk.watch().await,
            None => std::future::pending().await,
        }
    });
    let deadline = Instant::now() + limit.min(Duration::from_secs(7 * 24 * 3_600));
    let mut last_moment = None;
    let mut stopped = None;
    let mut ended = None;
    let mut open = true;
    let mut pending: Option<Vec<u8>> = None;
    let mut buffer = vec![0; 16 << 10];
    while open || ended.is_none() || pending.is_some() {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if stopped.is_none() && ended.is_none() => stopped = Some(Exit::Cancelled),
            () = sleep_until(deadline), if stopped.is_none() && ended.is_none() => stopped = Some(Exit::TimedOut),
            limit = &mut full, if stopped.is_none() && ended.is_none() => stopped = Some(Exit::Exceeded(limit)),
            () = sleep_until(last_moment.unwrap_or(deadline)), if last_moment.is_some() => break,
            // Nobody listening is no error: the output is dropped and the command goes on.
            permit = output.reserve(), if pending.is_some() => if let (Ok(permit), Some(bytes)) = (permit, pending.take())
            {
                permit.send(bytes);
            },
            read = reader.read(&mut buffer), if open && pending.is_none() => match read {
                Ok(0) | Err(_) => open = false,
                Ok(count) if !output.is_closed() => pending = Some(buffer[..count].to_vec()),
                Ok(_) => {}
            },
            status = child.wait(), if ended.is_none() => {
                ended = Some(status.map_err(io_error("cannot wait for the command"))?);
                last_moment.get_or_insert(Instant::now() + GRACE);
            }
        }
        if stopped.is_some() && last_moment.is_none() {
            last_moment = Some(Instant::now() + GRACE);
            control.end();
        }
    }
    if ended.is_none() {
        child.kill().await.map_err(io_error("cannot end the command"))?;
    }
    match stopped {
        Some(exit) => Ok(exit),
        None => control.exit(ended),
    }
}

/// The helper's side of the conversation: closing it ends the command.
#[cfg(target_os = "linux")]
pub(super) struct Control(Option<std::os::unix::net::UnixStream>);

#[cfg(target_os = "linux")]
impl Control {
    fn end(&mut self) {
        self.0 = None;
    }

    /// What the helper reported.
    fn exit(self, status: Option<std::process::ExitStatus>) -> Result<Exit, WorkspaceError> {
        use super::sandbox::Report;
        let report = self.0.and_then(|mut stream| super::sandbox::receive_last(&mut stream));
        match report {
            Some(Report::Exit(code)) => Ok(Exit::Code(code)),
            Some(Report::Signal(signal)) => Ok(Exit::Signal(signal)),
            Some(Report::Exceeded(limit)) => Ok(Exit::Exceeded(limit)),
            Some(Report::Failed(why)) => Err(WorkspaceError::Isolation(why)),
            Some(Report::Ready | Report::Probed { .. }) | None => Err(WorkspaceError::Isolation(format!(
                "the sandbox's helper ended without a word{}",
                status.map(|status| format!(" ({status})")).unwrap_or_default()
            ))),
        }
    }
}

/// Starts a job through the helper.
#[cfg(target_os = "linux")]
pub(super) fn launch(
    helper: &Path,
    environment: &super::Environment,
    request: super::sandbox::Run,
    job: &Job,
) -> Result<Started, WorkspaceError> {
    use super::sandbox::{Request, send};
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(io_error("cannot make a socket pair"))?;
    let mut command = Command::new(helper);
    command.args(["sandbox", "run"]).env_clear().envs(environment.iter());
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    send(&mut ours, &Request::Run(request)).map_err(io_error("cannot speak to the sandbox's helper"))?;
    start(command, Control(Some(ours)), Stdio::from(OwnedFd::from(theirs)))
}

/// Where there is no helper, a process group is what can be ended.
#[cfg(not(target_os = "linux"))]
pub(super) struct Control(Option<rustix::process::Pid>);

#[cfg(not(target_os = "linux"))]
impl Control {
    fn end(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    fn exit(mut self, status: Option<std::process::ExitStatus>) -> Result<Exit, WorkspaceError> {
        use std::os::unix::process::ExitStatusExt;
        self.end();
        let status = status.ok_or_else(|| WorkspaceError::Isolation("the command did not end".to_owned()))?;
        Ok(status.code().map_or_else(|| Exit::Signal(status.signal().unwrap_or(0)), Exit::Code))
    }
}

/// Starts a job in a process group of its own.
#[cfg(not(target_os = "linux"))]
pub(super) fn launch_plain(
    environment: &super::Environment,
    folder: &Path,
    job: &Job,
) -> Result<Started, WorkspaceError> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(&job.command).current_dir(folder).env_clear().envs(environment.iter()).process_group(0);
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    let mut started = start(command, Control(None), Stdio::null())?;
    let id = started.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    started.control = Control(id);
    Ok(started)
}

/// The program that is started again as the helper.
///
/// A test or bench program of Cargo lies in a folder `deps`; the real program is built beside that folder, and has to
/// be taken instead, because a test program would run tests.
#[cfg(target_os = "linux")]
pub(super) fn helper(named: Option<&Path>) -> Result<PathBuf, WorkspaceError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let program = std::env::current_exe().map_err(io_error("cannot find this program"))?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    if !folder.ends_with("deps") {
        // Not the path: the file may have been replaced by an update while it runs.
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    let built = folder.with_file_name("tenon");
    if built.is_file() {
        return Ok(built);
    }
    Err(WorkspaceError::Isolation(format!("the program `{}` is not built, which the sandbox starts", built.display())))
}
