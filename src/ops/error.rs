//! What can go wrong in any command, and which exit code it has.

use std::path::{Path, PathBuf};

use super::model::ModelFault;
use super::name::{CommitName, NameError, is_experiment_name};
use super::pricing::grouped;
use super::specification::Found;
use crate::commit::ObjectError;
use crate::data::{DataError, MemberError};
use crate::exec::{ExecError, Failure, FailureKind};
use crate::plan::{LockfileError, PlanError};
use crate::source::{GitError, NetworkError, SourceError};
use crate::spec::counted;
use crate::store::StoreError;
use crate::tensor::checkpoint::CheckpointError;
use crate::{fs, spec};

/// An error of a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was typed names nothing.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no workspace here.
    #[error("no workspace at `{}` or above it (a folder with `experiments/schema`)", folder.display())]
    NoWorkspace {
        /// Where the search began.
        folder: PathBuf,
    },
    /// The folder that was named is no workspace.
    #[error("`{}` is not a workspace: it has no folder `experiments/schema`", path.display())]
    NotAWorkspace {
        /// The folder.
        path: PathBuf,
    },
    /// The workspace has no such experiment.
    #[error("there is no experiment `{name}` (experiments: {})", known.join(", "))]
    UnknownExperiment {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The commit that was named cannot be had.
    #[error("`{name}` cannot be had")]
    Commit {
        /// What was typed.
        name: CommitName,
        /// Why not.
        #[source]
        source: Box<GitError>,
    },
    /// The local copy of a commit lacks what the commit holds, or has other bytes.
    #[error("the local copy of commit {id} is damaged")]
    DamagedCopy {
        /// The commit.
        id: String,
        /// How.
        #[source]
        source: ObjectError,
    },
    /// The commit has no such experiment.
    #[error("commit {} has no experiment `{}` (experiments: {})", name.rev, name.experiment, names(known))]
    NotInCommit {
        /// What was typed.
        name: CommitName,
        /// What there is.
        known: Vec<String>,
    },
    /// An experiment has findings.
    #[error("`{name}` has {}{}", counted(findings.len()), excerpts(findings))]
    Unsound {
        /// The experiment as it is typed.
        name: String,
        /// All of them.
        findings: Vec<Found>,
    },
    /// An experiment cannot be loaded, and what it pins is not to be collected.
    #[error("nothing is collected: what `{name}`{} pins is not known", of_workspace(workspace.as_deref()))]
    UnknownPins {
        /// The experiment.
        name: String,
        /// Its workspace, if it is another one that uses the store.
        workspace: Option<PathBuf>,
        /// Why it cannot be loaded.
        #[source]
        source: Box<Self>,
    },
    /// The specification is at fault.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// The value is not an experiment.
    #[error("the value does not fit the schema")]
    Bind(#[from] spec::BindError),
    /// The experiment has no such plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A lockfile cannot be read.
    #[error("`{}`", path.display())]
    Lockfile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: LockfileError,
    },
    /// The lockfile does not cover what was asked for.
    #[error("`{}` does not cover {} of the actions, such as `{}`", path.display(), unlocked.len(), unlocked[0])]
    Unlocked {
        /// The lockfile.
        path: PathBuf,
        /// The name to lock.
        name: String,
        /// Labels that it lacks.
        unlocked: Vec<String>,
        /// What to do with it could not be done; else that it covers all was to be judged.
        needed: bool,
    },
    /// The run would take longer than the budget.
    #[error(
        "about {estimate} of work exceeds the budget of {budget}; {} was executed",
        executed.as_ref().map_or_else(|| "nothing".to_owned(), |executed| format!("about {executed} of it"))
    )]
    OverBudget {
        /// The estimate, for people.
        estimate: String,
        /// The budget, for people.
        budget: String,
        /// A budget that would do; of a bisection, for what it knows of so far.
        enough: String,
        /// What was executed already, for people.
        executed: Option<String>,
    },
    /// Trainings that cannot be executed.
    #[error("{} published trainings are not pinned and cannot be executed, at any budget{}", runs.len(), list(runs))]
    Unpinned {
        /// By run, what the experiment does not state.
        runs: Vec<(String, Vec<&'static str>)>,
    },
    /// What was typed cannot be done.
    #[error("{message}")]
    Usage {
        /// Why not.
        message: String,
        /// What would do.
        hint: Option<String>,
    },
    /// What a comparison needs was never recorded here, or is gone.
    #[error("{message}")]
    Missing {
        /// What is missing, and of what.
        message: String,
        /// How to get it.
        hint: String,
    },
    /// A file is no model that is understood here.
    #[error("`{}`", path.display())]
    Model {
        /// The file, or the run.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<ModelFault>,
    },
    /// Pinned bytes cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file operation failed.
    #[error(transparent)]
    Fs(#[from] fs::Error),
    /// The run could not go on.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// Actions failed.
    #[error("{} of the actions failed{}", failures.len(), describe(failures))]
    Failed {
        /// By label, why.
        failures: Vec<(String, Failure)>,
    },
    /// Sources are missing; what the work itself prints was reproduced in their place.
    #[error("{error}\nwhat the work prints was reproduced in its place")]
    OnlyPrinted {
        /// Why what was asked for cannot be had.
        error: Box<Self>,
        /// What was reproduced.
        reproduced: Box<super::reproduce::Reproduced>,
    },
    /// The run was told to stop.
    #[error("interrupted; what is done is kept, and the same command continues")]
    Interrupted,
    /// A verification was told to stop, and the next one makes no use of what it did.
    #[error("interrupted; the same command begins anew")]
    Abandoned {
        /// What to do about that.
        hint: Option<String>,
    },
    /// A file is not an image that can be read.
    #[error("`{}`", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: MemberError,
    },
    /// A shard is not one that can be pinned.
    #[error("`{}` cannot be pinned", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: DataError,
    },
    /// Stored results cannot be read as what they should be.
    #[error("`{what}` cannot be read: {reason}")]
    BadResult {
        /// The result.
        what: String,
        /// Why not.
        reason: String,
    },
}

