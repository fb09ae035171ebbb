--| An experiment: runs, the figures that plot them, the claims about those figures.
let Architecture = ./Architecture.dhall

let Run = ./Run.dhall

let PublishedRun = ./PublishedRun.dhall

let Figure = ./Figure.dhall

in  { Type =
        { title : Text
        , citation : Optional Text  -- the work it reproduces
        , architectures : List Architecture.Type  -- that tables and runs speak of
        , runs : List Run.Type
        , publishedRuns : List PublishedRun.Type
        , figures : List Figure.Type
        }
    , default =
        { citation = None Text
        , architectures = [] : List Architecture.Type
        , runs = [] : List Run.Type
        , publishedRuns = [] : List PublishedRun.Type
        , figures = [] : List Figure.Type
        }
    }
