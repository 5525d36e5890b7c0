//! The process that holds a workspace's namespaces.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sched::CloneFlags;

use super::mounts::{Below, overlay};
use super::namespaces::{Proc, unshare_with_user};
use super::system::loopback_up;
use super::{Failure, Hold, Report, devices, failed, mounts, send};

/// Sets the view up, says so, and keeps it until the socket is closed.
pub(super) fn hold(request: &Hold, stream: &mut UnixStream) -> Result<(), Failure> {
    isolate()?;
    match &request.view {
        Some(view) => mounts::for_workspace(view, &request.hidden)?,
        None => mounts::hide(&request.hidden, Path::new("/dev/null"))?,
    }
    rustix::process::chdir("/").map_err(failed("cannot leave the folder it was started in"))?;
    send(stream, &Report::Ready).map_err(failed("cannot report"))?;
    // Nothing more is said on the socket: reading waits for its end.
    let _ = stream.read(&mut [0]);
    Ok(())
}

/// Tries what a workspace needs, on nothing.
pub(super) fn probe(stream: &mut UnixStream) -> Result<(), Failure> {
    let folder = Path::new("/tmp");
    // Not everybody who may make a mount namespace may mount something in it.
    let namespaces = isolate().and_then(|()| mounts::empty_folder(folder, 0o700, 1 << 20));
    let overlay =
        namespaces.as_ref().map_err(ToString::to_string).and_then(|()| try_overlay(folder).map_err(|e| e.to_string()));
    let report = Report::Probed { namespaces: namespaces.err().map(|why| why.to_string()), overlay: overlay.err() };
    send(stream, &report).map_err(failed("cannot report"))
}

fn isolate() -> Result<(), Failure> {
    let others = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNET;
    unshare_with_user(&Proc::open()?, others)?;
    loopback_up().map_err(failed("cannot switch loopback on"))?;
    mounts::make_private()
}

fn try_overlay(folder: &Path) -> Result<(), Failure> {
    let at = |name: &str| folder.join(name);
    for name in ["lower", "upper", "work"] {
        std::fs::create_dir(at(name)).map_err(failed("cannot make a folder"))?;
    }
    overlay(&Below { lowers: &[at("lower")], upper: &at("upper"), work: &at("work") })?;
    devices::replace()
}
