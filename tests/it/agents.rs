//! Agent files as people really write them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tenon::agent::{self, Catalogue, Folders, Source};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let found = std::env::var_os("TENON_CORPUS").map_or(beside, PathBuf::from).join("agents");
    if found.join("expected.json").is_file() {
        return Some(found);
    }
    eprintln!("SKIPPED: no corpus of agent files at {}", found.display());
    None
}

fn corpus_cases() -> Vec<(String, Vec<u8>, Value)> {
    let Some(corpus) = corpus() else { return Vec::new() };
    let expected = std::fs::read(corpus.join("expected.json")).unwrap();
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&expected).unwrap();
    expected.into_iter().map(|(path, case)| (path.clone(), std::fs::read(corpus.join(&path)).unwrap(), case)).collect()
}

fn squeeze(text: &str, chars: usize) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(chars).collect()
}

#[test]
fn every_real_file_reads_as_a_person_would_read_it() {
    let mut wrong = Vec::new();
    for (path, bytes, case) in corpus_cases() {
        let agent = agent::parse(&path, &bytes, Source::Project);
        let front = case["has_frontmatter"] == true;
        assert_eq!(agent.has_front_matter, front, "{path}");
        if front {
            let got = serde_json::json!({"name": agent.name, "model": agent.model, "tools": agent.tools});
            let want = serde_json::json!({"name": case["name"], "model": case["model"], "tools": case["tools"]});
            if got != want {
                wrong.push(format!("{path}\n  want {want}\n  got  {got}"));
            }
            let start = squeeze(&agent.description, 100);
            let want = squeeze(case["description_start"].as_str().unwrap_or_default(), 100);
            if !start.starts_with(&want) {
                wrong.push(format!("{path}\n  want {want}\n  got  {start}"));
            }
        }
        for (edge, line) in
            [("body_first_line", agent.prompt.lines().next()), ("body_last_line", agent.prompt.lines().last())]
        {
            let want = case[edge].as_str().unwrap_or_default().trim();
            let got = line.unwrap_or_default().trim();
            if !got.starts_with(want) {
                wrong.push(format!("{path} {edge}\n  want {want}\n  got  {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn files_that_strict_yaml_refuses_say_so_and_clean_ones_say_nothing_about_it() {
    for (path, bytes, case) in corpus_cases() {
        let agent = agent::parse(&path, &bytes, Source::Project);
        let said = agent.notes.iter().any(|note| note.text.starts_with("not valid YAML"));
        let strict = case["strict_yaml"] == true || case["has_frontmatter"] == false;
        // One reader takes a tab after a colon, the other does not; both read the same.
        let tab = case["strict_error"].as_str().is_some_and(|error| error.contains("'\\t'"));
        assert!(strict || said || tab, "{path} was repaired in silence: {:?}", agent.notes);
        // Two YAML readers may differ at the edges, but not on files without any quirk.
        assert!(!said || !strict || case["quirks"] != serde_json::json!([]), "{path}: {:?}", agent.notes);
    }
}

#[test]
fn no_file_of_the_corpus_hurts_when_it_is_cut_anywhere() {
    for (path, bytes, _) in corpus_cases() {
        for cut in [0, 1, 3, 4, 5, 17, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            let agent = agent::parse(&path, &bytes[..cut.min(bytes.len())], Source::Project);
            assert!(!agent.name.is_empty(), "{path} cut at {cut}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_text_at_all_is_read(front in "[a-z:\\-\"'*|>\\[\\]{},# \\t\\n\u{3000}\u{85}é]{0,200}", body in ".{0,40}") {
        let whole = format!("---\n{front}\n---\n{body}");
        let inside = format!("---\nname: x\ndescription: {front}\ntools:{front}\n---\n{body}");
        for text in [whole, inside] {
            let agent = agent::parse("x.md", text.as_bytes(), Source::Project);
            proptest::prop_assert!(!agent.name.is_empty());
            let _ = (agent.allowed(), agent.summary());
        }
    }
}

struct Case {
    what: &'static str,
    text: &'static str,
    name: &'static str,
    description: &'static str,
    model: Option<&'static str>,
    tools: Option<&'static [&'static str]>,
    prompt: &'static str,
    notes: &'static [&'static str],
}

const PLAIN: Case =
    Case { what: "", text: "", name: "a", description: "d", model: None, tools: None, prompt: "P", notes: &[] };

#[test]
fn odd_files_are_read_and_what_is_odd_is_said() {
    let cases = [
        Case { what: "clean", text: "---\nname: a\ndescription: d\n---\n\nP\n", ..PLAIN },
        Case { what: "mark and CRLF", text: "\u{feff}---\r\nname: a\r\ndescription: d\r\n---\r\nP\r\n", ..PLAIN },
        Case { what: "lone CR", text: "---\rname: a\rdescription: d\r---\rP\r", ..PLAIN },
        Case {
            what: "rule in the body",
            text: "---\nname: a\ndescription: d\n---\nP\n\n---\n\nmore\n---\n",
            prompt: "P\n\n---\n\nmore\n---",
            ..PLAIN
        },
        Case {
            what: "colon in prose",
            text: "---\nname: a\ndescription: d: see\nuser: \"hi\"\nContext: x\ntools: Read\n---\nP",
            description: "d: see\nuser: \"hi\"\nContext: x",
            tools: Some(&["Read"]),
            notes: &["not valid YAML"],
            ..PLAIN
        },
        Case {
            what: "run together",
            text: "---\nname: a\ndescription: d\nmodel: opustools: Read, Agent(x, y)\n---\nP",
            model: Some("opus"),
            tools: Some(&["Read", "Agent(x, y)"]),
            notes: &["not valid YAML", "run together"],
            ..PLAIN
        },
        Case {
            what: "tabs",
            text: "---\nname:\ta\ndescription:\td\ntools:\n\t- Read\n\t- Edit\n---\nP",
            tools: Some(&["Read", "Edit"]),
            notes: &["not valid YAML"],
            ..PLAIN
        },
        Case {
            what: "mapping",
            text: "---\nname: a\ndescription: d\ntools:\n  bash: true\n  edit: false\n---\nP",
            tools: Some(&["bash"]),
            ..PLAIN
        },
        Case { what: "number as a name", text: "---\nname: 007\ndescription: d\n---\nP", name: "007", ..PLAIN },
        Case {
            what: "the same key twice",
            text: "---\nname: b\ndescription: d\nname: a\n---\nP",
            notes: &["not valid YAML", "`name` again"],
            ..PLAIN
        },
        Case {
            what: "typo in a key",
            text: "---\nname: a\ndescription: d\nmodle: opus\n---\nP",
            notes: &["unknown key `modle`, did you mean `model`?"],
            ..PLAIN
        },
        Case {
            what: "unknown tools",
            text: "---\nname: a\ndescription: d\ntools: Raed, mcp__x__y\n---\nP",
            tools: Some(&["Raed", "mcp__x__y"]),
            notes: &["unknown tool `Raed` in `tools`, did you mean `Read`?", "unknown tool `mcp__x__y`"],
            ..PLAIN
        },
        Case {
            what: "unknown model",
            text: "---\nname: a\ndescription: d\nmodel: Claude Sonnet 4.5\n---\nP",
            model: Some("Claude Sonnet 4.5"),
            notes: &["unknown model `Claude Sonnet 4.5`"],
            ..PLAIN
        },
        Case {
            what: "no name",
            text: "---\ndescription: d\n---\nP",
            name: "file-name",
            notes: &["no `name`"],
            ..PLAIN
        },
        Case {
            what: "no front matter",
            text: "P",
            name: "file-name",
            description: "",
            notes: &["no front matter"],
            ..PLAIN
        },
        Case {
            what: "rule at the top of prose",
            text: "---\n\nP\n",
            name: "file-name",
            description: "",
            prompt: "---\n\nP",
            notes: &["no front matter"],
            ..PLAIN
        },
        Case {
            what: "fence never closed",
            text: "---\nname: a\ndescription: d\n\nP\n",
            notes: &["no closing `---`"],
            ..PLAIN
        },
        Case {
            what: "not a mapping",
            text: "---\n- name\n---\nP",
            name: "file-name",
            description: "",
            notes: &["not a list of `key: value` lines", "belongs to no field", "no `name`", "no `description`"],
            ..PLAIN
        },
        Case {
            what: "nothing at all",
            text: "",
            name: "file-name",
            description: "",
            prompt: "",
            notes: &["no front matter", "system prompt is empty"],
            ..PLAIN
        },
        Case {
            what: "what Tenon does not act on",
            text: "---\nname: a\ndescription: d\nmaxTurns: 5\ncolor: red\npermissionMode: bypassPermissions\n---\nP",
            notes: &["`permissionMode` has no effect"],
            ..PLAIN
        },
        Case {
            what: "block scalar beside broken YAML",
            text: "---\nname: a\ndescription: |\n  one\n    two\n\n  three\ntools: *\n---\nP",
            description: "one\n  two\n\nthree",
            tools: Some(&["*"]),
            notes: &["not valid YAML"],
            ..PLAIN
        },
    ];
    for case in cases {
        let agent = agent::parse("some/file-name.md", case.text.as_bytes(), Source::User);
        let tools = agent.tools.as_ref().map(|tools| tools.iter().map(String::as_str).collect::<Vec<_>>());
        let what = case.what;
        assert_eq!(agent.name, case.name, "{what}");
        assert_eq!(agent.description, case.description, "{what}");
        assert_eq!(agent.model.as_deref(), case.model, "{what}");
        assert_eq!(tools.as_deref(), case.tools, "{what}");
        assert_eq!(agent.prompt, case.prompt, "{what}");
        let notes: Vec<String> = agent.notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), case.notes.len(), "{what}: {notes:?}");
        for (note, part) in notes.iter().zip(case.notes) {
            assert!(note.contains(part), "{what}: {note:?} should say {part:?}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_that_is_said() {
    let agent = agent::parse("a.md", b"---\nname: caf\xe9\ndescription: d\n---\nP\xff", Source::User);
    assert_eq!(agent.name, "caf\u{fffd}");
    assert!(agent.notes[0].text.contains("not valid UTF-8"));
    let wide: Vec<u8> =
        "\u{feff}---\nname: a\ndescription: d\n---\nP".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(agent::parse("a.md", &wide, Source::User).name, "a");
}

#[test]
fn disallowed_tools_are_taken_away_but_never_the_protocol() {
    let text = "---\nname: a\ndescription: d\ndisallowedTools: Bash, Edit, TodoWrite\n---\nP";
    let allowed = agent::parse("a.md", text.as_bytes(), Source::User).allowed();
    assert!(!allowed.contains("run") && !allowed.contains("edit") && !allowed.contains("apply_patch"));
    assert!(allowed.contains("write") && allowed.contains("plan") && allowed.contains("delegate"));
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn named(name: &str, prompt: &str) -> String {
    format!("---\nname: {name}\ndescription: d\n---\n{prompt}\n")
}

#[test]
fn the_nearest_agent_of_a_name_wins_and_the_others_are_kept_as_shadowed() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path();
    write(root, "home/.claude/agents/x.md", &named("x", "home claude"));
    write(root, "config/agents/x.md", &named("x", "config"));
    write(root, "repo/.claude/agents/deep/er/x.md", &named("x", "repo claude"));
    write(root, "repo/.tenon/agents/y.md", &named("y", "repo tenon"));
    write(root, "repo/sub/.tenon/agents/y.md", &named("y", "sub tenon"));
    write(root, "repo/.claude/agents/README.md", "# About these\n");
    write(root, "repo/.claude/agents/reviewer.md", &named("reviewer", "own"));
    std::fs::create_dir_all(root.join("repo/sub/deeper")).unwrap();
    let repo = root.join("repo");
    let folders = Folders {
        user: agent::user_folders(&root.join("config"), Some(&root.join("home"))),
        project: agent::project_folders(&repo.join("sub/deeper"), &repo),
    };
    let catalogue = Catalogue::load(&folders);
    let prompt = |name: &str| catalogue.find(name).map(|agent| agent.prompt.as_str());
    assert_eq!(prompt("x"), Some("repo claude"));
    assert_eq!(prompt("y"), Some("sub tenon"));
    assert_eq!(prompt("reviewer"), Some("own"));
    assert_eq!(catalogue.find("senior-backend-dev").unwrap().source, Source::Builtin);
    let mut shadowed: Vec<&str> = catalogue.shadowed.iter().map(|agent| agent.name.as_str()).collect();
    shadowed.sort_unstable();
    assert_eq!(shadowed, ["reviewer", "x", "x", "y"]);
    assert_eq!(catalogue.skipped.len(), 1);
    assert!(catalogue.skipped[0].path.ends_with("README.md"));
    assert_eq!(catalogue.nearest("reviewr"), Some("reviewer"));
    assert_eq!(catalogue.find("Reviewer"), None);
}

#[test]
fn a_folder_given_by_hand_lists_every_markdown_file() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path(), "b.md", "no front matter");
    write(temp.path(), "sub/a.md", &named("same", "1"));
    write(temp.path(), "sub/c.MD", &named("same", "2"));
    write(temp.path(), "sub/d.txt", "not one");
    write(temp.path(), "e.md/inside.md", &named("inside", "3"));
    let mut skipped = Vec::new();
    let agents = agent::load_folder(temp.path(), Source::Project, &mut skipped);
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["b", "inside", "same", "same"]);
    assert!(skipped.is_empty());
    let row = serde_json::to_value(agents[0].listing()).unwrap();
    let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["name", "description", "model", "tools", "source", "path", "notes"]);
    assert_eq!(row["source"], "project");
    assert_eq!(row["tools"], Value::Null);
    assert!(row["notes"][0].as_str().unwrap().contains("no front matter"));
}

#[cfg(unix)]
#[test]
fn loops_and_unreadable_files_are_told_not_followed_forever() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path(), "a.md", &named("a", "1"));
    std::os::unix::fs::symlink(temp.path(), temp.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere.md", temp.path().join("dangling.md")).unwrap();
    write(temp.path(), "huge.md", &"x".repeat(3 * 1024 * 1024));
    let mut skipped = Vec::new();
    let agents = agent::load_folder(temp.path(), Source::User, &mut skipped);
    assert_eq!(agents.len(), 1);
    let mut reasons: Vec<String> = skipped.iter().map(|skipped| skipped.note.text.clone()).collect();
    reasons.sort();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("a prompt is not larger") && reasons[1].starts_with("cannot be read"), "{reasons:?}");
}

#[test]
fn built_in_agents_are_clean() {
    let agents = agent::builtin();
    assert!(agents.iter().any(|agent| agent.name == "senior-backend-dev"));
    for agent in agents {
        assert_eq!(agent.notes, [], "{}", agent.name);
        assert!(!agent.description.is_empty() && !agent.prompt.is_empty(), "{}", agent.name);
        assert_eq!(agent.path, None);
    }
}

/// What the agent the product began with asks for, line by line, as words its successor has to have.
#[test]
fn the_senior_backend_developer_covers_all_it_was_asked_for() {
    let agent = agent::builtin().into_iter().find(|agent| agent.name == "senior-backend-dev").unwrap();
    assert_eq!((agent.model, agent.tools), (None, None));
    let prompt = agent.prompt.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let missing: Vec<&str> = [
        "ten years",
        "scalable",
        "secure",
        "openapi",
        "graphql",
        "request and response schemas",
        "validat",
        "jwt",
        "oauth2",
        "api keys",
        "authoris",
        "rate limit",
        "caching",
        "pagination",
        "documentation",
        "controllers, services and repositories",
        "integration tests",
        "load and stress",
        "edge cases",
        "error cases",
        "security tests",
        "postman",
        "curl",
        "jest",
        "mocha",
        "pytest",
        "junit",
        "supertest",
        "contract",
        "github actions",
        "gitlab ci",
        "jenkins",
        "aws",
        "gcp",
        "azure",
        "vercel",
        "railway",
        "docker",
        "kubernetes",
        "nginx",
        "pm2",
        "environment variables",
        "secrets",
        "health checks",
        "monitoring",
        "migrations in production",
        "logs",
        "sentry",
        "cloudwatch",
        "schemas",
        "efficient queries",
        "indexes",
        "seeds and fixtures",
        "backup",
        "restore",
        "input",
        "never from code, logs",
        "http status",
        "structured error",
        "measure",
        "examples",
        "happy path",
        "coverage",
        "solid",
        "meaningful names",
        "small focused functions",
        "requirements",
        "inputs, outputs",
        "grow",
        "existing patterns",
        "increment",
        "logical chunk",
        "written with the code",
        "comment",
        "hostile reviewer",
        "performance",
        "approach before the code",
        "example requests and responses",
        "how to run them",
        "configuration",
        "pass/fail",
        "improvements",
        "numbered steps",
        "roll-back",
        "node.js",
        "python",
        "java",
        "go;",
        "typescript",
        "express",
        "nestjs",
        "fastapi",
        "django",
        "spring boot",
        "gin",
        "postgresql",
        "mysql",
        "mongodb",
        "redis",
        "sqlite",
        "ec2, lambda, rds, s3",
        "conventions",
        "propose",
        "plan",
        "never commit",
    ]
    .into_iter()
    .filter(|words| !prompt.contains(words))
    .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_reviewer_can_only_read() {
    let agent = agent::builtin().into_iter().find(|agent| agent.name == "reviewer").unwrap();
    assert_eq!(agent.allowed().tools, ["read", "list", "search", "plan", "ask", "propose", "stack"]);
}

#[test]
fn the_agent_the_product_began_with_loads_unchanged() {
    let Some(corpus) = corpus() else { return };
    let seed = corpus.join("../../seed/senior-backend-dev.md");
    let Ok(bytes) = std::fs::read(&seed) else {
        eprintln!("SKIPPED: no seed agent at {}", seed.display());
        return;
    };
    let agent = agent::parse("senior-backend-dev.md", &bytes, Source::User);
    assert_eq!(
        (agent.name.as_str(), agent.model.as_deref(), agent.tools),
        ("senior-backend-dev", Some("sonnet"), None)
    );
    assert!(agent.description.contains("<example>") && agent.description.ends_with("</example>"));
    assert!(
        agent.prompt.starts_with("You are a Senior Backend Developer") && agent.prompt.ends_with("in the codebase.")
    );
    assert_eq!(agent.notes.len(), 1, "{:?}", agent.notes);
}
