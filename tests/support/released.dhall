--| What a story evaluates: weights that were released, on twelve images.
let schema = ../schema/v1/package.dhall

let imported = IMPORTED

let file = λ(name : Text) → schema.Source.File { path = "files/${name}" }

let test =
      schema.Dataset::{
      , name = "test"
      , source = schema.Source.File { path = "files" }
      , shards =
          schema.Shards.Inline [ schema.Shard::{ name = "test.tar", SHARD_PIN, samples = 12 } ]
      }

let classes =
      schema.Classes::{
      , file = schema.PinnedFile::{ name = "classes.txt", CLASSES_PIN, source = file "classes.txt" }
      , count = 4
      }

let tiny =
      schema.ReleasedRun::(   imported
                            ⫽ { name = "tiny"
                              , vocabulary = schema.Vocabulary::{
                                , file = schema.PinnedFile::{
                                  , name = "vocabulary.txt"
                                  , VOCABULARY_PIN
                                  , source = file "vocabulary.txt"
                                  }
                                , size = 10
                                }
                              , samplesSeen = Some 1000
                              , evaluations =
                                [ schema.Evaluation::{
                                  , name = "zero-shot"
                                  , dataset = test
                                  , task =
                                      schema.Task.ZeroShotClassification
                                        { classes, templates = [ "a photo of a {}", "{}" ] }
                                  }
                                , schema.Evaluation::{
                                  , name = "retrieval"
                                  , dataset = test
                                  , task = schema.Task.Retrieval { recallAt = [ 5 ] }
                                  }
                                ]
                              }
                          )

let column =
      λ(name : Text) →
      λ(value : schema.ColumnValue) →
        schema.Column::{ name, value }

let measured =
      λ(name : Text) →
      λ(evaluation : Text) →
      λ(metric : schema.Metric) →
        column name (schema.ColumnValue.Measurement { evaluation, metric })

in  schema.Experiment::{
    , title = "Released weights, evaluated again"
    , releasedRuns = [ tiny ]
    , figures =
      [ schema.Figure::{
        , name = "curve"
        , title = "Released weights"
        , weights = Some schema.RunTable::{
          , runs = [ "tiny" ]
          , columns =
            [ column "run" schema.ColumnValue.RunName
            , column "gmacs_total" schema.ColumnValue.GmacsTotal
            , measured "acc1" "zero-shot" schema.Metric.Acc1
            , measured "recall" "retrieval" (schema.Metric.ImageRetrievalRecallAt 5)
            ]
          }
        , defaultDepth = schema.Depth.Weights
        , panels =
          [ schema.Panel::{
            , name = "zero-shot"
            , x = schema.Axis::{ label = "GMACs", logarithmic = True }
            , y = schema.Axis::{ label = "accuracy", logarithmic = False }
            , series =
              [ schema.Series::{
                , name = "released"
                , points = schema.Selection::{ x = "gmacs_total", y = "acc1" }
                }
              ]
            }
          ]
        }
      ]
    }
