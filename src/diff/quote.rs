//! Paths in patches, quoted as git quotes them.

/// The path with a prefix, in quotes when it holds something git quotes: controls, `"`, `\`, bytes beyond ASCII.
pub(super) fn quote(prefix: &str, path: &str) -> String {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if path.bytes().all(plain) {
        return format!("{prefix}{path}");
    }
    let mut out = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            byte if plain(byte) => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

/// Reads a quoted path at the start of a text: the path and how many bytes it took. `None` when it is malformed.
pub(super) fn unquote(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut out = Vec::new();
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => return Some((out, at)),
            b'\\' => {
                let (byte, taken) = escape(text.get(at..)?)?;
                out.push(byte);
                at += taken;
            }
            byte => out.push(*byte),
        }
    }
    None
}

fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let byte = match text.first()? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        same @ (b'"' | b'\\') => *same,
        b'0'..=b'3' => {
            let digits = std::str::from_utf8(text.get(..3)?).ok()?;
            return Some((u8::from_str_radix(digits, 8).ok()?, 3));
        }
        _ => return None,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_reads_back() {
        for (path, quoted) in [
            ("a b.txt", "a/a b.txt"),
            ("ü", "\"a/\\303\\274\""),
            ("q\"\\\n\t", "\"a/q\\\"\\\\\\n\\t\""),
            ("\u{1}", "\"a/\\001\""),
        ] {
            assert_eq!(quote("a/", path), quoted);
            if quoted.starts_with('"') {
                let read = unquote(quoted.as_bytes()).map(|(bytes, _)| bytes);
                assert_eq!(read, Some(format!("a/{path}").into_bytes()));
            }
        }
        assert_eq!(unquote(b"\"open"), None);
        assert_eq!(unquote(b"\"\\9\""), None);
    }
}
