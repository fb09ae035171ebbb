//! Whole trainings of tiny models.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "small numbers, and slopes that no result depends on"
)]

use super::workers::{Batch, Phase, Shared, Worker, deal, perform};
use super::*;
use crate::action::canonical::Real;
use crate::action::params::{
    Activation, AdamW, Clip, Pooling, Preprocessing, SampleOrder, Schedule, TextTower, VisionTower,
    WarmUp,
};
use crate::model::Layout;

const SAMPLES: usize = 24;

fn real(value: f64) -> Real {
    Real::new(value).unwrap()
}

/// A model of every part: two image blocks, one text block, two heads, a patch bias.
fn tiny() -> Train {
    let vision = VisionTower {
        image_size: 8,
        patch_size: 4,
        width: 12,
        layers: 2,
        heads: 2,
        mlp_width: 20,
        patch_bias: true,
        pre_norm: false,
        pooling: Pooling::Mean,
    };
    let text = TextTower {
        context_length: 5,
        vocabulary_size: 11,
        width: 8,
        layers: 1,
        heads: 2,
        mlp_width: 16,
        pooling: Pooling::Mean,
    };
    Train {
        model: Clip {
            embed_dim: 10,
            vision,
            text,
            activation: Activation::Gelu,
        },
        preprocessing: Preprocessing {
            mean: [real(0.7); 3],
            std: [real(0.35); 3],
        },
        seed: 5,
        samples_seen: 12 * 8,
        batch_size: 12,
        gradient_chunk: 2,
        optimizer: AdamW {
            beta1: real(0.9),
            beta2: real(0.98),
            epsilon: real(1e-6),
            weight_decay: real(0.1),
            decay_positions: false,
            gradient_clip_norm: Some(real(1.0)),
        },
        schedule: Schedule {
            learning_rate_max: real(4e-3),
            learning_rate_final: real(4e-5),
            warm_up: WarmUp::Steps(2),
        },
        logit_scale_init: real(2.6),
        captions: CaptionChoice::Drawn,
        order: SampleOrder::Epochs { shuffle_shards: 0 },
        checkpoint_interval_steps: 0,
    }
}

/// The same with OpenCLIP's choices: class token, `ln_pre`, end token, `QuickGELU`.
fn open_clip() -> Train {
    let mut params = tiny();
    params.model.activation = Activation::QuickGelu;
    params.model.vision.pooling = Pooling::ClassToken;
    params.model.vision.pre_norm = true;
    params.model.vision.patch_bias = false;
    params.model.text.pooling = Pooling::EndToken;
    params
}

fn images() -> Vec<u8> {
    (0_u32..SAMPLES as u32 * 192)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .collect()
}

fn samples(images: &[u8]) -> Samples<'_> {
    let caption = |i: usize, of: usize| {
        let mut tokens = vec![
            1,
            3 + (i as u32 * 5 + of as u32 * 3) % 8,
            3 + (i as u32 * 3) % 7,
            2,
            0,
        ];
        if (i + of).is_multiple_of(3) {
            tokens.swap(3, 4);
            tokens[3] = 4;
        }
        tokens
    };
    Samples {
        images: images.chunks_exact(192).collect(),
        captions: (0..SAMPLES)
            .map(|i| vec![caption(i, 0), caption(i, 1)])
            .collect(),
        shard_sizes: vec![10, 14],
    }
}

fn trained(params: &Train, level: Level, threads: usize) -> (Vec<u32>, Trace) {
    let images = images();
    let start = State::initial(params).unwrap();
    let state = train(
        params,
        &samples(&images),
        Settings { level, threads },
        start,
        |_| Control::Continue,
    )
    .unwrap();
    (
        state
            .parameters()
            .unwrap()
            .iter()
            .map(|x| x.to_bits())
            .collect(),
        state.trace,
    )
}

/// Loss and gradient of the first batch at given parameters.
fn gradient_at(params: &Train, parameters: &[f32]) -> (f32, Vec<f32>) {
    let (batch_size, chunk) = (index(params.batch_size), index(params.gradient_chunk));
    let model = Model::new(&params.model, &params.preprocessing).unwrap();
    let mut planner = Planner::default();
    let regions = BatchRegions::plan(&mut planner, batch_size, model.embed_dim());
    let workers: Vec<_> = deal(batch_size / chunk, 1)
        .into_iter()
        .map(|chunks| Mutex::new(Worker::new(&model, chunks, chunk).unwrap()))
        .collect();
    let shared = Shared {
        model: &model,
        level: Level::detect(),
        chunk,
        state: RwLock::new(Buffer::from_vec(parameters.to_vec(), &Device::Cpu).unwrap()),
        batch: RwLock::new(Buffer::zeros(planner.len(), &Device::Cpu).unwrap()),
        regions,
    };
    let images = images();
    let samples = samples(&images);
    let visits: Vec<_> = (0..batch_size)
        .map(|sample| Visit {
            position: 0,
            sample,
            caption: 0,
        })
        .collect();
    let batch = RwLock::new(Batch {
        images: Vec::new(),
        tokens: Vec::new(),
    });
    fill(&batch, &samples, &visits);
    perform(Phase::Forward, &workers[0], &shared, &batch).unwrap();
    let (loss, d_scale) = gradient::loss(&shared, batch_size, 0).unwrap();
    perform(Phase::Backward, &workers[0], &shared, &batch).unwrap();
    let mut update = gradient::Update::new(&model, params).unwrap();
    (
        loss,
        update.gather(&workers, d_scale).unwrap().to_vec().unwrap(),
    )
}

