//! Named tensors as canonical safetensors bytes.
//!
//! Equal tensors have equal bytes: binary32 only, names in bytewise order, no metadata. A value that is not finite is
//! neither written nor read.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ::safetensors::{Dtype, SafeTensors, View};
use candle_core::DType;
use candle_nn::VarBuilder;

use super::TensorError;

/// A tensor in main memory with its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedTensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its dimensions, outermost first; none for a scalar.
    pub shape: &'a [usize],
    /// Its elements in row-major order.
    pub elements: &'a [f32],
}

/// The canonical bytes of `tensors`, which may come in any order.
///
/// # Panics
///
/// If a shape does not fit its elements.
pub fn encode(tensors: &[NamedTensor<'_>]) -> Result<Vec<u8>, TensorError> {
    for tensor in tensors {
        assert_eq!(
            tensor.shape.iter().product::<usize>(),
            tensor.elements.len(),
            "{}",
            tensor.name
        );
        check_finite(tensor.name, tensor.elements)?;
    }
    let views = tensors.iter().map(|tensor| (tensor.name, Bytes(*tensor)));
    Ok(::safetensors::serialize(views, None)?)
}

/// The canonical bytes that stand before the elements of these tensors (name and shape), whose names ascend bytewise: with
/// the elements behind them, little-endian in the same order, they are what [`encode`] gives.
///
/// # Panics
///
/// If the names do not ascend.
pub fn header<'n>(tensors: impl IntoIterator<Item = (&'n str, &'n [usize])>) -> Vec<u8> {
    let (mut text, mut last, mut at) = ("{".to_owned(), None, 0);
    for (name, shape) in tensors {
        assert!(last.is_none_or(|last| last < name), "names ascend");
        let end = at + 4 * shape.iter().product::<usize>();
        let comma = if last.is_none() { "" } else { "," };
        let name_text = serde_json::Value::from(name);
        let shape = serde_json::Value::from(shape);
        text += &format!(
            r#"{comma}{name_text}:{{"dtype":"F32","shape":{shape},"data_offsets":[{at},{end}]}}"#
        );
        (last, at) = (Some(name), end);
    }
    let mut header = (text + "}").into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    [(header.len() as u64).to_le_bytes().to_vec(), header].concat()
}

/// Refuses the first element that is not finite.
pub fn check_finite(name: &str, elements: &[f32]) -> Result<(), TensorError> {
    elements.iter().position(|element| !element.is_finite()).map_or(Ok(()), |index| {
        Err(TensorError::NotFinite { name: name.to_owned(), index, value: elements[index] })
    })
}

/// Reads the tensors `wanted` (name and shape) in their order, each appended to the elements returned. Half and double
/// precision files are converted; a tensor that is missing, not finite or was not asked for is an error.
pub fn decode<'n>(
    bytes: &[u8],
    wanted: impl IntoIterator<Item = (&'n str, &'n [usize])>,
) -> Result<Vec<f32>, TensorError> {
    let mut unread: BTreeSet<String> =
        SafeTensors::deserialize(bytes)?.names().into_iter().map(str::to_owned).collect();
    let weights = VarBuilder::from_slice_safetensors(bytes, DType::F32, &candle_core::Device::Cpu)
        .map_err(|source| TensorError::Device { operation: "open safetensors", source })?;
    let mut elements = Vec::new();
    for (name, shape) in wanted {
        let read =
            weights.get(shape, name).and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
        let read = read.map_err(|source| TensorError::Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            source,
        })?;
        check_finite(name, &read)?;
        elements.extend(read);
        unread.remove(name);
    }
    unread.pop_first().map_or(Ok(elements), |name| Err(TensorError::Unexpected(name)))
}

struct Bytes<'a>(NamedTensor<'a>);

impl View for Bytes<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.elements.iter().flat_map(|element| element.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.0.elements.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: NamedTensor<'_> = NamedTensor { name: "b", shape: &[2, 1], elements: &[1.0, -0.0] };
    const A: NamedTensor<'_> = NamedTensor { name: "a", shape: &[], elements: &[2.5] };

    #[test]
    fn the_bytes_are_those_of_the_format() {
        // Written by hand after the format's description: header length, JSON padded to 8 bytes, little-endian data.
        let header = br#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]}}"#;
        let padded = header.len().next_multiple_of(8);
        let mut expected = (padded as u64).to_le_bytes().to_vec();
        expected.extend(header);
        expected.resize(8 + padded, b' ');
        expected.extend([0, 0, 0x20, 0x40, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x80]);
        assert_eq!(encode(&[B, A]).unwrap(), expected);
        assert_eq!(encode(&[A, B]).unwrap(), expected);
        let start = super::header([("a", &[][..]), ("b", &[2, 1])]);
        assert_eq!(start, expected[..expected.len() - 12]);
        assert_eq!(super::header([]), encode(&[]).unwrap());
    }

    #[test]
    fn what_was_written_is_read_to_the_bit() {
        let bytes = encode(&[A, B]).unwrap();
        let read = decode(&bytes, [("b", &[2, 1][..]), ("a", &[])]).unwrap();
        assert_eq!(
            read.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            [0x3f80_0000, 0x8000_0000, 0x4020_0000]
        );
    }

    #[test]
    fn wrong_files_are_refused() {
        let bytes = encode(&[A, B]).unwrap();
        assert!(
            matches!(decode(&bytes, [("a", &[][..])]), Err(TensorError::Unexpected(name)) if name == "b")
        );
        assert!(matches!(decode(&bytes, [("b", &[1, 2][..])]), Err(TensorError::Tensor { .. })));
        assert!(matches!(decode(&bytes, [("c", &[1][..])]), Err(TensorError::Tensor { .. })));
        assert!(decode(&bytes[..bytes.len() - 1], [("a", &[][..])]).is_err());
        assert!(decode(b"not tensors", []).is_err());
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        let nan = NamedTensor { name: "n", shape: &[2], elements: &[1.0, f32::NAN] };
        assert!(matches!(encode(&[nan]), Err(TensorError::NotFinite { index: 1, .. })));
        let mut bytes = encode(&[A]).unwrap();
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert!(matches!(decode(&bytes, [("a", &[][..])]), Err(TensorError::NotFinite { .. })));
    }
}
