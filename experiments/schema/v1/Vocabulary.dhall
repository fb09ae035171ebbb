--| The token ids in use.
let PinnedFile = ./PinnedFile.dhall

in  { Type =
        { file : PinnedFile.Type
        , size : Natural  -- ids in use, and padding, start and end
        }
    , default = {=}
    }
