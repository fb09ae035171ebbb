//! What can be typed: commands, their arguments, and the options that all of them share.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use ibid::ops::LossTolerance;
use ibid::plan::Depth;

/// Cite an experiment again and get the same bits.
///
/// NAME is `EXPERIMENT[/TARGET]` of the workspace, a file `FILE.dhall[#TARGET]`, or an experiment of somebody's
/// repository, `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`: it is read from the commit without a checkout, nothing of it
/// is ever executed but the jobs of this program, and it is introduced before it runs.
#[derive(Debug, Parser)]
#[command(name = "ibid", version, max_term_width = 110, arg_required_else_help = true)]
#[command(after_help = "\
Exit codes: 0 done; 1 a comparison differs, a claim or check is not as recorded or a training diverged; \
2 usage, specification or budget; 3 something is missing (source, memory, disk); 4 integrity (bytes differ from their \
digest); 129 hung up; 130 interrupted; 143 terminated; 101 a bug of ours.

Start with: ibid reproduce pictogram-scaling-laws/quick")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// The store of results [default: `.ibid` in the workspace; also `IBID_STORE`].
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// The workspace [default: found upwards from the current folder].
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) workspace: Option<PathBuf>,
    /// A folder to look for pinned files in first; repeatable [also `IBID_MIRRORS`, separated by `:`].
    #[arg(long = "mirror", global = true, value_name = "DIR")]
    pub(super) mirrors: Vec<PathBuf>,
    /// Use no network: what the store and the mirrors lack is missing [also `IBID_OFFLINE`].
    #[arg(long, global = true)]
    pub(super) offline: bool,
    /// Run somebody's experiment (`git+URL?…`) without asking first.
    #[arg(long, global = true)]
    pub(super) yes: bool,
    /// Threads in all; results never depend on it [default: all cores].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    /// Actions at once; results never depend on it [default: one a thread].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    /// The vector instructions to compute with; results never depend on it [default: the best; also `IBID_SIMD`].
    #[arg(long, global = true, value_name = "LEVEL", value_parser = ["scalar", "avx2", "avx512"])]
    pub(super) simd: Option<String>,
    /// How much work a kill may cost: the time between two resume checkpoints of a training, such as `90s`; results
    /// never depend on it.
    #[arg(long, global = true, value_name = "TIME", default_value = "20s")]
    pub(super) resume_every: String,
    /// Print one JSON value a line on standard output instead of text.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Make trainings give other bits, `NAME:STEP`: one-ulp, threads, moment, flipped-bit, split-fma, swapped-sample,
    /// learning-rate, epsilon. For the tests of `verify` and `bisect`, where it is B's fault.
    #[cfg(feature = "faults")]
    #[arg(long, global = true, value_name = "FAULT")]
    pub(super) fault: Option<String>,
    /// What to log on standard error, such as `debug` or `ibid::exec=trace` [also `IBID_LOG`].
    #[arg(long, global = true, value_name = "FILTER")]
    pub(super) log: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a workspace here (or in DIR): the schema, and folders for experiments and lockfiles.
    Init(Init),
    /// Write a commented experiment to start from.
    New(New),
    /// List the experiments and their targets.
    List,
    /// Check an experiment against the schema and its rules, and the tables that are at hand against its checks; every
    /// finding at once. Exit 1 when one is new, or when one that is recorded no longer occurs.
    Check(Named),
    /// Print an experiment's normal form and its id, headed by what is unknown about the trainings of others.
    Show(Show),
    /// Compare two experiments by meaning; exit 1 when they differ.
    Diff(Diff),
    /// Show what would run, and at what cost; for trainings of others also what they cost their authors.
    Plan(Plan),
    /// Run what is missing, draw the figure, compare with the lockfile, judge claims and checks.
    Reproduce(Reproduce),
    /// Record what an experiment gives, for readers to compare with.
    Lock(Lock),
    /// Execute everything again elsewhere and compare with the lockfile.
    Verify(Verify),
    /// Find where two executions of a training part: the first step, operation, tensor and element that differ.
    Bisect(Bisect),
    /// Say why actions are not hits: the nearest earlier action and the fields that differ.
    Explain(Named),
    /// Say when, where and with what the actions were executed, as far as this store has a record.
    History(Named),
    /// Print which samples a training step sees.
    Order(Order),
    /// Look after the store.
    #[command(subcommand)]
    Store(Store),
    /// Pin and inspect data sets, name their licences.
    #[command(subcommand)]
    Data(Data),
    /// Bring in weights of other programs, and hand out our own, in OpenCLIP's form.
    #[command(subcommand)]
    Model(Model),
    /// Test this machine against the golden bits; show what the program sees.
    Doctor,
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Print the manual page.
    Man,
    /// Perform actions for a parent process.
    #[command(hide = true)]
    Job(Job),
    /// Evaluate an experiment for a parent process.
    #[command(hide = true)]
    EvalDhall,
    /// Fetch one thing from the network for a parent process.
    #[command(hide = true)]
    Fetch,
}

