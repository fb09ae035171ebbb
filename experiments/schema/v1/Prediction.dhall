--| A point that a fitted line of its series predicts: drawn hollow, and the line dashed up to it.
let FitNameMethod = ./FitNameMethod.dhall

let Condition = ./Condition.dhall

in  { Type =
        { label : Text  -- written beside it
        , x : Double
        , method : FitNameMethod  -- of the line
        , row : List Condition.Type  -- what its row would hold in the columns that steer marks
        }
    , default = { label = "", row = [] : List Condition.Type }
    }
