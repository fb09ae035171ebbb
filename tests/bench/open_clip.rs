//! The numbers of a model in OpenCLIP's form: `cargo bench --bench open_clip -- [--forward] FOLDER…`.
//!
//! The door through which `open_clip_parity.py` beside this file looks: it reads `open_clip_config.json`, the weights and
//! `inputs.safetensors` of each folder, and writes `ours.safetensors` (features, logits, loss, gradients, losses of
//! twenty steps) and `after/` (the weights after those steps, with the configuration). With `--forward` features and
//! logits alone, for models whose training does not fit into memory.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement prints what it measured"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads its arguments and writes files")]

#[path = "../support/open_clip.rs"]
mod open_clip;

use std::path::PathBuf;

use ibid::numerics::Level;
use ibid::tensor::safetensors::{NamedTensor, encode};

fn main() {
    let forward = std::env::args().any(|argument| argument == "--forward");
    for argument in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        let folder = PathBuf::from(argument);
        let case = open_clip::Case::read(&folder);
        if forward {
            let numbers = case.forward(Level::detect());
            std::fs::write(folder.join("ours.safetensors"), file(&numbers)).unwrap();
            continue;
        }
        let (numbers, after) = case.numbers(Level::detect());
        std::fs::write(folder.join("ours.safetensors"), file(&numbers)).unwrap();
        let trained = folder.join("after");
        std::fs::create_dir_all(&trained).unwrap();
        std::fs::write(trained.join("weights.safetensors"), file(&after)).unwrap();
        let config = "open_clip_config.json";
        std::fs::copy(folder.join(config), trained.join(config)).unwrap();
        println!("{}: {} tensors", folder.display(), numbers.len());
    }
}

/// Canonical safetensors of `tensors`.
fn file(tensors: &open_clip::Tensors) -> Vec<u8> {
    let named =
        tensors.iter().map(|(name, (shape, elements))| NamedTensor { name, shape, elements });
    encode(&named.collect::<Vec<_>>()).unwrap()
}
