--| The classes of a data set.
let PinnedFile = ./PinnedFile.dhall

in  { Type =
        { file : PinnedFile.Type  -- a class name a line
        , count : Natural
        }
    , default = {=}
    }
