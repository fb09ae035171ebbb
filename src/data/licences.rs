//! Whose work the pictogram sets are, and what their licences ask for.

/// A source of drawings or texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Licence {
    /// The word that samples name it by, or the table it became.
    pub source: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The package that carries it, with its version.
    pub package: &'static str,
    /// The licence, as an SPDX expression.
    pub licence: &'static str,
    /// The notice to show with what is made of it.
    pub attribution: &'static str,
}

const ICONFLOW: &str = "iconflow 2.1.0";

const fn pack(
    source: &'static str,
    title: &'static str,
    licence: &'static str,
    attribution: &'static str,
) -> Licence {
    Licence { source, title, package: ICONFLOW, licence, attribution }
}

/// Every source of the bundled sets. All drawings are resized to 32 × 32 pixels.
pub fn licences() -> &'static [Licence] {
    &LICENCES
}

const LICENCES: [Licence; 22] = [
    pack("bootstrap", "Bootstrap Icons", "MIT", "Copyright (c) 2019-2024 The Bootstrap Authors"),
    pack("carbon", "Carbon Icons", "Apache-2.0", "Copyright (c) IBM Corporation"),
    Licence {
        source: "emoji-icon",
        title: "emoji-icon-font",
        package: "epaint_default_fonts 0.37.0",
        licence: "MIT",
        attribution: "Copyright (c) 2014 John Slegers",
    },
    pack("feather", "Feather", "MIT", "Copyright (c) 2013-2023 Cole Bemis"),
    pack("fluentui", "Fluent UI System Icons", "MIT", "Copyright (c) 2020 Microsoft Corporation"),
    pack("heroicons", "Heroicons", "MIT", "Copyright (c) Tailwind Labs, Inc."),
    pack("iconoir", "Iconoir", "MIT", "Copyright (c) 2021 Luca Burgio"),
    pack("ionicons", "Ionicons", "MIT", "Copyright (c) 2015-present Ionic (http://ionic.io/)"),
    pack(
        "lucide",
        "Lucide",
        "ISC AND MIT",
        "Copyright (c) Lucide Contributors 2025; portions (c) 2013-2023 Cole Bemis (Feather)",
    ),
    Licence {
        source: "noto",
        title: "Noto Color Emoji",
        package: "damascene-fonts-emoji 0.1.0",
        licence: "OFL-1.1",
        attribution: "Copyright 2013 Google LLC, 2022 Google Inc.; SIL Open Font License 1.1, \
                      https://openfontlicense.org",
    },
    Licence {
        source: "noto-mono",
        title: "Noto Emoji (monochrome)",
        package: "epaint_default_fonts 0.37.0",
        licence: "OFL-1.1",
        attribution: "Copyright 2013 Google Inc.; SIL Open Font License 1.1, \
                      https://openfontlicense.org",
    },
    pack("octicons", "Octicons", "MIT", "Copyright (c) 2025 GitHub Inc."),
    pack("phosphor", "Phosphor Icons", "MIT", "Copyright (c) 2020-2021 Phosphor Icons"),
    pack("remixicon", "Remix Icon", "Apache-2.0", "Copyright (c) Remix Design"),
    pack("tabler", "Tabler Icons", "MIT", "Copyright (c) 2020-2025 Paweł Kuna"),
    Licence {
        source: "twemoji",
        title: "Twemoji",
        package: "twemoji-assets 1.5.1+17.0.2",
        licence: "CC-BY-4.0",
        attribution: "Twemoji graphics by Twitter, Inc. and other contributors, licensed under \
                      CC-BY 4.0 (https://creativecommons.org/licenses/by/4.0/); resized",
    },
    Licence {
        source: "emoji names",
        title: "Unicode emoji data",
        package: "emojis 0.9.1",
        licence: "(MIT OR Apache-2.0) AND Unicode-3.0",
        attribution: "Copyright (c) Unicode, Inc.",
    },
    Licence {
        source: "keywords/emoji.txt",
        title: "Unicode CLDR annotations",
        package: "cldr-annotations-full 48.2.0, cldr-annotations-derived-full 48.2.0",
        licence: "Unicode-3.0",
        attribution: "Copyright (c) Unicode, Inc.",
    },
    Licence {
        source: "keywords/lucide.txt",
        title: "Lucide tags",
        package: "lucide-static 1.62.0",
        licence: "ISC",
        attribution: "Copyright (c) Lucide Icons and Contributors",
    },
    Licence {
        source: "keywords/phosphor.txt",
        title: "Phosphor tags",
        package: "@phosphor-icons/core 2.1.1",
        licence: "MIT",
        attribution: "Copyright (c) 2023 Phosphor Icons",
    },
    Licence {
        source: "keywords/tabler.txt",
        title: "Tabler tags and categories",
        package: "@tabler/icons 3.51.0",
        licence: "MIT",
        attribution: "Copyright (c) 2020-2026 Paweł Kuna",
    },
    Licence {
        source: "vocabulary",
        title: "CLIP byte pairs",
        package: "instant-clip-tokenizer 0.1.0",
        licence: "MIT",
        attribution: "byte pairs of CLIP, Copyright (c) 2021 OpenAI",
    },
];
