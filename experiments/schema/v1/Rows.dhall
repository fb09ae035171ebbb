--| Rows of a table that a check looks at, and what names a row in a finding. A check that looks at no row is an error.
let Keep = ./Keep.dhall

in  { Type =
        { table : Text
        , key : List Text  -- columns that name a row; rows with equal texts there are a group
        , keep : List Keep.Type  -- conditions that a row must meet, all of them
        , present : List Text  -- columns whose cell must not be empty
        }
    , default = { keep = [] : List Keep.Type, present = [] : List Text }
    }
