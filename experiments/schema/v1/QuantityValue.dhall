--| Where a number is found: the one row that meets every condition; α or β of a fitted line y = β·x^α; what the
--| line gives at x; the mean of |y − line| over points.
let Condition = ./Condition.dhall

let FitName = ./FitName.dhall

let Selection = ./Selection.dhall

in  < Cell : { row : List Condition.Type, column : Text }
    | Exponent : FitName.Type
    | Coefficient : FitName.Type
    | Prediction : { fit : FitName.Type, x : Double }
    | MeanAbsoluteError : { fit : FitName.Type, points : Selection.Type }
    >
