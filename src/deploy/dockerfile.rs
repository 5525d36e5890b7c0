//! Dockerfiles: what would not build, and what should not run like that.

mod parse;
mod sources;

use std::collections::BTreeMap;

use super::rules::{hint, near, rules};
use super::{Sink, Tree, is_placeholder, is_secret};
use parse::Instruction;

/// A stage of a build.
struct Stage {
    name: String,
    image: String,
    line: usize,
}

pub(super) fn check(text: &str, tree: &Tree<'_>, sink: &mut Sink<'_>) {
    let instructions = parse::instructions(text);
    let known: Vec<String> = rules().dockerfile.instructions.keys().cloned().collect();
    let mut stages: Vec<Stage> = Vec::new();
    let mut arguments: BTreeMap<String, String> = BTreeMap::new();
    if instructions.is_empty() {
        sink.error(1, "empty", "no instruction in this file");
        return;
    }
    for instruction in &instructions {
        let (word, line) = (instruction.word.as_str(), instruction.line);
        let Some(options) = rules().dockerfile.instructions.get(word) else {
            sink.error(
                line,
                "unknown-instruction",
                format!("there is no instruction `{}`{}", instruction.written, hint(word, &known)),
            );
            continue;
        };
        for option in instruction.options.iter().filter(|(name, _)| !options.contains(name)) {
            let message = format!("{word} has no option `--{}`{}", option.0, hint(&option.0, options));
            sink.either(near(&option.0, options).is_some(), line, "unknown-option", message);
        }
        if instruction.rest.is_empty() && instruction.heredocs.is_empty() && word != "MAINTAINER" {
            sink.error(line, "syntax", format!("{word} says nothing"));
            continue;
        }
        if stages.is_empty() && !matches!(word, "FROM" | "ARG") {
            sink.error(line, "syntax", format!("{word} before the first FROM"));
        }
        match word {
            "FROM" => from(instruction, &mut stages, &arguments, sink),
            "ARG" | "ENV" => variables(instruction, &mut arguments, sink),
            "COPY" | "ADD" => {
                copy(instruction, &stages, sink);
                sources::check(instruction, tree, sink);
            }
            "EXPOSE" => expose(instruction, sink),
            "CMD" | "ENTRYPOINT" => form(instruction, sink),
            "WORKDIR" if !instruction.rest.starts_with(['/', '$', '"', '\'']) && !instruction.rest.contains(':') => {
                sink.warn(
                    line,
                    "workdir",
                    format!("`{}` is relative to whatever came before; an absolute path is clearer", instruction.rest),
                );
            }
            "MAINTAINER" => sink.say(
                crate::domain::Severity::Note,
                line,
                "deprecated",
                "MAINTAINER is deprecated: LABEL says it now",
            ),
            _ => {}
        }
    }
    if stages.is_empty() {
        sink.error(1, "syntax", "no FROM: there is nothing to build on");
        return;
    }
    last_stage(&instructions, &stages, sink);
    sources::ignore_file(&instructions, tree, sink);
}

fn filled(text: &str, arguments: &BTreeMap<String, String>) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..8 {
        let Some(at) = text.find('$') else { return Some(text) };
        let rest = &text[at + 1..];
        let (name, length, default) = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}')?;
                let (name, default) =
                    inner[..end].split_once(":-").map_or((&inner[..end], None), |(n, d)| (n, Some(d)));
                (name, end + 3, default)
            }
            None => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (&rest[..end], end + 1, None)
            }
        };
        let value = arguments.get(name).filter(|value| !value.is_empty()).cloned().or(default.map(str::to_owned))?;
        text.replace_range(at..at + length, &value);
    }
    Some(text)
}

