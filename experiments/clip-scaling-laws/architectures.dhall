--| The configurations of the vision transformers in the authors' table of architectures, as open_clip's files state
--| them (mlfoundations/open_clip at 60534f4, `model_configs`). The authors' `ViT-G-14` is
--| open_clip's `ViT-bigG-14`; the rows with 336 pixels are the same towers on larger images. All have a
--| vocabulary of 49,408 ids, 77 tokens, perceptrons of four widths except where stated, GELU by the exact error
--| function. Heads have 64 channels, except H (80), g (88), G (104) and e (112) on the image side.
--| `ViT-M-16-alt` is without its LayerScale, which no job here computes: open_clip counts 12,288 parameters more.
let schema = ../schema/v1/package.dhall

let Vision =
      { imageSize : Natural, patchSize : Natural, width : Natural, layers : Natural, heads : Natural, mlpWidth : Natural }

let Text_ = { width : Natural, layers : Natural, heads : Natural }

let vision
    : Vision → schema.VisionTower.Type
    = λ(tower : Vision) →
        schema.VisionTower::(   tower
                              ∧ { patchBias = False, preNorm = True, pooling = schema.VisionPooling.ClassToken }
                            )

let text
    : Text_ → schema.TextTower.Type
    = λ(tower : Text_) →
        schema.TextTower::(   tower
                            ∧ { contextLength = 77
                              , vocabularySize = 49408
                              , mlpWidth = 4 * tower.width
                              , pooling = schema.TextPooling.EndToken
                              }
                          )

let clip =
      λ(embedDim : Natural) →
      λ(image : Vision) →
      λ(words : Text_) →
        schema.Clip::{ embedDim, vision = vision image, text = text words }

let imageTower =
      λ(width : Natural) →
      λ(layers : Natural) →
      λ(heads : Natural) →
      λ(mlpWidth : Natural) →
      λ(patchSize : Natural) →
      λ(imageSize : Natural) →
        { imageSize, patchSize, width, layers, heads, mlpWidth }

let s = imageTower 384 12 6 1536

let m = imageTower 512 12 8 2048

let b = imageTower 768 12 12 3072

let bPlus = imageTower 896 12 14 3584

let l = imageTower 1024 24 16 4096

let h = imageTower 1280 32 16 5120

let g = imageTower 1408 40 16 6144

let bigG = imageTower 1664 48 16 8192

let e = imageTower 1792 56 16 15360

let words256 = { width = 256, layers = 10, heads = 4 }

let words384 = { width = 384, layers = 12, heads = 6 }

let words512 = { width = 512, layers = 12, heads = 8 }

let words640 = { width = 640, layers = 12, heads = 10 }

let words768 = { width = 768, layers = 12, heads = 12 }

let words1024 = { width = 1024, layers = 24, heads = 16 }

let words1280 = { width = 1280, layers = 32, heads = 20 }

let words1280e = { width = 1280, layers = 36, heads = 20 }

let models =
      { ViT-S-32-alt = clip 256 (s 32 224) words256
      , ViT-S-32 = clip 384 (s 32 224) words384
      , ViT-M-32-alt = clip 384 (m 32 224) words384
      , ViT-M-32 = clip 512 (m 32 224) words512
      , ViT-B-32 = clip 512 (b 32 224) words512
      , ViT-S-16-alt = clip 256 (s 16 224) words256
      , ViT-S-16 = clip 384 (s 16 224) words384
      , ViT-M-16-alt = clip 384 (m 16 224) words384
      , ViT-M-16 = clip 512 (m 16 224) words512
      , ViT-B-16 = clip 512 (b 16 224) words512
      , ViT-B-16-plus = clip 640 (bPlus 16 224) words640
      , ViT-B-16-plus-240 = clip 640 (bPlus 16 240) words640
      , ViT-L-16 = clip 768 (l 16 224) words768
      , ViT-L-14 = clip 768 (l 14 224) words768
      , ViT-L-14-336 = clip 768 (l 14 336) words768
      , ViT-H-16 = clip 1024 (h 16 224) words1024
      , ViT-H-14 = clip 1024 (h 14 224) words1024
      , ViT-H-14-336 = clip 1024 (h 14 336) words1024
      , ViT-g-14 = clip 1024 (g 14 224) words1024
      , ViT-g-14-336 = clip 1024 (g 14 336) words1024
      , ViT-G-14 = clip 1280 (bigG 14 224) words1280
      , ViT-G-14-336 = clip 1280 (bigG 14 336) words1280
      , ViT-e-14 = clip 1280 (e 14 224) words1280e
      , ViT-e-14-336 = clip 1280 (e 14 336) words1280e
      }

let named = λ(entry : { mapKey : Text, mapValue : schema.Clip.Type }) → { name = entry.mapKey, model = entry.mapValue }

let Entry = { mapKey : Text, mapValue : schema.Clip.Type }

let list =
      List/fold
        Entry
        (toMap models)
        (List schema.Architecture.Type)
        (λ(entry : Entry) → λ(rest : List schema.Architecture.Type) → [ named entry ] # rest)
        ([] : List schema.Architecture.Type)

let quickGelu = λ(model : schema.Clip.Type) → model // { activation = schema.Activation.QuickGelu }

in  { models, list, quickGelu }
