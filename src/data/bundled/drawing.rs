//! A drawing and where it comes from.

use crate::digest::tagged;

/// Side of every drawing in pixels.
pub(super) const SIDE: usize = 32;

/// Who drew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Bootstrap,
    Carbon,
    EmojiIcon,
    Feather,
    FluentUi,
    Heroicons,
    Iconoir,
    Ionicons,
    Lucide,
    Noto,
    NotoMono,
    Octicons,
    Phosphor,
    Remixicon,
    Tabler,
    Twemoji,
}

impl Source {
    /// The word in digests, samples and attributions.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Carbon => "carbon",
            Self::EmojiIcon => "emoji-icon",
            Self::Feather => "feather",
            Self::FluentUi => "fluentui",
            Self::Heroicons => "heroicons",
            Self::Iconoir => "iconoir",
            Self::Ionicons => "ionicons",
            Self::Lucide => "lucide",
            Self::Noto => "noto",
            Self::NotoMono => "noto-mono",
            Self::Octicons => "octicons",
            Self::Phosphor => "phosphor",
            Self::Remixicon => "remixicon",
            Self::Tabler => "tabler",
            Self::Twemoji => "twemoji",
        }
    }

    /// Icon packs that are never trained on.
    pub(super) const fn is_held_out_pack(self) -> bool {
        matches!(
            self,
            Self::Heroicons | Self::Iconoir | Self::Ionicons | Self::Octicons
        )
    }

    /// Icon packs that are trained on.
    pub(super) const fn is_training_pack(self) -> bool {
        matches!(
            self,
            Self::Bootstrap
                | Self::Carbon
                | Self::Feather
                | Self::FluentUi
                | Self::Lucide
                | Self::Phosphor
                | Self::Remixicon
                | Self::Tabler
        )
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// An icon in a style such as "regular" or "filled".
    Icon { style: String },
    /// An emoji.
    Emoji {
        group: emojis::Group,
        skin_tone: bool,
    },
}

/// One drawing at [`SIDE`]² pixels.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    pub(super) source: Source,
    /// Style and optical size within the source.
    pub(super) variant: String,
    /// The icon's name in its pack, or the emoji itself.
    pub(super) key: String,
    /// The icon's name without the suffix of its style; the emoji itself.
    pub(super) concept: String,
    /// The name in words.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Grey bytes, or interleaved red, green and blue where a pixel is not grey.
    pub(super) pixels: Vec<u8>,
}

impl Drawing {
    /// Its place in the pool: SHA-256 over set version, source, variant and key, a line each.
    pub(super) fn place(&self, version: &str) -> [u8; 32] {
        self.digest("ibid pictogram/1", version)
    }

    /// Its place among the drawings of its concept and vendor when one of them is withheld: independent of
    /// [`Self::place`], or the withheld ones would be those that the small prefixes of the pool hold.
    pub(super) fn withholding_place(&self, version: &str) -> [u8; 32] {
        self.digest("ibid withheld/1", version)
    }

    fn digest(&self, domain: &str, version: &str) -> [u8; 32] {
        let lines = [version, self.source.name(), &self.variant, &self.key].join("\n");
        tagged(domain, lines.as_bytes())
    }
}

/// Interleaved red, green and blue as a drawing stores them: grey bytes where all pixels are grey.
pub(super) fn normalised(colour: Vec<u8>) -> Vec<u8> {
    let grey = colour
        .chunks_exact(3)
        .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
    if grey {
        colour.chunks_exact(3).map(|pixel| pixel[0]).collect()
    } else {
        colour
    }
}
