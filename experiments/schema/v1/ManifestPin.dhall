--| The canonical manifest of a data set with many shards, and the totals that prices need.
{ Type =
    { name : Text  -- of the manifest file, beside the shards
    , sha256 : Text
    , bytes : Natural  -- of the manifest
    , samples : Natural  -- in all shards
    , shardBytes : Natural  -- of all shards
    }
, default = {=}
}
