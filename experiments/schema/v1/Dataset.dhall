--| Image–text pairs in shards.
let Source = ./Source.dhall

let Shards = ./Shards.dhall

in  { Type =
        { name : Text  -- for messages
        , source : Source  -- the folder of the shards
        , shards : Shards
        }
    , default = {=}
    }
