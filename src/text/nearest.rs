//! The word a mistyped one is probably meant to be.

/// The nearest candidate, when one is near enough to be meant; capitals are no difference.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let distance = |candidate: &str| strsim::osa_distance(&word, &candidate.to_ascii_lowercase());
    let best = candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .min_by_key(|(distance, _)| *distance)?;
    (best.0 <= 2 && best.0 * 3 <= word.chars().count()).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_meant() {
        let words = ["services", "volumes", "on"];
        assert_eq!(nearest("servces", words), Some("services"));
        assert_eq!(nearest("Volume", words), Some("volumes"));
        assert_eq!(nearest("x-mine", words), None);
        assert_eq!(nearest("no", words), None);
    }
}
