//! Addresses of repositories and files: which ones are ever asked.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// Longer addresses are refused.
const LENGTH_MAX: usize = 2048;

/// How an address is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// A repository on this machine.
    File,
    /// Without encryption; what arrives is compared with its pin all the same.
    Http,
    /// With TLS.
    Https,
}

/// Reads the scheme of `url`, which must be plain text without a name or a password in it.
///
/// # Errors
///
/// A sentence that says what is wrong with it.
pub fn scheme(url: &str) -> Result<Scheme, String> {
    let (scheme, rest) = url.split_once("://").ok_or("the address has no `https://`")?;
    let scheme = match scheme {
        "file" => Scheme::File,
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => return Err(format!("`{other}://` is not supported; use https, http or file")),
    };
    if url.len() > LENGTH_MAX || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(
            "the address is too long, or has a space or a control character in it".to_owned()
        );
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("the address holds a name or a password; none is ever sent".to_owned());
    }
    // Brackets hold colons of another kind.
    let end = authority.rsplit_once(']').map_or(authority, |(_, end)| end);
    if let Some((_, port)) = end.split_once(':') {
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        if !(is_number && port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err(format!("`:{port}` is not a port from 1 to 65535"));
        }
    }
    match (scheme, authority.is_empty()) {
        (Scheme::File, true) | (Scheme::Http | Scheme::Https, false) => Ok(scheme),
        (Scheme::File, false) => {
            Err("a `file://` address names no host: `file:///path`".to_owned())
        }
        _ => Err("the address names no host".to_owned()),
    }
}

/// The folder of a `file://` address, whose `%XX` stand for bytes.
///
/// # Errors
///
/// A sentence that says what is wrong with it.
pub fn path(url: &str) -> Result<PathBuf, String> {
    let text = url.strip_prefix("file://").ok_or("the address is not `file://`")?;
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        // A number may have a sign, and would be read with one digit less.
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.filter(|byte| *byte != 0).ok_or("`%` is not followed by two digits")?);
        rest = &tail[2..];
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// The host of an address, with its port; nothing for a file.
pub fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?;
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_schemes_are_known() {
        assert_eq!(scheme("https://example.org/a.git"), Ok(Scheme::Https));
        assert_eq!(scheme("http://localhost:8080/a"), Ok(Scheme::Http));
        assert_eq!(scheme("https://[::1]/a"), Ok(Scheme::Https));
        assert_eq!(scheme("https://[::1]:443/a"), Ok(Scheme::Https));
        assert_eq!(scheme("file:///srv/a"), Ok(Scheme::File));
        assert_eq!(host("https://example.org:8/a/b"), Some("example.org:8"));
        assert_eq!(host("file:///a"), None);
        assert_eq!(path("file:///a%20b/%c3%a4").unwrap(), PathBuf::from("/a b/ä"));
        for wrong in ["file:///a%2", "file:///a%00", "file:///a%+5"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_would_run_or_leak_something_is_refused() {
        for url in [
            "ssh://example.org/a",
            "git@example.org:a/b",
            "ext::sh -c id",
            "/srv/a",
            "https://user:secret@example.org/a",
            "https://token@example.org/a",
            "https:///a",
            "file://host/a",
            "http://exa mple.org/",
            "http://example.org:abc/a",
            "http://example.org:-1/a",
            "http://example.org:+80/a",
            "http://example.org:99999/a",
            "http://example.org:0/a",
            "http://example.org:/a",
            "http://[::1]:abc/a",
            "http://example.org/\n",
            &format!("http://example.org/{}", "a".repeat(3000)),
        ] {
            assert!(scheme(url).is_err(), "{url}");
        }
    }
}
