--| Where the rows of a table come from. Runs are trained; of PublishedRuns only what they state is told. Architectures
--| has a row for each of the experiment's, with the columns model, image_size, patch_size, image_width, image_layers,
--| image_heads, text_width, text_layers, text_heads, embed_dim, and, counted from the configuration, macs, image_macs,
--| text_macs (multiply–accumulates), parameters, image_parameters, text_parameters. Fits names
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
    | Architectures
    | Table : Text  -- another one, by name
    | Fits : List Text
    >