/// More findings than this are for `check`.
const FINDINGS_SHOWN_MAX: usize = 10;

fn excerpts(findings: &[Found]) -> String {
    let shown = &findings[..findings.len().min(FINDINGS_SHOWN_MAX)];
    let mut text: String = shown.iter().map(|found| format!("\n{}", found.text)).collect();
    if findings.len() > shown.len() {
        text.push_str(&format!("\nand {} more", findings.len() - shown.len()));
    }
    text
}

/// More names of a commit than this are too many to choose from.
const NAMES_SHOWN_MAX: usize = 12;

/// The first names, and how many more there are.
fn names(known: &[String]) -> String {
    let shown = &known[..known.len().min(NAMES_SHOWN_MAX)];
    let mut text = shown.join(", ");
    if known.len() > shown.len() {
        text.push_str(&format!(" and {} more", known.len() - shown.len()));
    }
    text
}

fn of_workspace(workspace: Option<&Path>) -> String {
    workspace.map(|folder| format!(" of `{}`", folder.display())).unwrap_or_default()
}

/// The names of runs under what they lack.
fn list(runs: &[(String, Vec<&'static str>)]) -> String {
    let mut text = String::new();
    for (missing, names) in grouped(runs.iter().map(|(run, missing)| (&**run, &**missing))) {
        text += &format!("\n  not stated: {}", missing.join(", "));
        for name in names {
            text += &format!("\n    {name}");
        }
    }
    text
}

/// Each reason once, behind the labels of what failed for it.
fn describe(failures: &[(String, Failure)]) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (label, failure) in failures {
        let log = failure.log.as_ref().map(|log| format!("\n    log: {}", log.display()));
        let reason = format!("{failure}{}", log.unwrap_or_default());
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, labels)) => labels.push(label),
            None => reasons.push((reason, vec![label])),
        }
    }
    let line =
        |(reason, labels): &(String, Vec<&str>)| format!("\n  {}: {reason}", labels.join(", "));
    reasons.iter().map(line).collect()
}

/// What kind of error it is, as far as the exit code depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A comparison differs, or a training diverged.
    Differs,
    /// Usage, specification or budget.
    Spec,
    /// A source, memory, the disk or a device is missing.
    Environment,
    /// Bytes differ from the digest they are stored or pinned under.
    Integrity,
    /// Told to stop.
    Interrupted,
    /// A bug of ours.
    Bug,
}