/// A command that takes one name.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`.
    pub(super) name: String,
}

/// How deep figures are reproduced.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct From {
    /// How deep to reproduce the figures: from the numbers a work prints, from the authors' tables, from released weights
    /// evaluated again, or from scratch, trained again [default: what each figure states].
    #[arg(long = "from", value_name = "DEPTH", value_parser = depths())]
    pub(super) depth: Option<Depth>,
}

/// The words for depths, and what they mean.
fn depths() -> impl TypedValueParser<Value = Depth> {
    PossibleValuesParser::new(Depth::ALL.map(Depth::name))
        .map(|name| Depth::named(&name).expect("the parser lets only names pass"))
}

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Trainings that others did are priced, not started (`unpinned`). Work: 6 × multiply–accumulates of a pair's \
forward pass × pairs seen (2 FLOP forward, 4 backward), from the model's configuration. Steps: pairs seen ÷ \
batch, rounded up. Decoded: bytes of pixels and token ids that go into the towers. GPU-h here: work ÷ \
--flops-per-gpu. GPU-h theirs: pairs seen ÷ the authors' pairs a second × their GPUs.")]
pub(super) struct Plan {
    /// `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`.
    pub(super) name: String,
    #[command(flatten)]
    pub(super) from: From,
    /// Floating-point operations a second of one GPU, such as `200T` or `1.2e14`, to price unpinned trainings with
    /// [default: 124.8T, 40 % of the peak of an A100 in bfloat16].
    #[arg(long, value_name = "RATE", value_parser = super::table::rate)]
    pub(super) flops_per_gpu: Option<f64>,
}

/// `show`
#[derive(Debug, Args)]
pub(super) struct Show {
    /// `EXPERIMENT`, `FILE.dhall`, or `git+URL?rev=COMMIT#EXPERIMENT`.
    pub(super) name: String,
    /// Print only the id (the Dhall semantic hash).
    #[arg(long)]
    pub(super) id: bool,
    /// Print only what nobody published about the trainings of others.
    #[arg(long, conflicts_with = "id")]
    pub(super) unknown: bool,
}

/// `init`
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder [default: the current one].
    pub(super) dir: Option<PathBuf>,
}

/// `new`
#[derive(Debug, Args)]
pub(super) struct New {
    /// The name of the experiment: lower-case letters, digits and `-`.
    pub(super) name: String,
}

/// `diff`
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// One experiment: `EXPERIMENT`, `FILE.dhall`, or `git+URL?rev=COMMIT#EXPERIMENT`.
    pub(super) a: String,
    /// The other.
    pub(super) b: String,
}

/// Where jobs compute.
#[derive(Debug, Clone, Args)]
pub(super) struct OnDevice {
    /// Where to train and embed: `cpu`, or `cuda[:N]`, a GPU, in a program built with CUDA; portable results never depend on it.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(super) device: String,
}

/// `reproduce`
#[derive(Debug, Args)]
pub(super) struct Reproduce {
    /// `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`.
    pub(super) name: String,
    #[command(flatten)]
    pub(super) from: From,
    #[command(flatten)]
    pub(super) on: OnDevice,
    /// Where the figure and its tables go [default: `out/NAME`].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Stop before executing when the estimate exceeds this: `90s`, `15min`, `8h`, `3d`.
    #[arg(long, value_name = "TIME", default_value = "15min")]
    pub(super) budget: String,
    /// Exit 1 when the lockfile does not cover the target.
    #[arg(long)]
    pub(super) locked: bool,
    /// Take outputs that the lockfile names from the mirrors, where they have them, instead of executing. A mirror may be
    /// somebody's workspace, a store, or a folder of files named by their SHA-256. The verdict says `fetched`.
    #[arg(long)]
    pub(super) substitute: bool,
    /// Finish every branch that can finish after a failure.
    #[arg(long)]
    pub(super) keep_going: bool,
}

/// `lock`
#[derive(Debug, Args)]
pub(super) struct Lock {
    /// `EXPERIMENT[/TARGET]`, or `FILE.dhall[#TARGET]`.
    pub(super) name: String,
    #[command(flatten)]
    pub(super) from: From,
    #[command(flatten)]
    pub(super) on: OnDevice,
    /// Compare only; exit 1 when the lockfile differs.
    #[arg(long)]
    pub(super) check: bool,
    /// Stop before executing when the estimate exceeds this.
    #[arg(long, value_name = "TIME", default_value = "15min")]
    pub(super) budget: String,
}

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = "\
A training with a `profile` has the bits of one class of GPUs. On a device of that class they are compared like all \
others (`same class`). On any other device the training is computed by what there is (the profile of the GPU's own class, \
else portable arithmetic), and the mean losses of up to 16 spans of its steps are compared with those in the lockfile \
(`another class`); what follows from it is other actions and is not compared, but its claims and checks are judged.

