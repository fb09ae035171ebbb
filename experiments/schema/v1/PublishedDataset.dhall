--| What is said of the data that others trained on.
let Dataset = ./Dataset.dhall

in  { Type =
        { name : Text
        , samples : Optional Natural
        , shards : Optional Dataset.Type  -- with their digests
        }
    , default = { samples = None Natural, shards = None Dataset.Type }
    }
