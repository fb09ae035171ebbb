--| A fitted line of the figure.
let FitNameMethod = ./FitNameMethod.dhall

in  { Type =
        { panel : Text
        , series : Text
        , method : FitNameMethod
        }
    , default = {=}
    }