impl Kind {
    /// The exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Differs => 1,
            Self::Spec => 2,
            Self::Environment => 3,
            Self::Integrity => 4,
            Self::Interrupted => 130,
            Self::Bug => 101,
        }
    }

    /// How many other kinds yield to this one when several are present.
    const fn rank(self) -> u8 {
        match self {
            Self::Differs => 0,
            Self::Spec => 1,
            Self::Environment => 2,
            Self::Integrity => 3,
            Self::Bug => 4,
            Self::Interrupted => 5,
        }
    }

    fn of_failure(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Diverged => Self::Differs,
            FailureKind::Interrupted => Self::Interrupted,
            FailureKind::Missing
            | FailureKind::Environment
            | FailureKind::Device
            | FailureKind::DeviceClass
            | FailureKind::OutOfMemory => Self::Environment,
            FailureKind::Integrity => Self::Integrity,
            FailureKind::Specification => Self::Spec,
            FailureKind::Bug => Self::Bug,
        }
    }
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Name(_)
            | Self::NoWorkspace { .. }
            | Self::NotAWorkspace { .. }
            | Self::UnknownExperiment { .. }
            | Self::NotInCommit { .. }
            | Self::Unsound { .. }
            | Self::Bind(_)
            | Self::Plan(_)
            | Self::Lockfile { .. }
            | Self::Unlocked { needed: true, .. }
            | Self::OverBudget { .. }
            | Self::Unpinned { .. }
            | Self::Usage { .. }
            | Self::Image { .. }
            | Self::Shard { .. } => Kind::Spec,
            Self::Unlocked { needed: false, .. } => Kind::Differs,
            Self::Spec(error) if error.is_environment() => Kind::Environment,
            Self::Spec(_) => Kind::Spec,
            Self::Commit { source, .. } => match &**source {
                GitError::NotACommitId { .. } | GitError::LongId { .. } => Kind::Spec,
                GitError::Object(error) if error.is_integrity() => Kind::Integrity,
                _ => Kind::Environment,
            },
            Self::Source(SourceError::Built { .. } | SourceError::Differs { .. }) => {
                Kind::Integrity
            }
            Self::Model { source, .. } => match &**source {
                ModelFault::Checkpoint(CheckpointError::Io(_)) => Kind::Environment,
                _ => Kind::Spec,
            },
            Self::Source(_) | Self::Fs(_) | Self::Missing { .. } => Kind::Environment,
            Self::Store(error) | Self::Exec(ExecError::Store(error)) if error.is_integrity() => {
                Kind::Integrity
            }
            Self::Exec(ExecError::Contradicts { .. }) => Kind::Integrity,
            Self::Store(_)
            | Self::Exec(
                ExecError::Store(_) | ExecError::ReadOnly { .. } | ExecError::NoThread { .. },
            ) => Kind::Environment,
            Self::Exec(_) => Kind::Bug,
            Self::Failed { failures } => {
                let kinds = failures.iter().map(|(_, failure)| Kind::of_failure(failure.kind));
                kinds.max_by_key(|kind| kind.rank()).unwrap_or(Kind::Bug)
            }
            Self::OnlyPrinted { error, .. } | Self::UnknownPins { source: error, .. } => {
                error.kind()
            }
            Self::Interrupted | Self::Abandoned { .. } => Kind::Interrupted,
            Self::BadResult { .. } | Self::DamagedCopy { .. } => Kind::Integrity,
        }
    }

    /// What to do about it: a command to run, or a thing to change.
    #[allow(clippy::too_many_lines, reason = "one arm a kind of error")]
    pub fn hints(&self) -> Vec<String> {
        let one = |hint: String| vec![hint];
        match self {
            Self::NoWorkspace { .. } => one("make one here with: ibid init".to_owned()),
            Self::NotAWorkspace { path } => {
                one(format!("make it one with: ibid init {}", path.display()))
            }
            Self::UnknownExperiment { name, known } => meant(name, known)
                .into_iter()
                .chain(is_experiment_name(name).then(|| format!("start it with: ibid new {name}")))
                .collect(),
            Self::Plan(PlanError::UnknownTarget { target, known }) => meant(target, known)
                .into_iter()
                .chain(["what there is: ibid list".to_owned()])
                .collect(),
            Self::UnknownPins { name, workspace, .. } => {
                let there = workspace.as_ref().map(|dir| format!(" --workspace {}", dir.display()));
                one(format!("mend or remove it: ibid check {name}{}", there.unwrap_or_default()))
            }
            Self::Spec(error) => error.hints(),
            Self::Unsound { name, findings } if findings.len() > FINDINGS_SHOWN_MAX => {
                one(format!("all of them: ibid check {name}"))
            }
            Self::Lockfile { path, .. } => {
                let folder = path.parent().and_then(Path::file_name);
                let stem =
                    path.file_stem().filter(|_| folder.is_some_and(|name| name == "lockfiles"));
                let name = stem.map_or("NAME".into(), |stem| stem.to_string_lossy());
                one(format!(
                    "restore it from version control, or remove it and write it anew: ibid lock {name}"
                ))
            }
            Self::Unlocked { name, .. } if name.starts_with("git+") => {
                one("the lockfile is its author's to write; without one: ibid reproduce".to_owned())
            }
            Self::Unlocked { name, .. } => one(format!("ibid lock {name}")),
            Self::OverBudget { enough, .. } => one(format!("--budget {enough}")),
            Self::Usage { hint, .. } | Self::Abandoned { hint } => hint.iter().cloned().collect(),
            Self::Missing { hint, .. } => one(hint.clone()),
            Self::Model { source, .. } => source.hint().into_iter().collect(),
            Self::Shard { source, .. } => source.hint().map(str::to_owned).into_iter().collect(),
            Self::Source(SourceError::Missing { pin, .. } | SourceError::Differs { pin, .. }) => {
                add_by_hand(&pin.sha256.to_string())
            }
            Self::Commit { name, source } => commit_hints(name, source),
            Self::DamagedCopy { .. } => one(DAMAGED_COPY.to_owned()),
            Self::NotInCommit { name, known } => known
                .first()
                .map(|known| CommitName { experiment: known.clone(), ..name.clone() })
                .map(|name| format!("such as: '{name}'"))
                .into_iter()
                .collect(),
            Self::Plan(PlanError::DepthNotOffered { offered, .. }) => {
                offered.iter().map(|depth| format!("--from {}", depth.name())).collect()
            }
            Self::Unpinned { .. } => vec![
                "what they would cost: ibid plan NAME --from scratch".to_owned(),
                "a training whose pins are known is stated as a `Run`, and then executed"
                    .to_owned(),
            ],
            Self::Failed { failures } => failed_hints(failures),
            Self::Fs(error) => hint_of(error).into_iter().collect(),
            Self::Store(error)
            | Self::Exec(ExecError::Store(error) | ExecError::ReadOnly { source: error, .. }) => {
                store_hints(error)
            }
            Self::Exec(ExecError::Contradicts { .. }) => one("ibid store fsck".to_owned()),
            Self::Exec(ExecError::NoThread { .. }) => {
                one("end other programs, or raise the limit of processes: ulimit -u".to_owned())
            }
            Self::OnlyPrinted { error, .. } => error.hints(),
            _ => Vec::new(),
        }
    }
}

