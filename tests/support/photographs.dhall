--| What a story trains on: pairs of somebody's own, on a web server, listed by a manifest.
let schema = ../schema/v1/package.dhall

let photographs =
      schema.Dataset::{
      , name = "photographs"
      , source = schema.Source.Http { url = "SERVER" }
      , shards =
          schema.Shards.Manifest
            { name = "photographs.json"
            , sha256 = "MANIFEST_SHA256"
            , bytes = MANIFEST_BYTES
            , samples = SAMPLES
            , shardBytes = SHARD_BYTES
            }
      }

let file = λ(name : Text) → schema.Source.File { path = "files/${name}" }

let vocabulary =
      schema.Vocabulary::{
      , file = schema.PinnedFile::{ name = "vocabulary.txt", VOCABULARY_PIN, source = file "vocabulary.txt" }
      , size = 10
      }

let classes =
      schema.Classes::{
      , file = schema.PinnedFile::{ name = "classes.txt", CLASSES_PIN, source = file "classes.txt" }
      , count = 4
      }

let model =
      schema.Clip::{
      , embedDim = 8
      , vision = schema.VisionTower::{
        , imageSize = 16
        , patchSize = 8
        , width = 16
        , layers = 1
        , heads = 2
        , mlpWidth = 32
        , patchBias = False
        , preNorm = True
        , pooling = schema.VisionPooling.ClassToken
        }
      , text = schema.TextTower::{
        , contextLength = 8
        , vocabularySize = vocabulary.size
        , width = 16
        , layers = 1
        , heads = 2
        , mlpWidth = 32
        , pooling = schema.TextPooling.EndToken
        }
      }

let schedule =
      schema.Schedule::{
      , learningRateMax = 1.0e-3
      , learningRateFinal = 0.0
      , warmUp = schema.WarmUp.Steps 1
      }

let evaluation =
      λ(name : Text) →
      λ(task : schema.Task) →
        schema.Evaluation::{ name, dataset = photographs, task }

let run =
      schema.Run::{
      , name = "mine"
      , train = schema.Train::{
        , model
        , preprocessing = schema.Preprocessing::{ mean = [ 0.5, 0.5, 0.5 ], std = [ 0.25, 0.25, 0.25 ] }
        , dataset = photographs
        , vocabulary
        , seed = 3
        , samplesSeen = 64
        , batchSize = 16
        , gradientChunk = 8
        , schedule
        , captions = schema.CaptionChoice.Drawn
        , order = schema.SampleOrder.Epochs { shuffleShards = 2 }
        , crop = Some schema.RandomResizedCrop.default
        }
      , evaluations =
        [ evaluation "retrieval" (schema.Task.Retrieval { recallAt = [ 1, 5 ] })
        , evaluation
            "zero-shot"
            (schema.Task.ZeroShotClassification { classes, templates = [ "a photo of a {}" ] })
        , evaluation
            "probe"
            ( schema.Task.LinearProbe
                schema.LinearProbe::{
                , classes
                , seed = 1
                , shots = schema.Shots.Full
                , split = schema.Split.Within { seed = 1, testPercent = 50 }
                , weightDecay = schema.WeightDecay.Fixed 0.0
                , learningRate = 0.1
                , epochs = 2
                }
            )
        , evaluation
            "tuned"
            ( schema.Task.FineTune
                schema.FineTune::{
                , classes
                , seed = 1
                , split = schema.Split.Within { seed = 1, testPercent = 50 }
                , shots = schema.Shots.Full
                , head = schema.HeadStart.Random
                , samplesSeen = 16
                , batchSize = 8
                , gradientChunk = 4
                , schedule
                }
            )
        ]
      }

let measured =
      λ(name : Text) →
      λ(evaluation : Text) →
      λ(metric : schema.Metric) →
        schema.Column::{ name, value = schema.ColumnValue.Measurement { evaluation, metric } }

in  schema.Experiment::{
    , title = "Somebody's own pairs"
    , runs = [ run ]
    , tables =
      [ schema.Table::{
        , name = "measured"
        , title = "What was measured"
        , from =
            schema.TableSource.Runs
              { runs = [ run.name ]
              , columns =
                [ schema.Column::{ name = "run", value = schema.ColumnValue.RunName }
                , measured "image" "retrieval" (schema.Metric.ImageRetrievalRecallAt 5)
                , measured "text" "retrieval" (schema.Metric.TextRetrievalRecallAt 5)
                , measured "acc1" "zero-shot" schema.Metric.Acc1
                , measured "probed" "probe" schema.Metric.Acc1
                , measured "tuned" "tuned" schema.Metric.Acc1
                ]
              }
        }
      ]
    }
