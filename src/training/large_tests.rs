//! Steps of a model of the size that the paper begins with, and how long its kernels take.

#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

use std::borrow::Cow;

use super::tests::{files, open_clip, real};
use super::*;
use crate::action::params::Clip;
use crate::tensor::NoKernels;

/// CLIP with ViT-B/32, for as many steps as there are batches of samples.
fn vit_b_32(batch_size: u64, gradient_chunk: u64, steps: u64) -> Train {
    let mut params = open_clip();
    let Clip { ref mut embed_dim, ref mut vision, ref mut text, .. } = params.model;
    *embed_dim = 512;
    (vision.image_size, vision.patch_size) = (224, 32);
    (vision.width, vision.mlp_width, vision.heads, vision.layers) = (768, 3072, 12, 12);
    (text.context_length, text.vocabulary_size) = (77, 49_408);
    (text.width, text.mlp_width, text.heads, text.layers) = (512, 2048, 8, 12);
    params.schedule.learning_rate_max = real(1e-4);
    Train { batch_size, gradient_chunk, samples_seen: batch_size * steps, ..params }
}

/// So many images of 224 pixels a side.
fn large_images(count: u32) -> Vec<u8> {
    (0..count * 3 * 224 * 224).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// The images with captions of nine tokens.
fn large_samples(images: &[u8]) -> Held<'_> {
    let images: Vec<Cow<'_, [u8]>> =
        images.chunks_exact(3 * 224 * 224).map(Cow::Borrowed).collect();
    let caption = |i: usize| {
        let words = (0..7).map(|k| 3 + (i as u32 * 7919 + k * 104_729) % 49_000);
        let mut tokens: Vec<u32> = std::iter::once(49_406).chain(words).collect();
        tokens.push(49_407);
        tokens.resize(77, 0);
        vec![tokens]
    };
    Held {
        captions: (0..images.len()).map(caption).collect(),
        labels: Vec::new(),
        shard_sizes: vec![images.len()],
        images,
    }
}

/// Steps of a model of that size have the same bits on the processor and on `device`.
fn compare_steps_of_vit_b_32(params: &Train, device: Device) {
    let images = large_images(u32::try_from(params.samples_seen).unwrap());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings { level: Level::detect(), threads };
    let [want, got] = [Device::Cpu, device].map(|device| {
        let start = State::initial(params).unwrap().on_device(device).unwrap();
        train(params, &large_samples(&images), settings, start, |_| Control::Continue).unwrap()
    });
    assert!(files(params, &got) == files(params, &want));
}

#[cfg(feature = "cuda")]
#[test]
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn steps_of_vit_b_32_have_the_same_bits_on_a_gpu() {
    if Device::Cuda(0).prepare(&NoKernels).is_err() {
        println!("skipped: no GPU");
        return;
    }
    // Chunks of so many that gradients of weights are sums of 13 and 20 parts, as at full size.
    compare_steps_of_vit_b_32(&vit_b_32(128, 64, 1), Device::Cuda(0));
}

#[test]
#[ignore = "a quarter of an hour, in an emulator"]
fn steps_of_vit_b_32_have_the_same_bits_on_emulated_kernels() {
    let emulated = Device::Emulated { processors: 132, backwards: false, memory: usize::MAX };
    if emulated.prepare(&NoKernels).is_ok() {
        compare_steps_of_vit_b_32(&vit_b_32(32, 16, 1), emulated);
    }
}

/// What each kernel of a step takes on the first GPU: CLIP with ViT-B/32 at 256 pairs, as in `tests/bench/training.rs`.
#[cfg(feature = "cuda")]
#[test]
#[ignore = "a measurement, of a GPU"]
#[allow(clippy::print_stdout, reason = "a measurement")]
fn speed_of_kernels() {
    use crate::tensor::device::timed;

    let params = vit_b_32(256, 256, 2);
    let images = large_images(256);
    timed::begin();
    let start = State::initial(&params).unwrap().on_device(Device::Cuda(0)).unwrap();
    let settings = Settings { level: Level::detect(), threads: 1 };
    let mut times = Vec::new();
    train(&params, &large_samples(&images), settings, start, |_| {
        times = timed::take().into_iter().collect();
        Control::Continue
    })
    .unwrap();
    times.sort_by(|(_, (_, one)), (_, (_, other))| other.total_cmp(one));
    let all: f64 = times.iter().map(|(_, (_, seconds))| seconds).sum();
    println!("{:.1} ms in the kernels of a step", 1e3 * all);
    for (kernel, (count, seconds)) in times {
        let each = 1e6 * seconds / f64::from(count);
        println!("{:8.3} ms  {count:4} × {each:8.1} µs  {kernel}", 1e3 * seconds);
    }
}
