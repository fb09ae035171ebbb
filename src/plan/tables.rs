//! Tables of an experiment as actions: each is one, shared by everything that reads it.

use std::collections::BTreeMap;

use super::convert::{real, text_set};
use super::expand::{Expansion, output};
use super::graph::TableTarget;
use super::price::Price;
use crate::action::params::{self, Params, Rows};
use crate::action::{Action, Input};
use crate::spec::experiment::{
    self as spec, ColumnValue, PublishedRun, PublishedTable, RunTable, Table, TableSource,
};

impl<'a> Expansion<'a> {
    /// The table as a target.
    pub(super) fn table_target(&mut self, table: &'a Table) {
        let Some(input) = self.table(table) else {
            return;
        };
        let target = TableTarget {
            title: table.title.clone(),
            table: input,
            printed: table.printed.clone(),
            claims: table.claims.clone(),
        };
        self.plan.add_table(&table.name, target);
    }

    /// The table of that name as an input; `None` if a run behind it is not pinned.
    pub(super) fn table_named(&mut self, name: &str) -> Option<Input> {
        let experiment = self.experiment;
        self.table(experiment.table(name).expect("checked: the table exists"))
    }

    fn table(&mut self, table: &'a Table) -> Option<Input> {
        if let Some(input) = self.tables.get(table.name.as_str()) {
            return input.clone();
        }
        let input = self.new_table(table);
        self.tables.insert(&table.name, input.clone());
        input
    }

    fn new_table(&mut self, table: &'a Table) -> Option<Input> {
        let mut inputs = BTreeMap::new();
        let mut fetch_bytes = 0;
        let rows = match &table.from {
            TableSource::Csv(PublishedTable { file, columns }) => {
                inputs.insert("rows".to_owned(), self.file(file));
                fetch_bytes = file.bytes;
                Rows::Csv { columns: columns.clone() }
            }
            TableSource::JsonRecords(PublishedTable { file, columns }) => {
                inputs.insert("rows".to_owned(), self.file(file));
                fetch_bytes = file.bytes;
                Rows::Json { columns: columns.clone() }
            }
            TableSource::Inline(stated) => {
                Rows::Stated { columns: stated.columns.clone(), rows: stated.rows.clone() }
            }
            TableSource::PublishedRuns(runs) => self.stated_runs(runs),
            TableSource::Runs(runs) => {
                let collect = output(self.collect(&table.name, runs)?, "points.csv");
                if table.steps.is_empty() {
                    return Some(collect);
                }
                inputs.insert("rows".to_owned(), collect);
                Rows::Table
            }
            TableSource::Table(name) => {
                let other = self.table_named(name)?;
                if table.steps.is_empty() {
                    return Some(other);
                }
                inputs.insert("rows".to_owned(), other);
                Rows::Table
            }
            TableSource::Fits(figures) => {
                for (i, name) in figures.iter().enumerate() {
                    let figure = self.experiment.figure(name).expect("checked: it exists");
                    let points = self.points(figure, figure.default_depth)?;
                    let fit = self.fit(figure, figure.default_depth, points);
                    inputs.insert(format!("rows-{i}"), output(fit, "fits.json"));
                }
                Rows::Fits { figures: figures.clone() }
            }
        };
        for (i, step) in table.steps.iter().enumerate() {
            if let Some(name) = step.table() {
                inputs.insert(format!("step-{i}"), self.table_named(name)?);
            }
        }
        let steps = table.steps.iter().map(step).collect();
        let action = Action::new(Params::Table(params::Table { rows, steps }), inputs);
        let price = Price { flops: 0, fetch_bytes };
        let id = self.plan.add_priced(&format!("{}/table", table.name), action, price);
        Some(output(id, "table.csv"))
    }

    /// What published runs state, as rows.
    fn stated_runs(&self, table: &RunTable) -> Rows {
        let runs = table.runs.iter().map(|name| {
            self.experiment.published_run(name).expect("checked: the published run exists")
        });
        let row = |run: &PublishedRun| {
            table.columns.iter().map(|column| stated(run, &column.value)).collect()
        };
        Rows::Stated {
            columns: table.columns.iter().map(|column| column.name.clone()).collect(),
            rows: runs.map(row).collect(),
        }
    }
}

