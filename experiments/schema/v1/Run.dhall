--| One training with its evaluations: a point of a sweep.
let Label = ./Label.dhall

let Train = ./Train.dhall

let Evaluation = ./Evaluation.dhall

in  { Type =
        { name : Text  -- unique in the experiment
        , labels : List Label.Type
        , train : Train.Type
        , evaluations : List Evaluation.Type
        }
    , default = { labels = [] : List Label.Type }
    }
