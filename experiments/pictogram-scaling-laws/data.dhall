--| The sets of drawings, each with the shards that are pinned for it. The program builds them from its dependencies.
let schema = ../schema/v1/package.dhall

let pinned = ./shards.dhall

let bundled =
      λ(set : Text) → schema.Source.Bundled { set, version = pinned.version }

let dataset =
      λ(name : Text) →
      λ(shards : List schema.Shard.Type) →
        schema.Dataset::{ name, source = bundled name, shards = schema.Shards.Inline shards }

let Pin = { name : Text, sha256 : Text, bytes : Natural, count : Natural }

let classes =
      λ(set : Text) →
      λ(pin : Pin) →
        schema.Classes::{
        , file = schema.PinnedFile::(pin.{ name, sha256, bytes } ∧ { source = bundled set })
        , count = pin.count
        }

in  { vocabulary = schema.Vocabulary::{
      , file = schema.PinnedFile::(pinned.vocabulary.{ name, sha256, bytes } ∧ { source = bundled "vocabulary" })
      , size = pinned.vocabulary.size
      }
    , glyphs-2k = dataset "glyphs-2k" pinned.sets.glyphs-2k
    , glyphs-4k = dataset "glyphs-4k" pinned.sets.glyphs-4k
    , glyphs-9k = dataset "glyphs-9k" pinned.sets.glyphs-9k
    , glyphs-36k = dataset "glyphs-36k" pinned.sets.glyphs-36k
    , emoji-4k = dataset "emoji-4k" pinned.sets.emoji-4k
    , icons-4k = dataset "icons-4k" pinned.sets.icons-4k
    , icon143 = dataset "icon143" pinned.sets.icon143
    , icon143Classes = classes "icon143" pinned.classes.icon143
    , icon347 = dataset "icon347" pinned.sets.icon347
    , icon347Classes = classes "icon347" pinned.classes.icon347
    , withheld143 = dataset "withheld143" pinned.sets.withheld143
    , withheld143Classes = classes "withheld143" pinned.classes.withheld143
    , flags262 = dataset "flags262" pinned.sets.flags262
    , flags262Classes = classes "flags262" pinned.classes.flags262
    , emoji1256 = dataset "emoji1256" pinned.sets.emoji1256
    , emoji1256Classes = classes "emoji1256" pinned.classes.emoji1256
    , mono822 = dataset "mono822" pinned.sets.mono822
    , mono822Classes = classes "mono822" pinned.classes.mono822
    , tabler41 = dataset "tabler41" pinned.sets.tabler41
    , tabler41Classes = classes "tabler41" pinned.classes.tabler41
    , iconoir-1k = dataset "iconoir-1k" pinned.sets.iconoir-1k
    , noto-1k = dataset "noto-1k" pinned.sets.noto-1k
    }
