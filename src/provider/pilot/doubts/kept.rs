//! What was there before a change and is gone, although nobody asked for that.

use regex::Regex;

use super::{MOST, TAKES_AWAY};

/// Numbers of answers and texts that were there and are gone, although the task does not speak of them.
pub(super) fn lost(task: &str, old: &str, new: &str) -> Vec<String> {
    let lower = task.to_lowercase();
    if TAKES_AWAY.iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    let Ok(values) = Regex::new(r#"\b[2-5]\d\d\b|"[\w /.-]{3,40}"|'[\w /.-]{3,40}'"#) else { return Vec::new() };
    let bare = |value: &str| value.trim_matches(['"', '\'']).to_owned();
    let mut gone: Vec<String> = values
        .find_iter(old)
        .map(|value| bare(value.as_str()))
        .filter(|value| !new.contains(value.as_str()) && !lower.contains(&value.to_lowercase()))
        .collect();
    gone.sort();
    gone.dedup();
    // The line it stands in and the one before, which usually says when: shown as they are, they are written again.
    let lines: Vec<&str> = old.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut kept: Vec<String> = Vec::new();
    for at in gone.iter().filter_map(|value| lines.iter().position(|line| line.contains(value.as_str()))) {
        for line in &lines[at.saturating_sub(1)..=at] {
            let line = format!("`{line}`");
            if kept.len() < MOST && !kept.contains(&line) {
                kept.push(line);
            }
        }
    }
    if kept.is_empty() { kept } else { vec![stay(&kept)] }
}

/// Lines that are gone although the task only adds something.
pub(super) fn taken_away(task: &str, old: &[String], new: &[String]) -> Vec<String> {
    if !task.trim_start().to_lowercase().starts_with("add ") {
        return Vec::new();
    }
    let is_there = |line: &str| new.iter().any(|other| other.trim() == line);
    let says = |line: &str| line.chars().filter(|c| c.is_alphanumeric()).count() > 6;
    let gone = old.iter().map(|line| line.trim()).filter(|line| says(line) && !is_there(line));
    let gone: Vec<String> = gone.take(3).map(|line| format!("`{line}`")).collect();
    if gone.is_empty() { gone } else { vec![stay(&gone)] }
}

fn stay(lines: &[String]) -> String {
    format!("These lines have to stay: {}.", lines.join(" "))
}
