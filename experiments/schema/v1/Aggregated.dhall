--| A column of an aggregated table.
let Aggregation = ./Aggregation.dhall

in  { Type =
        { name : Text
        , column : Text
        , how : Aggregation
        }
    , default = {=}
    }
