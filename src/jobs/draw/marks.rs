//! What the columns of a table steer: colours, shapes, sizes and dashes, and the legends that say so.

use std::collections::{BTreeMap, BTreeSet};

use super::super::JobError;
use super::super::files::unfit;
use super::super::selection::Selected;
use super::shows_points;
use super::texts::{in_order, spelled};
use crate::action::params::{Draw, LegendNames, MarkRole, Prediction, Series};
use crate::plot::table::{Table, number_text};
use crate::plot::{Ink, Legend, Mark, Point, Sample, Stroke};

/// What a column steers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Colour,
    Marker,
    Size,
    Dash,
}

/// A column that steers something.
struct Category {
    name: String,
    column: usize,
    /// What it steers, with the index of its first value there.
    roles: BTreeMap<Role, usize>,
    /// The values the figure names, then the others that occur. What is named has its place, and with it its look, in
    /// every figure that names the same.
    values: Vec<String>,
    occurring: BTreeSet<String>,
    /// How the figure spells each of them.
    texts: BTreeMap<String, String>,
    /// Whether it steers points, or lines alone.
    is_of_points: bool,
    names: Option<LegendNames>,
}

/// The columns that steer something, in the order they are first named.
pub(super) struct Marks {
    categories: Vec<Category>,
    has_predictions: bool,
}

impl Marks {
    /// The columns named by the series, with the values that occur in `selections`, by panel and series.
    pub(super) fn of(
        params: &Draw,
        table: &Table,
        selections: &[Vec<Vec<Selected>>],
    ) -> Result<Self, JobError> {
        let mut categories: Vec<Category> = Vec::new();
        let mut occurrences: Vec<BTreeMap<&str, f64>> = Vec::new();
        let panels = params.panels.iter().zip(selections);
        let series = panels.flat_map(|(panel, selected)| panel.series.iter().zip(selected));
        for (series, selected) in series.clone() {
            for (role, name) in roles(series) {
                let column = table.column(name).map_err(|error| unfit("points", &error))?;
                let place = categories.iter().position(|category| category.name == *name);
                let place = place.unwrap_or_else(|| {
                    categories.push(Category::new(name, column, params));
                    occurrences.push(BTreeMap::new());
                    categories.len() - 1
                });
                categories[place].roles.entry(role).or_insert(0);
                categories[place].is_of_points |= role != Role::Dash && shows_points(series);
                let rows = selected.iter();
                let observed = rows.map(|at| (table.rows()[at.row][column].as_str(), at.x));
                let predictions = series.predictions.iter();
                let predicted =
                    predictions.filter_map(|p| Some((p.texts.get(name)?.as_str(), p.x.get())));
                for (text, x) in observed.chain(predicted) {
                    let least = occurrences[place].entry(text).or_insert(f64::INFINITY);
                    *least = least.min(x);
                }
            }
        }
        let mut next: BTreeMap<Role, usize> = BTreeMap::new();
        for (category, occurrences) in categories.iter_mut().zip(&occurrences) {
            category.values = category.in_order(occurrences);
            category.occurring = occurrences.keys().map(|text| (*text).to_owned()).collect();
            category.texts = category.spelled();
            for (role, first) in &mut category.roles {
                let next = next.entry(*role).or_insert(0);
                *first = *next;
                *next += category.values.len();
            }
        }
        let has_predictions = series.clone().any(|(series, _)| !series.predictions.is_empty());
        Ok(Self { categories, has_predictions })
    }

    /// A row as a point.
    pub(super) fn point(&self, series: &Series, table: &Table, selected: &Selected) -> Point {
        let row = &table.rows()[selected.row];
        let (mark, texts) = self.mark(series, |category| Some(row[category.column].as_str()));
        let note = note(&texts, (selected.x, selected.y));
        Point { x: selected.x, y: selected.y, mark, note, label: String::new() }
    }

    /// A predicted point: hollow, and labelled.
    pub(super) fn predicted(
        &self,
        series: &Series,
        prediction: &Prediction,
        (x, y): (f64, f64),
    ) -> Point {
        let (mark, mut texts) =
            self.mark(series, |category| prediction.texts.get(&category.name).map(String::as_str));
        texts.push("predicted".to_owned());
        let label = prediction.label.clone();
        Point { x, y, mark: Mark { hollow: true, ..mark }, note: note(&texts, (x, y)), label }
    }

    /// The line of the curve that a row belongs to.
    pub(super) fn stroke(&self, series: &Series, table: &Table, selected: &Selected) -> Stroke {
        let row = &table.rows()[selected.row];
        let mut stroke = Stroke::plain(Ink::Grey);
        for (role, name) in roles(series) {
            if let Some(category) = self.categories.iter().find(|c| c.name == *name) {
                category.steer_stroke(&mut stroke, role, &row[category.column]);
            }
        }
        stroke
    }

    /// The legends: one a column, and what tells predictions from observations.
    pub(super) fn legends(&self) -> Vec<Legend> {
        let mut legends: Vec<Legend> = self.categories.iter().map(Category::legend).collect();
        if self.has_predictions {
            let hollow = Mark { hollow: true, ..Mark::PLAIN };
            let line = Stroke::plain(Ink::Series(0)).extrapolated();
            legends.push(Legend {
                title: "Points".to_owned(),
                entries: vec![
                    ("observed".to_owned(), Sample::Mark(Mark::PLAIN)),
                    ("predicted".to_owned(), Sample::Mark(hollow)),
                    ("line beyond observations".to_owned(), Sample::Stroke(line)),
                ],
            });
        }
        legends
    }

