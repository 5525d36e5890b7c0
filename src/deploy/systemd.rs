//! Units of systemd.

use super::Sink;
use super::rules::{hint, near, rules};

pub(super) fn check(text: &str, sink: &mut Sink<'_>) {
    let rules = &rules().systemd;
    let mut section = String::new();
    let mut entries: Vec<(usize, String, String, String)> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let mut whole = line.trim().to_owned();
        if whole.is_empty() || whole.starts_with(['#', ';']) {
            continue;
        }
        while whole.ends_with('\\') {
            whole.pop();
            whole.push_str(lines.next().map(|(_, next)| next.trim()).unwrap_or_default());
        }
        if let Some(name) = whole.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            if !whole.ends_with(']') || !rules.sections.contains(&section) && !section.starts_with("X-") {
                sink.error(
                    index + 1,
                    "section",
                    format!("there is no section `{section}`{}", hint(&section, &rules.sections)),
                );
            }
            continue;
        }
        let Some((key, value)) = whole.split_once('=') else {
            sink.error(index + 1, "syntax", format!("`{whole}` is neither a section nor Name=value"));
            continue;
        };
        entries.push((index + 1, section.clone(), key.trim().to_owned(), value.trim().to_owned()));
    }
    for (line, section, key, _) in &entries {
        let known = match section.as_str() {
            "Unit" => &rules.unit,
            "Service" => &rules.service,
            "Install" => &rules.install,
            _ => continue,
        };
        if known.contains(key) || key.starts_with("X-") {
            continue;
        }
        // systemd knows hundreds; only what is all but one of these is surely wrong.
        if near(key, known).is_some_and(|near| strsim::osa_distance(near, key) == 1 || near.eq_ignore_ascii_case(key)) {
            sink.error(
                *line,
                "unknown-key",
                format!("[{section}] has no `{key}`{}; systemd passes over it", hint(key, known)),
            );
        } else if let Some((place, _)) =
            [("Unit", &rules.unit), ("Service", &rules.service), ("Install", &rules.install)]
                .into_iter()
                .find(|(_, other)| other.contains(key))
        {
            sink.error(
                *line,
                "section",
                format!("`{key}` belongs into [{place}]; in [{section}] systemd passes over it"),
            );
        }
    }
    service(&entries, sink);
}

fn service(entries: &[(usize, String, String, String)], sink: &mut Sink<'_>) {
    let of = |name: &str| {
        entries.iter().filter(|(_, section, key, _)| section == "Service" && key == name).collect::<Vec<_>>()
    };
    let Some((first, ..)) = entries.iter().find(|(_, section, ..)| section == "Service") else { return };
    let kind = of("Type").last().map_or("simple", |(_, _, _, value)| value.as_str());
    // Reaching it may be all it is for.
    let acts = entries.iter().any(|(_, _, key, _)| key == "SuccessAction");
    // An empty one takes back those before it.
    let starts: Vec<_> = of("ExecStart").into_iter().filter(|(_, _, _, value)| !value.is_empty()).collect();
    let cleared = of("ExecStart").iter().any(|(_, _, _, value)| value.is_empty());
    if starts.is_empty() && of("ExecStop").is_empty() && !acts {
        sink.error(*first, "exec-start", "[Service] has no ExecStart: there is nothing to start");
    }
    if let [_, second, ..] = starts.as_slice()
        && kind != "oneshot"
        && !cleared
    {
        sink.error(second.0, "exec-start", format!("only a oneshot may have several ExecStart, and this is {kind}"));
    }
    if starts.is_empty() || kind == "oneshot" {
        return;
    }
    if of("Restart").is_empty() {
        sink.warn(starts[0].0, "restart", "no Restart: when the service dies it stays dead");
    }
    if of("User").is_empty() && of("DynamicUser").is_empty() {
        sink.warn(starts[0].0, "root", "no User: the service runs as root");
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::seeded;

    #[test]
    fn each_rule_finds_its_mistake_and_a_sound_unit_has_none() {
        let sound = "[Unit]\nDescription=api\nAfter=network.target\n\n[Service]\nUser=api\nExecStart=/usr/bin/api \\\n  --port 80\nRestart=on-failure\nRestartSec=2\n\n[Install]\nWantedBy=multi-user.target\n";
        seeded(
            "api.service",
            sound,
            &[],
            &[
                ("[Install]", "[Instal]", "12 error section"),
                (
                    "Restart=on-failure",
                    "Restrat=on-failure",
                    "9 error unknown-key: [Service] has no `Restrat`, did you mean `Restart`?",
                ),
                ("User=api\n", "", "6 warning root"),
                ("Restart=on-failure\n", "", "7 warning restart"),
                ("ExecStart=/usr/bin/api \\\n  --port 80\n", "", "6 error exec-start"),
                ("User=api", "User=api\nExecStart=/bin/true", "8 error exec-start"),
                ("User=api", "User=api\nWantedBy=x", "7 error section"),
                ("User=api", "User", "6 error syntax"),
            ],
        );
    }
}
