//! Other programs' weights and their configuration.

use std::io::{Cursor, Write as _};

use ibid::model::{Layout, OpenClipConfig};
use ibid::tensor::checkpoint::Checkpoint;
use zip::write::SimpleFileOptions;

/// A file as it is, or a pickle with one storage in the archive around them. No tensor is larger than the file allows.
pub fn checkpoint(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let bytes = if kind % 2 == 0 { rest.to_vec() } else { archive(rest) };
    let Ok(mut checkpoint) = Checkpoint::open(Cursor::new(&bytes)) else { return };
    for (name, described) in checkpoint.described().clone() {
        if let Ok(elements) = checkpoint.read(&name) {
            assert_eq!(elements.len(), described.shape.iter().product::<usize>());
            assert!(elements.len() * described.element.bytes() <= bytes.len());
        }
    }
}

/// What `PyTorch` writes around a pickle: nothing is compressed, and the sums are right.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let storage: Vec<u8> = (0..64).collect();
    for (name, content) in [("a/data.pkl", pickle), ("a/byteorder", b"little"), ("a/data/0", &storage)] {
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name, stored).expect("room");
        zip.write_all(content).expect("room");
    }
    zip.finish().expect("room").into_inner()
}

/// A configuration that is read describes a model or says why not, and what is written reads back.
pub fn configuration(data: &[u8]) {
    let Ok(config) = OpenClipConfig::parse(data) else { return };
    drop(Layout::of(&config.model));
    let Ok(written) = config.encode() else { return };
    let again = OpenClipConfig::parse(&written).expect("written by us");
    assert_eq!(again, config);
}
