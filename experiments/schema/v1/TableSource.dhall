--| Where the rows of a table come from. Runs are trained; of PublishedRuns only what they state is told. Fits names
--| figures; the table has a row for each line they fit, with the columns figure, panel, series, method, exponent,
--| coefficient, log10_coefficient, r_squared, points, x_min, x_max, interval_low, interval_high.
let PublishedTable = ./PublishedTable.dhall

let InlineTable = ./InlineTable.dhall

let RunTable = ./RunTable.dhall

in  < Csv : PublishedTable.Type
    | JsonRecords : PublishedTable.Type
    | Inline : InlineTable.Type
    | Runs : RunTable.Type
    | PublishedRuns : RunTable.Type
    | Table : Text  -- another one, by name
    | Fits : List Text
    >
