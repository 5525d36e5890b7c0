//! Why the overlay is not possible here, in words that help.

use std::fs::read_to_string;
use std::path::Path;

/// The first kernel that has everything the overlay needs.
const KERNEL: (u32, u32) = (5, 12);

/// Switches that forbid namespaces, the value that does, and what to do.
const SWITCHES: [(&str, &str, &str); 3] = [
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "unprivileged user namespaces are off: `sudo sysctl kernel.unprivileged_userns_clone=1` switches them on",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "user namespaces are off: `sudo sysctl user.max_user_namespaces=10000` switches them on",
    ),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor restricts unprivileged user namespaces: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, \
         or an AppArmor profile for tenon with `userns,`, allows them",
    ),
];

/// Adds the likely cause to what the kernel said. `state` is where the workspace was to be kept.
pub(super) fn explain(error: &str, state: Option<&Path>) -> String {
    match state.and_then(on_overlay).or_else(cause) {
        Some(cause) => format!("{error} ({cause})"),
        None => error.to_owned(),
    }
}

/// An overlay cannot write to another one.
fn on_overlay(state: &Path) -> Option<String> {
    const OVERLAY: u64 = 0x794c_7630;
    let there = state.ancestors().find(|folder| folder.exists())?;
    let kind = rustix::fs::statfs(there).ok()?.f_type;
    (u64::try_from(kind).ok()? == OVERLAY).then(|| {
        format!(
            "{} lies on an overlay itself, as in a container: set workspace.folder to a folder on another disk, such as \
             a mounted volume or /dev/shm",
            there.display()
        )
    })
}

fn cause() -> Option<String> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    if version(&release).is_some_and(|version| version < KERNEL) {
        return Some(format!("Linux {release} is too old, {}.{} is needed", KERNEL.0, KERNEL.1));
    }
    // The superuser is not bound by the switches about unprivileged ones.
    let root = rustix::process::geteuid().is_root();
    let off = SWITCHES.iter().find(|(file, value, _)| {
        (!root || file.contains("max_")) && read_to_string(file).is_ok_and(|now| now.trim() == *value)
    });
    if let Some((_, _, advice)) = off {
        return Some((*advice).to_owned());
    }
    let systems = read_to_string("/proc/filesystems").unwrap_or_default();
    if !systems.contains("overlay") {
        return Some(
            "this kernel has no overlay file system, or its module is not loaded: `sudo modprobe overlay`".into(),
        );
    }
    let seccomp = read_to_string("/proc/self/status").unwrap_or_default();
    let filtered = seccomp.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"));
    filtered.then(|| "a filter of this container or service may forbid namespaces".to_owned())
}

/// The first two numbers of a kernel's release.
pub(super) fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_however_it_is_decorated() {
        for (release, expected) in
            [("6.18.44-fc-v657", Some((6, 18))), ("5.4.0-150-generic", Some((5, 4))), ("odd", None)]
        {
            assert_eq!(version(release), expected, "{release}");
        }
    }
}
