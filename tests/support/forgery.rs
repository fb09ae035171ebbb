//! Results that somebody else wrote into the store, and runs that went on from what somebody changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ibid::action::{ActionResult, OutputFile, Params, ResolvedInput, canonical};
use ibid::digest::{ActionKey, BlobDigest, tagged};
use ibid::exec::clock::SystemClock;
use ibid::fs::Durability;
use ibid::model::Layout;
use ibid::numerics::Level;
use ibid::ops;
use ibid::store::{Store, manifest_blob};
use ibid::training::{State, Trace};

use super::{SMOKE, Workspace};

/// Puts another result, with a true checksum, in the place of the one that gives `output`.
pub(crate) fn forge(workspace: &Workspace, output: &str, bytes: &[u8]) -> ActionKey {
    rewrite(workspace, output, |store, outputs| {
        let digest = store.put(bytes, Durability::Relaxed).unwrap();
        outputs.insert(output.to_owned(), OutputFile { digest, bytes: bytes.len() as u64 });
    })
}

fn rewrite(
    workspace: &Workspace,
    output: &str,
    change: impl FnOnce(&Store, &mut BTreeMap<String, OutputFile>),
) -> ActionKey {
    let store = Store::open(&workspace.path(".ibid")).unwrap();
    let gives = |key: &ActionKey| {
        store.result(key).unwrap().is_some_and(|result| result.outputs.contains_key(output))
    };
    let key = store.recipe_keys().into_values().find(gives).unwrap();
    let mut outputs = store.result(&key).unwrap().unwrap().outputs;
    change(&store, &mut outputs);
    let hex = key.to_string();
    let path = workspace.path(".ibid/actions").join(&hex[..2]).join(&hex[2..]);
    fs::remove_file(path).unwrap();
    store.record_result(&key, &ActionResult { outputs }, Durability::Relaxed).unwrap();
    key
}

/// Changes the first element of a tensor in a safetensors file.
fn change_element(bytes: &mut [u8], tensor: &str, to: impl Fn(f32) -> f32) {
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let start = 8 + usize::try_from(len).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let offset = header[tensor]["data_offsets"][0].as_u64().unwrap();
    let at = start + usize::try_from(offset).unwrap();
    let element = f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    bytes[at..at + 4].copy_from_slice(&to(element).to_le_bytes());
}

impl Workspace {
    /// Puts a result that has no such output in the place of the one that gives it.
    pub(crate) fn forge_without(&self, output: &str) {
        rewrite(self, output, |_, outputs| {
            outputs.remove(output);
        });
    }

    /// Puts a result in the place of the one that gives `output`, with another first element of a tensor.
    pub(crate) fn forge_element(&self, output: &str, tensor: &str, to: impl Fn(f32) -> f32) {
        rewrite(self, output, |store, outputs| {
            let file = outputs.get_mut(output).unwrap();
            let mut bytes = store.read(&file.digest).unwrap();
            change_element(&mut bytes, tensor, to);
            file.digest = store.put(&bytes, Durability::Relaxed).unwrap();
        });
    }

    /// Runs `smoke` in the new store `folder` as if its training had been stopped after `step` steps, when it had
    /// published its state, and somebody had doubled the first element of a tensor there and in what the run resumes.
    pub(crate) fn go_on_from_a_changed_state(&self, folder: &str, step: u64, tensor: &str) {
        let settings = library_settings(&self.path("."));
        let opened = ops::Workspace::open(settings, Box::new(SystemClock::default()));
        let opened = opened.unwrap();
        let loaded = opened.load(&ops::Name::parse(SMOKE).unwrap()).unwrap();
        let plan = opened.plan_of(&loaded).unwrap();
        let training = plan.nodes().values().find_map(|node| match &node.action.params {
            Params::Train(train) => Some((train, node.action.resolve(|_, _| None)?)),
            _ => None,
        });
        let (train, action) = training.unwrap();
        let honest = Store::open(&self.path(".ibid")).unwrap();
        let outputs = honest.result(&action.key()).unwrap().unwrap().outputs;
        let output = |name: &str| honest.read(&outputs[name].digest).unwrap();
        // What a resume checkpoint is bound to.
        let mut parts = tagged("resume part", &canonical::encode(train).unwrap()).to_vec();
        for name in ["dataset", "vocabulary"] {
            let digest = match action.inputs[name] {
                ResolvedInput::Blob(digest) => digest,
                ResolvedInput::Tree(tree) => manifest_blob(&tree),
            };
            parts.extend(tagged("resume part", &honest.read(&digest).unwrap()));
        }
        let name = format!("checkpoint-{step}.safetensors");
        let mut checkpoint = output(&name);
        change_element(&mut checkpoint, tensor, |element| 2.0 * element);
        let layout = Layout::of(&train.model).unwrap();
        let mut state = State::from_checkpoint(&checkpoint, &layout, [0; 32]).unwrap();
        let whole = Trace::decode(&output("trace.bin")).unwrap();
        state.trace = Trace::after(whole.digest(0).unwrap());
        for step in (0..usize::try_from(step).unwrap()).map(|at| whole.step(at).unwrap()) {
            state.trace.push(step.loss, step.fingerprint);
        }
        let published = BTreeMap::from([(step, BlobDigest::of(&checkpoint))]);
        let resume = state.resume_bytes(&tagged("resume/1", &parts), &published).unwrap();
        let scratch = Store::open(&self.path(folder)).unwrap().scratch_dir(&action.key());
        fs::create_dir_all(&scratch).unwrap();
        fs::write(scratch.join(name), checkpoint).unwrap();
        fs::write(scratch.join("resume.bin"), resume).unwrap();
        let out = format!("out-{folder}");
        let ran = self.run(&["reproduce", SMOKE, "--store", folder, "--out", &out]);
        assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    }
}

/// What the library is told to work in a folder, with one thread and without network.
pub(crate) fn library_settings(folder: &Path) -> ops::Settings {
    ops::Settings {
        folder: folder.to_owned(),
        workspace: None,
        store: None,
        mirrors: Vec::new(),
        offline: true,
        certificates: None,
        proxies: Vec::new(),
        threads: 1,
        jobs: 1,
        resume_interval: std::time::Duration::from_secs(20),
        level: Level::detect(),
        program: env!("CARGO_BIN_EXE_ibid").into(),
        #[cfg(feature = "faults")]
        fault: None,
    }
}
