//! Tensors, traces and checkpoints.

use ibid::action::params::{Activation, Clip, Pooling, TextTower, VisionTower};
use ibid::digest::BlobDigest;
use ibid::model::Layout;
use ibid::tensor::safetensors::{NamedTensor, decode, encode};
use ibid::training::{State, Trace};

/// Tensors that are read give bytes that are read to the same bits.
pub fn safetensors(data: &[u8]) {
    assert!(decode(data, []).map_or(true, |elements| elements.is_empty()));
    let wanted = described(data);
    let asked = wanted.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()));
    let Ok(elements) = decode(data, asked.clone()) else { return };
    let mut rest = elements.as_slice();
    let tensors: Vec<_> = wanted
        .iter()
        .map(|(name, shape)| {
            let (of_it, after) = rest.split_at(shape.iter().product());
            rest = after;
            NamedTensor { name, shape, elements: of_it }
        })
        .collect();
    assert!(rest.is_empty());
    let again = decode(&encode(&tensors).expect("finite"), asked).expect("written by us");
    assert!(again.iter().map(|x| x.to_bits()).eq(elements.iter().map(|x| x.to_bits())));
}

/// Names and shapes as the header states them.
fn described(data: &[u8]) -> Vec<(String, Vec<usize>)> {
    let header = data.first_chunk::<8>().and_then(|length| {
        let end = usize::try_from(u64::from_le_bytes(*length)).ok()?.checked_add(8)?;
        serde_json::from_slice(data.get(8..end)?).ok()
    });
    let Some(serde_json::Value::Object(header)) = header else { return Vec::new() };
    let sizes = |value: &serde_json::Value| {
        let number = |x: &serde_json::Value| usize::try_from(x.as_u64()?).ok();
        value.get("shape")?.as_array()?.iter().map(number).collect::<Option<Vec<_>>>()
    };
    let all = header.iter().filter(|(name, _)| *name != "__metadata__");
    all.filter_map(|(name, value)| Some((name.clone(), sizes(value)?))).collect()
}

/// By the first byte: a trace as it is, two traces of our own making, a resume checkpoint with the digest that fits,
/// a published checkpoint.
pub fn training(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let layout = layout();
    match kind % 4 {
        0 => {
            if let Ok(trace) = Trace::decode(rest) {
                assert_eq!(trace.bytes(), rest);
                assert!(trace.step(trace.steps()).is_none());
            }
        }
        1 => {
            let (left, right) = rest.split_at(rest.len() / 2);
            let [left, right] = [left, right].map(chained);
            assert_eq!(Trace::decode(left.bytes()).as_ref(), Ok(&left));
            let (parting, look_ups) = left.parting(&right);
            let shorter = left.steps().min(right.steps());
            let slow = (0..=shorter).find(|k| left.digest(*k) != right.digest(*k));
            assert_eq!(parting, slow);
            assert!(look_ups <= 1 + (shorter + 1).next_power_of_two().ilog2() as usize);
        }
        2 => {
            // A state that was read is written as it was, whatever order its published steps came in.
            let binding = [7; 32];
            let mut bytes = [b"ibid-resume/2\n".as_slice(), &binding, rest].concat();
            bytes.extend_from_slice(BlobDigest::of(&bytes).as_bytes());
            if let Ok((state, published)) = State::resume(&bytes, &binding, &layout) {
                let again = state.resume_bytes(&binding, &published).expect("read before");
                let (read, seen) = State::resume(&again, &binding, &layout).expect("ours");
                assert_eq!((read.step, read.trace, seen), (state.step, state.trace, published));
            }
        }
        _ => {
            if let Ok(state) = State::from_checkpoint(rest, &layout, [0; 32]) {
                state.digest().expect("it is in memory");
            }
        }
    }
}

/// The trace of records without digests.
fn chained(records: &[u8]) -> Trace {
    let mut trace = Trace::new(&[1.0]);
    for record in records.chunks_exact(3) {
        trace.push(f32::from(record[0]), [record[1], record[2]].map(u64::from));
    }
    trace
}

/// The smallest model.
fn layout() -> Layout {
    let vision = VisionTower {
        image_size: 2,
        patch_size: 2,
        width: 2,
        layers: 1,
        heads: 1,
        mlp_width: 2,
        patch_bias: false,
        pre_norm: false,
        pooling: Pooling::Mean,
    };
    let text = TextTower {
        context_length: 3,
        vocabulary_size: 4,
        width: 2,
        layers: 1,
        heads: 1,
        mlp_width: 2,
        pooling: Pooling::Mean,
    };
    let clip = Clip { embed_dim: 2, vision, text, activation: Activation::Gelu };
    Layout::of(&clip).expect("the sizes fit each other")
}
