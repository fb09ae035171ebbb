//! Text as figures need it: runs with superscripts, measured with a bundled font, wrapped to a width.
//!
//! A figure names only the generic family `sans-serif`. Its layout is measured with Ubuntu Light and 12 % to spare, which
//! covers the usual sans-serif faces, so that nothing overlaps whatever the reader's machine has. What Ubuntu Light has no
//! glyph of, as ⁻ and →, is drawn from Hack where a figure is written with outlines.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use ttf_parser::Face;

/// Room for faces that run wider than the one measured.
const SPARE: f64 = 1.12;
/// Size of a superscript, of the size of its line.
const SUPERSCRIPT: f64 = 0.74;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    /// On the line.
    Plain(String),
    /// Raised and smaller.
    Superscript(String),
}

/// One line of text.
pub(super) type Line = Vec<Run>;

/// A line without superscripts.
pub(super) fn plain(text: &str) -> Line {
    vec![Run::Plain(text.to_owned())]
}

/// The width of a line at a font size, in the unit of the size.
pub(super) fn width(line: &[Run], size: f64) -> f64 {
    line.iter().fold(0.0, |sum, run| {
        sum + match run {
            Run::Plain(text) => text_width(text, size),
            Run::Superscript(text) => text_width(text, size * SUPERSCRIPT),
        }
    })
}

/// The size of a superscript on a line of that size, and how far it is raised.
pub(super) fn superscript(size: f64) -> (f64, f64) {
    (size * SUPERSCRIPT, size * 0.36)
}

static FACE: LazyLock<Face<'static>> =
    LazyLock::new(|| Face::parse(UBUNTU_LIGHT, 0).expect("the bundled font is a font"));

static SPARE_FACE: LazyLock<Face<'static>> =
    LazyLock::new(|| Face::parse(HACK_REGULAR, 0).expect("the bundled font is a font"));

/// Whether a character is drawn from the other font.
pub(super) fn is_spare(c: char) -> bool {
    !c.is_ascii() && FACE.glyph_index(c).is_none() && SPARE_FACE.glyph_index(c).is_some()
}

/// The characters of a text that no bundled font has a glyph of: PNG and PDF show an empty box in their place.
pub fn without_glyph(text: &str) -> BTreeSet<char> {
    let has = |c: char| FACE.glyph_index(c).is_some() || SPARE_FACE.glyph_index(c).is_some();
    text.chars().filter(|c| !c.is_whitespace() && !has(*c)).collect()
}

/// The width of plain text at a font size.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let advance = |c: char| {
        let glyph = FACE.glyph_index(c).and_then(|glyph| FACE.glyph_hor_advance(glyph));
        glyph.map_or(1.0, |units| f64::from(units) / f64::from(FACE.units_per_em()))
    };
    text.chars().fold(0.0, |sum, c| sum + advance(c)) * size * SPARE
}

/// Breaks text at spaces into as few lines as are not wider than `limit`, and those as even as can be; a single word may
/// be wider.
pub(super) fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines = broken(text, size, limit);
    let (mut narrow, mut wide) = (limit / 2.0, limit);
    for _ in 0..10 {
        let middle = f64::midpoint(narrow, wide);
        let candidate = broken(text, size, middle);
        let fits = candidate.iter().all(|line| text_width(line, size) <= middle);
        if candidate.len() <= lines.len() && fits {
            (lines, wide) = (candidate, middle);
        } else {
            narrow = middle;
        }
    }
    lines
}

/// Breaks text at the last space before `limit`.
fn broken(text: &str, size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A number of decimal scientific form, `mantissa · 10^exponent`, as tick labels spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    /// The digits.
    pub(super) mantissa: i64,
    /// The power of ten.
    pub(super) exponent: i32,
}

