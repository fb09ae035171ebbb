--| One pair of axes.
let Axis = ./Axis.dhall

let Series = ./Series.dhall

in  { Type =
        { name : Text  -- its title; unique in its figure
        , x : Axis.Type
        , y : Axis.Type
        , series : List Series.Type
        }
    , default = {=}
    }