Exit codes: 0 nothing differs; 1 a bit, a loss, a claim or a check does; 2 usage, specification or budget; 3 something is \
missing.")]
pub(super) struct Verify {
    /// `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`.
    pub(super) name: String,
    #[command(flatten)]
    pub(super) from: From,
    #[command(flatten)]
    pub(super) on: OnDevice,
    /// Keep the second store here, instead of a temporary folder. What was stopped goes on in it; but for that it must
    /// be empty.
    #[arg(long, value_name = "DIR")]
    pub(super) into: Option<PathBuf>,
    /// Of the trainings, execute only N random segments between published checkpoints again, and everything else after
    /// them; says what that costs and how likely it misses a forgery.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) spot: Option<u16>,
    /// Draw the segments of an earlier check again. Proves nothing to who did not see the nonce drawn: leave it out.
    #[arg(long, value_name = "HEX", requires = "spot")]
    pub(super) nonce: Option<String>,
    /// How far the mean loss of a span of steps may be from the locked one where a training is bound to another class of
    /// GPUs than the device is of: a share of the loss of the first span, at least 0 and less than 1. Bits that can be
    /// compared always are, and to those it means nothing.
    #[arg(long, value_name = "SHARE", default_value_t, conflicts_with = "spot")]
    pub(super) tolerance: LossTolerance,
    /// Stop before executing when the estimate exceeds this; with `--spot`, that of all segments that are drawn.
    #[arg(long, value_name = "TIME", default_value = "15min")]
    pub(super) budget: String,
    /// Finish every branch that can finish after a failure.
    #[arg(long)]
    pub(super) keep_going: bool,
}

/// `bisect`
#[derive(Debug, Args)]
#[command(after_help = "\
The traces of both sides give the first step that differs; it is executed again on both sides, each from its nearest \
published checkpoint, under a recorder. Where one side's bits cannot be had here (another machine's fault), what both \
recorded is compared: the traces' links, and published checkpoints.

  ibid bisect NAME                    the lockfile's training against one executed now
  ibid bisect NAME --with DIR         this store's training against the one in the store DIR
  ibid bisect A B                     two specifications, each as this store recorded it
  ibid bisect NAME --other-program P  this build against another one, P

Exit codes: 0 equal; 1 differs; 2 usage; 3 a trace is missing.")]
pub(super) struct Bisect {
    /// A: `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`.
    pub(super) a: String,
    /// B [default: A, in the store `--with`, or executed now].
    pub(super) b: Option<String>,
    /// Only the training of this run.
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<String>,
    /// The store that holds what B recorded.
    #[arg(long, value_name = "DIR")]
    pub(super) with: Option<PathBuf>,
    /// Execute B's side with another build of this program.
    #[arg(long, value_name = "FILE")]
    pub(super) other_program: Option<PathBuf>,
    /// Execute B's side with other vector instructions.
    #[arg(long, value_name = "LEVEL", value_parser = ["scalar", "avx2", "avx512"])]
    pub(super) other_simd: Option<String>,
    /// Execute B's side with so many threads.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) other_threads: Option<u16>,
    /// Stop before executing steps that take, with all executed before, longer than this, as estimated.
    #[arg(long, value_name = "TIME", default_value = "15min")]
    pub(super) budget: String,
}

/// `order`
#[derive(Debug, Args)]
pub(super) struct Order {
    /// `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`.
    pub(super) name: String,
    /// The run; may be left out where the target has one run.
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<String>,
    /// The step, from 0.
    #[arg(long, value_name = "N")]
    pub(super) step: u64,
}

