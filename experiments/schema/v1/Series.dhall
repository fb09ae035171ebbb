--| Points of a panel with the lines fitted to them, each by another method.
let Selection = ./Selection.dhall

let Marks = ./Marks.dhall

let Fit = ./Fit.dhall

in  { Type =
        { name : Text  -- unique in its panel
        , points : Selection.Type
        , marks : Marks.Type
        , fits : List Fit.Type
        }
    , default = { marks = Marks.default, fits = [] : List Fit.Type }
    }
