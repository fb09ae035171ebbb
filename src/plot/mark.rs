//! How points and lines look: colours that the colour-blind tell apart, shapes of equal area, sizes, dashes.

use super::svg::{Writer, escape, number};

/// How a point looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Which colour, from 0; colours repeat after twenty-one. None is grey.
    pub colour: Option<usize>,
    /// Which shape, from 0: circle, square, triangle, diamond, inverted triangle, plus, triangles to the right and to the
    /// left, cross, upright and lying bars; shapes repeat after eleven.
    pub shape: usize,
    /// How large, 0 to 1.
    pub size: f64,
    /// Whether only its outline is drawn: a point that was predicted, not observed.
    pub hollow: bool,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stroke {
    /// Its colour.
    pub ink: Ink,
    /// Which dashes, from 0, which is none; dashes repeat after eight.
    pub dash: usize,
    /// Whether it continues a line beyond what the line was fitted to.
    pub extrapolated: bool,
}

/// The colour of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// That of the n-th series of a panel, from 0: dark, none like a point's; they repeat after eight.
    Series(usize),
    /// That of the n-th value, as points have it.
    Value(usize),
    /// Grey.
    Grey,
}

/// Okabe and Ito's palette, the darker colours first, without yellow, which white paper swallows. Where those do not
/// suffice: the same mixed with 55 % of black, then with 60 % of white.
const COLOURS: [&str; 21] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444", "#003350", "#602a00",
    "#004734", "#5c364b", "#674800", "#275169", "#1f1f1f", "#99c7e0", "#eebf99", "#99d8c7",
    "#ebc9dc", "#f5d999", "#bbe1f6", "#b4b4b4",
];
/// Colours of the series' lines: black, and dark tones that differ in lightness too.
const INKS: [&str; 8] =
    ["#222", "#a3195b", "#7a6a00", "#3b3bb3", "#00606b", "#8a2b00", "#1e6b1e", "#6b6b6b"];
/// Dashes, in order.
const DASHES: [&str; 8] =
    ["", "6 3", "1.6 2.4", "8 2.5 1.6 2.5", "12 3", "8 2 1.6 2 1.6 2", "3 6", "12 2.5 5 2.5"];
/// Shapes; [`outline`] knows each.
const SHAPES: usize = 11;
const EXTRAPOLATED: &str = "3.2 2.6";

impl Mark {
    /// A grey circle of middle size.
    pub const PLAIN: Self = Self { colour: None, shape: 0, size: 0.35, hollow: false };

    /// The radius of a circle of the same area, in a figure whose marks are `scale` as large as they may be.
    pub(super) fn radius(self, scale: f64) -> f64 {
        let (least, most) = (2.3, 5.0);
        (least + (most - least) * self.size.clamp(0.0, 1.0)) * scale
    }
}

impl Stroke {
    /// An unbroken line.
    pub const fn plain(ink: Ink) -> Self {
        Self { ink, dash: 0, extrapolated: false }
    }

    /// The same line beyond what it was fitted to.
    #[must_use]
    pub const fn extrapolated(self) -> Self {
        Self { extrapolated: true, ..self }
    }

    /// The attributes of a line of that width.
    pub(super) fn attributes(self, width: f64) -> String {
        let colour = match self.ink {
            Ink::Series(n) => INKS[n % INKS.len()],
            Ink::Value(n) => COLOURS[n % COLOURS.len()],
            Ink::Grey => "#777",
        };
        let dash = if self.extrapolated { EXTRAPOLATED } else { DASHES[self.dash % DASHES.len()] };
        let dashes =
            if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        let width = number(width);
        format!(
            "stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" fill=\"none\"{dashes}"
        )
    }
}

/// Draws a mark; a reader who points at it sees `note`.
pub(super) fn draw_mark(
    writer: &mut Writer,
    at: (f64, f64),
    (mark, scale): (Mark, f64),
    note: &str,
) {
    let colour = mark.colour.map_or("#777", |colour| COLOURS[colour % COLOURS.len()]);
    let shape = outline(at, (mark, scale));
    let paint = if mark.hollow {
        format!("fill=\"#fff\" stroke=\"{colour}\" stroke-width=\"1.3\"")
    } else {
        format!("fill=\"{colour}\" fill-opacity=\"0.88\" stroke=\"#fff\" stroke-width=\"0.7\"")
    };
    if note.is_empty() {
        writer.line(&format!("<{shape} {paint}/>"));
    } else {
        let element = shape.split(' ').next().unwrap_or("path");
        writer.line(&format!("<{shape} {paint}><title>{}</title></{element}>", escape(note)));
    }
}

