//! Tables of text cells as CSV: RFC 4180's quoting, UTF-8, a header, and a line feed after every row.
//!
//! Reading accepts CRLF and a byte-order mark too. What is written reads back to the same table.

use std::collections::BTreeSet;

/// A header and rows of as many cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Text that is not such a table, or a cell that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file has no header.
    #[error("the table has no header")]
    NoHeader,
    /// Two columns share a name.
    #[error("the table has two columns `{0}`")]
    TwoColumns(String),
    /// A row is longer or shorter than the header.
    #[error("line {line} has {cells} cells where the header has {columns}")]
    Ragged {
        /// The line on which the row ends, from 1.
        line: usize,
        /// Its cells.
        cells: usize,
        /// Columns of the header.
        columns: usize,
    },
    /// A quote stands where RFC 4180 has none, or is never closed.
    #[error("line {line} has a stray or unclosed quote")]
    Quote {
        /// The line, from 1.
        line: usize,
    },
    /// No column has that name.
    #[error("the table has no column `{name}`; it has {columns}")]
    NoColumn {
        /// The name.
        name: String,
        /// The names there are.
        columns: String,
    },
    /// A cell is no finite number.
    #[error("row {row}, column `{column}`: `{text}` is not a number")]
    NotANumber {
        /// The row, from 1, the header not counted.
        row: usize,
        /// The column.
        column: String,
        /// What stands there.
        text: String,
    },
}

impl Table {
    /// A table of these rows.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<String>>) -> Result<Self, TableError> {
        if columns.is_empty() {
            return Err(TableError::NoHeader);
        }
        let mut names = BTreeSet::new();
        if let Some(name) = columns.iter().find(|name| !names.insert(*name)) {
            return Err(TableError::TwoColumns(name.clone()));
        }
        for (i, row) in rows.iter().enumerate() {
            if row.len() != columns.len() {
                return Err(TableError::Ragged {
                    line: i + 2,
                    cells: row.len(),
                    columns: columns.len(),
                });
            }
        }
        Ok(Self { columns, rows })
    }

    /// Reads CSV.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut records = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
        let (_, columns) = records.next().ok_or(TableError::NoHeader)?;
        let mut rows = Vec::new();
        for (line, row) in records {
            if row.len() != columns.len() {
                return Err(TableError::Ragged { line, cells: row.len(), columns: columns.len() });
            }
            rows.push(row);
        }
        Self::new(columns, rows)
    }

    /// The table as CSV.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            for (i, cell) in row.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                // A lone empty cell would read as no row at all.
                let quoted =
                    cell.contains(['"', ',', '\r', '\n']) || row.len() == 1 && cell.is_empty();
                if quoted || i == 0 && cell.starts_with('\u{feff}') {
                    text.push('"');
                    text.push_str(&cell.replace('"', "\"\""));
                    text.push('"');
                } else {
                    text.push_str(cell);
                }
            }
            text.push('\n');
        }
        text
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The rows, in order, without the header.
    pub fn into_rows(self) -> Vec<Vec<String>> {
        self.rows
    }

    /// The place of the column of that name.
    pub fn column(&self, name: &str) -> Result<usize, TableError> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| TableError::NoColumn {
            name: name.to_owned(),
            columns: self.columns.join(", "),
        })
    }

    /// The number in a cell, by row from 0 and place of the column.
    pub fn number(&self, row: usize, column: usize) -> Result<f64, TableError> {
        let text = &self.rows[row][column];
        text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| {
            TableError::NotANumber {
                row: row + 1,
                column: self.columns[column].clone(),
                text: text.clone(),
            }
        })
    }
}

/// The shortest decimal text that reads back to `value`: `0.1`, `256000`, `1e-7`, `1e16`.
pub fn number_text(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Where the reader stands in a cell.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before its first character.
    Start,
    /// In a cell without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After the closing quote.
    Closed,
}

