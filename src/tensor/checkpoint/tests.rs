//! Checkpoints by hand: what is read, and what is refused.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::tensor::safetensors::{NamedTensor, encode};

fn open(bytes: &[u8]) -> Result<Checkpoint<Cursor<Vec<u8>>>, CheckpointError> {
    Checkpoint::open(Cursor::new(bytes.to_vec()))
}

/// What an error says, with its causes.
fn text(error: &CheckpointError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn refusal(bytes: &[u8]) -> String {
    text(&open(bytes).err().expect("the file is refused"))
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        writer.start_file(*name, stored).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A pickle, part by part, after the format's description (`pickletools.dis` prints the same words).
#[derive(Default)]
struct Written(Vec<u8>);

impl Written {
    fn op(mut self, code: u8) -> Self {
        self.0.push(code);
        self
    }

    fn global(mut self, module: &str, name: &str) -> Self {
        self.0.extend(format!("c{module}\n{name}\n").into_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self.0.push(b'X');
        self.0.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    fn whole(mut self, number: i32) -> Self {
        self.0.push(b'J');
        self.0.extend(number.to_le_bytes());
        self
    }

    fn sizes(self, sizes: &[i32]) -> Self {
        sizes.iter().fold(self.op(b'('), |written, size| written.whole(*size)).op(b't')
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())`
    fn tensor(
        self,
        storage: (&str, &str, i32),
        offset: i32,
        shape: &[i32],
        strides: &[i32],
    ) -> Self {
        let (kind, key, elements) = storage;
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b'(')
            .op(b'(')
            .text("storage")
            .global("torch", kind)
            .text(key)
            .text("cuda:0")
            .whole(elements)
            .op(b't')
            .op(b'Q')
            .whole(offset)
            .sizes(shape)
            .sizes(strides)
            .op(0x89)
            .global("collections", "OrderedDict")
            .op(b')')
            .op(b'R')
            .op(b't')
            .op(b'R')
    }

    fn end(self) -> Vec<u8> {
        [vec![0x80, 2], self.0, vec![b'.']].concat()
    }
}

/// A pickled dictionary of the items that `write` adds.
fn dictionary(write: impl FnOnce(Written) -> Written) -> Vec<u8> {
    write(Written::default().op(b'}').op(b'(')).op(b'u').end()
}

fn floats(count: u8) -> Vec<u8> {
    (0..count).flat_map(|i| f32::from(i).to_le_bytes()).collect()
}

/// One tensor `w` over a storage of six numbers.
fn one(offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let storage = ("FloatStorage", "0", 6);
    archive(&[
        ("a/data.pkl", &dictionary(|d| d.text("w").tensor(storage, offset, shape, strides))),
        ("a/data/0", &floats(6)),
    ])
}

#[test]
fn safetensors_are_read_tensor_by_tensor() {
    let (a, b) = ([2.5], [1.0, -0.0]);
    let bytes = encode(&[
        NamedTensor { name: "b", shape: &[2, 1], elements: &b },
        NamedTensor { name: "a", shape: &[], elements: &a },
    ])
    .unwrap();
    let mut checkpoint = open(&bytes).unwrap();
    assert_eq!(checkpoint.described()["b"].shape, [2, 1]);
    assert_eq!(checkpoint.described()["a"], Described { element: Element::F32, shape: vec![] });
    let bits = |read: Vec<f32>| read.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(checkpoint.read("b").unwrap()), [0x3f80_0000, 0x8000_0000]);
    assert_eq!(checkpoint.read("a").unwrap(), [2.5]);
    assert!(checkpoint.read("c").is_err());
}

/// The bit patterns of 1, −2 and the smallest normal number of each format, after IEEE 754.
#[test]
fn halves_are_converted_exactly() {
    let check = |element: Element, bits: [u16; 3], expected: [f32; 3]| {
        let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        assert_eq!(element.to_f32(&bytes).unwrap(), expected, "{element:?}");
    };
    check(Element::F16, [0x3c00, 0xc000, 0x0400], [1.0, -2.0, 1.0 / 16_384.0]);
    check(Element::BF16, [0x3f80, 0xc000, 0x0080], [1.0, -2.0, f32::MIN_POSITIVE]);
    assert_eq!(Element::F64.to_f32(&0.1_f64.to_le_bytes()).unwrap(), [0.1_f32]);
    assert_eq!(Element::Whole(8).to_f32(&[0; 8]), None);
}

#[test]
fn headers_that_lie_are_refused() {
    let file = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    let tensor = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    assert!(open(&file(&tensor("F32", "[2]", "[0,8]"), 8)).is_ok());
    for (header, data) in [
        (tensor("F32", "[2]", "[0,8]"), 7),
        (tensor("F32", "[2]", "[0,8]"), 9),
        (tensor("F32", "[3]", "[0,8]"), 8),
        (tensor("F32", "[2]", "[4,12]"), 12),
        (tensor("F32", "[2]", "[8,0]"), 8),
        (tensor("F32", "[4611686018427387904,4]", "[0,0]"), 0),
        (tensor("F9", "[2]", "[0,8]"), 8),
        (r#"{"w":{"x":"y"}}"#.to_owned(), 0),
        (r#"{"w":3}"#.to_owned(), 0),
        ("{".to_owned(), 0),
    ] {
        let said = refusal(&file(&header, data));
        assert!(said.starts_with("not a safetensors file"), "{header}: {said}");
    }
    let mut long = u64::MAX.to_le_bytes().to_vec();
    long.extend(b"{}");
    assert!(refusal(&long).contains("is not whole"));
    for bytes in [&b""[..], b"x", b"not tensors at all"] {
        assert!(matches!(open(bytes), Err(CheckpointError::Unknown)), "{bytes:?}");
    }
}

#[test]
fn strides_choose_the_elements() {
    let read = |offset, shape: &[i32], strides: &[i32]| {
        open(&one(offset, shape, strides)).unwrap().read("w").unwrap()
    };
    assert_eq!(read(0, &[2, 3], &[3, 1]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // The transposed matrix, as PyTorch saves it.
    assert_eq!(read(0, &[3, 2], &[1, 3]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(read(1, &[2, 2], &[3, 1]), [1.0, 2.0, 4.0, 5.0]);
    assert_eq!(read(5, &[], &[]), [5.0]);
    assert_eq!(read(0, &[2, 0], &[1, 1]), [0.0; 0]);
    assert_eq!(read(0, &[1, 3], &[99, 2]), [0.0, 2.0, 4.0]);
    // Of nothing it does not matter where it lies.
    for offset in [6, 7, i32::MAX] {
        assert_eq!(read(offset, &[2, 0], &[1, 1]), [0.0; 0]);
        assert_eq!(read(offset, &[0, 3], &[9, 1]), [0.0; 0]);
    }
}

#[test]
fn a_tensor_of_more_dimensions_than_models_have_is_refused() {
    let ones = |dimensions| one(0, &vec![1; dimensions], &vec![1; dimensions]);
    assert_eq!(open(&ones(8)).unwrap().read("w").unwrap(), [0.0]);
    assert!(refusal(&ones(9)).contains("other arguments than it takes"));
}

#[test]
fn tensors_beyond_their_storage_are_refused() {
    for (offset, shape, strides) in [
        (0, &[2, 4][..], &[4, 1][..]),
        (1, &[2, 3], &[3, 1]),
        (0, &[2], &[6]),
        (6, &[], &[]),
        (0, &[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0]),
        (0, &[2], &[i32::MAX]),
        // A small storage that claims to be large by repeating itself.
        (0, &[1_000_000], &[0]),
    ] {
        let mut checkpoint = open(&one(offset, shape, strides)).unwrap();
        let error = checkpoint.read("w").expect_err("it lies outside");
        assert!(matches!(error, CheckpointError::Tensor { .. }), "{shape:?}: {error:?}");
    }
    // Negative sizes, and shapes without strides, are no tensors at all.
    for (offset, shape, strides) in [(-1, &[2][..], &[1][..]), (0, &[-2], &[1]), (0, &[2], &[])] {
        assert!(refusal(&one(offset, shape, strides)).contains("other arguments than it takes"));
    }
}

#[test]
fn a_trainings_checkpoint_gives_its_state_dict() {
    let storage = ("HalfStorage", "7", 2);
    let pickle = dictionary(|d| {
        d.text("epoch")
            .whole(3)
            .text("state_dict")
            .op(b'}')
            .op(b'(')
            .text("module.w")
            .tensor(storage, 0, &[2], &[1])
            .op(b'u')
            .text("optimizer")
            .op(b']')
    });
    let bytes = archive(&[
        ("run/data.pkl", &pickle),
        ("run/byteorder", b"little"),
        ("run/data/7", &[0, 0x3c, 0, 0xc0]),
    ]);
    let mut checkpoint = open(&bytes).unwrap();
    assert_eq!(checkpoint.described().keys().collect::<Vec<_>>(), ["module.w"]);
    assert_eq!(checkpoint.read("module.w").unwrap(), [1.0, -2.0]);
}

#[test]
fn a_file_that_wants_to_act_is_refused_by_the_name_it_wants() {
    // What `os.system("…")` pickles to.
    let hostile =
        Written::default().global("posix", "system").op(b'(').text("id").op(b't').op(b'R');
    let said = refusal(&archive(&[("a/data.pkl", &hostile.end())]));
    assert_eq!(
        said,
        "the pickled part of the checkpoint is refused: it wants `posix.system`, which is not among \
         the few names that a state dict needs"
    );
    for (module, name) in [
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor"),
        ("torch.storage", "_load_from_bytes"),
        ("\u{1b}[2J", "x"),
    ] {
        let pickle = Written::default().global(module, name).end();
        let said = refusal(&archive(&[("a/data.pkl", &pickle)]));
        assert!(said.contains("it wants `") && !said.contains('\u{1b}'), "{said}");
    }
    // INST, OBJ, NEWOBJ, EXT1, BINSTRING: none of them is read.
    for code in [b'i', b'o', 0x81, 0x82, b'T', 0xff] {
        let said = refusal(&archive(&[("a/data.pkl", &Written::default().op(code).end())]));
        assert!(said.contains(&format!("operation {code:#04x} at byte 2")), "{said}");
    }
    // Nor is a known name called with what is not meant for it.
    let call = Written::default().global("torch", "FloatStorage").op(b')').op(b'R').end();
    assert!(refusal(&archive(&[("a/data.pkl", &call)])).contains("other arguments"));
}

#[test]
fn malformed_pickles_are_refused_wherever_they_break() {
    let storage = ("FloatStorage", "0", 1);
    let whole = dictionary(|d| d.text("w").tensor(storage, 0, &[1], &[1]));
    let of = |pickle: &[u8]| archive(&[("a/data.pkl", pickle), ("a/data/0", &floats(1))]);
    assert!(open(&of(&whole)).is_ok());
    for end in 0..whole.len() {
        let said = refusal(&of(&whole[..end]));
        assert!(said.contains("refused"), "cut at {end}: {said}");
    }
    for pickle in [
        &b".."[..],
        b"\x80\x02.",
        b"\x80\x02}}.",
        b"\x80\x02(.",
        b"\x80\x02t.",
        b"\x80\x02}(X\x01\0\0\0au.",
        b"\x80\x02h\x05.",
        b"\x80\x02]Na0.",
        b"\x80\x02Nb.",
        b"\x80\x02X\xff\xff\xff\xffa.",
        b"\x80\x02X\x01\0\0\0\xff.",
    ] {
        assert!(refusal(&of(pickle)).contains("malformed"), "{pickle:?}");
    }
}

/// Flips every byte of a small pickle to every value: an answer or an error, and never more than that.
#[test]
fn no_single_byte_makes_the_reader_panic() {
    let storage = ("FloatStorage", "0", 2);
    let whole = dictionary(|d| d.text("w").tensor(storage, 0, &[2], &[1]));
    for at in 0..whole.len() {
        for value in 0..=255 {
            let mut pickle = whole.clone();
            pickle[at] = value;
            let _read = pickle::Pickle::read(&pickle);
        }
    }
    let bytes = one(0, &[2, 3], &[3, 1]);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            if let Ok(mut checkpoint) = open(&bytes) {
                let names: Vec<String> = checkpoint.described().keys().cloned().collect();
                names.iter().for_each(|name| drop(checkpoint.read(name)));
            }
        }
    }
}

/// Doubling a tuple forty times would make 2⁴⁰ values of a reader that copies; this one makes forty.
#[test]
fn values_that_name_each_other_are_not_copied() {
    let mut pickle = vec![0x80, 2, b')'];
    for _ in 0..40 {
        pickle.extend([b'q', 0, b'h', 0, 0x86]);
    }
    pickle.push(b'.');
    assert!(pickle::Pickle::read(&pickle).is_ok());
    // A million levels deep: nothing recurses, not even to forget it.
    let mut deep = vec![0x80, 2, b')'];
    deep.resize(1_000_000, 0x85);
    deep.push(b'.');
    assert!(pickle::Pickle::read(&deep).is_ok());
    let mut many = vec![0x80, 2];
    many.resize(5_000_000, b')');
    assert_eq!(pickle::Pickle::read(&many).unwrap_err(), PickleError::TooMany);
}

#[test]
fn archives_that_are_no_state_dict_are_refused() {
    let empty = dictionary(|d| d);
    let one_of = |entries: &[(&str, &[u8])]| refusal(&archive(entries));
    assert!(one_of(&[("a/data", b"")]).contains("no entry `NAME/data.pkl`"));
    assert!(one_of(&[("a/data.pkl", &empty), ("b/data.pkl", &empty)]).contains("several entries"));
    assert!(one_of(&[("a/data.pkl", &empty), ("a/byteorder", b"big")]).contains("little-endian"));
    let program = archive(&[("a/data.pkl", &empty), ("a/constants.pkl", b"")]);
    assert!(matches!(open(&program), Err(CheckpointError::TorchScript)));
    assert!(matches!(open(&[0x80, 2, 0x8a, 10, 0x6c]), Err(CheckpointError::BeforeZip)));
    assert!(one_of(&[("a/data.pkl", b"\x80\x02N.")]).contains("it holds no dictionary"));
    let nested = dictionary(|d| d.text("model").op(b'}'));
    assert!(one_of(&[("a/data.pkl", &nested)]).contains("`model`: is no tensor"));
    let cut = &one(0, &[2, 3], &[3, 1])[..100];
    assert!(refusal(cut).starts_with("not a checkpoint of PyTorch"));
}

#[test]
fn a_storage_that_is_not_what_it_claims_is_refused() {
    let pickle = |elements| {
        dictionary(|d| d.text("w").tensor(("FloatStorage", "0", elements), 0, &[2], &[1]))
    };
    let read = |entries: &[(&str, &[u8])]| {
        text(&open(&archive(entries)).unwrap().read("w").expect_err("the storage is refused"))
    };
    assert!(read(&[("a/data.pkl", &pickle(2))]).contains("has no entry `a/data/0`"));
    let bytes = floats(2);
    assert!(
        read(&[("a/data.pkl", &pickle(3)), ("a/data/0", &bytes)])
            .contains("its storage has 8 bytes, not 3 elements")
    );
    // A flipped bit is found by the archive's checksum.
    let mut damaged = archive(&[("a/data.pkl", &pickle(2)), ("a/data/0", &bytes)]);
    let at = damaged.windows(8).position(|window| window == bytes).unwrap();
    damaged[at] ^= 1;
    assert!(text(&open(&damaged).unwrap().read("w").unwrap_err()).contains("is damaged"));
}
