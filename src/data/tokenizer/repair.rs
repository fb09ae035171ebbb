//! Texts made clean before they are cut into byte pairs: what `OpenCLIP`'s tokeniser does by way of ftfy.
//!
//! Line by line, until nothing changes: character references ([`super::html`]; not from the first line with a `<` on),
//! UTF-8 that was read as Latin-1 or Windows-1252, control characters of Latin-1 that were meant for Windows-1252,
//! ligatures of Latin letters, half- and full-width forms, curly quotes, line breaks, escapes of terminals, control
//! characters, and normal form C. Written from ftfy's documented behaviour; `tests/bench/tokenizer_parity.py` compares.
//!
//! **What differs from ftfy 6.3.1.** It repairs text that was read in eight more encodings (Windows-1250, -1251, -1253, -1254,
//! -1257, ISO 8859-2, Mac OS Roman, code page 437), text of which bytes were lost, and weighs by tables of its own
//! which sequences look wrong; here a text is repaired if it has a sequence of UTF-8 that is none by accident ([`decoded`]).
//! Characters that came after the Unicode version of the reference (14 with Python 3.11) are normalised, put in lower
//! case and sorted into letters as of today's. And Python's `regex` takes U+0345 for a letter, and an apostrophe with a
//! long s (`ſ`) for the ending `'s`, since it folds case there; here the one is a sign and the other is no ending.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Makes `text` clean as described above.
pub(super) fn repair(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n') && byte != b'&') {
        return Cow::Borrowed(text);
    }
    let mut unescapes = true;
    let mut repaired = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        unescapes &= !line.contains('<');
        repaired.push_str(&repair_line(line, unescapes));
    }
    Cow::Owned(repaired)
}

/// Rounds of repair, at most: each undoes one mistake, and texts that are longer than that nest nothing.
const ROUNDS_MAX: usize = 64;

fn repair_line(line: &str, unescapes: bool) -> String {
    let mut text = line.to_owned();
    for _ in 0..ROUNDS_MAX {
        let next = if unescapes {
            super::html::unescape_strictly(&text).into_owned()
        } else {
            text.clone()
        };
        let next = decoded(next);
        let next = without_terminal_escapes(&replaced_signs(&next));
        let next: String = next.chars().filter(|&c| !is_control(c)).collect();
        let next = ComposingNormalizerBorrowed::new_nfc().normalize(&next).into_owned();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// Windows-1252's signs of the bytes 0x80 to 0x9f; those without one stand for themselves.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The character of Windows-1252's byte `code`, 0x80 to 0x9f.
pub(super) fn of_windows_1252(code: u32) -> char {
    WINDOWS_1252[code as usize - 0x80]
}

/// The byte that Latin-1 or Windows-1252 spells `c` with.
fn byte_of(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(u32::from(c)) {
        return Some(byte);
    }
    let at = WINDOWS_1252.iter().position(|&known| known == c)?;
    u8::try_from(at + 0x80).ok()
}

/// `text` with sequences that are UTF-8 read as single bytes decoded, again and again, as long as there is one.
///
/// Two signs are such a sequence by accident more often than three: they count only after `Â` or `Ã`, before another
/// sequence, or where the text has one that counts.
///
/// A sequence that is there after a pass has a sign that the pass made, for a pass decodes all there are (no sign both
/// begins one and goes on with one). So each pass looks around the signs of the one before, and the time of all of them is
/// that of the text, but for sorting; a caption of nothing else would otherwise take the square of its length.
fn decoded(text: String) -> String {
    let mut signs = Signs::of(&text);
    let mut places: Vec<usize> = (0..signs.chars.len()).collect();
    let mut is_changed = false;
    loop {
        places.retain(|at| signs.sequence(*at).is_some());
        let counts = |at: &usize| {
            signs.sequence(*at).is_some_and(|(_, length)| {
                let next = || signs.nth_after(*at, length).and_then(|next| signs.sequence(next));
                length > 2 || matches!(signs.chars[*at], 'Â' | 'Ã') || next().is_some()
            })
        };
        if !places.iter().any(counts) {
            break;
        }
        is_changed = true;
        for at in &places {
            signs.decode(*at);
        }
        let mut around: Vec<usize> = places.iter().flat_map(|at| signs.up_to(*at)).collect();
        around.sort_unstable();
        around.dedup();
        places = around;
    }
    if is_changed { signs.text() } else { text }
}

/// The characters of a text as a list that shrinks: of each place the ones before and after it that are left.
struct Signs {
    chars: Vec<char>,
    before: Vec<Option<usize>>,
    after: Vec<Option<usize>>,
}

/// Bytes of a character in UTF-8 at most.
const LENGTH_MAX: usize = 4;

impl Signs {
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let before = (0..chars.len()).map(|at| at.checked_sub(1)).collect();
        let after = (1..=chars.len()).map(|at| (at < chars.len()).then_some(at)).collect();
        Self { chars, before, after }
    }

    /// The place `count` after `at`.
    fn nth_after(&self, at: usize, count: usize) -> Option<usize> {
        (0..count).try_fold(at, |at, _| self.after[at])
    }

    /// The places from which a sequence may reach `at`, and that itself.
    fn up_to(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(at), |at| self.before[*at]).take(LENGTH_MAX)
    }

    /// The character that the UTF-8 sequence from place `at` on spells, read as single bytes, and its length.
    fn sequence(&self, at: usize) -> Option<(char, usize)> {
        let length = match byte_of(self.chars[at])? {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => LENGTH_MAX,
            _ => return None,
        };
        let mut bytes = [0; LENGTH_MAX];
        let mut place = Some(at);
        for byte in &mut bytes[..length] {
            let at = place?;
            *byte = byte_of(self.chars[at])?;
            place = self.after[at];
        }
        let sign = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
        Some((sign, length))
    }

    /// Puts the character that a sequence spells in its place.
    fn decode(&mut self, at: usize) {
        let Some((sign, length)) = self.sequence(at) else { return };
        let after = self.nth_after(at, length);
        self.chars[at] = sign;
        self.after[at] = after;
        if let Some(after) = after {
            self.before[after] = Some(at);
        }
    }

    /// The characters that are left; the first one always is.
    fn text(&self) -> String {
        let first = (!self.chars.is_empty()).then_some(0);
        std::iter::successors(first, |at| self.after[*at]).map(|at| self.chars[at]).collect()
    }
}

