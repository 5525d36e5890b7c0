//! What programs that were killed have left on the machine.
//!
//! Mounts and networks are never left: they lie in namespaces, which end with their processes, and those end when the
//! program does. What stays is on the disk: workspaces of sessions that are gone, throw-away folders, sockets. A helper
//! process can only stay when it was stopped by a debugger or a signal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk;
use super::lock::Lock;

/// Parts of a state folder that are of use only while a program works there.
pub(super) const PASSING: [&str; 4] = ["forks", "home", "reach", "scratch"];

/// The beginning of the names of folders for sockets that are not in a state folder.
pub(super) const SOCKETS: &str = "tenon-reach-";

/// Something nobody needs any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it is, with its place.
    pub what: String,
    /// Bytes it takes on the disk.
    pub bytes: u64,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Folder(PathBuf),
    #[cfg(target_os = "linux")]
    Process(u32),
}

impl Leftover {
    fn folder(what: &str, path: PathBuf) -> Self {
        Self { what: format!("{what}: {}", path.display()), bytes: disk::size_of(&path), kind: Kind::Folder(path) }
    }

    /// Removes it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn remove(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Folder(path) => super::remove_tree(path),
            #[cfg(target_os = "linux")]
            Kind::Process(pid) => {
                let pid = i32::try_from(*pid).ok().and_then(rustix::process::Pid::from_raw);
                let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
                Ok(rustix::process::kill_process(pid, rustix::process::Signal::KILL)?)
            }
        }
    }
}

/// A folder for the workspace of a single command: gone with all that is in it, also what only its owner may open again.
#[derive(Debug)]
pub struct Throwaway(PathBuf);

impl Throwaway {
    /// Makes one in a folder that is there.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn new(folder: &Path) -> io::Result<Self> {
        tempfile::tempdir_in(folder).map(|made| Self(made.keep()))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let _ = super::remove_tree(&self.0);
    }
}

/// Looks for what was left. `workspaces` holds one state folder for each session, `passing` folders of single commands;
/// `wanted` tells whether a session with this name is still there.
pub fn leftovers(workspaces: &Path, passing: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<Leftover> {
    let mut found = Vec::new();
    for state in folders(workspaces).into_iter().filter(|state| !Lock::is_held(state)) {
        let name = state.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !wanted(&name) {
            found.push(Leftover::folder("the workspace of a session that is gone", state));
            continue;
        }
        // A workspace at rest keeps its empty places.
        let left = PASSING.iter().map(|name| state.join(name)).filter(|path| holds_files(path));
        found.extend(left.map(|path| Leftover::folder("temporary files of a workspace", path)));
    }
    let idle = |folder: &PathBuf| !folders(folder).iter().any(|state| Lock::is_held(state));
    let passing = folders(passing).into_iter().filter(idle);
    found.extend(passing.map(|path| Leftover::folder("the workspace of a single command", path)));
    let sockets = folders(&std::env::temp_dir()).into_iter().filter(|path| is_dead(path));
    found.extend(sockets.map(|path| Leftover::folder("sockets nobody listens on", path)));
    found.extend(helpers());
    found
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn holds_files(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.any(|entry| {
        entry.is_ok_and(|entry| !entry.file_type().is_ok_and(|t| t.is_dir()) || holds_files(&entry.path()))
    })
}

fn is_dead(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SOCKETS))
        && fs::read_dir(folder).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| std::os::unix::net::UnixStream::connect(entry.path()).is_err()))
        })
}

/// Helpers whose program is gone.
#[cfg(target_os = "linux")]
fn helpers() -> Vec<Leftover> {
    use super::processes::{all, has_ended, parent};
    const FIRST: u32 = 1;
    let name = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let mine = |pid: u32| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(format!("/proc/{pid}")).is_ok_and(|data| data.uid() == rustix::process::geteuid().as_raw())
    };
    let orphans =
        all().into_iter().filter(|pid| name(*pid).trim_end() == "tenon-sandbox" && parent(*pid) == Some(FIRST));
    let told = |pid| Leftover {
        what: format!("a helper process without its program: {pid}"),
        bytes: 0,
        kind: Kind::Process(pid),
    };
    orphans.filter(|pid| mine(*pid) && !has_ended(*pid)).map(told).collect()
}

#[cfg(not(target_os = "linux"))]
fn helpers() -> Vec<Leftover> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passing_folder_goes_with_what_was_locked_in_it() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let passing = Throwaway::new(parent.path()).unwrap();
        let locked = passing.path().join("work/work");
        fs::create_dir_all(&locked).unwrap();
        // As the kernel leaves the work folder of an overlay.
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        drop(passing);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_nobody_needs_is_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "w/gone/upper",
            "w/kept/upper",
            "w/kept/forks/0",
            "w/kept/scratch/tmp",
            "w/busy/forks/0",
            "x/.tmp1/workspace/upper",
            "x/.tmp2/workspace",
        ] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("w/gone/upper/file"), vec![1; 10_000]).unwrap();
        fs::write(at("w/kept/forks/0/file"), "left").unwrap();
        let _busy = [Lock::take(&at("w/busy")).unwrap(), Lock::take(&at("x/.tmp2/workspace")).unwrap()];
        let look = || leftovers(&at("w"), &at("x"), &|name| name != "gone");
        let found = look();
        let here: Vec<&Leftover> =
            found.iter().filter(|left| left.what.contains(folder.path().to_str().unwrap())).collect();
        let names: Vec<&str> =
            here.iter().map(|left| left.what.rsplit(folder.path().to_str().unwrap()).next().unwrap()).collect();
        assert_eq!(names, ["/w/gone", "/w/kept/forks", "/x/.tmp1"]);
        assert!(here[0].bytes >= 10_000);
        here.iter().for_each(|left| left.remove().unwrap());
        assert!(
            !at("w/gone").exists()
                && at("w/kept/upper").exists()
                && at("w/busy/forks/0").exists()
                && at("x/.tmp2").exists()
        );
    }
}
