//! Character references of HTML, as Python's `html.unescape` reads them and as ftfy does.

use std::borrow::Cow;

/// Characters of a name after `&`, at most.
const NAME_MAX: usize = 32;
/// Signs of a reference that ftfy looks at, at most.
const STRICT_MAX: usize = 24;

/// Every reference replaced: numbers with or without a semicolon, names by the longest prefix that is one.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    replaced(text, |rest| {
        if let Some(number) = rest.strip_prefix('#') {
            let (value, length) = numeric(number)?;
            return Some((value, 1 + length));
        }
        let is_end = |c: char| matches!(c, '\t' | '\n' | '\x0c' | ' ' | '<' | '&' | '#' | ';');
        let mut ends = Vec::new();
        for (at, c) in rest.char_indices().take(NAME_MAX) {
            if is_end(c) {
                break;
            }
            ends.push(at + c.len_utf8());
        }
        let whole = *ends.last()?;
        if rest[whole..].starts_with(';')
            && let Some(value) = named(&rest[..=whole])
        {
            return Some((value.to_owned(), whole + 1));
        }
        // A name has at least two signs.
        let prefixes = ends.into_iter().skip(1).rev();
        let mut known = prefixes.filter_map(|end| Some((named(&rest[..end])?.to_owned(), end)));
        known.next()
    })
}

/// Only references that end in a semicolon; and names of lower-case letters also where all of them are capitals, whose
/// character is then a capital too.
pub(super) fn unescape_strictly(text: &str) -> Cow<'_, str> {
    replaced(text, |rest| {
        let (sign, body) = match rest.strip_prefix('#') {
            Some(body) => (1, body),
            None => (0, rest),
        };
        let length = body.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if !(1..=STRICT_MAX).contains(&length) || !body[length..].starts_with(';') {
            return None;
        }
        if sign == 1 {
            let (value, read) = numeric(body)?;
            // A semicolon that is left means that not all of it was a number.
            return (read == length + 1 && value != ";").then_some((value, length + 2));
        }
        let name = &body[..=length];
        if let Some(value) = named(name) {
            return Some((value.to_owned(), length + 1));
        }
        let is_shouted = !name.bytes().any(|byte| byte.is_ascii_lowercase());
        let value = named(&name.to_ascii_lowercase()).filter(|_| is_shouted)?;
        // What `unescape` would change by a prefix is not a shouted name.
        let escaped = format!("&{name}");
        (unescape(&escaped) == escaped).then(|| (value.to_uppercase(), length + 1))
    })
}

/// Replaces what follows each `&` as far as `read` knows it: the replacement, and the bytes it stands for.
fn replaced(text: &str, read: impl Fn(&str) -> Option<(String, usize)>) -> Cow<'_, str> {
    let mut result = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find('&') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some((value, length)) = read(after) {
            result.push_str(&value);
            rest = &after[length..];
            changed = true;
        } else {
            result.push('&');
            rest = after;
        }
    }
    if !changed {
        return Cow::Borrowed(text);
    }
    result.push_str(rest);
    Cow::Owned(result)
}

/// The characters of a name, which may end in a semicolon.
fn named(name: &str) -> Option<&'static str> {
    let value = htmlize::ENTITIES.get(format!("&{name}").as_bytes())?;
    std::str::from_utf8(value).ok()
}

/// The character of the number that `text` begins with (decimal, or `x` and hexadecimal), and the bytes read, a
/// semicolon included.
fn numeric(text: &str) -> Option<(String, usize)> {
    let (radix, prefix) = if text.starts_with(['x', 'X']) { (16, 1) } else { (10, 0) };
    let digits =
        text[prefix..].bytes().take_while(|&byte| char::from(byte).is_digit(radix)).count();
    if digits == 0 {
        return None;
    }
    let code = text[prefix..prefix + digits].chars().fold(0_u32, |code, digit| {
        code.saturating_mul(radix).saturating_add(digit.to_digit(radix).expect("a digit"))
    });
    let end = prefix + digits;
    let end = end + usize::from(text[end..].starts_with(';'));
    let value = match code {
        0x80..=0x9f => super::repair::of_windows_1252(code).to_string(),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => String::new(),
        _ if code <= 0x10_ffff && code & 0xfffe == 0xfffe => String::new(),
        0 => char::REPLACEMENT_CHARACTER.to_string(),
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string(),
    };
    Some((value, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: Python 3.11's `html.unescape`.
    #[test]
    fn references_are_read_as_python_reads_them() {
        let check = |text, expected| assert_eq!(unescape(text), expected, "{text}");
        check("a &amp; b &lt;i&gt;", "a & b <i>");
        check("&ampamp; &notit; &notin; &nosuch; &", "&amp; ¬it; ∉ &nosuch; &");
        check("&#38;&#x26;&#X26&#38 &#; &#x;", "&&&& &#; &#x;");
        check("&#128;&#x81;&#0;&#11;&#xD800;&#1114112;&#xFFFE;", "€\u{81}\u{fffd}\u{fffd}\u{fffd}");
        check("&acE;&NotEqualTilde;", "\u{223e}\u{333}\u{2242}\u{338}");
        check("&&amp;&Aacute&eacuteé", "&&Áéé");
    }

    /// Expected values: ftfy 6.3.1's `unescape_html`.
    #[test]
    fn strict_references_end_in_a_semicolon() {
        let check = |text, expected| assert_eq!(unescape_strictly(text), expected, "{text}");
        check("this&not that &amp &eacute;", "this&not that &amp é");
        check("P&EACUTE;REZ &ntilde; &Ntilde; &NTILDE; &nTILDE;", "PÉREZ ñ Ñ Ñ &nTILDE;");
        check("&#38; &#x26; &#38a; &#59;", "& & &#38a; &#59;");
        check("BUNDESSTRA&SZLIG;E", "BUNDESSTRASSE");
    }
}
