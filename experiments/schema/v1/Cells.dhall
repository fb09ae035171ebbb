--| A column of some rows, to be compared with another by key.
let Rows = ./Rows.dhall

in  { Type =
        { rows : Rows.Type  -- two sides are joined by their keys, column by column
        , column : Text
        , everyRow : Bool  -- whether each of these rows must have a counterpart
        }
    , default = { everyRow = True }
    }
