//! The texts of pictograms: names, keywords, captions.

use std::collections::BTreeMap;

use super::drawing::{Drawing, Kind, Source};
use crate::digest::tagged;

/// Prompt templates whose words are in the vocabulary, whatever the captions say.
pub(super) const PROMPT_TEMPLATES: [&str; 4] = ["{}", "{} icon", "{} emoji", "a picture of {}"];

/// One keyword table: key → category and tags.
type Table = BTreeMap<&'static str, (&'static str, Vec<&'static str>)>;

/// The keyword tables of `keywords/`.
pub(super) struct Keywords {
    lucide: Table,
    tabler: Table,
    phosphor: Table,
    emoji: Table,
}

impl Keywords {
    /// Reads the tables that are part of the program.
    pub(super) fn read() -> Self {
        Self {
            lucide: read_table(include_str!("keywords/lucide.txt")),
            tabler: read_table(include_str!("keywords/tabler.txt")),
            phosphor: read_table(include_str!("keywords/phosphor.txt")),
            emoji: read_table(include_str!("keywords/emoji.txt")),
        }
    }

    /// The tags of a drawing: of its own pack's table if that has any, else of the first other one that has.
    fn tags(&self, drawing: &Drawing) -> &[&'static str] {
        let (tables, key) = match drawing.kind {
            Kind::Emoji { .. } => (vec![&self.emoji], drawing.key.replace('\u{fe0f}', "")),
            Kind::Icon { .. } => {
                let mut tables = vec![&self.lucide, &self.tabler, &self.phosphor];
                match drawing.source {
                    Source::Tabler => tables.swap(0, 1),
                    Source::Phosphor => tables.rotate_right(1),
                    _ => {}
                }
                (tables, drawing.concept.clone())
            }
        };
        let found = tables.into_iter().filter_map(|table| table.get(key.as_str()));
        found.map(|(_, tags)| tags.as_slice()).find(|tags| !tags.is_empty()).unwrap_or(&[])
    }

    /// Tabler's own category of one of its icons.
    pub(super) fn tabler_category(&self, concept: &str) -> Option<&'static str> {
        self.tabler.get(concept).map(|(category, _)| *category).filter(|name| !name.is_empty())
    }

    /// The four captions of a drawing that is trained on: name; name in its style; name and two tags; three tags.
    ///
    /// Which tags these are follows from the drawing's digest, so that the styles of one icon differ. Where there are
    /// no tags, the last two are the other prompts.
    pub(super) fn captions(&self, drawing: &Drawing) -> [String; 4] {
        let name = &drawing.name;
        let (styled, plain) = match &drawing.kind {
            Kind::Icon { style } => (format!("{style} {name} icon"), format!("{name} icon")),
            Kind::Emoji { .. } => (format!("{name} emoji"), format!("{name} emoji")),
        };
        let tags = self.tags(drawing);
        if tags.is_empty() {
            return [name.clone(), styled, plain, format!("a picture of {name}")];
        }
        let identity = format!("{}\n{}\n{}", drawing.source.name(), drawing.variant, drawing.key);
        let start = usize::from(tagged("ibid tags/1", identity.as_bytes())[0]);
        let pick = |range: std::ops::Range<usize>| {
            let count = range.len().min(tags.len());
            let picked = range.take(count).map(|i| tags[(start + i) % tags.len()]);
            picked.collect::<Vec<_>>().join(" ")
        };
        [name.clone(), styled, format!("{name} , {}", pick(0..2)), pick(2..5)]
    }
}

/// Lower-case words: runs of letters and digits, with one space between.
pub(super) fn words(text: &str) -> String {
    let text = text.to_lowercase().replace(['\'', '’'], "");
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

/// The name of an emoji in words; flags are "… flag", keycaps keep their sign.
pub(super) fn emoji_name(name: &str) -> String {
    match (name.strip_prefix("flag: "), name.strip_prefix("keycap: ")) {
        (Some(place), _) => format!("{} flag", words(place)),
        (_, Some("#")) => "keycap number sign".to_owned(),
        (_, Some("*")) => "keycap asterisk".to_owned(),
        _ => words(name),
    }
}

fn read_table(text: &'static str) -> Table {
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        let (key, category, tags) = (columns.next()?, columns.next()?, columns.next()?);
        Some((key, (category, tags.split(',').filter(|tag| !tag.is_empty()).collect())))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect()
}
