//! Tables to SVG text, pure.
