//! Tables to SVG text, pure.

pub mod table;
