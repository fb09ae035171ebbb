--| An experiment: runs, the figures that plot them, the claims about those figures.
let Run = ./Run.dhall

let PublishedRun = ./PublishedRun.dhall

let Figure = ./Figure.dhall

in  { Type =
        { title : Text
        , citation : Optional Text  -- the work it reproduces
        , runs : List Run.Type
        , publishedRuns : List PublishedRun.Type
        , figures : List Figure.Type
        }
    , default =
        { citation = None Text
        , runs = [] : List Run.Type
        , publishedRuns = [] : List PublishedRun.Type
        , figures = [] : List Figure.Type
        }
    }
