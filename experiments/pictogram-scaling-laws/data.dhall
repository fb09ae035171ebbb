--| The sets of drawings, each with the shards that are pinned for it. The program builds them from its dependencies.
let schema = ../schema/v1/package.dhall

let pinned = ./shards.dhall

let bundled =
      λ(set : Text) → schema.Source.Bundled { set, version = pinned.version }

let dataset =
      λ(name : Text) →
      λ(shards : List schema.Shard.Type) →
        schema.Dataset::{ name, source = bundled name, shards = schema.Shards.Inline shards }

in  { vocabulary = schema.Vocabulary::{
      , file = schema.PinnedFile::(pinned.vocabulary.{ name, sha256, bytes } ∧ { source = bundled "vocabulary" })
      , size = pinned.vocabulary.size
      }
    , glyphs-2k = dataset "glyphs-2k" pinned.sets.glyphs-2k
    , glyphs-9k = dataset "glyphs-9k" pinned.sets.glyphs-9k
    , glyphs-36k = dataset "glyphs-36k" pinned.sets.glyphs-36k
    , icon143 = dataset "icon143" pinned.sets.icon143
    , icon143Classes = schema.Classes::{
      , file =
          schema.PinnedFile::( pinned.classes.icon143.{ name, sha256, bytes } ∧ { source = bundled "icon143" })
      , count = pinned.classes.icon143.count
      }
    , iconoir-1k = dataset "iconoir-1k" pinned.sets.iconoir-1k
    }
