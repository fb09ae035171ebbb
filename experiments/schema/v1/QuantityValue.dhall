--| Where a number is found: the one row that meets every condition; α or β of a fitted line y = β·x^α; what the
--| line gives at x.
let Condition = ./Condition.dhall

let FitName = ./FitName.dhall

in  < Cell : { row : List Condition.Type, column : Text }
    | Exponent : FitName.Type
    | Coefficient : FitName.Type
    | Prediction : { fit : FitName.Type, x : Double }
    >
