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
//! | [`mod@fs`], [`digest`], [`address`], [`confinement`] | atomic writes and locks; typed digests; which addresses are ever asked; what a process may reach |
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
//! 5. No hash map is iterated, no float is summed in arrival order, no random number comes from an unnamed stream, and
//!    stock candle arithmetic is out of reach: only `tensor` imports candle, and its types have no arithmetic. The
//!    platform's `libm` is called by libraries alone that render a figure as PNG and PDF, which no lockfile holds; a
//!    story makes each of its functions give the next number.
//! 6. The library writes nothing to the terminal and installs no subscriber.
//! 7. The version of a job's code enters its actions as an explicit revision, and golden tests hold the bits.
//!
//! # Two ways to compute
//!
//! An operation has code for main memory and, with the feature `cuda`, kernels for a GPU: two ways to compute one
//! definition. Where a training computes is where its state is ([`training::State::on_device`]); it may move between two
//! steps, and nothing that is identified says where it was. `tests/bench/cuda/README.md` says how kernels are held
//! against the definitions, on a GPU and without one, and how fast they are.
//!
//! A training may instead be bound to a class of GPUs ([`action::params::DeviceProfile`]): its blocks' linear layers then
//! use tensor cores, it has another name, and it is computed there or nowhere. Its line of the lockfile holds its losses too
//! ([`plan::Losses`]): `verify` on another device computes the training by what that has, as another action, and compares
//! losses within a tolerance ([`ops::AnotherClass`]); all that does not follow from it is compared bit for bit, as always.
//!
//! # Where two runs part
//!
//! Each training leaves a [`training::Trace`] whose digests are chained, so that the first step that differs between two
//! of them is found by halving. `bisect` ([`ops::Bisected`]) executes that step again on both sides, each from its nearest
//! published checkpoint or from the start, while operations show what they make ([`tensor::tap`]) to a recorder
//! ([`training::record_step`]): first digests, then the one tensor that is compared element by element. A side counts as
//! executed again only if it gives the trace that it recorded; it is tried as asked and then as the definitions are
//! written, without vector instructions on one thread, so that a wrong kernel of this machine convicts itself. What a
//! fingerprint cannot see, such as a moment, is found by the digests of whole states. Of a side that nothing here can
//! repeat, the links and the published checkpoints are compared, and no more is claimed.
//!
//! `verify --spot` ([`ops::SpotChecked`]) believes a training of which random segments were executed again; how they are
//! drawn, and why a forger cannot aim beside them, is said in [`training::spot`].
//!
//! # What is trusted
//!
//! *Trusted*: this program and its dependencies as `Cargo.lock` pins them; the operating system; SHA-256; the person
//! who types the command. *Not trusted*: everything else, each for the reason in its row.
//!
//! | who | can | what finds it |
//! |---|---|---|
//! | author of an experiment | write any text | evaluated in a child process with limits on time, memory and output, no network, no environment, imports confined to its folder or pinned by hash; jobs are a closed vocabulary: exit 2 |
//! | whoever serves shards, tables and weights | send other bytes, or half of them | nothing is used that was not hashed against its pin: exit 3, the place named |
//! | a server, or the author of a repository that is named by URL | answer anything, link, nest, hook | asked by a child process with limits that reaches the network, what it fetches into and nothing else (see [`source::Network`]); a repository is never checked out and its configuration never opened, so that hooks and filters mean nothing; links and submodules are never followed; git's SHA-1 names a commit, and what the commit pins is compared by SHA-256 all the same: exit 2 to 4 |
//! | a job, should its input get the better of it | call the system | it reads and changes its own folders alone, and no socket, program or other process, where the kernel has Landlock and seccomp (see [`confinement`]; `doctor` says what is in force). Code that took over a whole process could also change the work folders of the actions that run beside it |
//! | a disk, a copy, a bit that rots | change any bit of any file of the store, also with its old time | `store fsck`, exit 4: blobs by their name, results, recipes, leases, evaluations, renderings and kernels by checksum, attestations, logs and workspaces by digest, commits of others by every object's id. Never served: a blob is hashed when it is read, a target whenever it is handed out, a result is bound to its key. The next run that reads it makes it again |
//! | the same | change the marker of the store's layout | nothing opens the store: exit 4, `store fsck` writes it anew; a marker of another version is refused, exit 3 |
//! | whoever can write to the store | forge a result with a checksum of its own | every run compares it with the lockfile: exit 1, `differs`; `store fsck`: it contradicts the attestation of who executed it, exit 4 |
//! | the same | forge a remembered evaluation with a checksum of its own | `verify` and `lock` read none and evaluate the text; the other commands believe it: what is executed otherwise is not in the lockfile, which is said, and with `--locked` exit 1; a claim's bounds are judged by `verify` |
//! | the same | forge a remembered figure as PNG or PDF with a checksum of its own | `store fsck` renders each anew from its SVG, exit 4; `reproduce` hands it out |
//! | the same | lead a recipe to another action | the lockfile, exit 1; `store fsck` forms the key again from the inputs, exit 4 |
//! | the same | forge result and attestation of an action that is not locked | `verify` after somebody honest locked it; else nothing |
//! | whoever can write to the lockfile | edit a digest | `reproduce`, `verify` and `lock --check`: exit 1. A lockfile grants no hit, unless `reproduce --substitute` asks for one; it is only compared with |
//! | the same, and to a mirror that `--substitute` is given | hand out other bytes as a result | said: counted as fetched, not compared, recorded as nobody's; `verify` makes them anew, exit 1 |
//! | the same | give one action two lines, so that it is the reader's choice which of them counts | refused with the line: exit 2 |
//! | the same | edit the losses of a training of a device class | the same, where its trace is at hand; `verify` on another class, exit 1, if they are beyond the tolerance, else nothing |
//! | the same | edit a recipe id, or another version of the format | not locked (`--locked`: exit 1, `verify`: exit 2), or refused with the line: exit 2 |
//! | whoever can write to the store *and* the lockfile | lie consistently | `verify`: it executes again in a second store and reads no result of the first |
//! | a job that gives other bytes when repeated | be believed once | `verify`, exit 1, names action and output; within one store exit 4, and both results are kept |
//! | a kill, a crash, a full disk | stop anything anywhere | files are whole or absent, outputs enter before the result that names them, a log that ends within a record is cut there; children die with their parent, and none shares a folder with its successor |
//! | a folder that is unmounted, moved or closed; an experiment with a passing mistake | be taken for nothing by a collection | `store gc` removes nothing and names it: exit 3, or the mistake's; `--forget-missing` is for folders that are gone for good |
//! | somebody who removes files of the store | cost time | what is needed is made again; locks, leases and checksums keep runs apart and collections away |
//! | another run on the same store | be there at the same time | one action, one lock; a lock of a process that died is free; a file system that cannot lock is refused, exit 3 |
//!
//! A run that finds nothing to do checks presence and size of every output and hashes what it hands out; `store fsck`
//! hashes everything. Resume checkpoints are checked by the training that reads them: one that is damaged is passed
//! over. A clock decides what a collection takes for recent, what attestations state, whether a large blob that was just
//! hashed is hashed again, when a training saves a resume checkpoint, when a silent server is given up, and when a child
//! that was told to stop is killed; no result depends on it.
//!
//! # What reading may cost
//!
//! Every parser of something that a stranger wrote has a bound; beyond it there is one error, never a crash of the caller.
//!
//! | what | memory and size | time |
//! |---|---|---|
//! | an experiment in Dhall ([`spec::guard`]) | 2 GiB of address space in a child; a file of 1 MiB, 16 MiB together, 2,000 imports, 64 deep; brackets 200 deep, values 100 deep; an answer of 64 MiB | 10 s of processor time, 240 s on the clock |
//! | what a server sends ([`source::Network`]) | 4 GiB in a child; a repository of 1 GiB; a file of the size it is pinned to; names of 16 MiB; 5 redirects | 900 s of processor time; 16 KiB within each span of patience |
//! | objects of a commit ([`commit`]) | a commit of 1 MiB, a folder's list of 16 MiB, folders 64 deep; a file of 256 MiB, or of what the reader allows, looked at before it is read | linear |
//! | a lockfile | 16 MiB | linear, but for sorting |
//! | a data set ([`data::Dataset`]) | a manifest of 64 MiB, a shard of 2 GiB, a member of 16 MiB, a caption of 64 KiB, images of 1,024 a side; 1 GiB of pixels or, beyond it, four batches, and 256 MiB of texts; each at most what its file holds | linear, but for sorting keys, and for byte pairs: the square of a word, 1.7 s for a caption of 64 KiB without a space |
//! | an image file ([`data::preprocess`]) | 2²⁶ pixels, known before any is decoded | linear in pixels |
//! | weights of other programs ([`tensor::checkpoint`]) | a header or a pickled part of 16 MiB, 2²² values in it; one tensor at a time, of what its file holds | linear |
//! | a table of one's own or of others | the bytes that it is pinned to; 4,000,000 rows, 40,000,000 cells and 256 MiB of text after each step that can make it larger | linear, joins and sorts n log n |
//! | canonical bytes, results, leases, attestations, the recipe log and its index, traces, checkpoints | a small multiple of the file | linear |

pub mod action;
pub mod address;
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