/// `store`
#[derive(Debug, Subcommand)]
pub(super) enum Store {
    /// Hash everything; set aside what does not equal its name.
    Fsck,
    /// Remove what no lockfile, run in progress or the last day reaches.
    Gc {
        /// Only say what would go.
        #[arg(long)]
        dry_run: bool,
        /// Forget workspaces that are not there any more; what they lock is not kept.
        #[arg(long)]
        forget_missing: bool,
    },
    /// Show the space in use.
    Du,
    /// Add files, so that experiments which pin them find them.
    Add {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print a blob.
    Cat {
        /// Its SHA-256.
        digest: String,
    },
}

/// `data`
#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Print what pins bundled sets, or write it into an experiment; or pin shards by a manifest, or a file.
    ///
    /// With the names of sets it prints the Dhall that pins them; without, the digests of all of them.
    ///
    /// With `--shards` every tar file is read once: it is hashed, its samples are tried, and the manifest lists those that
    /// cannot be read, so that no run uses them (the reasons are in `FILE.skipped.tsv`). An experiment then names the
    /// manifest's SHA-256, size, samples and bytes, which are printed. A run that was stopped goes on where it was.
    ///
    /// With `--file` it prints the Dhall that pins a file of your own (`schema.PinnedFile`), such as a list of class
    /// names, by its path below `experiments`; and `count` or `size` of a file with a class name or a byte pair a line.
    Pin {
        /// The sets [default: all of them].
        sets: Vec<String>,
        /// WebDataset tar files, such as `shards/{00000..00123}.tar` (quoted, so that the shell leaves it), or addresses
        /// of a web server or bucket, `https://HOST/{00000..00123}.tar`: each is fetched, read and let go.
        #[arg(long, value_name = "PATTERN", num_args = 1.., requires = "manifest", conflicts_with_all = ["sets", "write"])]
        shards: Vec<String>,
        /// Where the manifest of the shards goes.
        #[arg(long, value_name = "FILE", requires = "shards")]
        manifest: Option<PathBuf>,
        /// Write `experiments/EXPERIMENT/shards.dhall`; one that is there is written with all sets of drawings.
        #[arg(long, value_name = "EXPERIMENT")]
        write: Option<String>,
        /// A file of your own.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["sets", "write", "shards", "manifest"])]
        file: Option<PathBuf>,
    },
    /// Show a set's samples, classes and captions.
    Inspect {
        /// The set.
        set: String,
        /// Write a contact sheet of its first images.
        #[arg(long, value_name = "FILE.png")]
        sheet: Option<PathBuf>,
    },
    /// Show what OpenCLIP's preprocessing makes of image files (PNG, JPEG, WebP).
    ///
    /// Prints for each file its size, Pillow's name of its mode, and the SHA-256 of the pixels: interleaved red, green and
    /// blue, row after row. With `--side` they are those of an evaluation: the shortest side resized by Pillow 13's
    /// bicubic filter, the centre cut out. With `--seed` and `--position` too they are those of a training's visit: a
    /// rectangle of 90 to 100 % of the area, drawn and resized. Without `--side` they are those of the whole picture.
    Preprocess {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Side of the square in pixels.
        #[arg(long, value_name = "PIXELS")]
        side: Option<u64>,
        /// Seed of the run whose visit is shown.
        #[arg(long, requires = "side")]
        seed: Option<u64>,
        /// Position of the visit in the run.
        #[arg(long, requires = "seed", default_value_t = 0)]
        position: u64,
        /// Write the pixels to `DIR/FILE.rgb`.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Show the tokens that OpenCLIP's tokeniser makes of texts.
    Tokens {
        /// The texts; none: JSON strings from standard input, one a line.
        texts: Vec<String>,
        /// Tokens of a text at most, start and end included.
        #[arg(long, value_name = "TOKENS", default_value_t = 77)]
        length: usize,
    },
    /// List the licences and attributions of the data.
    Licences,
}

/// `model`
#[derive(Debug, Subcommand)]
pub(super) enum Model {
    /// Read a state dict of OpenCLIP and write it in canonical form; print what pins it.
    ///
    /// Reads safetensors, and `PyTorch`'s zip checkpoints (`.pt`, `.bin`) without executing anything of them: a state
    /// dict, or a training's `{state_dict: …}` with or without `module.` before the names. Writes `weights.safetensors`
    /// (binary32, one spelling) and `open_clip_config.json`, and prints the Dhall that pins both in an experiment.
    Import {
        /// The file of weights, or a folder with weights and `open_clip_config.json`.
        source: PathBuf,
        /// The configuration: `open_clip_config.json`, or a file of the Python package's `model_configs` [default:
        /// `open_clip_config.json` beside the weights].
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Where the two files go.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Put them into the store too.
        #[arg(long)]
        add: bool,
    },
    /// Write a model as OpenCLIP's Python package loads it: `open_clip_model.safetensors` and `open_clip_config.json`.
    Export {
        /// The run that was trained, `EXPERIMENT/RUN`; or a file or folder of weights, as for `import`.
        source: String,
        /// The configuration of a file of weights.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Where the two files go.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// `completions`
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    pub(super) shell: clap_complete::Shell,
}

/// `job`
#[derive(Debug, Args)]
pub(super) struct Job {
    /// Gives other bits at a step: `one-ulp:STEP` or `threads:STEP`.
    #[cfg(feature = "faults")]
    #[arg(long, id = "planted")]
    pub(super) plant: Option<String>,
}
