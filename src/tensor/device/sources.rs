//! The sources of the kernels, one translation unit.

/// Each source with its name, in the order in which a compiler must see them.
pub(crate) const SOURCES: &[(&str, &str)] = &[
    ("prelude.cuh", include_str!("prelude.cuh")),
    ("elementary.cuh", include_str!("../../numerics/elementary/elementary.cuh")),
    ("gelu.cuh", include_str!("../../numerics/gelu.cuh")),
    ("reduce.cuh", include_str!("../../numerics/reduce.cuh")),
    ("product.cu", include_str!("../../numerics/matmul/product.cu")),
    ("product_bf16.cu", include_str!("../../numerics/matmul/product_bf16.cu")),
    ("columns.cu", include_str!("../../numerics/matmul/columns.cu")),
    ("layer_norm.cu", include_str!("../../numerics/layer_norm.cu")),
    ("normalise.cu", include_str!("../../numerics/normalise.cu")),
    ("rows.cu", include_str!("../../numerics/attention/rows.cu")),
    ("softmax.cu", include_str!("../../numerics/softmax.cu")),
    ("adamw.cu", include_str!("../../numerics/adamw.cu")),
    ("elements.cu", include_str!("../elements.cu")),
    ("head.cu", include_str!("../head.cu")),
    ("stem.cu", include_str!("../stem.cu")),
    ("loss.cu", include_str!("../loss.cu")),
];

/// The names of the kernels.
#[cfg(feature = "cuda")]
pub(super) fn kernels() -> impl Iterator<Item = &'static str> {
    let of_source = |(_, source): &(_, &'static str)| source.split("\nKERNEL(").skip(1);
    SOURCES.iter().flat_map(of_source).filter_map(|kernel| kernel.split(',').next())
}

/// All of them, with lines that tell a compiler where it is.
pub(crate) fn text() -> String {
    let mut text = String::new();
    for (name, source) in SOURCES {
        text.push_str(&format!("#line 1 \"{name}\"\n{source}\n"));
    }
    text
}
