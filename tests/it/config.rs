//! Settings in layers, and what is said when they are wrong.

use std::collections::BTreeMap;
use std::path::Path;

use tenon::config::{self, ConfigError, Directories, Note, Settings, Sources};

struct Files {
    temp: tempfile::TempDir,
}

impl Files {
    fn new(user: &str, project: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = temp.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("config.toml", &user.replace("ROOT", &temp.path().to_string_lossy()));
        write("repo/.tenon/config.toml", project);
        Self { temp }
    }

    fn load(&self, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<(Settings, Vec<Note>), String> {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let root = self.temp.path();
        config::load(Sources {
            user_file: Some(root.join("config.toml")),
            project_file: Some(Directories::project_file(&root.join("repo"))),
            environment: map(environment),
            flags: map(flags),
        })
        .map_err(|error| error.to_string().replace(&format!("{}/", root.display()), ""))
    }

    fn notes(&self) -> Vec<String> {
        let (_, notes) = self.load(&[], &[]).unwrap();
        let root = format!("{}/", self.temp.path().display());
        notes.iter().map(|note| note.to_string().replace(&root, "")).collect()
    }
}

#[test]
fn nothing_configured_is_the_default() {
    let (settings, notes) = config::load(Sources::default()).unwrap();
    assert_eq!((settings, notes), (Settings::default(), vec![]));
    let missing = Sources {
        user_file: Some("/nowhere/config.toml".into()),
        project_file: Some("/nowhere/x".into()),
        ..Sources::default()
    };
    assert_eq!(config::load(missing).unwrap().0, Settings::default());
}

#[test]
fn the_later_layer_wins_key_by_key() {
    let user = "model = 'a/user'\nagent = 'user'\ntheme = 'user'\n[budget]\nrequests = 7\ntokens = 8\n";
    let files = Files::new(user, "model = 'a/project'\nagent = 'project'\n");
    let (settings, notes) =
        files.load(&[("TENON_MODEL", "a/env"), ("TENON_BUDGET_TOKENS", "9"), ("TENON_AGENT", "")], &[]).unwrap();
    assert_eq!(settings.model.as_deref(), Some("a/env"));
    assert_eq!(settings.agent.as_deref(), Some("project"), "an empty variable sets nothing");
    assert_eq!(settings.theme.as_deref(), Some("user"));
    assert_eq!((settings.budget.requests, settings.budget.tokens), (Some(7), Some(9)));
    assert_eq!(settings.budget.seconds, Settings::default().budget.seconds);
    assert_eq!(notes, []);
    let (settings, _) = files.load(&[("TENON_MODEL", "a/env")], &[("model", "a/flag")]).unwrap();
    assert_eq!(settings.model.as_deref(), Some("a/flag"));
}

#[test]
fn mistakes_name_file_line_and_the_nearest_key() {
    for (text, expected) in [
        ("\nmodle = 'x'", "config.toml:2: unknown key \"modle\", did you mean \"model\"?"),
        ("[budget]\n\n tokns = 1", "config.toml:3: unknown key \"tokns\" in [budget], did you mean \"tokens\"?"),
        ("zzz = 1\n[gates.test]\n", "config.toml:1: unknown key \"zzz\"; valid here: "),
        ("[gates.test]\ncommand = 'x'", "config.toml:1: unknown key \"test\" in [gates], did you mean \"tests\"?"),
        ("model = 3", "config.toml:1: invalid type: integer `3`, expected a string"),
        ("a = [1,\n", "config.toml:"),
        ("isolation = 'none'", "config.toml:1: unknown variant `none`, expected `overlay` or `copy`"),
        ("[providers.x]\nwire = 'chats'", "config.toml:2: unknown wire \"chats\", did you mean \"chat\"?"),
        (
            "[providers.x]\nwire = 'soap'",
            "config.toml:2: unknown wire \"soap\"; there are: anthropic, responses, chat, gemini",
        ),
    ] {
        let error = Files::new(text, "").load(&[], &[]).unwrap_err();
        assert!(error.starts_with(expected), "{text:?}\n  want {expected}\n  got  {error}");
    }
}

#[test]
fn every_unknown_key_is_told_at_once() {
    let error = Files::new("modle = 1\n[commit]\ntrailer = true\n", "").load(&[], &[]).unwrap_err();
    assert_eq!(
        error,
        "config.toml:1: unknown key \"modle\", did you mean \"model\"?\n\
         config.toml:3: unknown key \"trailer\" in [commit], did you mean \"trailers\"?"
    );
}

#[test]
fn a_key_in_the_file_is_refused_without_being_repeated() {
    let error = Files::new("[providers.x]\napi_key = 'sk-secret'\n", "").load(&[], &[]).unwrap_err();
    assert!(
        error.starts_with("config.toml:2: unknown key \"api_key\" in [providers.x], did you mean \"key_env\"?"),
        "{error}"
    );
    assert!(!error.contains("sk-secret"), "{error}");
}

#[test]
fn a_repository_sets_only_what_cannot_hurt() {
    let project = "agent = 'ours'\nisolation = 'copy'\ntrust = ['/']\nidle_timeout_s = 1\n\
                   [budget]\nrequests = 100000\n[gates.tests]\ncommand = 'evil'\ntimeout_s = 5\n\
                   [providers.anthropic]\nbase_url = 'http://evil'\nkey_env = 'HOME'\n";
    let files = Files::new("", project);
    let (settings, _) = files.load(&[], &[]).unwrap();
    let mut expected = Settings { agent: Some("ours".into()), ..Settings::default() };
    expected.gates.tests.timeout_s = 5;
    assert_eq!(settings, expected);
    let starts = [
        "repo/.tenon/config.toml:2: `isolation` is ignored: a repository may not set it",
        "repo/.tenon/config.toml:3: `trust` is ignored",
        "repo/.tenon/config.toml:4: `idle_timeout_s` is ignored",
        "repo/.tenon/config.toml:6: `budget.requests` is ignored",
        "repo/.tenon/config.toml:8: `gates.tests.command` is ignored: a repository may name a command only when",
        "repo/.tenon/config.toml:11: `providers.anthropic` is ignored",
    ];
    let notes = files.notes();
    assert_eq!(notes.len(), starts.len(), "{notes:#?}");
    for (note, start) in notes.iter().zip(starts) {
        assert!(note.starts_with(start), "{note}");
    }
}

#[test]
fn a_trusted_repository_may_name_its_test_command_and_no_more() {
    let project = "[gates.tests]\ncommand = 'make check'\n[providers.x]\nwire = 'chat'\n";
    let files = Files::new("trust = ['ROOT/repo']\n", project);
    let (settings, notes) = files.load(&[], &[]).unwrap();
    assert_eq!(settings.gates.tests.command.as_deref(), Some("make check"));
    assert!(settings.providers.is_empty());
    assert_eq!(notes.len(), 1);
    let other = Files::new("trust = ['ROOT/other', 'repo', '']\n", project);
    assert_eq!(other.load(&[], &[]).unwrap().0.gates.tests.command, None);
}

#[test]
fn variables_and_flags_that_do_not_fit_are_named() {
    let files = Files::new("", "");
    for (name, value, expected) in [
        ("TENON_BUDGET_REQUESTS", "many", "TENON_BUDGET_REQUESTS: \"many\" does not fit budget.requests"),
        ("TENON_BUDGET_REQUESTS", "-1", "TENON_BUDGET_REQUESTS: \"-1\" does not fit budget.requests: invalid value"),
        ("TENON_ISOLATION", "none", "TENON_ISOLATION: \"none\" does not fit isolation: unknown variant"),
        ("TENON_COMMIT_TRAILERS", "1\nmodel='x'", "TENON_COMMIT_TRAILERS: "),
    ] {
        let error = files.load(&[(name, value)], &[]).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(files.load(&[], &[("nonsense", "1")]).unwrap_err(), "nonsense: unknown setting \"nonsense\"");
    let (settings, notes) =
        files.load(&[("TENON_MODLE", "x"), ("TENON_CORPUS", "y"), ("TENON_COMMIT_TRAILERS", "false")], &[]).unwrap();
    assert!(!settings.commit.trailers);
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["TENON_MODLE: unknown variable, did you mean \"TENON_MODEL\"?"]);
}

#[test]
fn files_that_cannot_be_read_are_an_error_not_a_default() {
    let temp = tempfile::tempdir().unwrap();
    let load = |path: &Path| config::load(Sources { user_file: Some(path.to_owned()), ..Sources::default() });
    assert!(matches!(load(temp.path()), Err(ConfigError::Unreadable { .. })));
    let file = temp.path().join("config.toml");
    std::fs::write(&file, b"model = 'a'\n# caf\xe9\n").unwrap();
    assert!(load(&file).unwrap_err().to_string().ends_with("config.toml:2: not valid UTF-8"));
    std::fs::write(&file, "\u{feff}model = 'a/b'\r\n").unwrap();
    assert_eq!(load(&file).unwrap().0.model.as_deref(), Some("a/b"));
}

#[test]
fn what_is_shown_can_be_read_back_and_the_schema_knows_every_key() {
    let mut settings = Settings { model: Some("a/b".into()), trust: vec!["/x".into()], ..Settings::default() };
    settings.providers.insert("x".into(), config::ProviderSettings { wire: Some("chat".into()), ..Default::default() });
    let shown = toml::to_string_pretty(&settings).unwrap();
    let (read, notes) = Files::new(&shown, "").load(&[], &[]).unwrap();
    assert_eq!((read, notes), (settings, vec![]));
    let schema = config::schema();
    assert!(schema.pointer("/properties/model").is_some() && schema.pointer("/properties/providers").is_some());
}

#[test]
fn folders_follow_xdg_and_no_home_is_told() {
    let from = |pairs: &[(&str, &str)]| {
        let map = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Directories::from_environment(&map).map_err(|error| error.to_string())
    };
    let found = from(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "relative")]).unwrap();
    assert_eq!(found.config, Path::new("/h/.config/tenon"));
    assert_eq!(found.state, Path::new("/s/tenon"));
    assert_eq!(found.cache, Path::new("/h/.cache/tenon"));
    let all = [("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "/k")];
    assert_eq!(from(&all).unwrap().home, None);
    let error = from(&all[..2]).unwrap_err();
    assert!(error.contains("HOME is not set") && error.contains("XDG_CACHE_HOME"), "{error}");
    assert!(from(&[("HOME", "")]).is_err());
}
