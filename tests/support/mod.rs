//! Hermetic workspaces and the program, run as a stranger runs it.

mod forgery;
mod machine;
pub(crate) mod open_clip;
mod origin;
pub(crate) mod published;
pub(crate) mod server;
mod workspace;

pub(crate) use forgery::{forge, library_settings};
pub(crate) use machine::{Chance, flip};
pub(crate) use origin::{Entry, Origin, POINTS, tiny};
pub(crate) use workspace::{PACKAGE, Ran, SMOKE, Workspace, authors_table, repository};

/// Says why a test, or the rest of one, does not run here. In CI that is a failure: a test of what its machine may lack
/// says so by itself.
pub(crate) fn skip(reason: &str) {
    println!("skipped: {reason}");
    assert!(std::env::var_os("IBID_CI").is_none(), "CI skips a test: {reason}");
}

/// Waits until something holds, which it must within five minutes: the machine may have other things to do.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let held = (0..60_000).any(|_| {
        let holds = holds();
        if !holds {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        holds
    });
    assert!(held, "{what}");
}
