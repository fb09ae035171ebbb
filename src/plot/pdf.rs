//! SVG to PDF: one page of vector outlines, text as outlines of the bundled font, so that no font needs embedding.
//!
//! It knows what figures are made of, paths and text filled and stroked with plain colours, and refuses everything else:
//! images, gradients, masks, filters. The bytes depend on the SVG and the title alone: no date, no identifier.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use resvg::usvg::tiny_skia_path::{PathSegment, Point};
use resvg::usvg::{
    BlendMode, Color, FillRule, Group, LineCap, LineJoin, Node, Paint, PaintOrder, Path, Stroke,
    Transform, Tree,
};

use super::rendering;

/// An SVG that cannot be written as PDF.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PdfError {
    /// The text is not SVG.
    #[error("the figure is not SVG")]
    Svg(#[from] resvg::usvg::Error),
    /// It holds something that figures are not made of.
    #[error("the figure holds {0}, which is not written as PDF")]
    Unsupported(&'static str),
}

/// The PDF of SVG text, with a title for the reader's window, or none if it is empty. Its page is as large as the SVG says, 96 units an inch.
pub fn render(svg: &str, title: &str) -> Result<Vec<u8>, PdfError> {
    let tree = rendering::tree(svg)?;
    let mut content = Content::default();
    // PDF counts points from the lower left corner, SVG CSS pixels from the upper left one.
    let height = points(tree.size().height());
    writeln!(content.text, "0.75 0 0 -0.75 0 {} cm", number(height)).expect(WRITES);
    content.group(tree.root())?;
    Ok(document(&tree, &content, title))
}

const WRITES: &str = "writing to a string succeeds";

/// CSS pixels as points, 72 an inch.
fn points(units: f32) -> f32 {
    units * 0.75
}

/// The operators of a page under construction.
#[derive(Default)]
struct Content {
    text: String,
    /// Opacities of fill and stroke in thousandths; graphics state n of the page.
    opacities: Vec<(u32, u32)>,
}

impl Content {
    fn group(&mut self, group: &Group) -> Result<(), PdfError> {
        let refused = [
            (group.clip_path().is_some(), "a clip path"),
            (group.mask().is_some(), "a mask"),
            (!group.filters().is_empty(), "a filter"),
            (group.opacity().get() < 1.0, "a group that is not opaque"),
            (group.blend_mode() != BlendMode::Normal, "a blend mode"),
        ];
        if let Some((_, what)) = refused.into_iter().find(|(is_there, _)| *is_there) {
            return Err(PdfError::Unsupported(what));
        }
        self.text.push_str("q\n");
        let Transform { sx, kx, ky, sy, tx, ty } = group.transform();
        if !group.transform().is_identity() {
            let matrix = [sx, ky, kx, sy, tx, ty].map(number).join(" ");
            writeln!(self.text, "{matrix} cm").expect(WRITES);
        }
        for node in group.children() {
            match node {
                Node::Group(group) => self.group(group)?,
                Node::Path(path) => self.path(path)?,
                Node::Text(text) => self.group(text.flattened())?,
                Node::Image(_) => return Err(PdfError::Unsupported("an image")),
            }
        }
        self.text.push_str("Q\n");
        Ok(())
    }

    fn path(&mut self, path: &Path) -> Result<(), PdfError> {
        if !path.is_visible() {
            return Ok(());
        }
        let fill = path.fill().map(|fill| {
            let rule = if fill.rule() == FillRule::EvenOdd { "f*" } else { "f" };
            (fill.paint(), fill.opacity().get(), rule)
        });
        let outline = outline(path);
        let state = (fill.map_or(1.0, |f| f.1), path.stroke().map_or(1.0, |s| s.opacity().get()));
        let is_opaque = state == (1.0, 1.0) && path.paint_order() == PaintOrder::FillAndStroke;
        let state = self.opacity(state);
        writeln!(self.text, "/G{state} gs").expect(WRITES);
        let ink = fill.map(|(paint, ..)| Ok::<_, PdfError>(format!("{} rg\n", colour(paint)?)));
        let ink = ink.transpose()?.unwrap_or_default();
        let pen = path.stroke().map(pen).transpose()?.unwrap_or_default();
        match (fill, path.stroke()) {
            // One operator for both, where it paints what two would.
            (Some((_, _, rule)), Some(_)) if is_opaque => {
                let both = rule.replace('f', "B");
                writeln!(self.text, "{ink}{pen}{outline}{both}").expect(WRITES);
            }
            (fill, stroke) => {
                let mut parts = Vec::new();
                parts.extend(fill.map(|(_, _, rule)| format!("{ink}{outline}{rule}\n")));
                parts.extend(stroke.map(|_| format!("{pen}{outline}S\n")));
                if path.paint_order() == PaintOrder::StrokeAndFill {
                    parts.reverse();
                }
                self.text.extend(parts);
            }
        }
        Ok(())
    }

    /// The number of the graphics state with these opacities.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    fn opacity(&mut self, (fill, stroke): (f32, f32)) -> usize {
        let thousandths = |share: f32| (share * 1_000.0 + 0.5) as u32;
        let wanted = (thousandths(fill), thousandths(stroke));
        self.opacities.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.opacities.push(wanted);
            self.opacities.len() - 1
        })
    }
}

