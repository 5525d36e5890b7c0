//! `http` with `export`: recorded exchanges, for people and for other programs.

use serde::Deserialize;
use serde_json::json;

use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::exchange::Exchange;
use crate::api::export::Format;

/// What is wanted of the record.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// As what; by the end of the file's name when left out, else a list.
    #[serde(rename = "as")]
    pub format: Option<Format>,
    /// Which, by their names or `last`; when left out all, or the last one where only one makes sense.
    pub ids: Vec<String>,
    /// The file of the workspace to write.
    pub write: Option<String>,
}

/// Lines of a list.
const LISTED: usize = 20;

/// Gives recorded exchanges.
pub(super) async fn export(context: &Context, input: &Export) -> Result<Outcome, ApiError> {
    let format = input.format.or_else(|| by_name(input.write.as_deref()?)).unwrap_or_default();
    let chosen = chosen(context, input, format)?;
    if chosen.is_empty() {
        return Err(ApiError::Input("no exchange is recorded yet".to_owned()));
    }
    let text = format.written(&chosen);
    let ids: Vec<&str> = chosen.iter().map(|exchange| exchange.id.as_str()).collect();
    let Some(path) = &input.write else { return Ok(Outcome::new(true, text, json!({"ids": ids}))) };
    let count = chosen.len();
    context.write(path, text).await?;
    let said = format!("{count} {} written to {path}", if count == 1 { "exchange" } else { "exchanges" });
    Ok(Outcome::new(true, said, json!({"ids": ids, "written": path})))
}

fn by_name(path: &str) -> Option<Format> {
    match path.rsplit_once('.')?.1 {
        "http" | "rest" => Some(Format::Http),
        "json" => Some(Format::Postman),
        "sh" => Some(Format::Curl),
        _ => Some(Format::Whole),
    }
}

fn chosen(context: &Context, input: &Export, format: Format) -> Result<Vec<Exchange>, ApiError> {
    let recorder = &context.desk.recorder;
    if !input.ids.is_empty() {
        return input.ids.iter().map(|id| recorder.named(id)).collect();
    }
    let all = recorder.all();
    let most = match format {
        Format::List => LISTED,
        Format::Curl | Format::Whole if input.write.is_none() => 1,
        _ => all.len(),
    };
    Ok(all[all.len().saturating_sub(most)..].to_vec())
}
