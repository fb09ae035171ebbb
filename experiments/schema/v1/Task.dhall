--| What an evaluation measures. A template has {} where the class name goes.
let Classes = ./Classes.dhall

in  < ZeroShotClassification : { classes : Classes.Type, templates : List Text }
    | Retrieval : { recallAt : List Natural }  -- ascending
    >
