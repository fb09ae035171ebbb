--| A column of a table of runs.
let ColumnValue = ./ColumnValue.dhall

in  { Type =
        { name : Text
        , value : ColumnValue
        }
    , default = {=}
    }
