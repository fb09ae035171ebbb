//! Tables to SVG text, pure.

mod axis;
mod figure;
mod legend;
mod mark;
pub mod png;
mod svg;
pub mod table;
mod text;

pub use axis::Scale;
pub use figure::{Axis, Figure, Law, Legend, Panel, PlotError, Point, svg};
pub use mark::Mark;
pub use svg::escape;
