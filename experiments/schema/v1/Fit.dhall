--| A power law y = β·x^α fitted to a series on decimal logarithms.
let FitMethod = ./FitMethod.dhall

let Interval = ./Interval.dhall

in  { Type =
        { method : FitMethod
        , interval : Optional Interval.Type
        }
    , default = { interval = None Interval.Type }
    }
