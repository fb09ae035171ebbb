//! HTTP and HTTPS: no credentials, no cookies, few redirects, bounded in bytes and time.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, ResponseExt as _};

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
