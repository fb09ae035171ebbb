--| An experiment: runs, the tables and figures made from them, the claims and checks of those.
let Architecture = ./Architecture.dhall

let Run = ./Run.dhall

let PublishedRun = ./PublishedRun.dhall

let ReleasedRun = ./ReleasedRun.dhall

let Table = ./Table.dhall

let Figure = ./Figure.dhall

let Group = ./Group.dhall

let Check = ./Check.dhall

in  { Type =
        { title : Text
        , citation : Optional Text  -- the work it reproduces
        , architectures : List Architecture.Type  -- that tables and runs speak of
        , runs : List Run.Type
        , publishedRuns : List PublishedRun.Type
        , releasedRuns : List ReleasedRun.Type  -- weights of others, evaluated
        , tables : List Table.Type
        , figures : List Figure.Type
        , groups : List Group.Type
        , checks : List Check.Type
        }
    , default =
        { citation = None Text
        , architectures = [] : List Architecture.Type
        , runs = [] : List Run.Type
        , publishedRuns = [] : List PublishedRun.Type
        , releasedRuns = [] : List ReleasedRun.Type
        , tables = [] : List Table.Type
        , figures = [] : List Figure.Type
        , groups = [] : List Group.Type
        , checks = [] : List Check.Type
        }
    }
