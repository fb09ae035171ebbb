--| A column that orders rows.
let SortOrder = ./SortOrder.dhall

in  { Type =
        { column : Text
        , order : SortOrder
        }
    , default = {=}
    }