const BY_HAND: &str =
    "put a missing file into the store with: ibid store add FILE, or name its folder: --mirror DIR";

const DAMAGED_COPY: &str =
    "a damaged copy is moved aside by: ibid store fsck; the next run fetches it again";

const CLASS_ELSEWHERE: &str = "run it where there is a GPU of that class, with --device cuda (ibid doctor tells what there is); a training without `profile` runs anywhere";

const CLASS_HERE: &str = "if its losses are locked, what there is here compares with them within a tolerance: ibid verify NAME";

/// What to do about actions that failed.
fn failed_hints(failures: &[(String, Failure)]) -> Vec<String> {
    let has = |kind| failures.iter().any(|(_, failure)| failure.kind == kind);
    let hints = [
        (FailureKind::Missing, BY_HAND),
        // The bytes may be others in the store, or where they were published.
        (FailureKind::Integrity, BY_HAND),
        (
            FailureKind::OutOfMemory,
            "let fewer actions run at once: --jobs 1, or with fewer threads: --threads 1",
        ),
        (
            FailureKind::Environment,
            "what is done is kept: once there is room and permission to write, the same command continues",
        ),
        (
            FailureKind::Device,
            "leave --device out: portable results never depend on it; what devices there are is told by: ibid doctor",
        ),
        (FailureKind::DeviceClass, CLASS_ELSEWHERE),
        (FailureKind::DeviceClass, CLASS_HERE),
        (FailureKind::Integrity, "check what is stored with: ibid store fsck"),
    ];
    let hints = hints.into_iter().filter(|(kind, _)| has(*kind));
    let mut hints: Vec<String> = hints.map(|(_, hint)| hint.to_owned()).collect();
    hints.dedup();
    hints
}

