//! `tenon config`: the settings in force, their schema, and where they are read from.

use clap::ValueEnum;

use super::surroundings::Surroundings;
use super::{Common, Done, Failure, print};
use crate::{config, tui};

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// What to print
    #[arg(value_enum, default_value_t)]
    what: What,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum What {
    /// The settings in force
    #[default]
    Show,
    /// The JSON schema of the file
    Schema,
    /// The files they are read from, and the folders in use
    Path,
    /// Every action with its name and default keys, for the `[keys]` table of the file
    Keys,
}

pub(crate) fn config(around: &Surroundings, common: &Common, arguments: &Arguments) -> Done {
    match arguments.what {
        What::Show if common.json => print::json(&*around.settings),
        What::Show => {
            let shown = toml::to_string_pretty(&*around.settings)
                .map_err(|error| Failure::failed(format!("the settings cannot be shown: {error}")))?;
            print::text(&shown)
        }
        What::Schema => print::json(&config::schema()),
        What::Path => paths(around, common),
        What::Keys => keys(common),
    }
}

fn keys(common: &Common) -> Done {
    if !common.json {
        return print::text(&tui::keys_markdown());
    }
    let entries: Vec<serde_json::Value> = tui::keymap::KEYS
        .iter()
        .map(|entry| serde_json::json!({"name": entry.name, "keys": entry.keys, "doc": entry.doc}))
        .collect();
    print::json(&entries)
}

fn paths(around: &Surroundings, common: &Common) -> Done {
    let found = [
        ("config", around.directories.config.join("config.toml")),
        ("state", around.directories.state.clone()),
        ("cache", around.directories.cache.clone()),
    ];
    if common.json {
        let report: std::collections::BTreeMap<&str, String> =
            found.iter().map(|(name, path)| (*name, path.display().to_string())).collect();
        return print::json(&report);
    }
    let lines: Vec<String> = found
        .iter()
        .map(|(name, path)| {
            format!("{name:7} {}{}", path.display(), if path.exists() { "" } else { "  (not there yet)" })
        })
        .collect();
    print::text(&lines.join("\n"))
}
