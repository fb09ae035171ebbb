//! Every drawing of every source, rendered; equal on every machine and for any number of threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use emojis::{Emoji, Group};
use iconflow::{Pack, Size, Style};
use ttf_parser::{Face, GlyphId};

use super::BundledError;
use super::drawing::{Drawing, Kind, SIDE, Source, normalised};
use super::parallel::map_in_chunks;
use super::raster::draw_glyph;
use super::text::{emoji_name, words};
use crate::data::image::{decode_png, resample_over_white};

/// Pixels per em of the strikes in Noto Color Emoji.
const STRIKE: u16 = 128;

/// What is rendered from what.
enum Job {
    /// An outline glyph of a font.
    Glyph { font: &'static [u8], glyph: GlyphId },
    /// The PNG strike of a glyph.
    Strike { font: &'static [u8], glyph: GlyphId },
    /// A PNG image.
    Png(&'static [u8]),
}

/// Renders all sources: about 50,000 drawings, in a fixed order. A glyph without an outline is no drawing.
pub(super) fn render_all(threads: usize, stop: &AtomicBool) -> Result<Vec<Drawing>, BundledError> {
    let mut jobs: Vec<(Job, Drawing)> = Vec::new();
    let emoji = all_emoji();
    twemoji(&emoji, &mut jobs);
    noto(&emoji, &mut jobs)?;
    let mono = epaint_default_fonts::NOTO_EMOJI_REGULAR;
    monochrome(Source::NotoMono, mono, &emoji, &mut jobs)?;
    let emoji_icon = epaint_default_fonts::EMOJI_ICON;
    monochrome(Source::EmojiIcon, emoji_icon, &emoji, &mut jobs)?;
    icon_packs(&mut jobs)?;
    let rendered = map_in_chunks(jobs, threads, |jobs| render_chunk(jobs, stop));
    rendered.into_iter().filter_map(Result::transpose).collect()
}

fn render_chunk(
    jobs: Vec<(Job, Drawing)>,
    stop: &AtomicBool,
) -> Vec<Result<Option<Drawing>, BundledError>> {
    // Parsing a font is cheap but not free: neighbours share theirs.
    let mut parsed: Option<(*const u8, Face<'static>)> = None;
    let mut render = |job: Job, mut drawing: Drawing| {
        if stop.load(Ordering::Relaxed) {
            return Err(BundledError::Interrupted);
        }
        let font = match job {
            Job::Png(_) => None,
            Job::Glyph { font, .. } | Job::Strike { font, .. } => Some(font),
        };
        if let Some(font) = font
            && parsed.as_ref().is_none_or(|(known, _)| *known != font.as_ptr())
        {
            parsed = Some((font.as_ptr(), parse_face(drawing.source, font)?));
        }
        let face = || &parsed.as_ref().expect("it was just filled").1;
        drawing.pixels = match job {
            Job::Png(bytes) => colour_pixels(bytes, &drawing)?,
            Job::Strike { glyph, .. } => match face().glyph_raster_image(glyph, STRIKE) {
                Some(strike) => colour_pixels(strike.data, &drawing)?,
                None => return Ok(None),
            },
            Job::Glyph { glyph, .. } => match draw_glyph(face(), glyph, SIDE) {
                Some(pixels) => pixels,
                None => return Ok(None),
            },
        };
        Ok(Some(drawing))
    };
    jobs.into_iter().map(|(job, drawing)| render(job, drawing)).collect()
}

fn colour_pixels(png: &[u8], drawing: &Drawing) -> Result<Vec<u8>, BundledError> {
    let image = decode_png(png).map_err(|source| BundledError::Image {
        image: format!("{} {}", drawing.source.name(), drawing.key),
        source,
    })?;
    Ok(normalised(resample_over_white(&image, SIDE)))
}

/// An emoji, of a skin tone or without one.
struct NamedEmoji {
    emoji: &'static Emoji,
    skin_tone: bool,
}

/// All emoji in the order of `emojis`, the skin tones of each behind it.
fn all_emoji() -> Vec<NamedEmoji> {
    let with_tones = |base: &'static Emoji| {
        let tones = base.skin_tones().into_iter().flatten();
        let tones = tones.filter(move |tone| tone.as_str() != base.as_str());
        std::iter::once(NamedEmoji { emoji: base, skin_tone: false })
            .chain(tones.map(|emoji| NamedEmoji { emoji, skin_tone: true }))
    };
    emojis::iter().flat_map(with_tones).collect()
}

fn emoji_drawing(source: Source, variant: &str, named: &NamedEmoji) -> Drawing {
    let key = named.emoji.as_str().to_owned();
    let kind = Kind::Emoji { group: named.emoji.group(), skin_tone: named.skin_tone };
    Drawing {
        source,
        variant: variant.to_owned(),
        concept: key.clone(),
        key,
        name: emoji_name(named.emoji.name()),
        kind,
        pixels: Vec::new(),
    }
}

fn twemoji(emoji: &[NamedEmoji], jobs: &mut Vec<(Job, Drawing)>) {
    use twemoji_assets::png::PngTwemojiAsset;
    for named in emoji {
        let key = named.emoji.as_str();
        let asset = PngTwemojiAsset::from_emoji(key)
            .or_else(|| PngTwemojiAsset::from_emoji(&key.replace('\u{fe0f}', "")));
        if let Some(asset) = asset {
            let bytes: &'static [u8] = asset;
            jobs.push((Job::Png(bytes), emoji_drawing(Source::Twemoji, "colour", named)));
        }
    }
}

fn noto(emoji: &[NamedEmoji], jobs: &mut Vec<(Job, Drawing)>) -> Result<(), BundledError> {
    let font = damascene_fonts_emoji::NOTO_COLOR_EMOJI;
    let face = parse_face(Source::Noto, font)?;
    let shaper = rustybuzz::Face::from_slice(font, 0)
        .ok_or(BundledError::Font { font: Source::Noto.name().to_owned() })?;
    for named in emoji {
        let mut text = rustybuzz::UnicodeBuffer::new();
        text.push_str(named.emoji.as_str());
        let shaped = rustybuzz::shape(&shaper, &[], text);
        let drawn = |info: &rustybuzz::GlyphInfo| {
            let id = GlyphId(u16::try_from(info.glyph_id).ok()?);
            face.glyph_raster_image(id, STRIKE).map(|_| id)
        };
        let glyphs: Vec<GlyphId> = shaped.glyph_infos().iter().filter_map(drawn).collect();
        // A sequence that is drawn as several pictures is not one drawing.
        if let [glyph] = glyphs[..] {
            let job = Job::Strike { font, glyph };
            jobs.push((job, emoji_drawing(Source::Noto, "colour", named)));
        }
    }
    Ok(())
}

fn monochrome(
    source: Source,
    font: &'static [u8],
    emoji: &[NamedEmoji],
    jobs: &mut Vec<(Job, Drawing)>,
) -> Result<(), BundledError> {
    let face = parse_face(source, font)?;
    for named in emoji {
        let mut signs = named.emoji.as_str().chars().filter(|&sign| sign != '\u{fe0f}');
        let (Some(sign), None) = (signs.next(), signs.next()) else {
            continue;
        };
        if let Some(glyph) = face.glyph_index(sign) {
            jobs.push((Job::Glyph { font, glyph }, emoji_drawing(source, "monochrome", named)));
        }
    }
    Ok(())
}

/// The icon packs. Left out: Devicon and Lobe (brand logos) and Phosphor's duotone (the font lacks a layer).
const PACKS: [(Pack, Source); 12] = [
    (Pack::Bootstrap, Source::Bootstrap),
    (Pack::Carbon, Source::Carbon),
    (Pack::Feather, Source::Feather),
    (Pack::FluentUi, Source::FluentUi),
    (Pack::Heroicons, Source::Heroicons),
    (Pack::Iconoir, Source::Iconoir),
    (Pack::Ionicons, Source::Ionicons),
    (Pack::Lucide, Source::Lucide),
    (Pack::Octicons, Source::Octicons),
    (Pack::Phosphor, Source::Phosphor),
    (Pack::Remixicon, Source::Remixicon),
    (Pack::Tabler, Source::Tabler),
];

/// Styles with the suffixes that name them in packs which do so.
const STYLES: [(Style, &[&str]); 8] = [
    (Style::Regular, &[]),
    (Style::Filled, &["-fill", "-filled", "-solid"]),
    (Style::Outline, &["-outline", "-line"]),
    (Style::Light, &["-light"]),
    (Style::Thin, &["-thin"]),
    (Style::Bold, &["-bold"]),
    (Style::Sharp, &["-sharp"]),
    (Style::Glyph, &["-glyph"]),
];

/// Optical sizes that are taken, by pack: Fluent's others and Heroicons' `mini` repeat these too closely.
fn sizes(pack: Pack) -> Vec<Size> {
    match pack {
        Pack::FluentUi => vec![Size::Custom(20), Size::Custom(24), Size::Custom(16)],
        _ => vec![Size::Regular, Size::Tiny],
    }
}

fn icon_packs(jobs: &mut Vec<(Job, Drawing)>) -> Result<(), BundledError> {
    let fonts: BTreeMap<&str, &'static [u8]> =
        iconflow::fonts().iter().map(|font| (font.family, font.bytes)).collect();
    for (pack, source) in PACKS {
        let names = iconflow::list(pack);
        for (style, suffixes) in STYLES {
            for size in sizes(pack) {
                let variant = format!("{style}/{size}");
                let mut face: Option<(&str, &'static [u8], Face<'static>)> = None;
                for (name, icon) in names.iter().zip(iconflow::resolve_all(pack, style, size)) {
                    let Ok(icon) = icon else { continue };
                    if face.as_ref().is_none_or(|(family, ..)| *family != icon.family) {
                        let font = fonts.get(icon.family).copied();
                        let font = font
                            .ok_or_else(|| BundledError::Font { font: icon.family.to_owned() })?;
                        face = Some((icon.family, font, parse_face(source, font)?));
                    }
                    let (_, font, face) = face.as_ref().expect("it was just filled");
                    let sign = char::from_u32(icon.codepoint);
                    if let Some(glyph) = sign.and_then(|sign| face.glyph_index(sign)) {
                        let drawing = icon_drawing(source, &variant, style, suffixes, name);
                        jobs.push((Job::Glyph { font, glyph }, drawing));
                    }
                }
            }
        }
    }
    Ok(())
}

fn icon_drawing(
    source: Source,
    variant: &str,
    style: Style,
    suffixes: &[&str],
    name: &str,
) -> Drawing {
    let concept = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    Drawing {
        source,
        variant: variant.to_owned(),
        key: name.to_owned(),
        concept: concept.to_owned(),
        name: words(concept),
        kind: Kind::Icon { style: style.to_string() },
        pixels: Vec::new(),
    }
}

fn parse_face(source: Source, font: &'static [u8]) -> Result<Face<'static>, BundledError> {
    Face::parse(font, 0).map_err(|_| BundledError::Font { font: source.name().to_owned() })
}

/// The seven groups that emoji are classified in: people and flags have sets of their own or none.
pub(super) fn is_object_group(group: Group) -> bool {
    !matches!(group, Group::PeopleAndBody | Group::Flags)
}