fn from(instruction: &Instruction, stages: &mut Vec<Stage>, arguments: &BTreeMap<String, String>, sink: &mut Sink<'_>) {
    let words: Vec<&str> = instruction.rest.split_whitespace().collect();
    let line = instruction.line;
    let named = match words.as_slice() {
        [_] => None,
        [_, by, name] if by.eq_ignore_ascii_case("as") => Some(*name),
        _ => {
            sink.error(
                line,
                "syntax",
                format!("FROM takes an image and may name it with AS, not `{}`", instruction.rest),
            );
            words.get(2).copied()
        }
    };
    let image = words.first().copied().unwrap_or_default();
    let name = named.map_or_else(|| stages.len().to_string(), str::to_lowercase);
    let own = stages.iter().any(|stage| stage.name.eq_ignore_ascii_case(image));
    if stages.iter().any(|stage| stage.name == name) {
        sink.error(line, "stage", format!("two stages are called `{name}`"));
    }
    // An image that only the build knows says nothing here.
    if let Some(full) = filled(image, arguments).filter(|full| !own && full != "scratch") {
        let last = full.rsplit('/').next().unwrap_or(&full);
        if full.contains("://") {
            sink.error(line, "syntax", format!("`{full}` is an address, not an image"));
        } else if last.ends_with(":latest") {
            sink.warn(line, "tag", format!("`{full}` is another image every day; name a version"));
        } else if !last.contains([':', '@']) {
            sink.warn(
                line,
                "tag",
                format!("`{full}` has no tag, so it is `latest`: another image every day; name a version"),
            );
        }
    }
    stages.push(Stage { name, image: image.to_owned(), line });
}

fn variables(instruction: &Instruction, arguments: &mut BTreeMap<String, String>, sink: &mut Sink<'_>) {
    let argument = instruction.word == "ARG";
    for (name, value) in parse::assignments(instruction) {
        let plain = value.as_deref().map(|value| value.trim_matches(['"', '\'']).to_owned());
        if !argument && value.is_none() {
            sink.error(instruction.line, "syntax", format!("ENV `{name}` has no value"));
        }
        if is_secret(&name) {
            match &plain {
                Some(value) if !is_placeholder(value) => sink.error(instruction.line, "secret", format!("{} `{name}` puts a secret into the image; give it at run time, or with RUN --mount=type=secret", instruction.word)),
                None if argument => sink.warn(instruction.line, "secret", format!("ARG `{name}` stays in the image's history; RUN --mount=type=secret does not")),
                _ => {}
            }
        }
        if let Some(value) = plain {
            arguments.insert(name, value);
        }
    }
}

fn copy(instruction: &Instruction, stages: &[Stage], sink: &mut Sink<'_>) {
    let from = instruction.options.iter().find(|(name, _)| name == "from").map(|(_, value)| value.to_lowercase());
    let places = parse::places(instruction);
    if places.len() < 2 && instruction.heredocs.is_empty() {
        sink.error(instruction.line, "syntax", format!("{} needs a source and a destination", instruction.word));
    }
    if places.len() > 2 && places.last().is_some_and(|to| !to.ends_with('/') && !to.ends_with('.') && !to.contains('$'))
    {
        sink.error(
            instruction.line,
            "copy",
            format!(
                "with several sources the destination has to be a folder that ends with `/`, not `{}`",
                places[places.len() - 1]
            ),
        );
    }
    let Some(from) = from.filter(|from| !from.contains('$')) else { return };
    let number = from.parse::<usize>().ok();
    if let Some(number) = number {
        if number + 1 > stages.len().saturating_sub(1) {
            sink.error(instruction.line, "stage", format!("there is no earlier stage {number}"));
        }
        return;
    }
    if stages.iter().any(|stage| stage.name == from) || from.contains([':', '/', '@']) {
        return;
    }
    let names: Vec<String> =
        stages.iter().map(|stage| stage.name.clone()).filter(|name| name.parse::<usize>().is_err()).collect();
    let message = format!("there is no earlier stage `{from}`{}", hint(&from, &names));
    // It may be an image, or a context the build is given.
    sink.either(near(&from, &names).is_some(), instruction.line, "stage", message);
}