fn colour(paint: &Paint) -> Result<String, PdfError> {
    let Paint::Color(Color { red, green, blue }) = paint else {
        return Err(PdfError::Unsupported("a gradient or pattern"));
    };
    Ok([red, green, blue].map(|part| number(f32::from(*part) / 255.0)).join(" "))
}

/// Colour, width, ends, corners and dashes of a stroke.
fn pen(stroke: &Stroke) -> Result<String, PdfError> {
    let cap = match stroke.linecap() {
        LineCap::Butt => 0,
        LineCap::Round => 1,
        LineCap::Square => 2,
    };
    let join = match stroke.linejoin() {
        LineJoin::Miter | LineJoin::MiterClip => 0,
        LineJoin::Round => 1,
        LineJoin::Bevel => 2,
    };
    let dashes: Vec<String> =
        stroke.dasharray().into_iter().flatten().map(|length| number(*length)).collect();
    Ok(format!(
        "{} RG {} w {cap} J {join} j {} M [{}] {} d\n",
        colour(stroke.paint())?,
        number(stroke.width().get()),
        number(stroke.miterlimit().get()),
        dashes.join(" "),
        number(stroke.dashoffset())
    ))
}

/// The construction operators of a path; quadratic curves are raised to cubic ones.
fn outline(path: &Path) -> String {
    let mut text = String::new();
    let (mut at, mut start) = (Point::zero(), Point::zero());
    let pair = |point: Point| format!("{} {}", number(point.x), number(point.y));
    for segment in path.data().segments() {
        match segment {
            PathSegment::MoveTo(to) => {
                writeln!(text, "{} m", pair(to)).expect(WRITES);
                (at, start) = (to, to);
            }
            PathSegment::LineTo(to) => {
                writeln!(text, "{} l", pair(to)).expect(WRITES);
                at = to;
            }
            PathSegment::QuadTo(control, to) => {
                let toward = |end: Point| Point {
                    x: end.x + (control.x - end.x) * (2.0 / 3.0),
                    y: end.y + (control.y - end.y) * (2.0 / 3.0),
                };
                let (first, second) = (toward(at), toward(to));
                writeln!(text, "{} {} {} c", pair(first), pair(second), pair(to)).expect(WRITES);
                at = to;
            }
            PathSegment::CubicTo(first, second, to) => {
                writeln!(text, "{} {} {} c", pair(first), pair(second), pair(to)).expect(WRITES);
                at = to;
            }
            PathSegment::Close => {
                text.push_str("h\n");
                at = start;
            }
        }
    }
    text
}

