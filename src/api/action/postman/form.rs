//! The form of a request of a collection, as it goes over the line.

use std::fmt::Write as _;

use crate::api::ApiError;
use crate::api::import::Imported;
use crate::api::message::Parts;
use crate::api::target::encode;
use crate::api::variables::{Variables, fill};

/// Makes the body of the form, with the variables filled in. `files`: what the files hold, in the order of the fields;
/// a field whose file could not be read is left out.
///
/// # Errors
/// A variable is not set.
pub(super) fn made(request: &mut Imported, files: &[Option<String>], variables: &Variables) -> Result<(), ApiError> {
    let Some(in_parts) = request.form.first().map(|field| field.parts) else { return Ok(()) };
    let filled = |text: &str| fill(text, variables).map_err(ApiError::Input);
    let (mut text, mut parts) = (String::new(), Parts::default());
    for (field, file) in request.form.iter().zip(files) {
        if field.file && file.is_none() {
            continue;
        }
        let name = filled(&field.name)?;
        if in_parts {
            let value = file.clone().map_or_else(|| filled(&field.value), Ok)?;
            let file = field.file.then(|| field.value.rsplit('/').next().unwrap_or(&field.value));
            let media = field.media.as_deref().or_else(|| file.map(media_of));
            parts.add(&name, file, media, &value);
        } else {
            let joint = if text.is_empty() { "" } else { "&" };
            let _ = write!(text, "{joint}{}={}", encode(&name), encode(&filled(&field.value)?));
        }
    }
    let typed = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
    if in_parts {
        text = parts.body();
        request.headers.retain(|header| !typed(header));
        request.headers.push(("content-type".to_owned(), Parts::media()));
    } else if !request.headers.iter().any(typed) {
        request.headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
    }
    request.body = Some(text);
    Ok(())
}

/// Whether a body of this media type is a form in one line.
pub(super) fn is_form(media: &str) -> bool {
    media.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// A form that was written by hand, with its variables filled in and what may not stand in one written as it may.
///
/// # Errors
/// A variable is not set.
pub(super) fn by_hand(body: &str, variables: &Variables) -> Result<String, ApiError> {
    let filled = fill(body, variables).map_err(ApiError::Input)?;
    let legal = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    Ok(filled.chars().map(|c| if legal(c) { c.to_string() } else { encode(&c.to_string()) }).collect())
}

/// What a file of text holds, by its ending.
fn media_of(file: &str) -> &'static str {
    match file.rsplit_once('.').map(|(_, end)| end) {
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("xml") => "application/xml",
        Some("html" | "htm") => "text/html",
        Some("txt" | "md" | "log") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_by_hand_keeps_what_is_written_as_it_has_to_be() {
        let variables = [("v".to_owned(), "va lue ü".to_owned())].into();
        assert_eq!(by_hand("a=1%202+3&b={{v}}", &variables).unwrap(), "a=1%202+3&b=va%20lue%20%C3%BC");
        assert!(by_hand("{{none}}", &variables).is_err());
    }
}
