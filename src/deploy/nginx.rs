//! Configuration of nginx: braces, semicolons, directives that are misspelt.

use super::Sink;
use super::rules::{hint, near, rules};

/// A directive with its line.
struct Directive {
    line: usize,
    words: Vec<String>,
    block: bool,
}

pub(super) fn check(text: &str, sink: &mut Sink<'_>) {
    let Some(directives) = directives(text, sink) else { return };
    let known = &rules().nginx.directives;
    for directive in &directives {
        let Some(name) = directive.words.first() else { continue };
        let plain =
            name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && name.contains(|c: char| c.is_ascii_lowercase());
        // Only what is all but a well-known one: nginx has hundreds.
        if plain
            && !known.contains(name)
            && name.len() > 5
            && near(name, known)
                .is_some_and(|near| near.len().abs_diff(name.len()) <= 1 && strsim::osa_distance(near, name) == 1)
            && !is_plural(name, known)
        {
            sink.error(
                directive.line,
                "unknown-directive",
                format!("there is no directive `{name}`{}", hint(name, known)),
            );
        }
        let value = directive.words.get(1).map(String::as_str).unwrap_or_default();
        match name.as_str() {
            "proxy_pass" if !value.contains("://") && !value.starts_with('$') => {
                sink.error(directive.line, "proxy-pass", format!("`proxy_pass {value}` needs http:// or https://"));
            }
            "listen" if !directive.block && !is_listen(value) => {
                sink.error(directive.line, "listen", format!("`{value}` is no address or port to listen on"));
            }
            _ => {}
        }
    }
    let defaults: Vec<&Directive> = directives
        .iter()
        .filter(|one| {
            one.words.first().is_some_and(|word| word == "listen")
                && one.words.iter().any(|word| word == "default_server")
        })
        .collect();
    for (index, one) in defaults.iter().enumerate() {
        if let Some(first) = defaults[..index].iter().find(|first| first.words.get(1) == one.words.get(1)) {
            sink.error(
                one.line,
                "default-server",
                format!("line {} already is the default server of {}", first.line, one.words[1]),
            );
        }
    }
}

/// `limit_reqs` may be wrong, but `proxy_cookie_flags` beside `proxy_cookie_flag` need not be.
fn is_plural(name: &str, known: &[String]) -> bool {
    known.iter().any(|known| *name == format!("{known}s") || *known == format!("{name}s"))
}

fn is_listen(value: &str) -> bool {
    let port = value.rsplit_once(':').map_or(value, |(_, port)| port);
    value.starts_with("unix:")
        || value.starts_with('[')
        || value.contains('$')
        || value.contains('.')
        || port.parse::<u16>().is_ok()
        || value.contains("{{")
        || value.contains(['*', ':'])
        || value.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

/// Reads the directives; `None` after a mistake that makes the rest unreadable.
fn directives(text: &str, sink: &mut Sink<'_>) -> Option<Vec<Directive>> {
    let mut found: Vec<Directive> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let (mut line, mut began, mut last_line) = (1, 1, 0);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' | '{' => {
                if words.is_empty() {
                    sink.error(line, "syntax", format!("`{c}` follows nothing"));
                    return None;
                }
                if c == '{' {
                    open.push(began);
                }
                // A block of code of its own language.
                let lua = c == '{' && words[0].ends_with("_by_lua_block");
                found.push(Directive { line: began, words: std::mem::take(&mut words), block: c == '{' });
                if lua {
                    return Some(found);
                }
            }
            '}' => {
                if !words.is_empty() {
                    sink.error(began, "syntax", format!("`{}` does not end with `;`", words.join(" ")));
                    return None;
                }
                if open.pop().is_none() {
                    sink.error(line, "syntax", "`}` closes nothing");
                    return None;
                }
            }
            _ => {
                if words.is_empty() {
                    began = line;
                }
                let at = line;
                let first_on_line = if std::mem::replace(&mut last_line, line) == line { 0 } else { line };
                let mut word = String::from(c);
                let mut quote = matches!(c, '"' | '\'').then_some(c);
                let mut braces = 0usize;
                while let Some(next) = chars.peek().copied() {
                    let ends = next.is_whitespace() || matches!(next, ';' | '{' | '}');
                    let variable = next == '{' && word.ends_with('$') || braces > 0;
                    if quote.is_none() && ends && !variable {
                        break;
                    }
                    chars.next();
                    match next {
                        '\\' => word.extend(chars.next()),
                        '\n' => line += 1,
                        '{' if variable => braces += 1,
                        '}' if variable => braces -= 1,
                        _ => {}
                    }
                    word.push(next);
                    if quote == Some(next) {
                        quote = None;
                    }
                }
                // A directive on a line of its own cannot be a value of the one before it.
                if !words.is_empty() && at > began && rules().nginx.directives.contains(&word) && at == first_on_line {
                    sink.error(began, "syntax", format!("`{}` does not end with `;`", words.join(" ")));
                    return None;
                }
                words.push(word);
            }
        }
    }
    if let Some(line) = open.last() {
        sink.error(*line, "syntax", "this block is not closed");
        return None;
    }
    if !words.is_empty() {
        sink.error(began, "syntax", format!("`{}` does not end with `;`", words.join(" ")));
        return None;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_file_has_none() {
        let sound = "# x {\nupstream api { server 127.0.0.1:8000; }\nserver {\n  listen 80 default_server;\n  server_name example.org;\n  location ~ \"^/a{2}\" {\n    proxy_pass http://api;\n    set $x \"${y}z\";\n  }\n}\n";
        seeded(
            "nginx/site.conf",
            sound,
            &[],
            &[
                ("default_server;", "default_server", "4 error syntax"),
                ("http://api;", "api;", "7 error proxy-pass"),
                ("  server_name", "  sever_name", "5 error unknown-directive"),
                ("  }\n}\n", "  }\n", "3 error syntax"),
                ("  }\n}\n", "  }\n}\n}\n", "11 error syntax"),
                ("server {\n", "server { listen 80 default_server; }\nserver {\n", "5 error default-server"),
            ],
        );
    }
}
