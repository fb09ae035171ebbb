--| A new column, computed row by row.
let Derivation = ./Derivation.dhall

in  { Type =
        { name : Text
        , value : Derivation
        }
    , default = {=}
    }
