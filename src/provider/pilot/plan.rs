//! What has to be done for a task: which files are changed, in what order, and how.

use super::rank::{Ranked, is_named};
use super::words::{self, Terms, stem};
use super::{languages, story::Story};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is changed where the task says.
    Change,
    /// Tests are added to it.
    AddTests,
    /// It is made.
    Create,
}

/// A file to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The file.
    pub(super) path: String,
    /// What is done to it.
    pub(super) how: How,
}

/// The most files one task changes.
const MOST_TARGETS: usize = 4;

/// How a wish for tests is put.
const ADDING_TESTS: [&str; 6] =
    ["add test", "add a test", "add unit test", "write test", "write a test", "write unit test"];

/// The files to change, in order. Empty when nothing could be found.
pub(super) fn targets(story: &Story, terms: &Terms, ranked: &[Ranked]) -> Vec<Target> {
    let mut targets = Vec::new();
    let exists = |path: &str| ranked.iter().any(|file| is_named(&file.path, path));
    let speaks_of_tests = story.task.to_lowercase().contains("test");
    let failing = speaks_of_failing(&story.task);
    let wanted = |file: &&Ranked| {
        file.named && !(failing && languages::is_test(&file.path)) && !is_spared(&story.task, &file.path, terms)
    };
    for file in ranked.iter().filter(wanted) {
        let how = if languages::is_test(&file.path) && adds_tests(story) { How::AddTests } else { How::Change };
        targets.push(Target { path: file.path.clone(), how });
    }
    // In the order of the task: what it names first is usually what the others follow from.
    targets.sort_by_key(|target| terms.paths.iter().position(|path| is_named(&target.path, path)));
    let listed = story.steps.iter().any(|step| step.name == "list" && step.ok);
    for path in terms.paths.iter().filter(|path| listed && !failing && !exists(path)) {
        let path = placed(path, ranked);
        targets.push(Target { path, how: How::Create });
    }
    targets.extend(migration(terms, ranked).into_iter().map(|path| Target { path, how: How::Create }));
    let code_named = targets.iter().any(|target| target.how != How::AddTests && !languages::is_test(&target.path));
    let only_tests = speaks_of_tests && only_tests(&story.task);
    if !code_named && !only_tests {
        let best = ranked.iter().find(|file| !languages::is_test(&file.path) && languages::of(&file.path).is_code);
        let best = best.or_else(|| ranked.iter().find(|file| !languages::is_test(&file.path)));
        targets.splice(0..0, best.map(|file| Target { path: file.path.clone(), how: How::Change }));
    }
    if speaks_of_tests && wants_tests(&story.task) && !targets.iter().any(|target| languages::is_test(&target.path)) {
        let subject = targets.iter().map(|target| target.path.clone()).next();
        let subject = subject.or_else(|| {
            ranked
                .iter()
                .find(|file| !languages::is_test(&file.path) && languages::of(&file.path).is_code)
                .map(|file| file.path.clone())
        });
        if let Some(subject) = subject {
            targets.push(test_target(&subject, ranked));
        }
    }
    targets.truncate(MOST_TARGETS);
    targets
}

/// Whether a task names a file only to say how things are, and forbids to change what it does not ask for.
fn is_spared(task: &str, path: &str, terms: &Terms) -> bool {
    const FORBIDS: [&str; 7] = [
        "do not change",
        "don't change",
        "do not touch",
        "don't touch",
        "change neither",
        "without changing",
        "leave ",
    ];
    const DEMANDS: [&str; 5] = ["must ", "should ", "shall ", "has to ", "have to "];
    let lower = task.to_lowercase();
    if !FORBIDS.iter().any(|words| lower.contains(words)) {
        return false;
    }
    let sentences: Vec<&str> = task.split(". ").flat_map(|part| part.split('\n')).collect();
    let forbids = |sentence: &str| FORBIDS.iter().any(|words| sentence.to_lowercase().contains(words));
    let asks = |sentence: &str| {
        let sentence = sentence.to_lowercase();
        !forbids(&sentence)
            && (words::begins_with_deed(&sentence) || DEMANDS.iter().any(|word| sentence.contains(word)))
    };
    let names = |sentence: &str, path: &str| words::terms(sentence).paths.iter().any(|named| is_named(path, named));
    let asked = |path: &str| sentences.iter().any(|sentence| names(sentence, path) && asks(sentence));
    // Something has to be left to change.
    !asked(path) && terms.paths.iter().any(|other| !is_named(path, other) && asked(other))
}

fn adds_tests(story: &Story) -> bool {
    wants_tests(&story.task)
}

