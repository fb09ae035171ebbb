//! Draws a figure: `points` (CSV) and `fits` (JSON) to `figure.svg`.
//!
//! The values of a column that steers marks are ordered by the quantity they end in where they have one (`glyphs-2k`,
//! `34B`, `256000`), the others after them by the smallest x they occur at. A legend is made of every such column.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::files::{bad_input, read_text, write_text};
use super::selection::{Selected, select};
use super::{JobContext, JobError};
use crate::action::params::{Axis, Draw, MarkRole, Panel, Series};
use crate::metrics::fits::{FitRecord, MethodRecord, decode};
use crate::plot::table::{Table, number_text};
use crate::plot::{self, Figure, Law, Legend, Mark, Point, Scale};

/// Reads `points` and `fits` and writes `figure.svg`.
pub(super) fn run(params: &Draw, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let points = read_text(context, "points")?;
    let table = Table::parse(&points).map_err(|error| bad_input("points", &error))?;
    let fits = decode(&read_text(context, "fits")?).map_err(|error| bad_input("fits", &error))?;
    write_text(context, "figure.svg", &svg(params, &table, &fits)?)
}

/// The SVG of the figure.
fn svg(params: &Draw, table: &Table, fits: &[FitRecord]) -> Result<String, JobError> {
    let selections = Selections::of(params, table)?;
    let marks = Marks::of(params, table, &selections)?;
    let panel = |(panel, selected): (&Panel, &Vec<Vec<Selected>>)| plot::Panel {
        title: panel.name.clone(),
        x: axis(&panel.x),
        y: axis(&panel.y),
        points: panel
            .series
            .iter()
            .zip(selected)
            .flat_map(|(series, selected)| {
                selected.iter().map(|point| marks.point(series, table, point)).collect::<Vec<_>>()
            })
            .collect(),
        laws: laws(panel, fits),
    };
    let panels = params.panels.iter().zip(&selections.0).map(panel).collect();
    let figure = Figure { title: params.title.clone(), panels, legends: marks.legends() };
    plot::svg(&figure).map_err(|error| bad_input("points", &error))
}

/// Selected rows by panel and series.
struct Selections(Vec<Vec<Vec<Selected>>>);

impl Selections {
    fn of(params: &Draw, table: &Table) -> Result<Self, JobError> {
        let select = |series: &Series| {
            select(table, &series.points).map_err(|error| bad_input("points", &error))
        };
        let panel = |panel: &Panel| panel.series.iter().map(select).collect();
        Ok(Self(params.panels.iter().map(panel).collect::<Result<_, _>>()?))
    }
}

fn axis(axis: &Axis) -> plot::Axis {
    let scale = if axis.logarithmic { Scale::Logarithmic } else { Scale::Linear };
    plot::Axis { label: axis.label.clone(), scale }
}

/// The lines of a panel, series by series. A name says what tells a line from the others of its panel.
fn laws(panel: &Panel, fits: &[FitRecord]) -> Vec<Law> {
    let fits: Vec<_> = panel
        .series
        .iter()
        .flat_map(|series| {
            fits.iter().filter(|fit| fit.panel == panel.name && fit.series == series.name)
        })
        .collect();
    let several_series = fits.iter().any(|fit| fit.series != fits[0].series);
    let label = |fit: &FitRecord| {
        let method = match fit.method {
            MethodRecord::LeastSquares => "all points",
            MethodRecord::BinnedMinimum { .. } => "bin minima",
        };
        let several_methods = fits.iter().filter(|other| other.series == fit.series).count() > 1;
        match (several_series, several_methods) {
            (true, true) => format!("{}, {method}", fit.series),
            (false, true) => method.to_owned(),
            (_, false) => fit.series.clone(),
        }
    };
    let law = |fit: &&FitRecord| Law {
        label: label(fit),
        alpha: fit.alpha,
        log10_beta: fit.log10_beta,
        x_min: fit.x_min,
        x_max: fit.x_max,
    };
    fits.iter().map(law).collect()
}

/// A column that steers marks.
struct Category {
    name: String,
    column: usize,
    /// What it steers, with the index of its first value there.
    roles: BTreeMap<MarkRole, usize>,
    values: Vec<String>,
}

struct Marks(Vec<Category>);

