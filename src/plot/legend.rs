//! Legends below the panels: a row a quantity, its name first, entries wrapped to the width of the figure.

use super::figure::{Legend, Sample, TICK, count};
use super::mark::draw_mark;
use super::svg::{Anchor, Style, Writer};
use super::text::{plain, text_width};

const ROW: f64 = 15.5;
const SPACE: f64 = 12.0;

/// Something in a row of a legend, by its distance from the left.
pub(super) enum Item {
    /// The name of the quantity.
    Title(String),
    /// A value and how it looks.
    Entry(f64, String, Sample),
}

impl Sample {
    /// The room it takes before its text.
    fn room(self) -> f64 {
        match self {
            Self::Mark(_) => 13.0,
            Self::Stroke(_) => 23.0,
        }
    }
}

/// The rows of all legends at a width.
pub(super) fn rows(legends: &[Legend], width: f64) -> Vec<Vec<Item>> {
    let shown = || legends.iter().filter(|legend| !legend.entries.is_empty());
    // Titles are strong, hence a little wider.
    let titles = shown().map(|legend| text_width(&legend.title, TICK) * 1.06);
    let start = titles.fold(0.0, f64::max);
    let start = if start > 0.0 { start + SPACE } else { 0.0 };
    let mut rows = Vec::new();
    for legend in shown() {
        let mut row = vec![Item::Title(legend.title.clone())];
        let mut x = start;
        for (label, sample) in &legend.entries {
            let wide = sample.room() + text_width(label, TICK);
            if x > start && x + wide > width {
                rows.push(std::mem::take(&mut row));
                x = start;
            }
            row.push(Item::Entry(x, label.clone(), *sample));
            x += wide + SPACE;
        }
        rows.push(row);
    }
    rows
}

/// The height of the rows.
pub(super) fn height(rows: &[Vec<Item>]) -> f64 {
    count(rows.len()) * ROW
}

/// Draws the rows from their top left corner.
pub(super) fn draw(
    writer: &mut Writer,
    rows: &[Vec<Item>],
    (left, top): (f64, f64),
    mark_scale: f64,
) {
    let style = Style::new(TICK, Anchor::Start);
    for (i, row) in rows.iter().enumerate() {
        let middle = top + ROW * (count(i) + 0.5);
        let baseline = middle + TICK * 0.35;
        for item in row {
            match item {
                Item::Title(title) if title.is_empty() => {}
                Item::Title(title) => {
                    let strong = Style { strong: true, ..style };
                    writer.text((left, baseline), &plain(title), strong);
                }
                Item::Entry(x, label, sample) => {
                    let start = left + x;
                    match sample {
                        Sample::Mark(mark) => {
                            draw_mark(writer, (start + 5.5, middle), (*mark, mark_scale), "");
                        }
                        Sample::Stroke(stroke) => {
                            let end = (start + sample.room() - 4.0, middle);
                            writer.stroke((start, middle), end, &stroke.attributes(1.3));
                        }
                    }
                    writer.text((start + sample.room(), baseline), &plain(label), style);
                }
            }
        }
    }
}
