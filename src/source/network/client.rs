//! HTTP and HTTPS: no credentials, no cookies, few redirects, bounded in bytes and time.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Proxy, ProxyProtocol, ResponseExt as _};

use super::NetworkError;
use crate::source::address::{self, Scheme};

/// Redirects that are followed.
const REDIRECTS_MAX: u32 = 5;
/// Finding and reaching a host.
const CONNECT: Duration = Duration::from_secs(20);
/// Between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// Told how many bytes arrived, each time some do.
pub(super) type Heard = Arc<dyn Fn(u64) + Send + Sync>;

/// Asks servers.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    heard: Heard,
}

/// An answer whose body is still to be read.
pub(super) struct Answered {
    /// The status.
    pub(super) status: u16,
    /// The address that answered, after redirects.
    pub(super) url: String,
    /// The length of the body, if the server states it.
    pub(super) length: Option<u64>,
    /// The header `content-range`.
    pub(super) range: Option<String>,
    /// The header `content-type`.
    pub(super) kind: Option<String>,
    body: ureq::Body,
    heard: Heard,
}

impl Client {
    /// `certificates` are trusted instead of Mozilla's, if they are named.
    pub(super) fn new(certificates: Option<&Path>, heard: Heard) -> Result<Self, NetworkError> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = certificates {
            tls = tls.root_certs(read_certificates(path)?);
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(REDIRECTS_MAX)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .accept_encoding("identity")
            .user_agent(concat!("git/ibid-", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, heard })
    }

    /// Asks for `url`, from byte `from` on.
    pub(super) fn get(&self, url: &str, from: u64) -> Result<Answered, NetworkError> {
        let request = self.agent.get(url).config().https_only(is_https(url)?).build();
        let request =
            if from == 0 { request } else { request.header("Range", format!("bytes={from}-")) };
        self.answered(url, request.call())
    }

    /// Sends `body` to `url`; a redirect is not followed.
    pub(super) fn post(
        &self,
        url: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Answered, NetworkError> {
        let request = self.agent.post(url).config().https_only(is_https(url)?).max_redirects(0);
        let request = request.max_redirects_will_error(false).build();
        self.answered(url, request.header("Content-Type", kind).send(body))
    }

    fn answered(
        &self,
        url: &str,
        result: Result<ureq::http::Response<ureq::Body>, Error>,
    ) -> Result<Answered, NetworkError> {
        let response = result.map_err(|error| unreachable(&error))?;
        let text = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let (range, kind) = (text("content-range"), text("content-type"));
        let status = response.status().as_u16();
        let final_url = response.get_uri().to_string();
        // ureq reports a relative address after some redirects.
        let final_url = if final_url.contains("://") { final_url } else { url.to_owned() };
        let body = response.into_body();
        let length = body.content_length();
        let heard = self.heard.clone();
        match status {
            200 | 206 | 416 => {
                Ok(Answered { status, url: final_url, length, range, kind, body, heard })
            }
            401 | 403 | 407 => Err(NetworkError::Credentials(status)),
            _ => Err(NetworkError::Unreachable(format!("the server answers HTTP {status}"))),
        }
    }
}

impl Answered {
    /// The body: an error in place of what comes after `bytes_max` bytes.
    pub(super) fn reader(self, bytes_max: u64) -> Bounded {
        let body = self.body.into_with_config().limit(u64::MAX).reader();
        Bounded { body: Box::new(body), left: bytes_max, bytes_max, heard: self.heard }
    }
}

/// A body that ends in an error where it becomes too long.
pub(super) struct Bounded {
    body: Box<dyn Read + Send>,
    left: u64,
    bytes_max: u64,
    heard: Heard,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        (self.heard)(count as u64);
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(NetworkError::TooLarge(self.bytes_max))),
        }
        Ok(count)
    }
}

/// What an error while a body was read says.
pub(super) fn of_io(error: io::Error) -> NetworkError {
    let text = error.to_string();
    let inner = error.into_inner();
    match inner.and_then(|inner| inner.downcast::<NetworkError>().ok()) {
        Some(known) => *known,
        None => NetworkError::Unreachable(format!("the answer breaks off: {text}")),
    }
}

