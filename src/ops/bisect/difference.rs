//! What differs, element by element: two tensors side by side.

use serde::Serialize;

use super::super::error::Error;
use crate::numerics::ulp;
use crate::tensor::{TensorError, safetensors};
use crate::training::{Kind, Record};

/// A value as text and as bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Value {
    /// The shortest decimal that reads back to the same bits.
    pub text: String,
    /// The bits, in hexadecimal; none for a place or a count.
    pub bits: Option<String>,
}

/// The first element in which two lists of numbers differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferingElement {
    /// Its place, counted from 0 in row-major order.
    pub index: usize,
    /// Its place by dimension.
    pub place: Vec<usize>,
    /// A's value.
    pub a: Value,
    /// B's value.
    pub b: Value,
    /// Units in the last place between them; `None` where one is not finite, and for what is no fraction.
    pub ulps: Option<u64>,
    /// How many elements differ.
    pub differing: usize,
    /// How many there are.
    pub of: usize,
}

/// A tensor that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferingTensor {
    /// The gradient chunk, if it belongs to one.
    pub chunk: Option<usize>,
    /// The operation that made it.
    pub operation: String,
    /// Its name within the operation.
    pub tensor: String,
    /// A's dimensions; `None`: A does not make it.
    pub shape_a: Option<Vec<usize>>,
    /// B's dimensions; `None`: B does not make it.
    pub shape_b: Option<Vec<usize>>,
    /// The first element that differs; `None` where the dimensions do.
    pub element: Option<DifferingElement>,
}

impl DifferingTensor {
    /// What two recordings have of one thing, as far as each has it.
    pub(super) fn of_records(
        a: Option<(&Record, &[u8])>,
        b: Option<(&Record, &[u8])>,
    ) -> Option<Self> {
        let identity = a.or(b)?.0.identity.clone();
        let element = match (a, b) {
            (Some((record, a)), Some((other, b))) if record.shape == other.shape => {
                first_element(record.kind, &record.shape, a, b)
            }
            _ => None,
        };
        let shape = |side: Option<(&Record, &[u8])>| side.map(|(record, _)| record.shape.clone());
        Some(Self {
            chunk: identity.chunk,
            operation: identity.operation,
            tensor: identity.tensor,
            shape_a: shape(a),
            shape_b: shape(b),
            element,
        })
    }
}

/// The first element in which little-endian bytes differ.
fn first_element(kind: Kind, shape: &[usize], a: &[u8], b: &[u8]) -> Option<DifferingElement> {
    let size = if kind == Kind::Binary32 { 4 } else { 8 };
    let pairs = || a.chunks_exact(size).zip(b.chunks_exact(size));
    let (index, (of_a, of_b)) = pairs().enumerate().find(|(_, (a, b))| a != b)?;
    let (a_value, b_value, ulps) = match kind {
        Kind::Binary32 => {
            let [a, b] = [of_a, of_b].map(|x| f32::from_le_bytes(x.try_into().expect("4 bytes")));
            let value = |x: f32| value(&x, format!("{:#010x}", x.to_bits()));
            let finite = a.is_finite() && b.is_finite();
            (value(a), value(b), ulp::distance(a, b).filter(|_| finite))
        }
        Kind::Binary64 => {
            let [a, b] = [of_a, of_b].map(|x| f64::from_le_bytes(x.try_into().expect("8 bytes")));
            let value = |x: f64| value(&x, format!("{:#018x}", x.to_bits()));
            let finite = a.is_finite() && b.is_finite();
            (value(a), value(b), ulp::distance64(a, b).filter(|_| finite))
        }
        Kind::Whole => {
            let [a, b] = [of_a, of_b].map(|x| u64::from_le_bytes(x.try_into().expect("8 bytes")));
            let value = |x: u64| Value { text: x.to_string(), bits: None };
            (value(a), value(b), None)
        }
    };
    Some(DifferingElement {
        index,
        place: place_of(index, shape),
        a: a_value,
        b: b_value,
        ulps,
        differing: pairs().filter(|(a, b)| a != b).count(),
        of: pairs().count(),
    })
}

/// `{:?}` is the shortest decimal that reads back, in scientific notation where that is shorter.
fn value(x: &impl std::fmt::Debug, bits: String) -> Value {
    Value { text: format!("{x:?}"), bits: Some(bits) }
}

/// A place in row-major order by dimension.
fn place_of(index: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = index;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&len| {
            let at = rest % len.max(1);
            rest /= len.max(1);
            at
        })
        .collect();
    place.reverse();
    place
}

/// Every tensor in which two files of parameters, or of parameters and moments, differ. `tensors` are name and shape.
pub(super) fn of_files(
    what: &str,
    tensors: &[(String, Vec<usize>)],
    a: &[u8],
    b: &[u8],
) -> Result<Vec<DifferingTensor>, Error> {
    let read = |bytes: &[u8]| {
        elements(tensors, bytes)
            .map_err(|error| Error::BadResult { what: what.to_owned(), reason: error.to_string() })
    };
    Ok(of_elements(what, tensors, &read(a)?, &read(b)?))
}

