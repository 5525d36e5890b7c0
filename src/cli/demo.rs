//! `tenon demo`: a small real backend project with a task ready to send.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::surroundings::Surroundings;
use super::{Accept, Common, Done, Failure, block_on, pair, run};
use crate::git;
use crate::provider::Registry;

/// The task the demo has ready.
const TASK: &str =
    "Add POST /orders/{id}/cancel. Cancelling an order that is already shipped answers 409. Test it and document it.";

/// The task for a model inside this program: one file, one function, which is what such a model does well.
const SMALL_TASK: &str = "Let Store.all in orders/store.py take an optional status, and return only the orders with that status when one is given.";

/// The project: real code with real tests, from the standard library only.
const FILES: [(&str, &str); 8] = [
    ("README.md", include_str!("../../assets/demo/project/README.md")),
    (".gitignore", include_str!("../../assets/demo/project/gitignore")),
    ("orders/__init__.py", include_str!("../../assets/demo/project/orders/__init__.py")),
    ("orders/__main__.py", include_str!("../../assets/demo/project/orders/__main__.py")),
    ("orders/api.py", include_str!("../../assets/demo/project/orders/api.py")),
    ("orders/store.py", include_str!("../../assets/demo/project/orders/store.py")),
    ("tests/__init__.py", include_str!("../../assets/demo/project/tests/__init__.py")),
    ("tests/test_api.py", include_str!("../../assets/demo/project/tests/test_api.py")),
];

/// The recorded answers: what a model said when it was given the task.
const JOURNAL: &str = include_str!("../../assets/demo/journal.jsonl");

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Where to make the project; a new folder below the cache directory when left out
    folder: Option<PathBuf>,
    /// Without a screen: which proposals are committed
    #[arg(long, value_enum, default_value_t)]
    accept: Accept,
    /// Use the recorded answers even where a model is at hand
    #[arg(long)]
    recorded: bool,
    /// Print what happens instead of opening the screen
    #[arg(long)]
    headless: bool,
}

pub(crate) fn demo(around: &Surroundings, common: &Common, arguments: Arguments) -> Done {
    let folder = prepare(around, arguments.folder.as_deref())?;
    let mut common = common.clone();
    common.cd = Some(folder.clone());
    let found = model_at_hand(around, &common).filter(|_| !arguments.recorded);
    if found.is_none() {
        common.model = Some(format!("recorded/{}", recorded(around)?.display()));
        eprintln!(
            "tenon: no model was found, so the answers of the demo are recorded; edits, tests and the commit are real.\n  \
             → `tenon models pull` fetches one that needs no account and stays on this machine; ANTHROPIC_API_KEY, \
             OPENAI_API_KEY or --model name another"
        );
    }
    let task = if found.is_some_and(|model| model.starts_with("embedded")) { SMALL_TASK } else { TASK };
    eprintln!("tenon: the demo project is in {}", folder.display());
    let around = Surroundings::of_process(&common)?;
    let screen = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if screen && !arguments.headless && !common.json {
        block_on(pair::open_with(&around, &common, false, Some(task.to_owned())))
    } else {
        eprintln!("tenon: task: {task}");
        let task = run::Arguments { task: Some(task.to_owned()), accept: arguments.accept, allow_network: false };
        block_on(run::run(&around, &common, task))
    }
}

/// The model that will be asked: the one that was named, the configured one, or the best there is.
fn model_at_hand(around: &Surroundings, common: &Common) -> Option<String> {
    let configured = common.model.clone().or_else(|| around.settings.model.clone());
    configured.or_else(|| Registry::new(&around.settings, &around.environment).default_model())
}

fn recorded(around: &Surroundings) -> Result<PathBuf, Failure> {
    let path = around.directories.cache.join("demo").join("journal.jsonl");
    write(&path, JOURNAL)?;
    Ok(path)
}

/// Makes the project in an empty folder and commits it as its author would.
fn prepare(around: &Surroundings, wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = match wanted {
        Some(folder) => around.folder.join(folder),
        None => free_folder(&around.directories.cache.join("demo")),
    };
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(
            Failure::usage(format!("{} is not empty", folder.display())).hint("name a folder that does not exist yet")
        );
    }
    for (path, text) in FILES {
        write(&folder.join(path), text)?;
    }
    git::init_with_commit(&folder, "Orders over HTTP, with tests")
        .map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
    folder.canonicalize().map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))
}

fn free_folder(below: &Path) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let folder = below.join(format!("orders-{number}"));
        if !folder.exists() {
            return folder;
        }
        number += 1;
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let done = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    done.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}
