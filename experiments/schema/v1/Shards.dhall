--| The shards of a data set: stated here, or listed by a pinned manifest. Both spellings give one data set.
let Shard = ./Shard.dhall

let ManifestPin = ./ManifestPin.dhall

in  < Inline : List Shard.Type
    | Manifest : ManifestPin.Type
    >
