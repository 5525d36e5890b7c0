//! `.env` files of the user: names are known, values are not, unless the user permits it.

use std::fs;
use std::path::Path;

use tenon::config::EnvFiles;
use tenon::domain::Isolation;
use tenon::workspace::{Exit, Job, Query, Workspace, WorkspaceError, open};
use tokio_util::sync::CancellationToken;

use super::{Case, change, git, isolations, job, make_repository, path, place, run_job};

const SECRET: &str = "PORT=3000\nDATABASE_URL=postgres://me:hunter2@db/app\nexport SECRET_KEY='hunter2'\n";

fn with_env_files(repository: &Path) {
    fs::create_dir_all(repository.join("apps/web")).unwrap();
    fs::write(repository.join("apps/web/index.js"), "1\n").unwrap();
    for name in [".env", "apps/web/.env.local", ".envrc"] {
        fs::write(repository.join(name), SECRET).unwrap();
    }
    for name in [".env.example", "tracked.env"] {
        fs::write(repository.join(name), "PASSWORD=change-me\n").unwrap();
    }
    std::os::unix::fs::symlink(".env", repository.join("way")).unwrap();
    git(repository, &["add", "-f", ".env.example", "tracked.env", "apps/web/index.js"]);
    fs::write(repository.join(".git/info/exclude"), ".env\n.env.local\n").unwrap();
}

fn text(workspace: &dyn Workspace, name: &str) -> String {
    String::from_utf8(workspace.read(&path(name)).unwrap().bytes).unwrap()
}

#[tokio::test]
async fn neither_the_model_nor_a_command_sees_the_values() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, with_env_files).await;
        for name in [".env", "apps/web/.env.local", ".envrc", "way"] {
            let seen = text(&*case.workspace, name);
            assert!(
                seen.contains("PORT=3000\nDATABASE_URL=postgres://masked.invalid/masked\n"),
                "{isolation:?} {seen}"
            );
            assert!(
                seen.contains("export SECRET_KEY=masked\n") && !seen.contains("hunter"),
                "{isolation:?} {name} {seen}"
            );
        }
        for name in [".env.example", "tracked.env"] {
            assert_eq!(text(&*case.workspace, name), "PASSWORD=change-me\n");
        }
        let query = |pattern: &str| Query { pattern: pattern.to_owned(), limit: 50, ..Query::default() };
        assert_eq!(case.workspace.search(&query("hunter")).unwrap().0, [], "{isolation:?}");
        assert_eq!(case.workspace.search(&query("PASSWORD")).unwrap().0.len(), 2);
        let named = Query { path: Some(path("way")), ..query("hunter") };
        assert_eq!(case.workspace.search(&named).unwrap().0, []);
        let repository = case.repository();
        let command = format!(
            "cat .env apps/web/.env.local .envrc way '{0}/.env'; ln .env hard 2>/dev/null && cat hard; cp .env copied; \
             cat copied; ln -s .env other; cat other; cat '{0}'/apps/web/.env*; grep -r hunter . || true",
            repository.display()
        );
        let output = case.sh(&command).await;
        assert!(!output.contains("hunter"), "{isolation:?}: {output}");
        assert!(output.matches("SECRET_KEY=masked").count() >= 8, "{isolation:?}: {output}");
        assert!(!text(&*case.workspace, "other").contains("hunter"));
    }
}

#[tokio::test]
async fn a_permission_shows_them_to_one_command() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, with_env_files).await;
        let permitted = Job { env_files: true, ..job("cat .env apps/web/.env.local") };
        let (exit, output) = run_job(&*case.workspace, permitted, CancellationToken::new()).await;
        assert_eq!((exit, output), (Exit::Code(0), SECRET.repeat(2)), "{isolation:?}");
        assert!(!case.sh("cat .env").await.contains("hunter"));
    }
}

#[tokio::test]
async fn they_cannot_be_changed_and_are_never_part_of_a_draft() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, with_env_files).await;
        for name in [".env", "way", ".envrc"] {
            let refused = case.workspace.write(&path(name), b"x", None).unwrap_err();
            assert!(matches!(refused, WorkspaceError::Protected(_)), "{isolation:?} {refused}");
        }
        assert!(matches!(case.workspace.remove(&path(".env")), Err(WorkspaceError::Protected(_))));
        case.run("echo x > .envrc; rm -f .envrc; mv .env elsewhere; echo y >> apps/web/.env.local").await;
        case.run("rm -f elsewhere").await;
        assert_eq!(case.draft(), [], "{isolation:?}");
        for name in [".env", "apps/web/.env.local", ".envrc"] {
            assert_eq!(fs::read_to_string(case.repository().join(name)).unwrap(), SECRET);
        }
    }
}

#[tokio::test]
async fn what_the_agent_made_itself_is_the_agents() {
    for isolation in isolations() {
        let case = Case::open_with(isolation, with_env_files).await;
        case.sh("mkdir new && echo TOKEN=made-up > new/.env && echo A_KEY=made-up-too > .env.ci").await;
        assert_eq!(text(&*case.workspace, "new/.env"), "TOKEN=made-up\n", "{isolation:?}");
        case.workspace.write(&path("new/.env"), b"TOKEN=other\n", None).unwrap();
        assert_eq!(case.sh("cat new/.env .env.ci").await, "TOKEN=other\nA_KEY=made-up-too\n", "{isolation:?}");
        assert_eq!(case.draft(), [change(".env.ci", None, Some("A_KEY=made-up-too\n"))], "{isolation:?}");
    }
}

#[tokio::test]
async fn the_settings_decide() {
    for isolation in isolations() {
        for (how, seen) in [(EnvFiles::Open, SECRET), (EnvFiles::Hidden, "PORT=\nDATABASE_URL=\nexport SECRET_KEY=\n")]
        {
            let folder = tempfile::TempDir::new().unwrap();
            let repository = folder.path().join("home/repo with space");
            fs::create_dir_all(&repository).unwrap();
            make_repository(&repository);
            with_env_files(&repository);
            let mut place = place(folder.path(), isolation);
            place.env_files = how;
            let workspace = open(place).await.unwrap();
            assert!(text(&*workspace, ".env").ends_with(seen), "{isolation:?} {how:?}");
            assert!(super::run(&*workspace, "cat .env").await.1.ends_with(seen), "{isolation:?} {how:?}");
            assert_eq!(workspace.write(&path(".env"), b"x", None).is_ok(), how == EnvFiles::Open);
        }
    }
}

#[tokio::test]
async fn one_that_appears_later_is_masked_as_well() {
    let Some(isolation) = isolations().into_iter().find(|isolation| *isolation == Isolation::Overlay) else { return };
    let case = Case::open(isolation).await;
    assert_eq!(case.run("cat .env").await.0, Exit::Code(1));
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    fs::write(case.repository().join(".env"), SECRET).unwrap();
    assert!(!text(&*case.workspace, ".env").contains("hunter"));
    assert!(!case.sh("cat .env").await.contains("hunter"));
}
