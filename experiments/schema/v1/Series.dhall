--| Points of a panel with the lines fitted to them, each by another method.
let Selection = ./Selection.dhall

let Marks = ./Marks.dhall

let Fit = ./Fit.dhall

let Joined = ./Joined.dhall

let Prediction = ./Prediction.dhall

let Sensitivity = ./Sensitivity.dhall

in  { Type =
        { name : Text  -- unique in its panel
        , points : Selection.Type
        , marks : Marks.Type
        , fits : List Fit.Type
        , joined : Optional Joined.Type  -- to curves
        , predictions : List Prediction.Type
        , sensitivity : Optional Sensitivity.Type
        }
    , default =
        { marks = Marks.default
        , fits = [] : List Fit.Type
        , joined = None Joined.Type
        , predictions = [] : List Prediction.Type
        , sensitivity = None Sensitivity.Type
        }
    }
