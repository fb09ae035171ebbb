--| NAME: what this experiment shows, in one sentence, and what it costs to run.
--|
--| Everything is explicit: which bytes (shards.dhall), which model, which seed, how many samples. Try:
--|   ibid check NAME          every mistake at once, with file and line
--|   ibid plan NAME           what would run, and at what cost
--|   ibid reproduce NAME      run it; the figure is in out/NAME/figure
--|   ibid lock NAME           record what came out, for others to compare with
let schema = ../schema/v1/package.dhall

-- Digests of the shards, written by `ibid data pin --write NAME`. Training reads bytes by digest, wherever they are.
let pinned = ./shards.dhall

let bundled = λ(set : Text) → schema.Source.Bundled { set, version = pinned.version }

let dataset =
      λ(name : Text) →
      λ(shards : List schema.Shard.Type) →
        schema.Dataset::{ name, source = bundled name, shards = schema.Shards.Inline shards }

-- The byte pairs of the drawings' names. For captions of your own pin all of OpenCLIP's 49,408: put the
-- binding that `ibid data pin openclip-vocabulary` prints in the place of this one.
let vocabulary =
      schema.Vocabulary::{
      , file =
          schema.PinnedFile::(   pinned.vocabulary.{ name, sha256, bytes }
                               ∧ { source = bundled "vocabulary" }
                             )
      , size = pinned.vocabulary.size
      }

-- Two towers that embed images and texts into one space.
let model =
      schema.Clip::{
      , embedDim = 32
      , vision = schema.VisionTower::{
        , imageSize = 32
        , patchSize = 8
        , width = 32
        , layers = 2
        , heads = 1
        , mlpWidth = 128
        , patchBias = True
        , preNorm = False
        , pooling = schema.VisionPooling.Mean
        }
      , text = schema.TextTower::{
        , contextLength = 12
        , vocabularySize = vocabulary.size
        , width = 32
        , layers = 1
        , heads = 1
        , mlpWidth = 128
        , pooling = schema.TextPooling.Mean
        }
      }

let run =
      schema.Run::{
      , name = "first"
      , labels = [ schema.Label::{ name = "model", text = "XS" } ]
      , train = schema.Train::{
        , model
        , preprocessing = schema.Preprocessing::{ mean = [ 0.7, 0.7, 0.7 ], std = [ 0.35, 0.35, 0.35 ] }
        , dataset = dataset "glyphs-2k" pinned.sets.glyphs-2k
        , vocabulary
        , seed = 0
        , samplesSeen = 4096
        , batchSize = 128
        , gradientChunk = 16
        , optimizer = schema.AdamW::{ weightDecay = 0.1, decayPositions = False, gradientClipNorm = Some 1.0 }
        , schedule = schema.Schedule::{
          , learningRateMax = 4.0e-3
          , learningRateFinal = 4.0e-5
          , warmUp = schema.WarmUp.Percent { percent = 10, stepsMin = 10, stepsMax = 200 }
          }
        , captions = schema.CaptionChoice.Drawn
        }
      , evaluations =
        [ schema.Evaluation::{
          , name = "iconoir-1k"
          , dataset = dataset "iconoir-1k" pinned.sets.iconoir-1k
          , task = schema.Task.Retrieval { recallAt = [ 1, 5, 10 ] }
          }
        ]
      }

in  schema.Experiment::{
    , title = "NAME"
    , runs = [ run ]
    , figures =
      [ schema.Figure::{
        , name = "figure"
        , title = "NAME"
        , scratch = Some schema.RunTable::{
          , runs = [ run.name ]
          , columns =
            [ schema.Column::{ name = "run", value = schema.ColumnValue.RunName }
            , schema.Column::{ name = "model", value = schema.ColumnValue.Label "model" }
            , schema.Column::{ name = "gmacs_total", value = schema.ColumnValue.GmacsTotal }
            , schema.Column::{
              , name = "recall@5"
              , value =
                  schema.ColumnValue.Measurement
                    { evaluation = "iconoir-1k", metric = schema.Metric.ImageRetrievalRecallAt 5 }
              }
            ]
          }
        , panels =
          [ schema.Panel::{
            , name = "image retrieval"
            , x = schema.Axis::{ label = "Total compute (GMACs)" }
            , y = schema.Axis::{ label = "Error (1 − recall@5)" }
            , series =
              [ schema.Series::{
                , name = "all runs"
                , points = schema.Selection::{
                  , x = "gmacs_total"
                  , y = "recall@5"
                  , yTransform = schema.Transform.OneMinus
                  }
                , marks = { colour = Some "model", marker = None Text, size = None Text }
                }
              ]
            }
          ]
        -- Numbers that will come out, judged by `reproduce` and `verify`:
        , claims =
          [ schema.Claim::{
            , id = "above-chance"
            , where = "this file"
            , text = "Recall@5 is above chance (0.005)"
            , statement =
                schema.Statement.AtLeast
                  { quantity = schema.Quantity::{
                    , value =
                        schema.QuantityValue.Cell
                          { row = [ schema.Condition::{ column = "run", text = run.name } ]
                          , column = "recall@5"
                          }
                    }
                  , bound = 0.005
                  }
            }
          ]
        }
      ]
    }
