//! Whether bytes that come one by one are UTF-8.

/// How far a letter of several bytes is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    /// Bytes that are still to come.
    left: u8,
    /// What the next one may be.
    range: (u8, u8),
}

impl Utf8 {
    /// Takes a byte; false when it cannot come here.
    pub(super) fn step(&mut self, byte: u8) -> bool {
        if self.left > 0 {
            let fits = (self.range.0..=self.range.1).contains(&byte);
            self.left -= 1;
            self.range = (0x80, 0xBF);
            return fits;
        }
        let (left, range) = match byte {
            0x00..=0x7F => (0, (0, 0)),
            0xC2..=0xDF => (1, (0x80, 0xBF)),
            0xE0 => (2, (0xA0, 0xBF)),
            0xED => (2, (0x80, 0x9F)),
            0xE1..=0xEF => (2, (0x80, 0xBF)),
            0xF0 => (3, (0x90, 0xBF)),
            0xF1..=0xF3 => (3, (0x80, 0xBF)),
            0xF4 => (3, (0x80, 0x8F)),
            _ => return false,
        };
        self.left = left;
        self.range = range;
        true
    }

    /// Whether no letter is half-way.
    pub(super) fn is_whole(self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.usize(1..5))
                .map(|_| {
                    random
                        .choice([0x41, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0xF0, 0x9F, 0x98, 0x80, 0xF4, 0x90])
                        .unwrap()
                })
                .collect();
            let mut state = Utf8::default();
            let whole = bytes.iter().all(|byte| state.step(*byte)) && state.is_whole();
            assert_eq!(whole, std::str::from_utf8(&bytes).is_ok(), "{bytes:x?}");
        }
    }
}
