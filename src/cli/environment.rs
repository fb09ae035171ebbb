//! The environment, read once: every variable that this program knows.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

/// The variables by which proxies are named everywhere.
const PROXIES: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// What the loader and CUDA's driver look at.
const GPU: [&str; 3] = ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"];

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// `IBID_STORE`: the store.
    pub(super) store: Option<PathBuf>,
    /// `IBID_MIRRORS`: folders of pinned files.
    pub(super) mirrors: Vec<PathBuf>,
    /// `IBID_SIMD`: the SIMD level.
    pub(super) simd: Option<String>,
    /// `IBID_LOG`: the log filter.
    pub(super) log: Option<String>,
    /// `IBID_OFFLINE`: whether the network must not be used.
    pub(super) offline: bool,
    /// `SSL_CERT_FILE`: certificates to trust.
    pub(super) certificates: Option<PathBuf>,
    /// The variables that name proxies, for the process that uses the network.
    pub(super) proxies: Vec<(String, OsString)>,
    /// The variables by which the libraries of a GPU are found and GPUs chosen.
    pub(super) gpu: Vec<(String, OsString)>,
    /// Whether colour and moving progress are wanted on standard error.
    pub(super) fancy: bool,
}

impl Environment {
    /// Reads it.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub(super) fn read() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text =
            |name: &str| set(name).map(|value: OsString| value.to_string_lossy().into_owned());
        let all = |names: &[&str], value: &dyn Fn(&str) -> Option<OsString>| {
            names.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect()
        };
        Self {
            store: set("IBID_STORE").map(PathBuf::from),
            // Between two colons, or behind the last one, nobody names the current folder.
            mirrors: set("IBID_MIRRORS")
                .iter()
                .flat_map(std::env::split_paths)
                .filter(|folder| !folder.as_os_str().is_empty())
                .collect(),
            simd: text("IBID_SIMD"),
            log: text("IBID_LOG"),
            offline: text("IBID_OFFLINE").is_some_and(|value| value != "0"),
            certificates: set("SSL_CERT_FILE").map(PathBuf::from),
            proxies: all(&PROXIES, &set),
            // An empty list of devices says that there is none.
            gpu: all(&GPU, &|name| std::env::var_os(name)),
            fancy: std::io::stderr().is_terminal()
                && set("NO_COLOR").is_none()
                && text("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}
