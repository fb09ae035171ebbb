--| A table that was published: a CSV file with a header, or a JSON list of flat records.
let PinnedFile = ./PinnedFile.dhall

in  { Type =
        { file : PinnedFile.Type
        , columns : List Text  -- those that are read, in the table's order
        }
    , default = {=}
    }
