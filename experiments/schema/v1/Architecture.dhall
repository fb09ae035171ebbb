--| A model configuration by the name it was published under.
let Clip = ./Clip.dhall

in  { Type =
        { name : Text  -- unique among the architectures
        , model : Clip.Type
        }
    , default = {=}
    }
