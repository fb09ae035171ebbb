--| A table of points with a row for each run, by name, in this order.
let Column = ./Column.dhall

in  { Type =
        { runs : List Text
        , columns : List Column.Type
        }
    , default = {=}
    }
