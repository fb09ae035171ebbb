//! Samples a second of a whole training step, at every SIMD level: `cargo bench --bench training -- [xs|s] [threads]`.
//!
//! The models are XS and S of the pictogram study; `pytorch_step.py` beside this file times the same step in `PyTorch`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement prints what it measured"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock and its arguments")]

use std::time::Instant;

use ibid::action::canonical::Real;
use ibid::action::params::{
    Activation, AdamW, CaptionChoice, Clip, Pooling, Preprocessing, SampleOrder, Schedule,
    TextTower, Train, VisionTower, WarmUp,
};
use ibid::numerics::Level;
use ibid::training::{Control, Samples, Settings, State, train};

const VOCABULARY: u32 = 4096;

fn real(value: f64) -> Real {
    Real::new(value).unwrap()
}

fn params(width: u64, layers: u64, steps: u64) -> Train {
    let vision = VisionTower {
        image_size: 32,
        patch_size: 8,
        width,
        layers,
        heads: width / 32,
        mlp_width: 4 * width,
        patch_bias: true,
        pre_norm: false,
        pooling: Pooling::Mean,
    };
    let text = TextTower {
        context_length: 12,
        vocabulary_size: VOCABULARY.into(),
        width,
        layers: 1,
        heads: width / 32,
        mlp_width: 4 * width,
        pooling: Pooling::Mean,
    };
    Train {
        model: Clip { embed_dim: width, vision, text, activation: Activation::Gelu },
        preprocessing: Preprocessing { mean: [real(0.7); 3], std: [real(0.35); 3] },
        seed: 0,
        samples_seen: 128 * steps,
        batch_size: 128,
        gradient_chunk: 16,
        optimizer: AdamW {
            beta1: real(0.9),
            beta2: real(0.98),
            epsilon: real(1e-6),
            weight_decay: real(0.1),
            decay_positions: false,
            gradient_clip_norm: Some(real(1.0)),
        },
        schedule: Schedule {
            learning_rate_max: real(3e-3),
            learning_rate_final: real(3e-5),
            warm_up: WarmUp::Steps(10),
        },
        logit_scale_init: real(2.659_260_036_932_778),
        captions: CaptionChoice::Drawn,
        order: SampleOrder::Epochs { shuffle_shards: 0 },
        checkpoint_interval_steps: 0,
    }
}

/// Best of a run's steps, in seconds.
fn best_step(params: &Train, level: Level, threads: usize) -> f64 {
    let images: Vec<u8> =
        (0_u32..2048 * 3072).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let caption = |i: u32| {
        let mut tokens = vec![1];
        tokens.extend((0..5).map(|k| 3 + (i * 7919 + k * 104_729) % (VOCABULARY - 3)));
        tokens.push(2);
        tokens.resize(12, 0);
        tokens
    };
    let samples = Samples {
        images: images.chunks_exact(3072).collect(),
        captions: (0..2048).map(|i| vec![caption(i)]).collect(),
        shard_sizes: vec![2048],
    };
    let (mut best, mut before) = (f64::MAX, Instant::now());
    let start = State::initial(params).unwrap();
    train(params, &samples, Settings { level, threads }, start, |_| {
        let now = Instant::now();
        best = best.min((now - before).as_secs_f64());
        before = now;
        Control::Continue
    })
    .unwrap();
    best
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let only = arguments.first().map(String::as_str);
    let threads = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    for (name, width) in [("xs", 32), ("s", 64)] {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        for level in Level::available().into_iter().rev() {
            let steps = if level == Level::Scalar { 10 } else { 60 };
            let best = best_step(&params(width, 2, steps), level, threads);
            println!(
                "{name} {level:?} {threads} thread(s): {:.2} ms a step, {:.0} samples/s",
                best * 1e3,
                128.0 / best
            );
        }
    }
}
