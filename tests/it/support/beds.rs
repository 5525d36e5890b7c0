//! Small backend projects on real frameworks: sources from `tests/beds`, packages from where `tests/beds/install`
//! puts them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a bed needs besides its sources.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// FastAPI, Flask, Django, pytest, ruff and mypy in a virtual environment, linked as `.venv`.
    Python,
    /// Express, NestJS, Jest, Vitest, Mocha, supertest, TypeScript, eslint and prettier, linked as `node_modules`.
    Node,
    /// Go, Gin and a driver for PostgreSQL from Debian's packages.
    Go,
}

/// The folder of a bed's installed packages; `None` when it is not installed, which is said, and fails where CI is set.
pub fn installed(needs: Needs) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let beds = std::env::var_os("TENON_BEDS").map(PathBuf::from).or_else(|| Some(cache?.join("tenon-beds")))?;
    let (name, there) = match needs {
        Needs::Python => ("python", beds.join("python/bin/python")),
        Needs::Node => ("node", beds.join("node/node_modules/vitest")),
        Needs::Go => ("go", PathBuf::from("/usr/share/gocode/src/github.com/lib/pq")),
    };
    if there.exists() {
        return Some(if needs == Needs::Go { there } else { beds.join(name) });
    }
    assert!(std::env::var_os("CI").is_none(), "the bed `{name}` is not installed: run tests/beds/install");
    eprintln!("SKIPPED: the bed `{name}` is not installed; tests/beds/install brings it");
    None
}

/// Whether the programs of a PostgreSQL server are installed; where not it is said, and fails where CI is set.
pub fn postgres() -> bool {
    let places =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let distributed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let there = places
        .into_iter()
        .chain(distributed.map(|entry| entry.path().join("bin")))
        .any(|place| place.join("initdb").exists());
    assert!(there || std::env::var_os("CI").is_none(), "PostgreSQL is not installed: run tests/beds/install");
    if !there {
        eprintln!("SKIPPED: PostgreSQL is not installed; tests/beds/install brings it");
    }
    there
}

/// A committed repository of a bed's sources (a folder of `tests/beds`), its packages linked and ignored. `None` as
/// with [`installed`].
pub fn repository(bed: &str) -> Option<tempfile::TempDir> {
    let needs = match bed {
        "fastapi" | "fastapi_library" | "flask" | "flask_shop" | "django" | "django_library" | "django_shop" => {
            Needs::Python
        }
        "express" | "express_library" | "express_routers" | "express_shop" | "express_ts" | "mocha" | "vitest"
        | "nest" => Needs::Node,
        _ => Needs::Go,
    };
    let packages = installed(needs)?;
    let folder = tempfile::tempdir().unwrap();
    // Go without modules wants its sources below `src`.
    let root = if needs == Needs::Go { folder.path().join("src/shop") } else { folder.path().to_owned() };
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/beds").join(bed), &root);
    std::fs::write(root.join(".gitignore"), ".venv\nnode_modules\ndist\n__pycache__/\n.pytest_cache/\n").unwrap();
    match needs {
        Needs::Python => std::os::unix::fs::symlink(packages, root.join(".venv")).unwrap(),
        Needs::Node => std::os::unix::fs::symlink(packages.join("node_modules"), root.join("node_modules")).unwrap(),
        Needs::Go => {}
    }
    commit(&root);
    Some(folder)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Makes a folder a repository with one commit of everything in it.
pub fn commit(root: &Path) {
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").args(identity).args(arguments).current_dir(root).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "base"]);
}
