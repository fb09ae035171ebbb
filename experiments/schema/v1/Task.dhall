--| What an evaluation measures. A template has {} where the class name goes.
let Classes = ./Classes.dhall

let FineTune = ./FineTune.dhall

let LinearProbe = ./LinearProbe.dhall

in  < ZeroShotClassification : { classes : Classes.Type, templates : List Text }
    | Retrieval : { recallAt : List Natural }  -- ascending
    | LinearProbe : LinearProbe.Type
    | FineTune : FineTune.Type
    >
