//! Initial weights: each parameter from a stream of its own, so that no parameter depends on another's presence.

use super::layout::{Initial, Layout};
use crate::numerics::random::{Stream, Streams};

/// What a training states about its initial weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// Seed of every stream.
    pub seed: u64,
    /// The logarithm of the logit scale.
    pub logit_scale: f64,
    /// Standard deviation of the positions of the vision tower.
    pub vision_positions_std: f64,
}

/// The parameters before the first step, in the order of `layout`.
///
/// Parameter `NAME` is drawn from the stream "weights NAME" of index 0. A uniform number is `(2·u − 1)·bound` with
/// `u = (word ≫ 11)·2⁻⁵³` of the stream's next 64-bit word, in binary64, rounded once.
#[allow(clippy::cast_possible_truncation, reason = "initial weights are rounded once to binary32")]
pub fn initial_parameters(layout: &Layout, start: Start) -> Vec<f32> {
    let streams = Streams::new(start.seed);
    let mut elements = Vec::with_capacity(layout.len());
    for parameter in layout.parameters() {
        let mut stream = streams.named(&format!("weights {}", parameter.name), 0);
        let len = parameter.region.len;
        match parameter.initial {
            Initial::Constant(value) => elements.extend((0..len).map(|_| value as f32)),
            Initial::LogitScale => elements.push(start.logit_scale as f32),
            Initial::Normal(std) => elements.extend(normals(&mut stream, std, len)),
            Initial::VisionPositions => {
                elements.extend(normals(&mut stream, start.vision_positions_std, len));
            }
            Initial::Uniform(bound) => {
                elements.extend((0..len).map(|_| ((2.0 * stream.unit() - 1.0) * bound) as f32));
            }
        }
    }
    elements
}

fn normals(stream: &mut Stream, std: f64, len: usize) -> impl Iterator<Item = f32> {
    (0..len).map(move |_| stream.normal(0.0, std))
}
