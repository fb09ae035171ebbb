//! What PNG and PDF share: SVG text read with the bundled fonts alone; no font of the machine is looked for.

use std::sync::Arc;

use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use resvg::usvg::{self, Options, Tree, fontdb};

/// The bundled face is a light one: its strokes are widened to the weight of a regular face.
const REGULAR: &str =
    "text { stroke: #222; stroke-width: 0.23 } text[font-weight=\"600\"] { stroke-width: 0.52 }";

/// The tree of SVG text.
pub(super) fn tree(svg: &str) -> Result<Tree, usvg::Error> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(UBUNTU_LIGHT.to_vec());
    let family =
        fonts.faces().next().and_then(|face| face.families.first()).map(|family| family.0.clone());
    fonts.set_sans_serif_family(family.expect("the bundled font is a font"));
    // For single characters that the family lacks.
    fonts.load_font_data(HACK_REGULAR.to_vec());
    let options = Options {
        font_family: "sans-serif".to_owned(),
        fontdb: Arc::new(fonts),
        style_sheet: Some(REGULAR.to_owned()),
        ..Options::default()
    };
    Tree::from_str(svg, &options)
}
