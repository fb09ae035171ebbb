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
        let mut next = if unescapes {
            super::html::unescape_strictly(&text).into_owned()
        } else {
            text.clone()
        };
        while let Some(decoded) = decoded(&next) {
            next = decoded;
        }
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

/// `text` with sequences that are UTF-8 read as single bytes decoded; none if there is none.
///
/// Two signs are such a sequence by accident more often than three: they count only after `Â` or `Ã`, before another
/// sequence, or where the text has one that counts.
fn decoded(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let counts = |at: usize| {
        sequence(&chars[at..]).is_some_and(|(_, length)| {
            let next = || sequence(&chars[at + length..]).is_some();
            length > 2 || matches!(chars[at], 'Â' | 'Ã') || next()
        })
    };
    if !(0..chars.len()).any(counts) {
        return None;
    }
    let mut result = String::new();
    let mut at = 0;
    while at < chars.len() {
        let (sign, length) = sequence(&chars[at..]).unwrap_or((chars[at], 1));
        result.push(sign);
        at += length;
    }
    Some(result)
}

/// The character that the UTF-8 sequence at the start of `chars` spells, read as single bytes, and its length.
fn sequence(chars: &[char]) -> Option<(char, usize)> {
    let length = match byte_of(*chars.first()?)? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [0; 4];
    for (byte, c) in bytes.iter_mut().zip(chars.get(..length)?) {
        *byte = byte_of(*c)?;
    }
    let sign = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
    Some((sign, length))
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
