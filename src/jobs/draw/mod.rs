//! Draws a figure: `points` (CSV) and `fits` (JSON) to `figure.svg`.
//!
//! The values of a column that steers marks are ordered as the figure says; those it does not name by the quantity they
//! end in where they have one (`glyphs-2k`, `34B`, `256000`), the others after them by the smallest x they occur at. A
//! legend is made of every such column, and holds what occurs in the figure; a value that the figure names and that does
//! not occur keeps its place, so that figures which name the same values show each of them alike. Large numbers have
//! three digits, or as many as tell them apart.

mod marks;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeMap;

use self::marks::Marks;
use super::files::{bad_input, read_text, unfit, write_text};
use super::fit::method_of;
use super::selection::{Selected, select};
use super::{JobContext, JobError};
use crate::action::params::{Axis, Draw, FigureWidth, MarkRole, Panel, Prediction, Series};
use crate::metrics::fits::{FitRecord, MethodRecord, decode};
use crate::plot::table::Table;
use crate::plot::{self, Curve, Figure, Ink, Law, Point, Scale, Stroke, Width};

/// Reads `points` and `fits` and writes `figure.svg`.
pub(super) fn run(params: &Draw, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let points = read_text(context, "points")?;
    let table = Table::parse(&points).map_err(|error| unfit("points", &error))?;
    let fits = decode(&read_text(context, "fits")?).map_err(|error| bad_input("fits", &error))?;
    write_text(context, "figure.svg", &svg(params, &table, &fits)?)
}

/// The SVG of the figure.
fn svg(params: &Draw, table: &Table, fits: &[FitRecord]) -> Result<String, JobError> {
    let selections = Selections::of(params, table)?;
    let marks = Marks::of(params, table, &selections.0)?;
    let drawing = Drawing { table, fits, marks: &marks };
    let panels = params.panels.iter().zip(&selections.0);
    let panels = panels.map(|(panel, selected)| drawing.panel(panel, selected));
    let figure = Figure {
        title: params.title.clone(),
        caption: params.caption.clone(),
        width: match params.width {
            FigureWidth::OneColumn => Width::OneColumn,
            FigureWidth::TwoColumns => Width::TwoColumns,
        },
        panels: panels.collect::<Result<_, _>>()?,
        legends: marks.legends(),
    };
    plot::svg(&figure).map_err(|error| match error {
        plot::PlotError::NoRoom { .. } => JobError::Unfit(error.to_string()),
        error => unfit("points", &error),
    })
}

/// Selected rows by panel and series.
struct Selections(Vec<Vec<Vec<Selected>>>);

impl Selections {
    fn of(params: &Draw, table: &Table) -> Result<Self, JobError> {
        let select = |series: &Series| {
            select(table, &series.points).map_err(|error| unfit("points", &error))
        };
        let panel = |panel: &Panel| panel.series.iter().map(select).collect();
        Ok(Self(params.panels.iter().map(panel).collect::<Result<_, _>>()?))
    }
}

struct Drawing<'a> {
    table: &'a Table,
    fits: &'a [FitRecord],
    marks: &'a Marks,
}

