//! What a model costs, from its configuration alone, in integers.
//!
//! Multiply–accumulates are counted as the table of architectures of arXiv:2212.07143 counts them (`arch_info.csv`, which
//! this reproduces within its 0.01 GMACs): matrix products one by one, a `LayerNorm` as five a channel and token, and
//! neither activations, softmax, biases nor the similarity matrix. The configuration is one that `spec` has checked,
//! so every number is below 2^63.

use super::{Clip, Pooling, TextTower, VisionTower};

/// Multiply–accumulates of a `LayerNorm`, a channel and token.
const LAYER_NORM_MACS: u64 = 5;

/// Multiply–accumulates of one forward pass of one image, text or pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Macs {
    /// In matrix products.
    pub products: u64,
    /// In `LayerNorm`s.
    pub layer_norms: u64,
}

impl Macs {
    /// Both together: the count that total compute is made of.
    pub const fn total(self) -> u64 {
        self.products + self.layer_norms
    }
}

impl Clip {
    /// Multiply–accumulates of one forward pass of a pair.
    pub const fn macs_per_sample(&self) -> u64 {
        self.macs_per_image().total() + self.macs_per_text().total()
    }

    /// Multiply–accumulates of one forward pass of an image.
    pub const fn macs_per_image(&self) -> Macs {
        let VisionTower { patch_size, width, layers, mlp_width, .. } = self.vision;
        let tokens = self.vision.tokens();
        let stem = self.vision.patches() * 3 * patch_size * patch_size * width;
        let norms_before = 2 * layers + self.vision.pre_norm as u64;
        Macs {
            products: stem + layers * block_macs(tokens, width, mlp_width) + width * self.embed_dim,
            layer_norms: LAYER_NORM_MACS * width * (tokens * norms_before + 1),
        }
    }

    /// Multiply–accumulates of one forward pass of a text, padding included.
    pub const fn macs_per_text(&self) -> Macs {
        let TextTower { context_length: tokens, width, layers, mlp_width, .. } = self.text;
        // The last LayerNorm stands after mean pooling, but runs over every token where one of them is taken.
        let last = if matches!(self.text.pooling, Pooling::Mean) { 1 } else { tokens };
        Macs {
            products: layers * block_macs(tokens, width, mlp_width) + width * self.embed_dim,
            layer_norms: LAYER_NORM_MACS * width * (tokens * 2 * layers + last),
        }
    }

    /// Learned numbers, the logit scale among them.
    pub const fn parameters(&self) -> u64 {
        self.image_parameters() + self.text_parameters() + 1
    }

    /// Learned numbers of the image side.
    pub const fn image_parameters(&self) -> u64 {
        let VisionTower { patch_size, width, layers, mlp_width, .. } = self.vision;
        let stem = 3 * patch_size * patch_size * width + self.vision.patch_bias as u64 * width;
        let class_token = (self.vision.tokens() - self.vision.patches()) * width;
        let positions = self.vision.tokens() * width;
        let norms = (1 + self.vision.pre_norm as u64) * 2 * width;
        let blocks = layers * block_parameters(width, mlp_width);
        stem + class_token + positions + norms + blocks + width * self.embed_dim
    }

    /// Learned numbers of the text side, without the logit scale.
    pub const fn text_parameters(&self) -> u64 {
        let TextTower { context_length, vocabulary_size, width, layers, mlp_width, .. } = self.text;
        let blocks = layers * block_parameters(width, mlp_width);
        (vocabulary_size + context_length + 2 + self.embed_dim) * width + blocks
    }
}

impl VisionTower {
    /// Patches of an image.
    ///
    /// # Panics
    ///
    /// If the patch size is 0, which `spec` refuses.
    pub const fn patches(&self) -> u64 {
        let side = self.image_size / self.patch_size;
        side * side
    }

    /// Tokens of an image: its patches and the class token, where there is one.
    pub const fn tokens(&self) -> u64 {
        self.patches() + matches!(self.pooling, Pooling::ClassToken) as u64
    }
}

/// q, k, v and output products, two products of the perceptron, attention over all pairs of tokens.
const fn block_macs(tokens: u64, width: u64, mlp_width: u64) -> u64 {
    tokens * (4 * width * width + 2 * width * mlp_width) + 2 * tokens * tokens * width
}

