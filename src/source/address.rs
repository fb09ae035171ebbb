//! Addresses of repositories and files: which ones are ever asked.

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
        return Err("the address is too long, or has a space or a control character in it".to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("the address holds a name or a password; none is ever sent".to_owned());
    }
    match (scheme, authority.is_empty()) {
        (Scheme::File, true) | (Scheme::Http | Scheme::Https, false) => Ok(scheme),
        (Scheme::File, false) => Err("a `file://` address names no host: `file:///path`".to_owned()),
        _ => Err("the address names no host".to_owned()),
    }
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
        assert_eq!(scheme("file:///srv/a"), Ok(Scheme::File));
        assert_eq!(host("https://example.org:8/a/b"), Some("example.org:8"));
        assert_eq!(host("file:///a"), None);
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
            "http://example.org/\n",
            &format!("http://example.org/{}", "a".repeat(3000)),
        ] {
            assert!(scheme(url).is_err(), "{url}");
        }
    }
}