/// Records with the line they end on; empty lines are skipped.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, TableError> {
    let (mut records, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut state, mut line) = (State::Start, 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (state, c) {
            (State::Quoted, '"') if chars.next_if_eq(&'"').is_some() => cell.push('"'),
            (State::Quoted, '"') => state = State::Closed,
            (State::Quoted, c) => {
                line += usize::from(c == '\n');
                cell.push(c);
            }
            (State::Start, '"') => state = State::Quoted,
            (_, ',') => {
                row.push(std::mem::take(&mut cell));
                state = State::Start;
            }
            (_, '\r') if chars.peek() == Some(&'\n') => {}
            (_, '\n') => {
                if !row.is_empty() || state != State::Start {
                    row.push(std::mem::take(&mut cell));
                    records.push((line, std::mem::take(&mut row)));
                }
                state = State::Start;
                line += 1;
            }
            (State::Closed, _) | (State::Plain, '"') => return Err(TableError::Quote { line }),
            (_, c) => {
                cell.push(c);
                state = State::Plain;
            }
        }
    }
    if state == State::Quoted {
        return Err(TableError::Quote { line });
    }
    if !row.is_empty() || state != State::Start {
        row.push(cell);
        records.push((line, row));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of RFC 4180, section 2, with both line endings.
    #[test]
    fn rfc_4180_is_read() {
        let table = Table::parse("a,b\r\n\"b \r\nb\",\"x\"\"y\"\r\n,z\n").unwrap();
        assert_eq!(table.columns(), ["a", "b"]);
        assert_eq!(table.rows(), [["b \r\nb", "x\"y"], ["", "z"]]);
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let error = |text| Table::parse(text).unwrap_err();
        assert_eq!(error(""), TableError::NoHeader);
        assert_eq!(error("a,a\n"), TableError::TwoColumns("a".to_owned()));
        assert_eq!(error("a,b\n1,2\n3\n"), TableError::Ragged { line: 3, cells: 1, columns: 2 });
        assert_eq!(error("a\nx\"y\n"), TableError::Quote { line: 2 });
        assert_eq!(error("a\n\"x\"y\n"), TableError::Quote { line: 2 });
        assert_eq!(error("a\n\"x\n\n"), TableError::Quote { line: 4 });
    }

    #[test]
    fn a_cell_that_is_no_number_is_named() {
        let table = Table::parse("n,x\nfirst,0.1\nsecond,inf\n").unwrap();
        assert_eq!(table.number(0, 1), Ok(0.1));
        let message = table.number(1, 1).unwrap_err().to_string();
        assert_eq!(message, "row 2, column `x`: `inf` is not a number");
        assert!(table.column("y").unwrap_err().to_string().ends_with("it has n, x"));
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.1, 256_000.0, 1e-7, 1e16, -0.0, 0.1 + 0.2].map(number_text);
        assert_eq!(texts, ["0.1", "256000", "1e-7", "1e16", "-0", "0.30000000000000004"]);
    }

    proptest! {
        #[test]
        fn number_texts_read_back(value: f64) {
            prop_assert_eq!(number_text(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn every_table_reads_back(rows: Vec<[String; 2]>, tricky in "[\"\r\n,\u{feff}a]{0,6}") {
            let rows = rows.into_iter().map(Vec::from).chain([vec![tricky.clone(), tricky]]).collect();
            let table = Table::new(vec!["\u{feff}a".to_owned(), "b, \"c\"".to_owned()], rows).unwrap();
            prop_assert_eq!(Table::parse(&table.to_csv()), Ok(table));
        }

        #[test]
        fn a_lone_column_reads_back(cells: Vec<String>) {
            let rows = cells.into_iter().map(|cell| vec![cell]).collect();
            let table = Table::new(vec!["a".to_owned()], rows).unwrap();
            prop_assert_eq!(Table::parse(&table.to_csv()), Ok(table));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            drop(Table::parse(&text));
        }
    }
}