/// The element's name and geometry. Every shape has the area of the circle of the mark's radius.
fn outline((x, y): (f64, f64), (mark, scale): (Mark, f64)) -> String {
    let r = mark.radius(scale);
    let polygon = |corners: &[(f64, f64)]| {
        let corner =
            |&(dx, dy): &(f64, f64)| format!("{} {}", number(x + dx * r), number(y + dy * r));
        format!("path d=\"M{}Z\"", corners.iter().map(corner).collect::<Vec<_>>().join("L"))
    };
    // √π ÷ 2; an equilateral triangle's circumradius √(4π ÷ (3√3)); √(π ÷ 2); half the arm and reach of a plus; half the
    // sides of a bar, 1 to 2.6.
    let (square, circum, diamond) = (0.8862, 1.5551, 1.2533);
    let (half_width, half_height) = (circum * 0.8660, circum * 0.5);
    let (arm, reach) = (0.3963, 1.1889);
    let (narrow, long) = (0.5496, 1.4290);
    let triangle = [(0.0, -circum), (half_width, half_height), (-half_width, half_height)];
    let plus = [
        (-arm, -reach),
        (arm, -reach),
        (arm, -arm),
        (reach, -arm),
        (reach, arm),
        (arm, arm),
        (arm, reach),
        (-arm, reach),
        (-arm, arm),
        (-reach, arm),
        (-reach, -arm),
        (-arm, -arm),
    ];
    let bar = [(-narrow, -long), (narrow, -long), (narrow, long), (-narrow, long)];
    let diagonal = std::f64::consts::FRAC_1_SQRT_2;
    match mark.shape % SHAPES {
        0 => format!("circle cx=\"{}\" cy=\"{}\" r=\"{}\"", number(x), number(y), number(r)),
        1 => polygon(&[(-square, -square), (square, -square), (square, square), (-square, square)]),
        2 => polygon(&triangle),
        3 => polygon(&[(0.0, -diamond), (diamond, 0.0), (0.0, diamond), (-diamond, 0.0)]),
        4 => polygon(&triangle.map(|(x, y)| (x, -y))),
        5 => polygon(&plus),
        6 => polygon(&triangle.map(|(x, y)| (-y, x))),
        7 => polygon(&triangle.map(|(x, y)| (y, x))),
        8 => polygon(&plus.map(|(x, y)| ((x - y) * diagonal, (x + y) * diagonal))),
        9 => polygon(&bar),
        _ => polygon(&bar.map(|(x, y)| (y, x))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_looks_are_the_same() {
        let shapes =
            (0..SHAPES).map(|shape| outline((0.0, 0.0), (Mark { shape, ..Mark::PLAIN }, 1.0)));
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for looks in [shapes.collect(), texts(&COLOURS), texts(&INKS), texts(&DASHES)] {
            let distinct: std::collections::BTreeSet<&String> = looks.iter().collect();
            assert_eq!(distinct.len(), looks.len(), "{looks:?}");
            assert!(!DASHES.contains(&EXTRAPOLATED));
        }
    }

    /// The shoelace formula over the corners of each polygon, against πr².
    #[test]
    fn shapes_have_equal_area() {
        let mark = |shape| Mark { colour: None, shape, size: 1.0, hollow: false };
        let circle = std::f64::consts::PI * mark(0).radius(1.0) * mark(0).radius(1.0);
        for shape in 1..SHAPES {
            let path = outline((0.0, 0.0), (mark(shape), 1.0));
            let corners: Vec<(f64, f64)> = path
                .trim_start_matches("path d=\"M")
                .trim_end_matches("Z\"")
                .split('L')
                .map(|corner| corner.split_once(' ').unwrap())
                .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                .collect();
            let next = corners.iter().cycle().skip(1);
            let area: f64 = corners.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
            assert!((area.abs() / 2.0 / circle - 1.0).abs() < 0.01, "shape {shape}: {area}");
        }
    }
}
