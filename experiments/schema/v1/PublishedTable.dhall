--| A table of points that was published: a CSV file with a header.
let PinnedFile = ./PinnedFile.dhall

in  { Type =
        { file : PinnedFile.Type
        , columns : List Text  -- those that the figure and its claims use
        }
    , default = {=}
    }
