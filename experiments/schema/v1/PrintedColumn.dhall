--| How the numbers of a column are printed.
let NumberFormat = ./NumberFormat.dhall

in  { Type =
        { column : Text
        , format : NumberFormat
        }
    , default = {=}
    }