    /// The mark of a point, and the texts that say what it is.
    fn mark<'t>(
        &self,
        series: &Series,
        text_of: impl Fn(&Category) -> Option<&'t str>,
    ) -> (Mark, Vec<String>) {
        let (mut mark, mut texts) = (Mark::PLAIN, Vec::new());
        for category in &self.categories {
            let roles = || roles(series).into_iter().filter(|(_, name)| **name == category.name);
            let Some(text) = text_of(category).filter(|_| roles().next().is_some()) else {
                continue;
            };
            texts.push(category.shown(text));
            roles().for_each(|(role, _)| category.steer(&mut mark, role, text));
        }
        (mark, texts)
    }
}

impl Category {
    fn new(name: &str, column: usize, params: &Draw) -> Self {
        Self {
            name: name.to_owned(),
            column,
            roles: BTreeMap::new(),
            values: Vec::new(),
            occurring: BTreeSet::new(),
            texts: BTreeMap::new(),
            is_of_points: false,
            names: params.legends.iter().find(|names| names.column == name).cloned(),
        }
    }

    /// The values: those the figure names, in its order, then the others that occur.
    fn in_order(&self, occurrences: &BTreeMap<&str, f64>) -> Vec<String> {
        let named = self.names.iter().flat_map(|names| &names.values);
        let named: Vec<String> = named.map(|value| value.text.clone()).collect();
        let others = in_order(occurrences).into_iter().filter(|text| !named.contains(text));
        let others: Vec<String> = others.collect();
        [named, others].concat()
    }

    /// The values as the figure spells them: those it names by their names.
    fn spelled(&self) -> BTreeMap<String, String> {
        let named = self.names.iter().flat_map(|names| &names.values);
        let named: BTreeMap<&str, &str> =
            named.map(|value| (value.text.as_str(), value.shown.as_str())).collect();
        let values = self.values.iter().map(String::as_str);
        let others: Vec<&str> = values.filter(|text| !named.contains_key(text)).collect();
        let texts = others.iter().copied().zip(spelled(&others));
        let named = named.iter().map(|(text, shown)| (*text, (*shown).to_owned()));
        named.chain(texts).map(|(text, shown)| (text.to_owned(), shown)).collect()
    }

    /// A value as the figure spells it.
    fn shown(&self, text: &str) -> String {
        self.texts.get(text).cloned().unwrap_or_else(|| text.to_owned())
    }

    /// What occurs, and how it looks.
    fn legend(&self) -> Legend {
        let entry = |text: &String| {
            let sample = if self.is_of_points {
                let mut mark = Mark::PLAIN;
                self.roles.keys().for_each(|role| self.steer(&mut mark, *role, text));
                Sample::Mark(mark)
            } else {
                let mut stroke = Stroke::plain(Ink::Grey);
                self.roles.keys().for_each(|role| self.steer_stroke(&mut stroke, *role, text));
                Sample::Stroke(stroke)
            };
            (self.shown(text), sample)
        };
        let title = self.names.as_ref().map(|names| names.title.clone());
        let occurring = self.values.iter().filter(|text| self.occurring.contains(*text));
        Legend {
            title: title.unwrap_or_else(|| self.name.replace('_', " ")),
            entries: occurring.map(entry).collect(),
        }
    }

    /// Gives `mark` what the value `text` of this column stands for.
    fn steer(&self, mark: &mut Mark, role: Role, text: &str) {
        let (place, index) = self.index(role, text);
        match role {
            Role::Colour => mark.colour = Some(index),
            Role::Marker => mark.shape = index,
            Role::Size if self.values.len() > 1 => {
                mark.size = share(place, self.values.len() - 1);
            }
            Role::Size | Role::Dash => {}
        }
    }

    /// Gives `stroke` what the value `text` of this column stands for.
    fn steer_stroke(&self, stroke: &mut Stroke, role: Role, text: &str) {
        let (_, index) = self.index(role, text);
        match role {
            Role::Colour => stroke.ink = Ink::Value(index),
            Role::Dash => stroke.dash = index,
            Role::Marker | Role::Size => {}
        }
    }

    /// The place of a value among those of its column, and among all that steer the same.
    fn index(&self, role: Role, text: &str) -> (usize, usize) {
        let place = self.values.iter().position(|value| value == text).unwrap_or(0);
        (place, place + self.roles.get(&role).copied().unwrap_or(0))
    }
}

/// What the columns of a series steer.
fn roles(series: &Series) -> Vec<(Role, &String)> {
    let marks = series.marks.iter().map(|(role, name)| {
        let role = match role {
            MarkRole::Colour => Role::Colour,
            MarkRole::Marker => Role::Marker,
            MarkRole::Size => Role::Size,
        };
        (role, name)
    });
    let dash = series.joined.iter().filter_map(|joined| joined.dash.as_ref());
    marks.chain(dash.map(|name| (Role::Dash, name))).collect()
}

fn note(texts: &[String], (x, y): (f64, f64)) -> String {
    let at = format!("({}, {y:.4})", number_text(x));
    if texts.is_empty() { at } else { format!("{}: {at}", texts.join(", ")) }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of legend entries")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