impl Drawing<'_> {
    fn panel(&self, panel: &Panel, selected: &[Vec<Selected>]) -> Result<plot::Panel, JobError> {
        let mut drawn = plot::Panel {
            title: panel.name.clone(),
            x: axis(&panel.x),
            y: axis(&panel.y),
            points: Vec::new(),
            curves: Vec::new(),
            laws: laws(panel, self.fits)?,
        };
        for (series, selected) in panel.series.iter().zip(selected) {
            if let Some(joined) = &series.joined {
                for (points, curve) in self.curves(series, &joined.by, selected)? {
                    // A curve that never leaves its first point has no length to be seen by.
                    let is_dot = curve.points.iter().all(|point| *point == curve.points[0]);
                    if is_dot && !shows_points(series) {
                        drawn.points.push(self.marks.point(series, self.table, &points[0]));
                    }
                    drawn.curves.push(curve);
                }
            }
            if shows_points(series) {
                let point = |selected| self.marks.point(series, self.table, selected);
                drawn.points.extend(selected.iter().map(point));
            }
            for prediction in &series.predictions {
                drawn.points.push(self.prediction(panel, series, prediction)?);
            }
        }
        Ok(drawn)
    }

    /// A curve with its rows for each combination of texts in `by`, in the order of their first rows; its points by
    /// ascending x.
    fn curves(
        &self,
        series: &Series,
        by: &[String],
        selected: &[Selected],
    ) -> Result<Vec<(Vec<Selected>, Curve)>, JobError> {
        let columns = by.iter().map(|name| self.table.column(name));
        let columns =
            columns.collect::<Result<Vec<_>, _>>().map_err(|error| unfit("points", &error))?;
        let mut groups: Vec<(Vec<&str>, Vec<Selected>)> = Vec::new();
        let mut places = BTreeMap::new();
        for point in selected {
            let row = &self.table.rows()[point.row];
            let texts: Vec<&str> = columns.iter().map(|column| row[*column].as_str()).collect();
            let place = *places.entry(texts.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push((texts, Vec::new()));
            }
            groups[place].1.push(*point);
        }
        let curve = |(texts, mut points): (Vec<&str>, Vec<Selected>)| {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            let stroke = self.marks.stroke(series, self.table, &points[0]);
            let corners = points.iter().map(|point| (point.x, point.y)).collect();
            (points, Curve { points: corners, stroke, note: texts.join(", ") })
        };
        Ok(groups.into_iter().map(curve).collect())
    }

    fn prediction(
        &self,
        panel: &Panel,
        series: &Series,
        prediction: &Prediction,
    ) -> Result<Point, JobError> {
        let method = MethodRecord::from(method_of(&prediction.method)?);
        let law = self.fits.iter().find(|fit| {
            fit.panel == panel.name && fit.series == series.name && fit.method == method
        });
        let Some(law) = law else {
            let (panel, series) = (&panel.name, &series.name);
            let reason = format!("no line predicts `{series}` in panel `{panel}`");
            return Err(unfit("fits", &reason));
        };
        let x = prediction.x.get();
        Ok(self.marks.predicted(series, prediction, (x, law.at(x))))
    }
}

/// Joined points are marked only where a column steers their shape or size.
fn shows_points(series: &Series) -> bool {
    let is_steered = |role| series.marks.contains_key(&role);
    series.joined.is_none() || is_steered(MarkRole::Marker) || is_steered(MarkRole::Size)
}

fn axis(axis: &Axis) -> plot::Axis {
    let scale = if axis.logarithmic { Scale::Logarithmic } else { Scale::Linear };
    plot::Axis { label: axis.label.clone(), scale }
}

/// The lines of a panel, series by series. A name says what tells a line from the others of its panel; so do the colour,
/// one a series, and the dashes, one a method.
fn laws(panel: &Panel, fits: &[FitRecord]) -> Result<Vec<Law>, JobError> {
    let of = |series: &Series| {
        let of_series = |fit: &&FitRecord| fit.panel == panel.name && fit.series == series.name;
        fits.iter().filter(of_series).collect::<Vec<_>>()
    };
    let fitted: Vec<_> = panel
        .series
        .iter()
        .map(|series| (series, of(series)))
        .filter(|(_, fits)| !fits.is_empty())
        .collect();
    let several_series = fitted.len() > 1;
    let mut laws = Vec::new();
    for (ink, (series, fits)) in fitted.iter().enumerate() {
        for (dash, fit) in fits.iter().enumerate() {
            let method = fit.method.short_name();
            let label = match (several_series, fits.len() > 1) {
                (true, true) => format!("{}, {method}", fit.series),
                (false, true) => method.to_owned(),
                (_, false) => fit.series.clone(),
            };
            let mut drawn = (fit.x_min, fit.x_max);
            for prediction in &series.predictions {
                if MethodRecord::from(method_of(&prediction.method)?) == fit.method {
                    let x = prediction.x.get();
                    drawn = (drawn.0.min(x), drawn.1.max(x));
                }
            }
            laws.push(Law {
                label,
                alpha: fit.alpha,
                log10_beta: fit.log10_beta,
                fitted: (fit.x_min, fit.x_max),
                drawn,
                stroke: Stroke { ink: Ink::Series(ink), dash, extrapolated: false },
            });
        }
    }
    Ok(laws)
}
