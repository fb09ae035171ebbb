//! SVG to PNG with the bundled font alone: no font of the machine is looked for.

use resvg::tiny_skia::{Pixmap, Transform};

use super::rendering;

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

/// Longest side of a picture, in pixels.
const LONGEST: f32 = 16_384.0;

/// Renders SVG text at `scale` pixels a unit.
pub fn render(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let tree = rendering::tree(svg)?;
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
