//! A whole training step at every SIMD level: `cargo bench --bench training -- [xs|s|b32] [threads] [scalar|avx2|avx512] [DEVICE]`.
//!
//! `b32` is CLIP with ViT-B/32, a batch of 256 in one chunk; it is timed only if it is named, on a GPU: `b32 1 avx2 cuda`.
//! The other models are XS and S of the pictogram study; `pytorch_step.py` beside this file times the same step in `PyTorch` and
//! prints the ratio. Processor time is that of all threads: on a busy machine it says more than the clock on the wall.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement prints what it measured"
)]
#![allow(clippy::disallowed_methods, reason = "a measurement reads its arguments")]
#![allow(clippy::cast_precision_loss, reason = "seconds and nanoseconds are small")]

use std::borrow::Cow;

use ibid::action::canonical::Real;
use ibid::action::params::{
    Activation, AdamW, CaptionChoice, Clip, Pooling, Preprocessing, SampleOrder, Schedule,
    TextTower, Train, VisionTower, WarmUp,
};
use ibid::numerics::Level;
use ibid::tensor::Device;
use ibid::training::{Control, Held, Settings, State, train};
use rustix::time::{ClockId, clock_gettime};

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
        crop: None,
        profile: None,
        vision_positions_std: Train::first_positions_std(),
    }
}

/// CLIP with ViT-B/32.
fn base_32(steps: u64) -> Train {
    let mut params = params(512, 12, steps);
    let model = &mut params.model;
    model.activation = Activation::QuickGelu;
    model.vision = VisionTower {
        image_size: 224,
        patch_size: 32,
        width: 768,
        heads: 12,
        mlp_width: 3072,
        patch_bias: false,
        pre_norm: true,
        pooling: Pooling::ClassToken,
        ..model.vision.clone()
    };
    model.text = TextTower {
        context_length: 77,
        vocabulary_size: 49_408,
        layers: 12,
        heads: 8,
        pooling: Pooling::EndToken,
        ..model.text.clone()
    };
    (params.samples_seen, params.batch_size, params.gradient_chunk) = (256 * steps, 256, 256);
    params
}

/// Milliseconds of the steps of a run, ascending: on the wall, of the processor.
struct Times([Vec<f64>; 2]);

impl Times {
    fn median(&self, of: usize) -> f64 {
        self.0[of][self.0[of].len() / 2]
    }

    fn fastest(&self, of: usize) -> f64 {
        self.0[of][0]
    }
}

/// Milliseconds on the wall and of the processor, from somewhere on.
fn now() -> [f64; 2] {
    [ClockId::Monotonic, ClockId::ProcessCPUTime].map(|clock| {
        let time = clock_gettime(clock);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
    })
}

/// Times the steps of a run without the first, which touches memory that is new.
fn time_steps(params: &Train, level: Level, threads: usize, device: Device) -> Times {
    let pixels = 3 * u32::try_from(params.model.vision.image_size.pow(2)).unwrap();
    let images: Vec<u8> =
        (0..2048 * pixels).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let context_length = usize::try_from(params.model.text.context_length).unwrap();
    let caption = |i: u32| {
        let mut tokens = vec![1];
        tokens.extend((0..5).map(|k| 3 + (i * 7919 + k * 104_729) % (VOCABULARY - 3)));
        tokens.push(2);
        tokens.resize(context_length, 0);
        tokens
    };
    let samples = Held {
        labels: Vec::new(),
        images: images.chunks_exact(pixels as usize).map(Cow::Borrowed).collect(),
        captions: (0..2048).map(|i| vec![caption(i)]).collect(),
        shard_sizes: vec![2048],
    };
    let start = State::initial(params).unwrap().on_device(device).unwrap();
    let (mut times, mut before) = ([Vec::new(), Vec::new()], now());
    train(params, &samples, Settings { level, threads }, start, |_| {
        let now = now();
        for (times, (now, before)) in times.iter_mut().zip(now.iter().zip(before)) {
            times.push(now - before);
        }
        before = now;
        Control::Continue
    })
    .unwrap();
    for times in &mut times {
        times.remove(0);
        times.sort_by(f64::total_cmp);
    }
    Times(times)
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let only = arguments.first().map(String::as_str);
    let threads = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    let level = arguments.get(2);
    let device: Device = arguments.get(3).map_or(Device::Cpu, |name| name.parse().unwrap());
    for name in ["xs", "s", "b32"] {
        if only.map_or(name == "b32", |only| only != name) {
            continue;
        }
        let of = |steps| match name {
            "xs" => params(32, 2, steps),
            "s" => params(64, 2, steps),
            _ => base_32(steps),
        };
        for at in Level::available().into_iter().rev() {
            if level.is_some_and(|level| *level != format!("{at:?}").to_lowercase()) {
                continue;
            }
            let steps = if at == Level::Scalar { 10 } else { 60 };
            let params = of(steps);
            let times = time_steps(&params, at, threads, device);
            println!(
                "{name} {device} {at:?} {threads} thread(s): {:.2} ms a step (fastest {:.2}; processor {:.2}, fastest {:.2}), \
                 {:.0} samples/s",
                times.median(0),
                times.fastest(0),
                times.median(1),
                times.fastest(1),
                1e3 * params.batch_size as f64 / times.median(0),
            );
        }
    }
}