/// The elements of a file in the order of `tensors`, little-endian. Those of a canonical file are taken as they are, so
/// that one that is not finite can be named; of any other file such a one is an error.
pub(super) fn elements(
    tensors: &[(String, Vec<usize>)],
    bytes: &[u8],
) -> Result<Vec<u8>, TensorError> {
    let wanted = |place: usize| (tensors[place].0.as_str(), tensors[place].1.as_slice());
    let size = |place: usize| 4 * tensors[place].1.iter().product::<usize>();
    let mut places: Vec<usize> = (0..tensors.len()).collect();
    places.sort_by_key(|place| tensors[*place].0.as_str());
    let header = safetensors::header(places.iter().map(|place| wanted(*place)));
    if let Some(mut rest) = bytes.strip_prefix(header.as_slice())
        && rest.len() == places.iter().map(|place| size(*place)).sum::<usize>()
    {
        let mut parts = vec![rest; tensors.len()];
        for place in places {
            let (part, after) = rest.split_at(size(place));
            (parts[place], rest) = (part, after);
        }
        return Ok(parts.concat());
    }
    let elements = safetensors::decode(bytes, (0..tensors.len()).map(wanted))?;
    Ok(elements.iter().flat_map(|x| x.to_le_bytes()).collect())
}

/// Every tensor in which what [`elements`] gave of two files differs.
pub(super) fn of_elements(
    what: &str,
    tensors: &[(String, Vec<usize>)],
    a: &[u8],
    b: &[u8],
) -> Vec<DifferingTensor> {
    let mut found = Vec::new();
    let mut start = 0;
    for (name, shape) in tensors {
        let range = start..start + 4 * shape.iter().product::<usize>();
        start = range.end;
        let element = first_element(Kind::Binary32, shape, &a[range.clone()], &b[range]);
        if element.is_some() {
            found.push(DifferingTensor {
                chunk: None,
                operation: what.to_owned(),
                tensor: name.clone(),
                shape_a: Some(shape.clone()),
                shape_b: Some(shape.clone()),
                element,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::safetensors::{NamedTensor, encode};

    #[test]
    fn the_first_element_is_named_with_both_values() {
        let bytes = |x: &[f32]| -> Vec<u8> { x.iter().flat_map(|x| x.to_le_bytes()).collect() };
        let (a, b) = (bytes(&[1.0, -0.0, 3.0, 4.0]), bytes(&[1.0, 0.0, 3.0, 5.0]));
        let found = first_element(Kind::Binary32, &[2, 2], &a, &b).unwrap();
        assert_eq!((found.index, found.place, found.differing, found.of), (1, vec![0, 1], 2, 4));
        assert_eq!((found.a.text.as_str(), found.b.text.as_str()), ("-0.0", "0.0"));
        assert_eq!(found.a.bits.as_deref(), Some("0x80000000"));
        assert_eq!(found.ulps, Some(1));
        assert_eq!(first_element(Kind::Binary32, &[2, 2], &a, &a), None);
        let (a, b) = (7_u64.to_le_bytes(), 9_u64.to_le_bytes());
        let found = first_element(Kind::Whole, &[1], &a, &b).unwrap();
        assert_eq!((found.a.text.as_str(), found.ulps), ("7", None));
        let (a, b) = (1.0_f64.to_le_bytes(), 1.5_f64.to_le_bytes());
        assert_eq!(first_element(Kind::Binary64, &[1], &a, &b).unwrap().ulps, Some(1 << 51));
    }

    #[test]
    fn places_are_by_dimension() {
        assert_eq!(place_of(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(place_of(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(place_of(5, &[]), Vec::<usize>::new());
    }

    #[test]
    fn files_are_compared_tensor_by_tensor() {
        let file = |x: f32| {
            let a = NamedTensor { name: "a", shape: &[2], elements: &[1.0, 2.0] };
            let b = NamedTensor { name: "b", shape: &[1, 2], elements: &[3.0, x] };
            encode(&[a, b]).unwrap()
        };
        let tensors = [("a".to_owned(), vec![2]), ("b".to_owned(), vec![1, 2])];
        let found = of_files("weights", &tensors, &file(4.0), &file(4.5)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].tensor.as_str(), found[0].element.as_ref().unwrap().index), ("b", 1));
        assert!(of_files("weights", &tensors, &file(4.0), b"torn").is_err());
    }

    #[test]
    fn a_value_that_is_not_finite_is_named_without_a_distance() {
        // The order of the state is not that of the names in a file.
        let tensors = [("b".to_owned(), vec![2]), ("a".to_owned(), vec![])];
        let a = NamedTensor { name: "a", shape: &[], elements: &[1.0] };
        let b = NamedTensor { name: "b", shape: &[2], elements: &[2.0, 3.0] };
        let honest = encode(&[a, b]).unwrap();
        assert!(of_files("weights", &tensors, &honest, &honest).unwrap().is_empty());
        for wrong in [f32::NAN, f32::from_bits(0x7fc0_0001), f32::INFINITY, f32::NEG_INFINITY] {
            let mut forged = honest.clone();
            let end = forged.len() - 4;
            forged[end..].copy_from_slice(&wrong.to_le_bytes());
            let found = of_files("weights", &tensors, &honest, &forged).unwrap();
            assert_eq!((found.len(), found[0].tensor.as_str()), (1, "b"));
            let element = found[0].element.as_ref().unwrap();
            assert_eq!((element.index, element.ulps), (1, None));
            assert_eq!(element.a.text, "3.0");
            assert_eq!(element.b.bits, Some(format!("{:#010x}", wrong.to_bits())));
            // A file of NaN equals itself, bit for bit.
            assert!(of_files("weights", &tensors, &forged, &forged).unwrap().is_empty());
        }
    }
}
