//! Legends below the panels: a row a quantity, its name first, entries wrapped to the width of the figure.

use super::figure::{LEGEND_SIZE, Legend, legend_text_width};
use super::mark::{Mark, draw_mark};
use super::svg::{Anchor, Style, Writer};
use super::text::plain;

const ROW: f64 = 20.0;
const MARK: f64 = 17.0;
const SPACE: f64 = 16.0;

/// Something in a row of a legend, by its distance from the left.
pub(super) enum Item {
    /// The name of the quantity.
    Title(String),
    /// A value and how it looks.
    Entry(f64, String, Mark),
}

/// The rows of all legends at a width.
pub(super) fn rows(legends: &[Legend], width: f64) -> Vec<Vec<Item>> {
    let titles = legends.iter().map(|legend| legend_text_width(&legend.title) * 1.04);
    let start = titles.fold(0.0, f64::max) + SPACE;
    let mut rows = Vec::new();
    for legend in legends.iter().filter(|legend| !legend.entries.is_empty()) {
        let mut row = vec![Item::Title(legend.title.clone())];
        let mut x = start;
        for (label, mark) in &legend.entries {
            let wide = MARK + legend_text_width(label);
            if x > start && x + wide > width {
                rows.push(std::mem::take(&mut row));
                x = start;
            }
            row.push(Item::Entry(x, label.clone(), *mark));
            x += wide + SPACE;
        }
        rows.push(row);
    }
    rows
}

/// The height of the rows.
pub(super) fn height(rows: &[Vec<Item>]) -> f64 {
    super::figure::count(rows.len()) * ROW
}

/// Draws the rows from their top left corner.
pub(super) fn draw(writer: &mut Writer, rows: &[Vec<Item>], (left, top): (f64, f64)) {
    for (i, row) in rows.iter().enumerate() {
        let middle = top + ROW * (super::figure::count(i) + 0.5);
        let baseline = middle + LEGEND_SIZE * 0.35;
        for item in row {
            match item {
                Item::Title(title) => {
                    let style = Style { strong: true, ..Style::new(LEGEND_SIZE, Anchor::Start) };
                    writer.text((left, baseline), &plain(title), style);
                }
                Item::Entry(x, label, mark) => {
                    draw_mark(writer, (left + x + MARK / 2.0 - 1.0, middle), *mark, "");
                    let style = Style::new(LEGEND_SIZE, Anchor::Start);
                    writer.text((left + x + MARK, baseline), &plain(label), style);
                }
            }
        }
    }
}