/// Whether the task asks for tests, not only speaks of them.
fn wants_tests(task: &str) -> bool {
    let task = task.to_lowercase();
    if speaks_of_failing(&task) {
        return false;
    }
    let marks = [
        "with test",
        "with a test",
        "and test",
        "test it",
        "tests for",
        "test for",
        "and a test",
        "and tests",
        "cover it",
        "cover ",
    ];
    ADDING_TESTS.iter().chain(&marks).any(|words| task.contains(words))
}

/// Whether tests fail that are right: they say what to do, and are not to be touched.
pub(super) fn speaks_of_failing(task: &str) -> bool {
    const MARKS: [&str; 15] = [
        "test fails",
        "tests fail",
        "failing test",
        "test is failing",
        "tests are failing",
        "tests are red",
        "make the test",
        "tests pass",
        "test passes",
        "test pass",
        "tests are right",
        "test is right",
        ".py fails",
        ".js fails",
        ".go fails",
    ];
    let task = task.to_lowercase();
    MARKS.iter().any(|words| task.contains(words))
}

/// Whether tests are all the task asks for.
fn only_tests(task: &str) -> bool {
    let task = task.trim().to_lowercase();
    let begins = ["write the test", "create test", "cover ", "test that", "add tests", "add one test", "add some test"];
    ADDING_TESTS.iter().chain(&begins).any(|beginning| task.starts_with(beginning))
        || (task.starts_with("write ") && task.find(" test").is_some_and(|at| at < 24))
}

/// A new file named without a folder goes beside the files of its kind.
fn placed(path: &str, ranked: &[Ranked]) -> String {
    if path.contains('/') {
        return path.to_owned();
    }
    let test = languages::is_test(path);
    let like = |file: &&Ranked| {
        languages::of(&file.path) == languages::of(path)
            && languages::is_test(&file.path) == test
            && !file.path.ends_with("__init__.py")
    };
    let beside = ranked.iter().find(like).and_then(|file| file.path.rsplit_once('/'));
    match beside {
        Some((folder, _)) => format!("{folder}/{path}"),
        None => path.to_owned(),
    }
}

/// The next migration after those there are, when the task asks for one: a file, or one for each way where the last one
/// has both.
fn migration(terms: &Terms, ranked: &[Ranked]) -> Vec<String> {
    if !terms.speaks_of(&["migration", "migrate"]) {
        return Vec::new();
    }
    let mut there: Vec<&str> =
        ranked.iter().map(|file| file.path.as_str()).filter(|path| numbered(path).is_some()).collect();
    there.sort_unstable();
    let Some(last) = there.last() else { return Vec::new() };
    let (folder, name) = last.rsplit_once('/').unwrap_or(("", last));
    let digits = name.chars().take_while(char::is_ascii_digit).count();
    let Ok(number) = name[..digits].parse::<u64>() else { return Vec::new() };
    // A name like `0007_orders` may already be in the task.
    let next = format!("{:0digits$}", number + 1);
    if terms.paths.iter().any(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with(&next))) {
        return Vec::new();
    }
    let (_, ending) = name.split_once('.').unwrap_or((name, "sql"));
    let endings = match ending.strip_prefix("up.").or_else(|| ending.strip_prefix("down.")) {
        Some(ending) => vec![format!("up.{ending}"), format!("down.{ending}")],
        None => vec![ending.to_owned()],
    };
    const NEEDLESS: [&str; 16] = [
        "migration",
        "migrat",
        "column",
        "table",
        "pair",
        "add",
        "writ",
        "write",
        "create",
        "creat",
        "new",
        "text",
        "may",
        "empty",
        "null",
        "default",
    ];
    let slug: Vec<&str> = terms
        .words
        .iter()
        .chain(&terms.names)
        .map(String::as_str)
        .filter(|word| !NEEDLESS.contains(&stem(word)) && !NEEDLESS.contains(word))
        .take(3)
        .collect();
    let slug = if slug.is_empty() { "change".to_owned() } else { slug.join("_").to_lowercase() };
    let place = |ending: String| match folder {
        "" => format!("{next}_{slug}.{ending}"),
        _ => format!("{folder}/{next}_{slug}.{ending}"),
    };
    endings.into_iter().map(place).collect()
}

/// The number of a migration, by a file name like `0007_orders.sql` in a folder that says so.
fn numbered(path: &str) -> Option<()> {
    let (folder, name) = path.rsplit_once('/')?;
    let says = folder
        .rsplit('/')
        .next()
        .is_some_and(|part| part.starts_with("migrat") || part == "versions" || part == "schema");
    let digits = name.chars().take_while(char::is_ascii_digit).count();
    (says && digits > 0 && name[digits..].starts_with(['_', '-'])).then_some(())
}

