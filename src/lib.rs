//! Cite an experiment again and get the same bits.
//!
//! An experiment is a Dhall file that pins data by digest, the configuration of every model, every seed and the samples
//! seen. `ibid` turns it into a graph of content-addressed actions, executes what its store does not have, and says for
//! every number whether it is the one that was recorded. This page is the architecture of the crate.
//!
//! # The pipeline
//!
//! ```text
//! experiments/NAME/package.dhall ──spec──▶ Experiment ──plan──▶ graph of actions ──exec──▶ results ──▶ store
//!                                                                    │
//!                                      lockfiles/NAME.lock ◀── digests ◀────────────────────┤
//!                                                                                           ▼
//!                                                         report: figure, fits, claims, verdict
//! ```
//!
//! An **action** is plain data: job kind, revision, numerics profile, every parameter, inputs. A **job** is a pure
//! function from input bytes to output bytes. An **executor** performs it; nothing downstream can tell which one did.
//! What an action's two names cover is tabled in [`action`].
//!
//! # The rooms, from the terminal down to the arithmetic
//!
//! | room | what it is |
//! |---|---|
//! | `main.rs`, `cli` (binary) | the terminal; sees only this library's public items |
//! | [`ops`] | one function per command; the front door |
//! | [`report`] | stored results to pages that people read |
//! | [`exec`] | the plan made real: look-up, scheduler, child processes, clock, events |
//! | [`jobs`] | what an action does, pure |
//! | [`store`] | content-addressed store, action cache, recipe index |
//! | [`plan`] | an experiment to a graph of actions; lockfile; explain |
//! | [`training`] | the loop, its chunks, checkpoints and trace |
//! | [`model`] | CLIP towers, initial weights, cost |
//! | [`tensor`] | the candle boundary |
//! | [`data`] | shards, images, tokeniser, sample order, bundled sets |
//! | [`metrics`], [`plot`] | pure functions from numbers to numbers, and to SVG |
//! | [`source`] | bytes by digest; the only room that starts the process which uses the network |
//! | [`spec`] | Dhall text to a typed experiment |
//! | [`action`] | the unit of work as plain data |
//! | [`commit`] | files of one commit, from git objects |
//! | [`numerics`] | the definitions of every operation, to the bit |
//! | [`mod@fs`], [`digest`], [`confinement`] | atomic writes and locks; typed digests; what a process may reach |
//!
//! Imports point down only; `tests/architecture.rs` holds the exact table against every `crate::` path.
//!
//! # Invariants, stated as absences
//!
//! 1. Nothing below `spec` knows that Dhall exists.
//! 2. `plan` and `action` contain no floating-point arithmetic; a fraction is identified by its bits.
//! 3. An [`action::ActionResult`] holds no time, host, path or origin.
//! 4. A job sees a folder of inputs, a folder for outputs and its parameters. It reads no environment, and where the
//!    kernel has Landlock and seccomp it cannot reach anything else ([`confinement`]).
//! 5. No hash map is iterated, no float is summed in arrival order, no random number comes from an unnamed stream, the
//!    platform's `libm` is never called, and stock candle arithmetic is out of reach: only `tensor` imports candle, and
//!    its types have no arithmetic.
//! 6. The library writes nothing to the terminal and installs no subscriber.
//! 7. The version of a job's code enters its actions as an explicit revision, and golden tests hold the bits.
//!
//! # What is trusted
//!
//! *Trusted*: this program and its dependencies as `Cargo.lock` pins them; the operating system; SHA-256; the person
//! who types the command. *Not trusted*: an experiment's text (evaluated in a child process with limits on time, memory
//! and output, without network or environment, and with imports confined to its own folder or pinned by hash); shards
//! and files (nothing is used that was not hashed against its pin); servers and the repositories of others (asked by a
//! child process with limits, see [`source::Network`]; a repository is never checked out, its configuration is never
//! opened, so that its hooks and filters mean nothing, links and submodules are never followed; git's SHA-1 names a commit, and what a commit pins is
//! compared by SHA-256 all the same); a lockfile (it grants no hit; it is only compared
//! with); what lies in the store (a blob is hashed when it is read, a result is checksummed and bound to its key).
//! A run that finds nothing to do checks presence and size of every output and hashes what it hands out; `store fsck`
//! hashes everything. Someone who can write to the store *and* to the lockfile can forge both; `verify` executes again
//! and finds that.

pub mod action;
pub mod commit;
pub mod confinement;
pub mod data;
pub mod digest;
pub mod exec;
pub mod fs;
pub mod jobs;
pub mod metrics;
pub mod model;
pub mod numerics;
pub mod ops;
pub mod plan;
pub mod plot;
pub mod report;
pub mod source;
pub mod spec;
pub mod store;
pub mod tensor;
pub mod training;

/// The README's example of the library, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
