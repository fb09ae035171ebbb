//! Tables to SVG text, pure.

mod axis;
mod figure;
mod labels;
mod layout;
mod legend;
mod mark;
mod panel;
pub mod pdf;
pub mod png;
mod rendering;
mod svg;
pub mod table;
mod text;

pub use axis::Scale;
pub use figure::{Axis, Curve, Figure, Law, Legend, Panel, PlotError, Point, Sample, Width, svg};
pub use mark::{Ink, Mark, Stroke};
pub use svg::escape;
pub use text::without_glyph;

/// The tree of SVG text, for tests that look at what is drawn.
#[cfg(test)]
pub(crate) fn tree_of(svg: &str) -> resvg::usvg::Tree {
    rendering::tree(svg).expect("a figure is SVG")
}
