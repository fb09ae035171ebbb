//! What PNG and PDF share: SVG text read with the bundled fonts alone; no font of the machine is looked for.

use std::sync::Arc;

use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use resvg::usvg::{self, FontResolver, Options, Tree, fontdb};

use super::text::is_spare;

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
    fonts.load_font_data(HACK_REGULAR.to_vec());
    let options = Options {
        font_family: "sans-serif".to_owned(),
        fontdb: Arc::new(fonts),
        style_sheet: Some(REGULAR.to_owned()),
        // Its own choice would set the whole text in the other face.
        font_resolver: FontResolver {
            select_fallback: Box::new(|_, _, _| None),
            ..FontResolver::default()
        },
        ..Options::default()
    };
    Tree::from_str(&with_spare(svg), &options)
}

/// The same SVG, where each character of a text that only the spare face has asks for it.
fn with_spare(svg: &str) -> String {
    let mut text = String::with_capacity(svg.len());
    let mut in_tag = false;
    for c in svg.chars() {
        in_tag = c == '<' || in_tag && c != '>';
        if !in_tag && is_spare(c) {
            text.extend(["<tspan font-family=\"Hack\">", c.encode_utf8(&mut [0; 4]), "</tspan>"]);
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use resvg::usvg::Node;

    use super::*;

    fn width_of(text: &str) -> f32 {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"20\" font-family=\"sans-serif\">\
             <text x=\"0\" y=\"15\" font-size=\"10\">{text}</text></svg>"
        );
        let tree = tree(&svg).unwrap();
        let Some(Node::Text(text)) = tree.root().children().first() else {
            panic!("{svg} has a text")
        };
        assert!(
            text.layouted().iter().flat_map(|span| &span.positioned_glyphs).all(|g| g.id.0 > 0)
        );
        text.bounding_box().width()
    }

    /// Hack's advance is 1,233 of 2,048 units for every character; what stands beside keeps Ubuntu's.
    #[test]
    fn one_character_of_the_spare_face_leaves_the_others_as_they_are() {
        let (without, with) = (width_of("iiiiiiii"), width_of("iiii⁻iiii"));
        assert!((with - without - 10.0 * 1233.0 / 2048.0).abs() < 0.2, "{without} {with}");
    }
}