/// What a published run states; empty where it does not.
fn stated(run: &PublishedRun, value: &ColumnValue) -> String {
    let model = || run.model.as_ref().map(super::convert::clip);
    let number = match value {
        ColumnValue::RunName => return run.name.clone(),
        ColumnValue::Label(name) => {
            let label = run.labels.iter().find(|label| label.name == *name);
            return label.expect("checked: the run has the label").text.clone();
        }
        ColumnValue::SamplesSeen => Some(run.samples_seen_nominal),
        ColumnValue::Seed => run.seed,
        ColumnValue::Parameters => model().map(|model| model.parameters()),
        ColumnValue::MacsPerSample => model().map(|model| model.macs_per_sample()),
        ColumnValue::GmacsTotal | ColumnValue::Measurement { .. } => None,
    };
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn pairs(selected: &[spec::Selected]) -> Vec<(String, String)> {
    selected.iter().map(|one| (one.column.clone(), one.name.clone())).collect()
}

fn step(step: &spec::Step) -> params::Step {
    use params::Step as To;
    use spec::Step as From;
    match step {
        From::Keep(keep) => To::Keep { column: keep.column.clone(), texts: text_set(&keep.one_of) },
        From::Drop(keep) => To::Drop { column: keep.column.clone(), texts: text_set(&keep.one_of) },
        From::Within { column, least, most } => {
            To::Within { column: column.clone(), least: real(*least), most: real(*most) }
        }
        From::Derive(derived) => {
            To::Derive { name: derived.name.clone(), value: derivation(&derived.value) }
        }
        From::Aggregate { by, columns } => {
            To::Aggregate { by: by.clone(), columns: columns.iter().map(aggregated).collect() }
        }
        From::Join { on, take, unmatched, .. } => To::Join {
            on: on.iter().map(|key| (key.left.clone(), key.right.clone())).collect(),
            take: pairs(take),
            unmatched: match unmatched {
                spec::Unmatched::Refused => params::Unmatched::Refused,
                spec::Unmatched::Dropped => params::Unmatched::Dropped,
                spec::Unmatched::Empty => params::Unmatched::Empty,
            },
        },
        From::Union(_) => To::Union,
        From::Pivot { keys, column, value, texts } => To::Pivot {
            keys: keys.clone(),
            column: column.clone(),
            value: value.clone(),
            texts: texts.clone(),
        },
        From::Sort(keys) => To::Sort {
            keys: keys.iter().map(|key| (key.column.clone(), sort_order(&key.order))).collect(),
        },
        From::Select(selected) => To::Select { columns: pairs(selected) },
    }
}

fn derivation(value: &spec::Derivation) -> params::Derivation {
    use params::Derivation as To;
    use spec::Derivation as From;
    let operands = |operands: &[spec::Operand]| operands.iter().map(operand).collect();
    match value {
        From::Number(number) => To::Number(real(*number)),
        From::Text(text) => To::Text(text.clone()),
        From::Sum(terms) => To::Sum(operands(terms)),
        From::Product(factors) => To::Product(operands(factors)),
        From::Difference { minuend, subtrahend } => {
            To::Difference(operand(minuend), operand(subtrahend))
        }
        From::Quotient { numerator, denominator } => {
            To::Quotient(operand(numerator), operand(denominator))
        }
        From::Absolute(column) => To::Absolute(column.clone()),
        From::Log10(column) => To::Log10(column.clone()),
        From::Power10(column) => To::Power10(column.clone()),
        From::Rounded { column, rounding } => To::Rounded(
            column.clone(),
            match rounding {
                spec::Rounding::Down => params::Rounding::Down,
                spec::Rounding::Up => params::Rounding::Up,
                spec::Rounding::HalfEven => params::Rounding::HalfEven,
            },
        ),
        From::Joined(parts) => {
            let part = |part: &spec::TextPart| match part {
                spec::TextPart::Column(column) => params::TextPart::Column(column.clone()),
                spec::TextPart::Text(text) => params::TextPart::Text(text.clone()),
            };
            To::Joined(parts.iter().map(part).collect())
        }
        From::Between { column, after, before } => {
            To::Between { column: column.clone(), after: after.clone(), before: before.clone() }
        }
        From::Choice { column, cases, otherwise } => To::Choice {
            column: column.clone(),
            cases: cases.iter().map(|case| (case.text.clone(), case.gives.clone())).collect(),
            otherwise: otherwise.clone(),
        },
        From::FirstNonEmpty(columns) => To::FirstNonEmpty(columns.clone()),
    }
}

fn operand(operand: &spec::Operand) -> params::Operand {
    match operand {
        spec::Operand::Column(column) => params::Operand::Column(column.clone()),
        spec::Operand::Number(number) => params::Operand::Number(real(*number)),
    }
}

fn aggregated(aggregated: &spec::Aggregated) -> params::Aggregated {
    use params::Aggregation as To;
    use spec::Aggregation as From;
    params::Aggregated {
        name: aggregated.name.clone(),
        column: aggregated.column.clone(),
        how: match &aggregated.how {
            From::Count => To::Count,
            From::Sum => To::Sum,
            From::Mean => To::Mean,
            From::Minimum => To::Minimum,
            From::Maximum => To::Maximum,
            From::First => To::First,
            From::AtMinimum(column) => To::AtMinimum(column.clone()),
            From::AtMaximum(column) => To::AtMaximum(column.clone()),
        },
    }
}

fn sort_order(order: &spec::SortOrder) -> params::SortOrder {
    match order {
        spec::SortOrder::NumberAscending => params::SortOrder::NumberAscending,
        spec::SortOrder::NumberDescending => params::SortOrder::NumberDescending,
        spec::SortOrder::TextAscending => params::SortOrder::TextAscending,
        spec::SortOrder::TextDescending => params::SortOrder::TextDescending,
        spec::SortOrder::Listed(texts) => params::SortOrder::Listed(texts.clone()),
    }
}