impl Marks {
    fn of(params: &Draw, table: &Table, selections: &Selections) -> Result<Self, JobError> {
        let mut categories: Vec<Category> = Vec::new();
        let mut occurrences: Vec<BTreeMap<&str, f64>> = Vec::new();
        for (panel, selected) in params.panels.iter().zip(&selections.0) {
            for (series, selected) in panel.series.iter().zip(selected) {
                for (&role, name) in &series.marks {
                    let column = table.column(name).map_err(|error| bad_input("points", &error))?;
                    let place = categories.iter().position(|category| category.name == *name);
                    let place = place.unwrap_or_else(|| {
                        let (name, roles, values) = (name.clone(), BTreeMap::new(), Vec::new());
                        categories.push(Category { name, column, roles, values });
                        occurrences.push(BTreeMap::new());
                        categories.len() - 1
                    });
                    categories[place].roles.entry(role).or_insert(0);
                    for point in selected {
                        let text = table.rows()[point.row][column].as_str();
                        let least = occurrences[place].entry(text).or_insert(f64::INFINITY);
                        *least = least.min(point.x);
                    }
                }
            }
        }
        let mut next: BTreeMap<MarkRole, usize> = BTreeMap::new();
        for (category, occurrences) in categories.iter_mut().zip(&occurrences) {
            category.values = in_order(occurrences);
            for (role, first) in &mut category.roles {
                let next = next.entry(*role).or_insert(0);
                *first = *next;
                *next += category.values.len();
            }
        }
        Ok(Self(categories))
    }

    fn point(&self, series: &Series, table: &Table, selected: &Selected) -> Point {
        let row = &table.rows()[selected.row];
        let mut mark = Mark::PLAIN;
        let mut texts = Vec::new();
        for category in self.0.iter().filter(|category| series.marks.values().any(|name| *name == category.name)) {
            let text = &row[category.column];
            texts.push(shown(text));
            for (role, column) in &series.marks {
                if *column == category.name {
                    category.steer(&mut mark, *role, text);
                }
            }
        }
        let at = format!("({}, {:.4})", number_text(selected.x), selected.y);
        let note = if texts.is_empty() { at } else { format!("{}: {at}", texts.join(", ")) };
        Point { x: selected.x, y: selected.y, mark, note }
    }

    fn legends(&self) -> Vec<Legend> {
        let entry = |category: &Category, text: &String| {
            let mut mark = Mark::PLAIN;
            for role in category.roles.keys() {
                category.steer(&mut mark, *role, text);
            }
            (shown(text), mark)
        };
        let legend = |category: &Category| Legend {
            title: category.name.replace('_', " "),
            entries: category.values.iter().map(|text| entry(category, text)).collect(),
        };
        self.0.iter().map(legend).collect()
    }
}

impl Category {
    /// Gives `mark` what the value `text` of this column stands for.
    fn steer(&self, mark: &mut Mark, role: MarkRole, text: &str) {
        let place = self.values.iter().position(|value| value == text).unwrap_or(0);
        let index = place + self.roles.get(&role).copied().unwrap_or(0);
        match role {
            MarkRole::Colour => mark.colour = Some(index),
            MarkRole::Marker => mark.shape = index,
            MarkRole::Size if self.values.len() > 1 => {
                mark.size = share(place, self.values.len() - 1);
            }
            MarkRole::Size => {}
        }
    }
}

/// The values of a column, each with the smallest x it occurs at, in the order of a legend.
fn in_order(occurrences: &BTreeMap<&str, f64>) -> Vec<String> {
    let mut values: Vec<_> = occurrences.iter().map(|(&text, &x)| (quantity(text), x, text)).collect();
    values.sort_by(|a, b| {
        let by_quantity = match (a.0, b.0) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_quantity.then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2))
    });
    values.into_iter().map(|(_, _, text)| text.to_owned()).collect()
}

/// The quantity that a text is, or ends in with a suffix of thousands: 2,000 for `glyphs-2k`.
fn quantity(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let factor = SUFFIXES.iter().find(|(_, suffix)| text.ends_with(suffix))?.0;
    let digits = &text[..text.len() - 1];
    let start = digits.rfind(|c: char| !(c.is_ascii_digit() || c == '.')).map_or(0, |i| {
        i + digits[i..].chars().next().map_or(0, char::len_utf8)
    });
    digits[start..].parse::<f64>().ok().map(|number| number * factor)
}

const SUFFIXES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];

/// A large number in three digits with a suffix, any other text as it is.
fn shown(text: &str) -> String {
    let Some(number) = text.parse::<f64>().ok().filter(|number| *number >= 1e3 && *number < 1e15) else {
        return text.to_owned();
    };
    let (factor, suffix) = SUFFIXES.iter().find(|(factor, _)| number >= *factor).unwrap_or(&SUFFIXES[3]);
    let scaled = number / factor;
    let decimals = if scaled >= 100.0 { 0 } else if scaled >= 10.0 { 1 } else { 2 };
    let digits = format!("{scaled:.decimals$}");
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{suffix}")
}

#[allow(clippy::cast_precision_loss, reason = "numbers of legend entries")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
