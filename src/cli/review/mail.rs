//! The message of a patch that came as mail: what `git format-patch` writes, alone or many in a mailbox.

use base64::Engine as _;

/// The commit message of a patch file; empty when it is a bare diff. Of several mails the subjects become a list.
pub(super) fn message(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mails = mails(&text);
    match mails.as_slice() {
        [] => String::new(),
        [(subject, body)] => format!("{subject}\n\n{body}").trim_end().to_owned(),
        [(first, _), ..] => {
            let list: String = mails.iter().map(|(subject, _)| format!("- {subject}\n")).collect();
            format!("{first}\n\n{}", list.trim_end())
        }
    }
}

/// Subject and text of each mail, covers without a change left out.
fn mails(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(start) = line.strip_prefix("Subject: ") else { continue };
        let mut subject = start.to_owned();
        // A folded line goes on in the next one, which begins with a space.
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            subject.push(' ');
            subject.push_str(more.trim_start());
        }
        while lines.next_if(|line| !line.is_empty()).is_some() {}
        let mut body = Vec::new();
        while let Some(line) = lines.next_if(|line| *line != "---" && !is_start(line)) {
            body.push(line);
        }
        let is_cover = subject.contains(" 0/") && lines.peek() != Some(&"---");
        if !is_cover {
            let body = body.join("\n").trim().to_owned();
            found.push((without_tags(&decoded(&subject)), body));
        }
    }
    found
}

fn is_start(line: &str) -> bool {
    line.starts_with("diff --git ") || (line.starts_with("From ") && line.ends_with(" 00:00:00 2001"))
}

/// Drops `[PATCH v2 1/3]` and the like.
fn without_tags(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some(after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(_, after)| after) {
        rest = after.trim_start();
    }
    rest.to_owned()
}

/// Reads `=?UTF-8?q?…?=` words, as mail writes what is not ASCII.
fn decoded(subject: &str) -> String {
    let mut out = String::new();
    let mut rest = subject;
    while let Some((before, after)) = rest.split_once("=?") {
        let mut parts = after.splitn(3, '?');
        let word = (parts.next(), parts.next(), parts.next());
        let (Some(charset), Some(kind), Some(tail)) = word else { break };
        let Some((encoded, after)) = tail.split_once("?=") else { break };
        let bytes = match kind {
            "q" | "Q" => Some(quoted(encoded)),
            "b" | "B" => base64::engine::general_purpose::STANDARD.decode(encoded).ok(),
            _ => None,
        };
        let text = bytes.filter(|_| charset.eq_ignore_ascii_case("utf-8")).and_then(|b| String::from_utf8(b).ok());
        let Some(text) = text else { break };
        // Space between two encoded words only separates them.
        if !before.trim().is_empty() || out.is_empty() {
            out.push_str(before);
        }
        out.push_str(&text);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'=', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'_', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_mails_is_found() {
        let start = "From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nDate: today\n";
        let tail = "---\n a | 2 +-\n\ndiff --git a/a b/a\n";
        for (mail, expected) in [
            ("diff --git a/a b/a\n".to_owned(), ""),
            (format!("{start}Subject: [PATCH] fix: a\n thing\n\nWhy it is.\n{tail}"), "fix: a thing\n\nWhy it is."),
            (
                format!("{start}Subject: [PATCH v2 1/1] =?UTF-8?q?gr=C3=B6=C3=9Fer_ist?=\n =?UTF-8?q?_es?=\n\n{tail}"),
                "größer ist es",
            ),
            (
                format!("{start}Subject: [PATCH 1/2] one\n\nx\n{tail}{start}Subject: [PATCH 2/2] two\n\ny\n{tail}"),
                "one\n\n- one\n- two",
            ),
        ] {
            assert_eq!(message(mail.as_bytes()), expected, "{mail}");
        }
    }
}
