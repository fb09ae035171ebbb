//! Strided matrix views: where operands are read, which never changes a result.

/// A read-only strided matrix: element (r, c) is `data[r · row_stride + c · column_stride]`.
///
/// Every element is within `data`; the constructors check it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T = f32> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T: Copy> View<'a, T> {
    /// Makes a row-major contiguous matrix.
    ///
    /// # Panics
    ///
    /// If `data` is shorter than `rows · columns`.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns, 1)
    }

    /// Makes a strided matrix.
    ///
    /// # Panics
    ///
    /// If an element lies outside `data`.
    pub fn strided(
        data: &'a [T],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        if rows > 0 && columns > 0 {
            let row = (rows - 1).checked_mul(row_stride);
            let column = (columns - 1).checked_mul(column_stride);
            let last = row.zip(column).and_then(|(row, column)| row.checked_add(column));
            assert!(
                last.is_some_and(|last| last < data.len()),
                "a {rows} × {columns} view with strides {row_stride} and {column_stride} does not fit in {} elements",
                data.len(),
            );
        }
        Self { data, rows, columns, row_stride, column_stride }
    }

    /// Returns the transposed matrix; nothing moves.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the distance between neighbours in a column, in elements.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Returns the distance between neighbours in a row, in elements.
    pub fn column_stride(&self) -> usize {
        self.column_stride
    }

    /// Returns element (row, column).
    ///
    /// # Panics
    ///
    /// If it is outside the matrix.
    #[inline]
    pub fn at(&self, row: usize, column: usize) -> T {
        assert!(row < self.rows && column < self.columns, "({row}, {column}) is outside");
        self.data[row * self.row_stride + column * self.column_stride]
    }

    /// Returns the address of element (0, 0).
    pub(crate) fn as_ptr(&self) -> *const T {
        self.data.as_ptr()
    }
}

/// What happens to `c = A·B` before it is stored.
#[derive(Debug, Clone, Copy)]
pub enum Finish<'a, T = f32> {
    /// `c`
    Store,
    /// `c + bias`, a bias a column.
    Bias(&'a [T]),
    /// `residual + (c + bias)`.
    BiasResidual {
        /// One value a column.
        bias: &'a [T],
        /// A matrix of the output's shape.
        residual: View<'a, T>,
    },
    /// `c · factor`, a matrix of the output's shape.
    Times(View<'a, T>),
}

/// Checks the shapes of a product and returns (rows, columns, inner size).
///
/// # Panics
///
/// If they do not match: a mistake of the caller.
pub(super) fn check<T: Copy>(
    a: View<T>,
    b: View<T>,
    finish: &Finish<T>,
    out_len: usize,
    out_row_stride: usize,
) -> (usize, usize, usize) {
    let (m, n, k) = (a.rows(), b.columns(), a.columns());
    assert_eq!(k, b.rows(), "inner sizes differ");
    assert!(n <= out_row_stride || m <= 1, "output rows of {n} overlap at stride {out_row_stride}");
    if m > 0 && n > 0 {
        assert!((m - 1) * out_row_stride + n <= out_len, "the output is too short");
    }
    match finish {
        Finish::Store => {}
        Finish::Bias(bias) => assert_eq!(bias.len(), n, "one bias a column"),
        Finish::BiasResidual { bias, residual } => {
            assert_eq!(bias.len(), n, "one bias a column");
            assert_eq!((residual.rows(), residual.columns()), (m, n), "the residual's shape");
        }
        Finish::Times(factors) => {
            assert_eq!((factors.rows(), factors.columns()), (m, n), "the factors' shape");
        }
    }
    (m, n, k)
}
