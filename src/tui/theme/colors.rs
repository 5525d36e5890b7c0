//! Colours for terminals that show fewer of them.

use ratatui::style::Color;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// The 256 of xterm.
    Indexed,
    /// The 16 everybody has.
    Sixteen,
}

impl Depth {
    /// The nearest colour that can be shown.
    pub fn bring_down(self, color: Color) -> Color {
        match (self, color) {
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest_indexed(r, g, b)),
            (Self::Sixteen, Color::Rgb(r, g, b)) => nearest_of_sixteen(r, g, b),
            (_, color) => color,
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let part = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    part(a.0, b.0) + part(a.1, b.1) + part(a.2, b.2)
}

fn nearest_indexed(r: u8, g: u8, b: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| (0u8..6).min_by_key(|index| STEPS[usize::from(*index)].abs_diff(value)).unwrap_or(0);
    let (x, y, z) = (step(r), step(g), step(b));
    let cube = (STEPS[usize::from(x)], STEPS[usize::from(y)], STEPS[usize::from(z)]);
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let shade = u8::try_from(mean.saturating_sub(3) / 10).unwrap_or(23).min(23);
    let grey = 8 + 10 * shade;
    if distance((grey, grey, grey), (r, g, b)) < distance(cube, (r, g, b)) {
        232 + shade
    } else {
        16 + 36 * x + 6 * y + z
    }
}

fn nearest_of_sixteen(r: u8, g: u8, b: u8) -> Color {
    const TABLE: [(Color, (u8, u8, u8)); 16] = [
        (Color::Black, (0, 0, 0)),
        (Color::Red, (170, 0, 0)),
        (Color::Green, (0, 170, 0)),
        (Color::Yellow, (170, 85, 0)),
        (Color::Blue, (0, 0, 170)),
        (Color::Magenta, (170, 0, 170)),
        (Color::Cyan, (0, 170, 170)),
        (Color::Gray, (170, 170, 170)),
        (Color::DarkGray, (85, 85, 85)),
        (Color::LightRed, (255, 85, 85)),
        (Color::LightGreen, (85, 255, 85)),
        (Color::LightYellow, (255, 255, 85)),
        (Color::LightBlue, (85, 85, 255)),
        (Color::LightMagenta, (255, 85, 255)),
        (Color::LightCyan, (85, 255, 255)),
        (Color::White, (255, 255, 255)),
    ];
    TABLE.iter().min_by_key(|(_, rgb)| distance(*rgb, (r, g, b))).map_or(Color::Reset, |(color, _)| *color)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brings_colours_down_to_the_nearest() {
        for (rgb, indexed, sixteen) in [
            ((0, 0, 0), 16, Color::Black),
            ((255, 255, 255), 231, Color::White),
            ((255, 0, 0), 196, Color::Red),
            ((128, 128, 128), 244, Color::Gray),
        ] {
            let color = Color::Rgb(rgb.0, rgb.1, rgb.2);
            assert_eq!(Depth::Indexed.bring_down(color), Color::Indexed(indexed), "{rgb:?}");
            assert_eq!(Depth::True.bring_down(color), color);
            if rgb.0 != 128 {
                assert_eq!(Depth::Sixteen.bring_down(color), sixteen, "{rgb:?}");
            }
        }
    }
}
