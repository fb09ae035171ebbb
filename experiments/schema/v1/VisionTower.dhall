--| A vision transformer with pre-norm blocks.
let VisionPooling = ./VisionPooling.dhall

in  { Type =
        { imageSize : Natural  -- pixels a side; a multiple of patchSize
        , patchSize : Natural  -- pixels a side
        , width : Natural  -- channels of a token
        , layers : Natural  -- transformer blocks
        , heads : Natural  -- width is a multiple
        , mlpWidth : Natural  -- channels of a block's hidden layer
        , patchBias : Bool
        , preNorm : Bool  -- a LayerNorm before the first block
        , pooling : VisionPooling
        }
    , default = {=}
    }
