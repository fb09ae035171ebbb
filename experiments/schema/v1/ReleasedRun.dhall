--| Released weights with their evaluations. Model and constants are those of the pinned configuration: others are refused.
let Label = ./Label.dhall

let Weights = ./Weights.dhall

let Clip = ./Clip.dhall

let Preprocessing = ./Preprocessing.dhall

let Vocabulary = ./Vocabulary.dhall

let Evaluation = ./Evaluation.dhall

in  { Type =
        { name : Text  -- unique in the experiment
        , labels : List Label.Type
        , weights : Weights.Type
        , model : Clip.Type
        , preprocessing : Preprocessing.Type
        , vocabulary : Vocabulary.Type
        , samplesSeen : Optional Natural  -- pairs processed in training, as its authors say
        , evaluations : List Evaluation.Type
        }
    , default =
        { labels = [] : List Label.Type
        , preprocessing = Preprocessing.default
        , samplesSeen = None Natural
        }
    }
