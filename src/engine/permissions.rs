//! What a permission covers.

/// The kind of a request: the tool and what is asked for, without the part in backticks that differs from call to
/// call. What is allowed "always" is allowed for the kind.
pub fn kind(tool: &str, what: &str) -> String {
    let general: Vec<&str> = what.split('`').step_by(2).collect();
    format!("{tool}: {}", general.join("…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_the_same_for_every_command_but_not_for_every_wish() {
        let install = kind("run", "run `npm install` with network access");
        assert_eq!(install, kind("run", "run `pip install x` with network access"));
        assert_ne!(install, kind("run", "run `npm install` outside the workspace"));
        assert_ne!(install, kind("http", "run `npm install` with network access"));
    }
}
