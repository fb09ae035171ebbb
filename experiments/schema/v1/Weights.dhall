--| Weights that others released, and the configuration of their model: by both files' bytes. `ibid model import` prints it.
let PinnedFile = ./PinnedFile.dhall

in  { Type =
        { tensors : PinnedFile.Type  -- safetensors, or PyTorch's zip checkpoint
        , config : PinnedFile.Type  -- open_clip_config.json
        }
    , default = {=}
    }