fn replaced_signs(text: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = if ('\u{80}'..='\u{9f}').contains(&c) { of_windows_1252(u32::from(c)) } else { c };
        match c {
            'Ĳ' => result.push_str("IJ"),
            'ĳ' => result.push_str("ij"),
            // The letter's own apostrophe is straightened at once.
            'ŉ' => result.push_str("'n"),
            'Ǆ' => result.push_str("DŽ"),
            'ǅ' => result.push_str("Dž"),
            'ǆ' => result.push_str("dž"),
            'Ǉ' => result.push_str("LJ"),
            'ǈ' => result.push_str("Lj"),
            'ǉ' => result.push_str("lj"),
            'Ǌ' => result.push_str("NJ"),
            'ǋ' => result.push_str("Nj"),
            'ǌ' => result.push_str("nj"),
            'Ǳ' => result.push_str("DZ"),
            'ǲ' => result.push_str("Dz"),
            'ǳ' => result.push_str("dz"),
            'ﬅ' => result.push_str("ſt"),
            'ﬀ'..='ﬄ' | 'ﬆ' | '\u{ff01}'..='\u{ffef}' => {
                result.push_str(&nfkc.normalize(c.encode_utf8(&mut [0; 4])));
            }
            '\u{3000}' => result.push(' '),
            '\u{2bc}' | '‘'..='‛' => result.push('\''),
            '“'..='‟' => result.push('"'),
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                result.push('\n');
            }
            '\u{2028}' | '\u{2029}' => result.push('\n'),
            c => result.push(c),
        }
    }
    result
}

/// `text` without escape sequences such as `ESC [ 3 1 m`.
fn without_terminal_escapes(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        let body = &rest[at + 2..];
        let numbers = body.find(|c: char| !c.is_numeric() && c != ';').unwrap_or(body.len());
        if body[numbers..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            result.push_str(&rest[..at]);
            rest = &body[numbers + 1..];
        } else {
            result.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
        }
    }
    result + rest
}

fn is_control(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x08'
            | '\x0b'
            | '\x0e'..='\x1f'
            | '\x7f'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the definition reads: pass after pass over the whole text.
    fn decoded_slowly(text: &str) -> String {
        fn sequence(chars: &[char]) -> Option<(char, usize)> {
            Signs::of(&String::from_iter(chars)).sequence(0)
        }
        let mut chars: Vec<char> = text.chars().collect();
        loop {
            let at = |at: usize| (at < chars.len()).then(|| sequence(&chars[at..])).flatten();
            let counts = |place: usize| {
                at(place).is_some_and(|(_, length)| {
                    length > 2 || matches!(chars[place], 'Â' | 'Ã') || at(place + length).is_some()
                })
            };
            if !(0..chars.len()).any(counts) {
                return chars.into_iter().collect();
            }
            let (mut next, mut place) = (Vec::new(), 0);
            while place < chars.len() {
                let (sign, length) = at(place).unwrap_or((chars[place], 1));
                next.push(sign);
                place += length;
            }
            chars = next;
        }
    }

    /// A text whose UTF-8 was read as Latin-1, so many times.
    fn misread(text: &str, times: usize) -> String {
        (0..times).fold(text.to_owned(), |text, _| text.bytes().map(char::from).collect())
    }

    #[test]
    fn mistakes_upon_mistakes_are_undone() {
        for times in 0..8 {
            assert_eq!(decoded(misread("中文 naïve – é", times)), "中文 naïve – é", "{times}");
        }
        for text in
            ["", "plain", "Ã", "Ã\u{83}", "Ã\u{83}\u{83}\u{83}Â\u{a9}", "Î\u{b1}", "Î\u{b1}Î\u{b1}"]
        {
            assert_eq!(decoded(text.to_owned()), decoded_slowly(text), "{text:?}");
        }
    }

    /// Each pass leaves one sign less: pass after pass over the whole this would take minutes.
    #[test]
    fn passes_that_change_little_take_little_time() {
        let text = format!("Ã{}", "\u{83}".repeat(1 << 18));
        assert_eq!(decoded(text), "Ã");
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_what_the_definition_decodes(
            bytes in proptest::collection::vec(
                prop_oneof![
                    Just(0xc3_u8), Just(0xc2), Just(0x83), Just(0x82), Just(0xe2), Just(0xf0), Just(0x9f),
                    Just(b'a'), 0x80_u8..=0xff,
                ],
                0..40,
            ),
            in_windows: bool,
        ) {
            let sign = |&byte: &u8| match byte {
                0x80..=0x9f if in_windows => of_windows_1252(u32::from(byte)),
                byte => char::from(byte),
            };
            let text: String = bytes.iter().map(sign).collect();
            prop_assert_eq!(decoded(text.clone()), decoded_slowly(&text));
        }
    }
}
