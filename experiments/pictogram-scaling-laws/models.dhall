--| The models of the study: two towers of pre-norm blocks with heads of 32 channels, on 32-pixel images in 8-pixel
--| patches and texts of 12 tokens, both pooled by the mean. XS takes 0.70 M, S 2.48 M, M 8.9 M, L 22 M multiply–accumulates
--| a pair.
let schema = ../schema/v1/package.dhall

let Size =
      { visionWidth : Natural
      , visionLayers : Natural
      , visionHeads : Natural
      , textWidth : Natural
      , textLayers : Natural
      , textHeads : Natural
      , embedDim : Natural
      , vocabularySize : Natural
      }

let clip =
      λ(size : Size) →
        schema.Clip::{
        , embedDim = size.embedDim
        , vision = schema.VisionTower::{
          , imageSize = 32
          , patchSize = 8
          , width = size.visionWidth
          , layers = size.visionLayers
          , heads = size.visionHeads
          , mlpWidth = 4 * size.visionWidth
          , patchBias = True
          , preNorm = False
          , pooling = schema.VisionPooling.Mean
          }
        , text = schema.TextTower::{
          , contextLength = 12
          , vocabularySize = size.vocabularySize
          , width = size.textWidth
          , layers = size.textLayers
          , heads = size.textHeads
          , mlpWidth = 4 * size.textWidth
          , pooling = schema.TextPooling.Mean
          }
        }

in  { XS =
        λ(vocabularySize : Natural) →
          clip
            { visionWidth = 32
            , visionLayers = 2
            , visionHeads = 1
            , textWidth = 32
            , textLayers = 1
            , textHeads = 1
            , embedDim = 32
            , vocabularySize
            }
    , S =
        λ(vocabularySize : Natural) →
          clip
            { visionWidth = 64
            , visionLayers = 2
            , visionHeads = 2
            , textWidth = 64
            , textLayers = 1
            , textHeads = 2
            , embedDim = 64
            , vocabularySize
            }
    , M =
        λ(vocabularySize : Natural) →
          clip
            { visionWidth = 96
            , visionLayers = 4
            , visionHeads = 3
            , textWidth = 64
            , textLayers = 2
            , textHeads = 2
            , embedDim = 64
            , vocabularySize
            }
    , L =
        λ(vocabularySize : Natural) →
          clip
            { visionWidth = 128
            , visionLayers = 6
            , visionHeads = 4
            , textWidth = 96
            , textLayers = 2
            , textHeads = 3
            , embedDim = 96
            , vocabularySize
            }
    }