impl Decimal {
    /// The nearest binary64 number.
    pub(super) fn value(self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent).parse().expect("a decimal number")
    }

    /// Whether it reads well without a power of ten.
    pub(super) fn is_plain(self) -> bool {
        self.mantissa == 0 || (1e-3..=1e4).contains(&self.value().abs())
    }

    /// Digits and a point: `0.20`, `-5`, `300`.
    pub(super) fn plain(self) -> Line {
        let sign = if self.mantissa < 0 { "\u{2212}" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        let Ok(decimals) = usize::try_from(-self.exponent) else {
            let zeros = if self.mantissa == 0 { 0 } else { self.exponent.unsigned_abs() as usize };
            return plain(&format!("{sign}{digits}{}", "0".repeat(zeros)));
        };
        let digits = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let point = if decimals == 0 { "" } else { "." };
        plain(&format!("{sign}{whole}{point}{fraction}"))
    }

    /// A power of ten with a factor where it is not one: 10⁵, 2×10⁵, 1.5×10⁵.
    pub(super) fn scientific(self) -> Line {
        if self.mantissa == 0 {
            return plain("0");
        }
        let (mut mantissa, mut exponent) = (self.mantissa, self.exponent);
        while mantissa % 10 == 0 {
            (mantissa, exponent) = (mantissa / 10, exponent + 1);
        }
        let digits = mantissa.unsigned_abs().to_string();
        exponent += i32::try_from(digits.len() - 1).expect("at most 19 digits");
        let sign = if mantissa < 0 { "\u{2212}" } else { "" };
        let (first, rest) = digits.split_at(1);
        let factor = match (first, rest) {
            ("1", "") => format!("{sign}10"),
            (first, "") => format!("{sign}{first}×10"),
            (first, rest) => format!("{sign}{first}.{rest}×10"),
        };
        vec![Run::Plain(factor), Run::Superscript(signed(&exponent.to_string()))]
    }
}

/// A number's text with a minus sign in place of a hyphen.
pub(super) fn signed(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(line: &[Run]) -> String {
        let spell = |run: &Run| match run {
            Run::Plain(text) => text.clone(),
            Run::Superscript(text) => format!("^{text}"),
        };
        line.iter().map(spell).collect()
    }

    #[test]
    fn decimals_are_spelled() {
        let decimal = |mantissa, exponent| Decimal { mantissa, exponent };
        for (number, plain, scientific) in [
            (decimal(20, -2), "0.20", "2×10^−1"),
            (decimal(1, 3), "1000", "10^3"),
            (decimal(-15, 4), "−150000", "−1.5×10^5"),
            (decimal(0, 2), "0", "0"),
            (decimal(5, -3), "0.005", "5×10^−3"),
        ] {
            assert_eq!(spelled(&number.plain()), plain);
            assert_eq!(spelled(&number.scientific()), scientific);
        }
    }

    /// The font's table `hmtx` gives "0" an advance of 564 units of 1,000 (read with fontTools).
    #[test]
    fn widths_come_from_the_font() {
        assert!((text_width("00", 10.0) - 2.0 * 5.64 * SPARE).abs() < 1e-9);
    }

    /// Of these, Ubuntu Light lacks ⁻, → and ₁, Hack has them, and neither has 猫.
    #[test]
    fn characters_without_a_glyph_are_told() {
        assert_eq!(without_glyph("s⁻¹ → E = 5.86 · C₁ (猫)"), BTreeSet::from(['猫']));
    }

    #[test]
    fn text_wraps_into_few_even_lines() {
        let text = "Total compute (GMACs per pair × pairs seen)";
        let limit = text_width("Total compute (GMACs per pair × pairs", 12.0);
        assert_eq!(wrap(text, 12.0, limit), ["Total compute (GMACs", "per pair × pairs seen)"]);
        assert_eq!(wrap(text, 12.0, 1e3), [text]);
        assert_eq!(wrap("unbreakable", 12.0, 1.0), ["unbreakable"]);
        assert!(wrap("", 12.0, 1.0).is_empty());
    }
}
