//! Attention, forward and backward.

use super::super::attention::{backward, forward};
use super::queues;
use crate::numerics::Level;
use crate::numerics::attention::{AttentionShape, attention_backward, attention_forward};
use crate::numerics::reference::tests::{same, samples};

#[test]
fn attention_of_all_heads() {
    let level = Level::detect();
    let shapes =
        [[1, 1, 1, 1], [2, 5, 2, 3], [3, 16, 1, 8], [2, 17, 3, 4], [1, 70, 2, 33], [1, 3, 1, 260]];
    for queue in queues() {
        for (seed, [samples_count, tokens, heads, head_width]) in (0..).zip(shapes) {
            for causal in [false, true] {
                let shape =
                    AttentionShape { samples: samples_count, tokens, heads, head_width, causal };
                // Not the huge ones: a score of ∞ makes all NaN.
                let seed = if seed == 2 { 3 } else { seed };
                let qkv = samples(seed, shape.qkv_len());
                let d_context = samples(seed + 20, shape.context_len());
                let mut p = vec![0.0; shape.probabilities_len()];
                let mut context = vec![0.0; shape.context_len()];
                attention_forward(level, &shape, &qkv, &mut p, &mut context);
                let mut d_qkv = vec![0.0; qkv.len()];
                attention_backward(
                    level,
                    &shape,
                    &qkv,
                    &p,
                    &d_context,
                    &mut d_qkv,
                    &mut Vec::new(),
                );

                let (on_qkv, on_d_context) = (queue.hold(&qkv), queue.hold(&d_context));
                let [on_p, on_context, on_d_qkv] =
                    [p.len(), context.len(), d_qkv.len()].map(|count| queue.empty(count));
                forward(&queue, &shape, on_qkv.at(), on_p.at(), on_context.at()).unwrap();
                same(&queue.elements(on_p.at(), p.len()), &p);
                same(&queue.elements(on_context.at(), context.len()), &context);
                let from = [on_qkv.at(), on_p.at(), on_d_context.at()];
                backward(&queue, &shape, from, on_d_qkv.at()).unwrap();
                same(&queue.elements(on_d_qkv.at(), d_qkv.len()), &d_qkv);
            }
        }
    }
}