fn expose(instruction: &Instruction, sink: &mut Sink<'_>) {
    for port in instruction.rest.split_whitespace().filter(|port| !port.contains('$')) {
        let number = port.split('/').next().unwrap_or_default();
        let valid = number.split('-').all(|part| part.parse::<u16>().is_ok_and(|port| port > 0));
        let protocol = port
            .split_once('/')
            .is_none_or(|(_, protocol)| matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp" | "sctp"));
        if !valid || !protocol {
            sink.error(instruction.line, "port", format!("`{port}` is no port"));
        }
    }
}

/// Exec form is a JSON list; what only looks like one is run by a shell and fails.
fn form(instruction: &Instruction, sink: &mut Sink<'_>) {
    let rest = instruction.rest.trim();
    if rest.starts_with('[') && rest.ends_with(']') {
        if serde_json::from_str::<Vec<String>>(rest).is_err() && !rest.starts_with("[ -") && !rest.starts_with("[[") {
            sink.error(
                instruction.line,
                "exec-form",
                format!("{} is no list of JSON texts, so a shell would run `{rest}`", instruction.word),
            );
        }
    } else {
        sink.warn(instruction.line, "exec-form", format!("{} runs through a shell, which keeps signals from the program; write it as a list: [\"program\", \"argument\"]", instruction.word));
    }
}

/// What the image that is kept is run like.
fn last_stage(instructions: &[Instruction], stages: &[Stage], sink: &mut Sink<'_>) {
    let Some(last) = stages.last() else { return };
    let own: Vec<&Instruction> = instructions.iter().filter(|one| one.line >= last.line).collect();
    let of = |word: &str| own.iter().filter(|one| one.word == word).copied().collect::<Vec<_>>();
    // A base that is a stage of this file may have set it.
    let from_stage = stages.iter().any(|stage| stage.name.eq_ignore_ascii_case(&last.image));
    let runs = !of("CMD").is_empty() || !of("ENTRYPOINT").is_empty();
    for word in ["CMD", "ENTRYPOINT"] {
        if let [.., before, _] = of(word).as_slice() {
            sink.warn(before.line, "twice", format!("only the last {word} of a stage counts"));
        }
    }
    if let Some(user) = of("USER").last() {
        if matches!(user.rest.split(':').next().unwrap_or_default(), "root" | "0") && runs {
            sink.warn(user.line, "root", "the service runs as root; name another USER");
        }
    } else if runs && !from_stage && !last.image.contains("nonroot") && !last.image.contains("unprivileged") {
        sink.warn(last.line, "root", "no USER: the service runs as root");
    }
    if runs && !of("EXPOSE").is_empty() && of("HEALTHCHECK").is_empty() && !from_stage {
        sink.warn(last.line, "healthcheck", "no HEALTHCHECK: nobody notices when the service hangs");
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{found, tree};

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_file_has_none() {
        let sound = "# syntax=docker/dockerfile:1\nARG V=3.12\nFROM python:${V}-slim AS build\nWORKDIR /app\nCOPY app.py requirements.txt ./\nRUN <<EOF\npip install \\\n  -r requirements.txt\nEOF\n\nFROM python:3.12-slim\nCOPY --from=build --chown=app /app /app\nENV A=1 \\\n    # why\n    B=\"x y\"\nEXPOSE 8000/tcp\nHEALTHCHECK CMD curl -f localhost:8000\nUSER app\nCMD [\"python\", \"app.py\"]\n";
        let files = tree(&[("Dockerfile", sound), ("app.py", ""), ("requirements.txt", ""), (".dockerignore", ".git")]);
        assert_eq!(found(&files, "Dockerfile"), Vec::<String>::new());
        for (from, to, expected) in [
            ("WORKDIR /app", "WORKDRI /app", "4 error unknown-instruction"),
            ("RUN <<EOF", "FROM <<EOF x", "6 error syntax"),
            ("--chown=app", "--chwon=app", "12 error unknown-option"),
            ("--from=build", "--from=biuld", "12 error stage"),
            ("FROM python:3.12-slim\n", "FROM python\n", "11 warning tag"),
            ("FROM python:3.12-slim\n", "FROM python:latest\n", "11 warning tag"),
            ("ENV A=1", "ENV DB_PASSWORD=q7Zp2LmW9x", "13 error secret"),
            ("ARG V=3.12", "ARG V=3.12\nARG API_TOKEN", "3 warning secret"),
            ("EXPOSE 8000/tcp", "EXPOSE 80000", "16 error port"),
            ("HEALTHCHECK CMD curl -f localhost:8000\n", "", "11 warning healthcheck"),
            ("USER app\n", "", "11 warning root"),
            ("[\"python\", \"app.py\"]", "['python', 'app.py']", "19 error exec-form"),
            ("[\"python\", \"app.py\"]", "python app.py", "19 warning exec-form"),
            ("COPY app.py", "COPY ap.py", "5 error copy"),
        ] {
            assert!(sound.contains(from), "{from}");
            let text = sound.replacen(from, to, 1);
            let files =
                tree(&[("Dockerfile", &text), ("app.py", ""), ("requirements.txt", ""), (".dockerignore", ".git")]);
            let found = found(&files, "Dockerfile");
            assert!(found.iter().any(|line| line.starts_with(expected)), "{to}: {found:?}");
        }
    }
}