/// The file: five objects, their places, the trailer (ISO 32000-1, 7.5).
fn document(tree: &Tree, content: &Content, title: &str) -> Vec<u8> {
    let (width, height) = (points(tree.size().width()), points(tree.size().height()));
    let states = content.opacities.iter().enumerate().map(|(i, (fill, stroke))| {
        format!("/G{i} << /ca {} /CA {} >>", thousandths(*fill), thousandths(*stroke))
    });
    let states: Vec<String> = states.collect();
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {} {}] /Group << /S /Transparency /CS /DeviceRGB >> /Resources \
         << /ExtGState << {} >> >> /Contents 4 0 R >>",
        number(width),
        number(height),
        states.join(" ")
    );
    let stream = deflated(content.text.as_bytes());
    let mut contents =
        format!("<< /Length {} /Filter /FlateDecode >>\nstream\n", stream.len()).into_bytes();
    contents.extend(stream);
    contents.extend(b"\nendstream");
    let (shows_title, title) = match title {
        "" => ("", String::new()),
        title => (
            " /ViewerPreferences << /DisplayDocTitle true >>",
            format!("/Title {} ", text_string(title)),
        ),
    };
    let objects = [
        format!("<< /Type /Catalog /Pages 2 0 R{shows_title} >>").into_bytes(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        contents,
        format!("<< {title}/Producer (ibid) >>").into_bytes(),
    ];
    let mut file = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend(format!("{} 0 obj\n", i + 1).into_bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let table = file.len();
    let entries: String = places.iter().map(|place| format!("{place:010} 00000 n \n")).collect();
    let size = objects.len() + 1;
    file.extend(
        format!(
            "xref\n0 {size}\n0000000000 65535 f \n{entries}trailer\n<< /Size {size} /Root 1 0 R /Info 5 0 R \
             >>\nstartxref\n{table}\n%%EOF\n"
        )
        .into_bytes(),
    );
    file
}

fn thousandths(n: u32) -> String {
    if n >= 1_000 { "1".to_owned() } else { format!("0.{n:03}") }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(9));
    encoder.write_all(bytes).expect("writing to memory succeeds");
    encoder.finish().expect("writing to memory succeeds")
}

/// A text string in UTF-16 with a byte-order mark, in hexadecimal.
fn text_string(text: &str) -> String {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    format!("<{}>", units.map(|unit| format!("{unit:04X}")).collect::<String>())
}

