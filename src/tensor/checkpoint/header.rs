//! The header of a safetensors file, read without the tensors behind it.

use std::collections::BTreeMap;
use std::io::Read;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::Deserialize as _;
use serde_json::Value;

use super::{CheckpointError, Described, Element, elements_of};

/// Far more than the header of any model's weights.
const HEADER_MAX: u64 = 16 << 20;

/// Tensors by name, and by name where their bytes begin and how many there are.
type Header = (BTreeMap<String, Described>, BTreeMap<String, (u64, usize)>);

/// The tensors of a file of `size` bytes, and where each one begins and how many bytes it has.
pub(super) fn read(reader: &mut impl Read, size: u64) -> Result<Header, CheckpointError> {
    let bad = |reason: String| CheckpointError::Header(reason);
    let mut len = [0; 8];
    reader.read_exact(&mut len)?;
    let len = u64::from_le_bytes(len);
    if len > HEADER_MAX || len > size.saturating_sub(8) {
        return Err(bad(format!("its header of {len} bytes is not whole")));
    }
    let mut header = Vec::new();
    reader.take(len).read_to_end(&mut header)?;
    let entries: BTreeMap<String, Value> =
        serde_json::from_slice(&header).map_err(|error| bad(error.to_string()))?;
    let (mut described, mut places, mut spans) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (name, entry) in entries {
        if name == "__metadata__" {
            continue;
        }
        let info = TensorInfo::deserialize(entry)
            .map_err(|error| bad(format!("`{}`: {error}", name.escape_debug())))?;
        let element = element(info.dtype)
            .ok_or_else(|| bad(format!("`{name}` has elements of type {:?}", info.dtype)))?;
        let (start, end) = info.data_offsets;
        let bytes = elements_of(&info.shape, element).map(|count| count * element.bytes());
        if end.checked_sub(start) != bytes || bytes.is_none() {
            return Err(bad(format!("`{name}` has not the bytes of its shape")));
        }
        spans.push((start, end));
        places.insert(name.clone(), (8 + len + start as u64, end - start));
        described.insert(name, Described { element, shape: info.shape });
    }
    spans.sort_unstable();
    let end = spans.iter().try_fold(0, |at, (start, end)| (*start == at).then_some(*end));
    match end {
        Some(end) if 8 + len + end as u64 == size => Ok((described, places)),
        Some(_) => Err(bad("its tensors do not end where it does".to_owned())),
        None => Err(bad("its tensors overlap or leave gaps".to_owned())),
    }
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::BOOL | Dtype::U8 | Dtype::I8 => Element::Whole(1),
        Dtype::I16 | Dtype::U16 => Element::Whole(2),
        Dtype::I32 | Dtype::U32 => Element::Whole(4),
        Dtype::I64 | Dtype::U64 => Element::Whole(8),
        _ => return None,
    })
}
