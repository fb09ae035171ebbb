//! The git protocol over HTTP: libgit2's smart transport on our own client.
//!
//! libgit2 is built without TLS, which would need a system library; this replaces its `http://` too, so that one client
//! with one set of bounds carries everything.

#![allow(
    unsafe_code,
    reason = "libgit2's settings are global: they are set once, before any other use"
)]

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{ConfigLevel, ErrorClass, ErrorCode};

use super::client::{Bounded, Client};
use super::{NetworkError, REPOSITORY_BYTES_MAX};

/// The client of this process and the first error that it had: transports are made by libgit2, which cannot carry them.
static SHARED: OnceLock<Shared> = OnceLock::new();

struct Shared {
    client: Client,
    failure: Arc<Mutex<Option<NetworkError>>>,
}

/// Makes libgit2 use `client` for HTTP and HTTPS, and read no configuration outside of a repository.
///
/// The first client of a process stays.
pub(super) fn install(client: Client) -> Result<(), NetworkError> {
    static ONCE: Once = Once::new();
    SHARED.get_or_init(|| Shared { client, failure: Arc::default() });
    let mut result = Ok(());
    // SAFETY: `Once` lets nobody go on before this is done, and this module is the only one that sets these.
    ONCE.call_once(|| result = unsafe { settings() });
    result.map_err(|error| NetworkError::Unreachable(error.message().to_owned()))
}

/// The first error of the client since the last time, which says more than libgit2's.
pub(super) fn take_failure() -> Option<NetworkError> {
    SHARED.get()?.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// # Safety
///
/// No other thread may use libgit2 meanwhile.
unsafe fn settings() -> Result<(), git2::Error> {
    let levels =
        [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global];
    for level in levels {
        // SAFETY: the caller's promise.
        unsafe { git2::opts::set_search_path(level, "") }?;
    }
    for scheme in ["http", "https"] {
        // SAFETY: the caller's promise.
        unsafe {
            git2::transport::register(scheme, |remote| {
                let shared = SHARED.get().ok_or_else(|| failed("no client"))?;
                let base = Arc::default();
                let (client, failure) = (shared.client.clone(), shared.failure.clone());
                Transport::smart(remote, true, Http { client, base, failure })
            })
        }?;
    }
    Ok(())
}

fn failed(message: &str) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Http, message)
}

/// A connection, as far as a stateless protocol has one.
struct Http {
    client: Client,
    /// The repository's address, after the redirects of the first request.
    base: Arc<Mutex<Option<String>>>,
    failure: Arc<Mutex<Option<NetworkError>>>,
}

const LIST: &str = "/info/refs?service=git-upload-pack";

impl SmartSubtransport for Http {
    fn action(
        &self,
        url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let is_list = match service {
            Service::UploadPackLs => true,
            Service::UploadPack => false,
            _ => return Err(failed("nothing is ever sent to a repository")),
        };
        Ok(Box::new(Exchange {
            client: self.client.clone(),
            url: url.trim_end_matches('/').to_owned(),
            base: self.base.clone(),
            failure: self.failure.clone(),
            is_list,
            request: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer: what is written is sent when the first byte is read.
struct Exchange {
    client: Client,
    url: String,
    base: Arc<Mutex<Option<String>>>,
    failure: Arc<Mutex<Option<NetworkError>>>,
    is_list: bool,
    request: Vec<u8>,
    answer: Option<Bounded>,
}

impl Exchange {
    fn ask(&self) -> Result<Bounded, NetworkError> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let url = base.clone().unwrap_or_else(|| self.url.clone());
        let answered = if self.is_list {
            self.client.get(&format!("{url}{LIST}"), 0)?
        } else {
            let kind = "application/x-git-upload-pack-request";
            self.client.post(&format!("{url}/git-upload-pack"), kind, &self.request)?
        };
        let wanted = if self.is_list { "advertisement" } else { "result" };
        let wanted = format!("application/x-git-upload-pack-{wanted}");
        if answered.status != 200 || answered.kind.as_deref() != Some(&wanted) {
            let text =
                "the address answers, and is no git repository (or one without the smart protocol)";
            return Err(NetworkError::Unreachable(text.to_owned()));
        }
        if self.is_list {
            *base = answered.url.strip_suffix(LIST).map(ToOwned::to_owned);
        }
        Ok(answered.reader(REPOSITORY_BYTES_MAX))
    }

    fn remember(&self, error: NetworkError) -> io::Error {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        failure.get_or_insert(error);
        io::Error::other(text)
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.answer.is_none() {
            self.answer = Some(self.ask().map_err(|error| self.remember(error))?);
        }
        let Some(answer) = &mut self.answer else {
            return Ok(0);
        };
        answer.read(buffer).map_err(|error| self.remember(super::client::of_io(error)))
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