/// A number without exponent: three decimals at most, no trailing zero, no negative zero.
fn number(value: f32) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"84mm\" height=\"42mm\" viewBox=\"0 0 84 42\">\
                       <rect width=\"84\" height=\"42\" fill=\"#fff\"/><circle cx=\"10\" cy=\"10\" r=\"5\" \
                       fill=\"#f00\" fill-opacity=\"0.88\" stroke=\"#00f\" stroke-dasharray=\"3 2\"/><text x=\"5\" \
                       y=\"30\" font-size=\"8\">E = 5.86 · C</text></svg>";

    /// The pieces of a PDF file, found from its end as readers do (ISO 32000-1, 7.5.5): objects by number.
    fn objects(file: &[u8]) -> Vec<Vec<u8>> {
        let tail = String::from_utf8_lossy(&file[file.len() - 200..]).into_owned();
        let place = tail.split("startxref\n").nth(1).unwrap().split('\n').next().unwrap();
        let table = String::from_utf8(file[place.parse::<usize>().unwrap()..].to_vec()).unwrap();
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("xref"));
        let size: usize = lines.next().unwrap().strip_prefix("0 ").unwrap().parse().unwrap();
        assert_eq!(lines.next(), Some("0000000000 65535 f "));
        let entries = lines.take(size - 1).map(|entry| {
            assert!(entry.ends_with(" 00000 n "), "an entry of 20 bytes with its line feed");
            entry[..10].parse::<usize>().unwrap()
        });
        let begin = |i: usize| format!("{} 0 obj\n", i + 1).into_bytes();
        let object = |(i, place): (usize, usize)| {
            let rest = &file[place..];
            assert!(rest.starts_with(&begin(i)), "object {} is at its place", i + 1);
            let end = b"\nendobj\n";
            let length = rest.windows(end.len()).position(|window| window == end).unwrap();
            rest[begin(i).len()..length].to_vec()
        };
        entries.enumerate().map(object).collect()
    }

    /// The operators of the page.
    fn content(file: &[u8]) -> String {
        let object = &objects(file)[3];
        let mark = b"stream\n";
        let start = object.windows(mark.len()).position(|window| window == mark).unwrap();
        let header = String::from_utf8_lossy(&object[..start]).into_owned();
        let length = header.split("/Length ").nth(1).unwrap().split(' ').next().unwrap();
        let length: usize = length.parse().unwrap();
        let stream = &object[start + mark.len()..][..length];
        assert_eq!(&object[start + mark.len() + length..], b"\nendstream");
        let mut text = String::new();
        flate2::read::ZlibDecoder::new(stream).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_file_is_a_page_of_the_size_that_is_printed() {
        let file = render(SVG, "A title – with dash").unwrap();
        assert!(file.starts_with(b"%PDF-1.7\n") && file.ends_with(b"%%EOF\n"));
        let texts: Vec<_> =
            objects(&file).iter().map(|o| String::from_utf8_lossy(o).into_owned()).collect();
        assert_eq!(texts.len(), 5);
        assert!(texts[1].contains("/Count 1"));
        // 84 mm and 42 mm in points.
        assert!(texts[2].contains("/MediaBox [0 0 238.11 119.055]"), "{}", texts[2]);
        assert!(texts[2].contains("/ca 0.880 /CA 1"), "{}", texts[2]);
        assert!(texts[4].contains("<FEFF00410020"), "{}", texts[4]);
        assert_eq!(file, render(SVG, "A title – with dash").unwrap());
    }

    /// Every operator is one of ISO 32000-1, annex A, with as many operands as it takes; states are restored.
    #[test]
    fn the_content_is_well_formed() {
        let text = content(&render(SVG, "").unwrap());
        let mut depth = 0;
        for line in text.lines() {
            let mut operands = 0;
            for word in line.split(' ') {
                let expected = match word {
                    "m" | "l" => 2,
                    "c" | "cm" => 6,
                    "rg" | "RG" => 3,
                    "w" | "J" | "j" | "M" | "gs" => 1,
                    "d" => 2,
                    "h" | "f" | "f*" | "B" | "B*" | "S" => 0,
                    "q" | "Q" => {
                        depth += if word == "q" { 1 } else { -1 };
                        assert!(depth >= 0);
                        0
                    }
                    _ => {
                        let is_inside = word.ends_with(']') != word.starts_with('[');
                        operands += usize::from(!is_inside || word.ends_with(']'));
                        let number = word.trim_matches(['[', ']']);
                        let is_name = number.starts_with("/G") || number.is_empty();
                        assert!(is_name || number.parse::<f32>().is_ok(), "{line}");
                        continue;
                    }
                };
                assert_eq!(operands, expected, "{line}");
                operands = 0;
            }
        }
        assert_eq!(depth, 0);
        assert!(text.contains("1 0 0 rg") && text.contains("0 0 1 RG"), "{text}");
        assert!(text.contains("[3 2] 0 d"), "{text}");
    }

    #[test]
    fn what_figures_are_not_made_of_is_refused() {
        let with = |part: &str| {
            let svg = format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">{part}<rect width=\"5\" \
                 height=\"5\" fill=\"url(#a)\" opacity=\"0.5\"/></svg>"
            );
            render(&svg, "").unwrap_err().to_string()
        };
        let gradient = "<linearGradient id=\"a\"><stop stop-color=\"#fff\"/><stop offset=\"1\"/></linearGradient>";
        assert!(with(gradient).contains("is not written as PDF"));
        assert!(matches!(render("<svg", ""), Err(PdfError::Svg(_))));
    }
}