/// Two `LayerNorm`s, attention's four products and the perceptron's two, each with a bias.
const fn block_parameters(width: u64, mlp_width: u64) -> u64 {
    4 * width + 4 * (width * width + width) + 2 * width * mlp_width + mlp_width + width
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::params::Activation;

    fn small(width: u64, layers: u64, text_width: u64, text_layers: u64, embed_dim: u64) -> Clip {
        Clip {
            embed_dim,
            vision: VisionTower {
                image_size: 32,
                patch_size: 8,
                width,
                layers,
                heads: width / 32,
                mlp_width: 4 * width,
                patch_bias: true,
                pre_norm: false,
                pooling: Pooling::Mean,
            },
            text: TextTower {
                context_length: 12,
                vocabulary_size: 1_000,
                width: text_width,
                layers: text_layers,
                heads: text_width / 32,
                mlp_width: 4 * text_width,
                pooling: Pooling::Mean,
            },
            activation: Activation::Gelu,
        }
    }

    /// The configurations of `open_clip` for four models of the paper: widths, layers, patch, hidden layer.
    fn open_clip(vision: [u64; 4], text: [u64; 2], embed_dim: u64) -> Clip {
        let [width, layers, patch_size, mlp_width] = vision;
        let [text_width, text_layers] = text;
        Clip {
            embed_dim,
            vision: VisionTower {
                image_size: 224,
                patch_size,
                width,
                layers,
                heads: 16,
                mlp_width,
                patch_bias: false,
                pre_norm: true,
                pooling: Pooling::ClassToken,
            },
            text: TextTower {
                context_length: 77,
                vocabulary_size: 49_408,
                width: text_width,
                layers: text_layers,
                heads: 8,
                mlp_width: 4 * text_width,
                pooling: Pooling::EndToken,
            },
            activation: Activation::Gelu,
        }
    }

    #[test]
    fn costs_are_those_of_the_published_table_of_architectures() {
        // `arch_info.csv` of LAION-AI/scaling-laws-openclip at 652b1e7, in hundredths of 10^9 and of 10^6:
        // image, text GMACs; image, text parameters.
        let rows = [
            (open_clip([768, 12, 32, 3072], [512, 12], 512), ARCH_INFO[0]),
            (open_clip([768, 12, 16, 3072], [512, 12], 512), ARCH_INFO[1]),
            (open_clip([1024, 24, 14, 4096], [768, 12], 768), ARCH_INFO[2]),
            (open_clip([1280, 32, 14, 5120], [1024, 24], 1024), ARCH_INFO[3]),
            (open_clip([1408, 40, 14, 6144], [1024, 24], 1024), ARCH_INFO[4]),
        ];
        for (clip, expected) in rows {
            let computed = [
                clip.macs_per_image().total() / 10_000_000,
                clip.macs_per_text().total() / 10_000_000,
                clip.image_parameters() / 10_000,
                clip.text_parameters() / 10_000,
            ];
            for (computed, expected) in computed.into_iter().zip(expected) {
                assert!(computed.abs_diff(expected) <= 1, "{computed} for {expected}");
            }
        }
    }

    #[test]
    fn products_are_those_of_the_probe() {
        // DATA: 0.68 M, 2.45 M and 8.8 M multiply-accumulates a pair, counted without LayerNorm.
        let products = |clip: Clip| clip.macs_per_image().products + clip.macs_per_text().products;
        assert_eq!(products(small(32, 2, 32, 1, 32)), 683_008);
        assert_eq!(products(small(64, 2, 64, 1, 64)), 2_451_456);
        assert_eq!(products(small(96, 4, 64, 2, 64)), 8_796_160);
    }

    #[test]
    fn parameters_are_the_sum_of_the_state_dict() {
        // XS tensor by tensor: patches 192×32 + 32, positions 16×32, two blocks, last norm, projection; then
        // the text side; then the logit scale.
        let block = 2 * 64 + (96 * 32 + 96) + (32 * 32 + 32) + (32 * 128 + 128) + (128 * 32 + 32);
        let vision = 192 * 32 + 32 + 16 * 32 + 2 * block + 64 + 32 * 32;
        let text = 1_000 * 32 + 12 * 32 + block + 64 + 32 * 32;
        assert_eq!(small(32, 2, 32, 1, 32).parameters(), vision + text + 1);
    }
    const ARCH_INFO: [[u64; 4]; 5] = [
        // ViT-B-32
        [441, 298, 8_785, 6_343],
        // ViT-B-16
        [1_758, 298, 8_619, 6_343],
        // ViT-L-14
        [8_108, 666, 30_397, 12_365],
        // ViT-H-14
        [16_740, 2_357, 63_208, 35_403],
        // ViT-g-14
        [26_718, 2_357, 101_265, 35_403],
    ];
}
