//! Manifests that cannot be read: said with file and line, and passed over.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::rules::Place;

/// What is wrong with the manifests in a folder. Those of Node are looked at where they are read.
pub(super) fn broken(place: &Place<'_>) -> Vec<String> {
    let here = place.paths.iter().copied().filter(|path| !path.contains('/'));
    here.filter_map(|file| {
        let fault: fn(&str) -> Option<(usize, String)> = match file {
            "pyproject.toml" | "Cargo.toml" | "Pipfile" | "rust-toolchain.toml" => toml,
            "composer.json" | "nest-cli.json" | "nx.json" | "global.json" => json,
            "pom.xml" => xml,
            _ if file.ends_with(".csproj") => xml,
            "go.mod" => module,
            _ => return None,
        };
        let (line, what) = fault(&place.read(file)?)?;
        Some(format!("{}:{line}: {what}", place.full(file)))
    })
    .collect()
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

fn toml(text: &str) -> Option<(usize, String)> {
    let error = toml::de::DeTable::parse(text).err()?;
    Some((error.span().map_or(1, |span| line_of(text, span.start)), format!("not valid TOML ({})", error.message())))
}

fn json(text: &str) -> Option<(usize, String)> {
    let text = text.trim_start_matches('\u{feff}');
    // Comments are what these files are known to have.
    if text.lines().any(|line| line.trim_start().starts_with("//") || line.trim_start().starts_with("/*")) {
        return None;
    }
    let error = serde_json::from_str::<serde_json::Value>(text).err()?;
    Some((error.line().max(1), format!("not valid JSON ({error})")))
}

fn xml(text: &str) -> Option<(usize, String)> {
    let mut reader = Reader::from_str(text);
    let mut open = 0usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => open += 1,
            Ok(Event::End(_)) => open = open.saturating_sub(1),
            Ok(Event::Eof) if open == 0 => return None,
            Ok(Event::Eof) => {
                return Some((text.lines().count().max(1), "not valid XML (it ends inside an element)".to_owned()));
            }
            Ok(_) => {}
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(0);
                return Some((line_of(text, at), format!("not valid XML ({error})")));
            }
        }
    }
}

fn module(text: &str) -> Option<(usize, String)> {
    let named = text.lines().any(|line| line.starts_with("module "));
    (!named).then(|| (1, "no `module` line".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (fault, text, line) in [
            (toml as fn(&str) -> Option<(usize, String)>, "[a]\nb = \n", Some(2)),
            (toml, "[a]\nb = 1\n", None),
            (json, "{\n\"a\": 1,\n}", Some(3)),
            (json, "{\n// a\n}", None),
            (json, "", Some(1)),
            (xml, "<project>\n<a></b>\n</project>", Some(2)),
            (xml, "<project>\n<a>", Some(2)),
            (xml, "<project/>", None),
            (module, "go 1.22\n", Some(1)),
            (module, "module x\n", None),
        ] {
            assert_eq!(fault(text).map(|(line, _)| line), line, "{text}");
        }
    }
}