/// What a child sees of the variables that name proxies: the one that is for `url`, as the one that is for all, and the
/// hosts that need none. A proxy that cannot be used is an error: whoever names one wants no other way.
pub(super) fn proxies(
    environment: &[(String, OsString)],
    url: &str,
) -> Result<Vec<(&'static str, OsString)>, NetworkError> {
    let names = match address::scheme(url).map_err(NetworkError::Address)? {
        Scheme::File => return Ok(Vec::new()),
        Scheme::Http => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        Scheme::Https => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let set = |wanted: &&str| environment.iter().find(|(name, _)| name == *wanted);
    let Some((name, value)) = names.iter().find_map(set) else {
        return Ok(Vec::new());
    };
    let without = ["no_proxy", "NO_PROXY"].iter().find_map(set).map(|(_, hosts)| hosts);
    if without.is_some_and(|hosts| is_without_proxy(url, &hosts.to_string_lossy())) {
        return Ok(Vec::new());
    }
    let proxy = value.to_str().and_then(|value| Proxy::new(value).ok());
    let is_usable =
        |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
    if !proxy.as_ref().is_some_and(is_usable) {
        return Err(NetworkError::Proxy(name.clone()));
    }
    let without = without.map(|hosts| ("NO_PROXY", hosts.clone()));
    Ok([("ALL_PROXY", value.clone())].into_iter().chain(without).collect())
}

/// Whether a list of hosts without a proxy has that of `url`.
fn is_without_proxy(url: &str, hosts: &str) -> bool {
    let any = Proxy::builder(ProxyProtocol::Http).host("localhost");
    let any = hosts.split(',').fold(any, |any, host| any.no_proxy(host.trim()));
    match (any.build(), url.parse::<ureq::http::Uri>()) {
        (Ok(any), Ok(url)) => any.is_no_proxy(&url),
        _ => false,
    }
}

fn is_https(url: &str) -> Result<bool, NetworkError> {
    let scheme = address::scheme(url).map_err(NetworkError::Address)?;
    Ok(scheme == Scheme::Https)
}

fn unreachable(error: &Error) -> NetworkError {
    NetworkError::Unreachable(match error {
        Error::HostNotFound => "there is no such host, or no network".to_owned(),
        Error::TooManyRedirects => format!("it redirects more than {REDIRECTS_MAX} times"),
        Error::RequireHttpsOnly(_) => "it redirects from https to http".to_owned(),
        Error::Timeout(phase) => format!("no answer in time ({phase})"),
        other => format!("it cannot be reached: {other}"),
    })
}

fn read_certificates(path: &Path) -> Result<RootCerts, NetworkError> {
    let bad = |reason: &dyn std::fmt::Display| {
        NetworkError::Unreachable(format!(
            "the certificates in `{}` (SSL_CERT_FILE) cannot be read: {reason}",
            path.display()
        ))
    };
    let pem = std::fs::read(path).map_err(|error| bad(&error))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(&error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(bad(&"there are none"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(environment: &[(&str, &str)], url: &str) -> Result<Vec<String>, NetworkError> {
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        let seen = proxies(&environment, url)?;
        Ok(seen.into_iter().map(|(name, value)| format!("{name}={}", value.display())).collect())
    }

    #[test]
    fn a_proxy_is_for_the_addresses_that_its_variable_names() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "p:2"), ("NO_PROXY", "a.org")];
        let [s, p] = ["ALL_PROXY=http://s:1", "ALL_PROXY=p:2"];
        assert_eq!(seen(&both, "https://b.org/x").unwrap(), [s, "NO_PROXY=a.org"]);
        assert_eq!(seen(&both, "http://b.org/x").unwrap(), [p, "NO_PROXY=a.org"]);
        for url in ["https://a.org/x", "file:///x"] {
            assert!(seen(&both, url).unwrap().is_empty(), "{url}");
        }
        assert!(seen(&both[..1], "http://b.org/x").unwrap().is_empty());
        assert_eq!(seen(&[("ALL_PROXY", "p:2")], "http://b.org/x").unwrap(), [p]);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_and_not_passed_by() {
        for proxy in ["socks5://p:1", "ftp://p", "http://", "a b", "://"] {
            let refused = seen(&[("https_proxy", proxy)], "https://b.org/x").unwrap_err();
            assert_eq!(refused, NetworkError::Proxy("https_proxy".to_owned()), "{proxy}");
            assert!(seen(&[("https_proxy", proxy)], "http://b.org/x").unwrap().is_empty());
        }
    }
}