/// Where tests of a file belong: the file of its tests, the only file of tests, or a new one by the language's custom.
fn test_target(subject: &str, ranked: &[Ranked]) -> Target {
    let (folder, name) = subject.rsplit_once('/').unwrap_or(("", subject));
    let (bare, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let language = languages::of(subject);
    let tests: Vec<&str> = ranked
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| languages::is_test(path) && languages::of(path) == language)
        .collect();
    let of_subject =
        |path: &&&str| path.rsplit('/').next().is_some_and(|name| name.to_lowercase().contains(&bare.to_lowercase()));
    if let Some(path) = tests.iter().find(of_subject).or_else(|| if tests.len() == 1 { tests.first() } else { None }) {
        return Target { path: (*path).to_owned(), how: How::AddTests };
    }
    let beside = tests.first().and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder.to_owned());
    let join = |folder: &str, name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    let path = match language.fence {
        "go" => join(folder, format!("{bare}_test.go")),
        "python" => join(beside.as_deref().unwrap_or("tests"), format!("test_{bare}.py")),
        "javascript" | "typescript" => join(beside.as_deref().unwrap_or("test"), format!("{bare}.test.{ending}")),
        _ => join(beside.as_deref().unwrap_or("tests"), format!("test_{bare}.{ending}")),
    };
    Target { path, how: How::Create }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(paths: &[&str]) -> Vec<Ranked> {
        paths.iter().map(|path| Ranked { path: (*path).to_owned(), score: 1.0, named: false, lines: vec![] }).collect()
    }

    #[test]
    fn tests_go_where_tests_of_the_file_are() {
        for (subject, there, path, how) in [
            ("src/store.py", &["tests/test_store.py", "tests/test_api.py"][..], "tests/test_store.py", How::AddTests),
            ("src/store.py", &["tests/test_all.py"], "tests/test_all.py", How::AddTests),
            ("store.go", &[], "store_test.go", How::Create),
            ("lib/cart.js", &["test/user.test.js", "test/order.test.js"], "test/cart.test.js", How::Create),
            ("app.py", &[], "tests/test_app.py", How::Create),
        ] {
            assert_eq!(test_target(subject, &ranked(there)), Target { path: path.to_owned(), how }, "{subject}");
        }
    }

    #[test]
    fn the_next_migration_follows_the_last() {
        let terms = words::terms("Write a migration that adds cancelled_at to orders");
        let there = ranked(&["migrations/0001_init.sql", "migrations/0002_users.sql", "app.py"]);
        let paths = migration(&terms, &there);
        assert!(
            paths.len() == 1 && paths[0].starts_with("migrations/0003_") && paths[0].ends_with(".sql"),
            "{paths:?}"
        );
        assert!(migration(&terms, &ranked(&["app.py"])).is_empty());
        let there = ranked(&["migrations/0001_users.up.sql", "migrations/0001_users.down.sql"]);
        let terms = words::terms("Write the migration pair that adds a column email to users");
        assert_eq!(
            migration(&terms, &there),
            ["migrations/0002_email_users.up.sql", "migrations/0002_email_users.down.sql"]
        );
        // Named in the task, it is a file like any other.
        let terms = words::terms("Write the migration migrations/0002_email.up.sql");
        assert!(migration(&terms, &there).is_empty());
    }

    #[test]
    fn what_is_only_described_is_spared_where_changes_are_forbidden() {
        let task =
            "The query in q/open.sql reads all. Add an index to schema.sql. Change neither the table nor the query.";
        let free = "The query in q/open.sql reads all. Add an index to schema.sql.";
        for (task, path, spared) in [
            (task, "q/open.sql", true),
            (task, "schema.sql", false),
            (free, "q/open.sql", false),
            ("In a.py f returns 1. Do not change b.py.", "a.py", false),
            ("Make f in a.py return 1. Do not change b.py.", "b.py", true),
        ] {
            assert_eq!(is_spared(task, path, &words::terms(task)), spared, "{path}: {task}");
        }
    }

    #[test]
    fn asking_for_tests_is_not_speaking_of_them() {
        for (task, wants, only) in [
            ("Add a test for cart_total", true, true),
            ("The test fails, fix it", false, false),
            ("Add an endpoint and test it", true, false),
            ("Make the tests pass", false, false),
            ("Write unit tests for store.py", true, true),
        ] {
            assert_eq!((wants_tests(task), only_tests(task)), (wants, only), "{task}");
        }
    }
}
