//! SVG to PNG with the bundled font alone: no font of the machine is looked for.

use std::sync::Arc;

use epaint_default_fonts::UBUNTU_LIGHT;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// An SVG that cannot be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// The text is not SVG.
    #[error("the figure is not SVG")]
    Svg(#[from] resvg::usvg::Error),
    /// The picture has no area, or too much.
    #[error("a picture of {width} × {height} pixels cannot be made")]
    Size {
        /// Its width.
        width: f32,
        /// Its height.
        height: f32,
    },
    /// The pixels cannot be written as PNG.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
}

/// The bundled face is a light one: its strokes are widened to the weight of a regular face.
const REGULAR: &str =
    "text { stroke: #222; stroke-width: 0.28 } text[font-weight=\"600\"] { stroke-width: 0.62 }";

/// Longest side of a picture, in pixels.
const LONGEST: f32 = 16_384.0;

/// Renders SVG text at `scale` pixels a unit.
pub fn render(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(UBUNTU_LIGHT.to_vec());
    let family =
        fonts.faces().next().and_then(|face| face.families.first()).map(|family| family.0.clone());
    fonts.set_sans_serif_family(family.expect("the bundled font is a font"));
    let options = Options {
        font_family: "sans-serif".to_owned(),
        fontdb: Arc::new(fonts),
        style_sheet: Some(REGULAR.to_owned()),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options)?;
    let (width, height) =
        ((tree.size().width() * scale).ceil(), (tree.size().height() * scale).ceil());
    let size = PngError::Size { width, height };
    if !(width <= LONGEST && height <= LONGEST) {
        return Err(size);
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and LONGEST"
    )]
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or(size)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PngError::Encode(error.to_string()))
}