/// What to do about a store that failed.
fn store_hints(error: &StoreError) -> Vec<String> {
    match error {
        StoreError::Fs(error) => hint_of(error).into_iter().collect(),
        StoreError::MissingRoots { .. } => vec![
            "bring back what was moved or unmounted, so that what its lockfiles name is kept"
                .to_owned(),
            "or forget it, and collect what only it needs: ibid store gc --forget-missing"
                .to_owned(),
        ],
        error if error.is_integrity() => vec!["ibid store fsck".to_owned()],
        _ => Vec::new(),
    }
}

/// What to do about a file that cannot be read or written.
fn hint_of(error: &fs::Error) -> Option<String> {
    let hint = match error {
        fs::Error::Full { .. } => {
            "make room (ibid store gc removes what nobody needs), or name another store: --store DIR; the same command continues"
        }
        fs::Error::Denied { .. } => {
            "name a place that you may write to (results: --store DIR, --out DIR), or get the permission"
        }
        fs::Error::InTheWay { .. } => {
            "move away what is there, or name another place (within a store it is moved aside by: ibid store fsck)"
        }
        fs::Error::CannotLock { .. } => "name a store on a file system that can: --store DIR",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The known name that begins as `name`, or else is most like it, if one is.
fn meant(name: &str, known: &[String]) -> Option<String> {
    let begins = |other: &&String| !name.is_empty() && other.starts_with(name);
    let near = || known.iter().min_by_key(|other| distance(name, other));
    let is_like = |other: &&String| distance(name, other) <= name.len().div_ceil(3);
    let meant = known.iter().find(begins).or_else(|| near().filter(is_like))?;
    Some(format!("did you mean `{meant}`?"))
}

fn commit_hints(name: &CommitName, error: &GitError) -> Vec<String> {
    let same = |rev: &str| CommitName { rev: rev.to_owned(), ..name.clone() };
    match error {
        GitError::NotACommitId { target: Some((_, id)), .. }
        | GitError::Network(NetworkError::NotACommit { commit: Some(id), .. }) => {
            vec![format!("cite what it is today: '{}'", same(id))]
        }
        GitError::NotACommitId { target: None, .. } => {
            vec![format!("git ls-remote {} prints the ids of branches and tags", name.url)]
        }
        GitError::Object(error) if error.is_integrity() => {
            vec![DAMAGED_COPY.to_owned()]
        }
        GitError::Network(NetworkError::Offline) => {
            vec!["leave --offline and IBID_OFFLINE out to fetch it".to_owned()]
        }
        GitError::Network(NetworkError::NoCommit { .. }) => vec![format!(
            "a clone that still has the commit serves as well: 'git+file:///PATH/OF/CLONE?rev={}#{}'",
            name.rev, name.experiment
        )],
        _ => Vec::new(),
    }
}

fn add_by_hand(sha256: &str) -> Vec<String> {
    vec![
        format!(
            "name a folder that holds it (as `{}…` or under any name): --mirror DIR",
            &sha256[..12]
        ),
        "or put the file into the store: ibid store add FILE".to_owned(),
    ]
}

/// Edits that make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_experiments_of_a_commit_the_first_are_named_and_the_others_counted() {
        let [url, rev, experiment] = ["https://example.org/a", "c0ffee", "x"].map(str::to_owned);
        let name = CommitName { url, rev, experiment };
        let said = |count: usize| {
            let known = (0..count).map(|number| format!("e{number}")).collect();
            Error::NotInCommit { name: name.clone(), known }.to_string()
        };
        let twelve = "e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11";
        let before = "commit c0ffee has no experiment `x` (experiments: ";
        assert_eq!(said(12), format!("{before}{twelve})"));
        assert_eq!(said(10_000), format!("{before}{twelve} and 9988 more)"));
    }
}