#[test]
fn weights_and_trace_do_not_depend_on_level_or_threads() {
    for params in [tiny(), open_clip()] {
        let expected = trained(&params, Level::Scalar, 1);
        for level in Level::available() {
            for threads in [1, 2, 3, 8] {
                assert!(
                    trained(&params, level, threads) == expected,
                    "{level:?}, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn each_gradient_is_the_slope_of_the_loss_along_it() {
    for params in [tiny(), open_clip()] {
        let layout = Layout::of(&params.model).unwrap();
        let start = State::initial(&params).unwrap().parameters().unwrap();
        let (_, gradient) = gradient_at(&params, &start);
        for parameter in layout.parameters() {
            let g = parameter.region.of(&gradient);
            let norm = g.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            assert!(norm > 0.0, "{} receives no gradient", parameter.name);
            // A step that moves the loss by about 1e-2: far above rounding, far below curvature.
            let step = (5e-3 / norm).min(2e-2);
            let moved = |sign: f64| {
                let mut at = start.clone();
                for (x, g) in parameter.region.of_mut(&mut at).iter_mut().zip(g) {
                    *x = (f64::from(*x) + sign * step * f64::from(*g) / norm) as f32;
                }
                f64::from(gradient_at(&params, &at).0)
            };
            let slope = (moved(1.0) - moved(-1.0)) / (2.0 * step);
            let bound = 0.03 * norm + 4e-7 / step;
            assert!(
                (slope - norm).abs() < bound,
                "{}: slope {slope}, gradient {norm}",
                parameter.name
            );
        }
    }
}

#[test]
fn a_training_resumes_to_the_same_bits() {
    let params = tiny();
    let layout = Layout::of(&params.model).unwrap();
    let expected = trained(&params, Level::detect(), 2);
    let images = images();
    let samples = samples(&images);
    let settings = Settings {
        level: Level::detect(),
        threads: 3,
    };
    let mut saved = Vec::new();
    let stopped = train(
        &params,
        &samples,
        settings,
        State::initial(&params).unwrap(),
        |state| {
            if state.step == 3 {
                saved = state.resume_bytes(&[7; 32]).unwrap();
                return Control::Stop;
            }
            Control::Continue
        },
    );
    assert!(matches!(stopped, Err(TrainError::Stopped(3))));
    let resumed = State::resume(&saved, &[7; 32], &layout).unwrap();
    let state = train(&params, &samples, settings, resumed, |_| Control::Continue).unwrap();
    let bits: Vec<u32> = state
        .parameters()
        .unwrap()
        .iter()
        .map(|x| x.to_bits())
        .collect();
    assert!((bits, state.trace) == expected);
}

#[test]
fn a_torn_or_foreign_resume_file_is_not_believed() {
    let params = tiny();
    let layout = Layout::of(&params.model).unwrap();
    let bytes = State::initial(&params)
        .unwrap()
        .resume_bytes(&[7; 32])
        .unwrap();
    assert_eq!(
        State::resume(&bytes, &[8; 32], &layout).unwrap_err(),
        ResumeError::Foreign
    );
    for len in [0, 31, 32, 100, bytes.len() - 1] {
        assert_eq!(
            State::resume(&bytes[..len], &[7; 32], &layout).unwrap_err(),
            ResumeError::Torn
        );
    }
    let mut flipped = bytes.clone();
    flipped[200] ^= 4;
    assert_eq!(
        State::resume(&flipped, &[7; 32], &layout).unwrap_err(),
        ResumeError::Torn
    );
}

#[test]
fn a_rate_beyond_reason_diverges_at_a_named_step() {
    let mut params = tiny();
    params.schedule.learning_rate_max = real(1e38);
    let images = images();
    let settings = Settings {
        level: Level::detect(),
        threads: 2,
    };
    let start = State::initial(&params).unwrap();
    let ended = train(&params, &samples(&images), settings, start, |_| {
        Control::Continue
    });
    assert!(
        matches!(ended, Err(TrainError::Diverged { .. })),
        "{ended:?}"
    );
}

#[test]
fn the_loss_of_a_small_set_falls() {
    let mut params = tiny();
    params.samples_seen = 12 * 100;
    let images = images();
    let settings = Settings {
        level: Level::detect(),
        threads: 1,
    };
    let start = State::initial(&params).unwrap();
    let state = train(&params, &samples(&images), settings, start, |_| {
        Control::Continue
    })
    .unwrap();
    let [first, last] = [0, 99].map(|step| state.trace.step(step).unwrap().loss);
    assert!(last < 0.75 * first, "{first} to {last}");
}
