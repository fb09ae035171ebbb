--| The tables of arXiv:2212.07143 that public data give, and the tables that its figures are made from.
let schema = ../schema/v1/package.dhall

let sources = ./sources.dhall

let steps = ./steps.dhall

let targets = ./targets.dhall

let printed = ./printed.dhall

let claims = ./claims.dhall

let Step = schema.Step

let models =
      [ steps.case "ViT-B-32" "B/32"
      , steps.case "ViT-B-16" "B/16"
      , steps.case "ViT-L-14" "L/14"
      , steps.case "ViT-H-14" "H/14"
      , steps.case "ViT-g-14" "g/14"
      ]

let modelOrder = schema.SortOrder.Listed [ "B/32", "B/16", "B/16+ 240", "L/14", "H/14", "g/14" ]

let dataOrder = schema.SortOrder.Listed [ "LAION-80M", "LAION-400M", "LAION-2B", "CLIP-WIT" ]

let samplesOrder = schema.SortOrder.Listed [ "3B", "13B", "34B" ]

let inOrder =
      Step.Sort
        [ steps.by "model" modelOrder, steps.by "data" dataOrder, steps.by "samples" samplesOrder ]

let zeroShot =
      schema.Table::{
      , name = "zero-shot"
      , title = "Zero-shot results of every model on every target: its measure as value, and all of them"
      , from =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.zeroShotResults
            , columns =
              [ "name"
              , "arch"
              , "samples_seen"
              , "samples_seen_pretty"
              , "gmacs"
              , "gmacs_total"
              , "upstream_dataset"
              , "downstream_dataset"
              , "acc1"
              , "acc5"
              , "mean_per_class_recall"
              , "image_retrieval_recall@5"
              , "text_retrieval_recall@5"
              , "mean_average_precision"
              ]
            }
      , steps =
        [ steps.choice "model" "arch" models (None Text)
        , steps.derive
            "value"
            (schema.Derivation.FirstNonEmpty [ "image_retrieval_recall@5", "acc1", "mean_average_precision" ])
        , Step.Select
            [ steps.same "name"
            , steps.named "architecture" "arch"
            , steps.same "model"
            , steps.named "data" "upstream_dataset"
            , steps.named "samples" "samples_seen_pretty"
            , steps.same "samples_seen"
            , steps.same "gmacs"
            , steps.same "gmacs_total"
            , steps.named "target" "downstream_dataset"
            , steps.same "value"
            , steps.same "acc1"
            , steps.same "acc5"
            , steps.same "mean_per_class_recall"
            , steps.same "image_retrieval_recall@5"
            , steps.same "text_retrieval_recall@5"
            ]
        ]
      }

let ofZeroShot = schema.TableSource.Table "zero-shot"

-- Total compute of every model. The authors' rows of one model do not all have the same last digit of it; the first
-- counts.
let compute =
      schema.Table::{
      , name = "compute"
      , title = "Samples seen and total compute of every model"
      , from = ofZeroShot
      , steps =
        [ Step.Aggregate
            { by = [ "name", "architecture" ]
            , columns =
              [ schema.Aggregated::{ name = "samples_seen", column = "samples_seen", how = schema.Aggregation.First }
              , schema.Aggregated::{ name = "gmacs_total", column = "gmacs_total", how = schema.Aggregation.First }
              ]
            }
        ]
      }

-- The points of a figure: a row for each model, a column for each target.
let points =
      λ(name : Text) →
      λ(title : Text) →
      λ(datasets : List Text) →
        schema.Table::{
        , name
        , title
        , from = ofZeroShot
        , steps =
          [ steps.keep "target" datasets
          , inOrder
          , Step.Pivot
              { keys = [ "name", "architecture", "data", "samples" ], column = "target", value = "value", texts = datasets }
          , Step.Join
              { table = "compute"
              , on =
                [ schema.JoinKey::{ left = "name", right = "name" }
                , schema.JoinKey::{ left = "architecture", right = "architecture" }
                ]
              , take = [ steps.same "samples_seen", steps.same "gmacs_total" ]
              , unmatched = schema.Unmatched.Refused
              }
          ]
        }

let targetPoints =
      steps.map
        targets.Target
        schema.Table.Type
        (λ(t : targets.Target) → points "points-${t.key}" "Zero-shot results: ${t.title}" [ t.dataset ])
        targets.all

-- The numbers of ImageNet that the paper prints, as points of Fig. 1a.
let imagenetPrinted =
      schema.Table::{
      , name = "imagenet-printed"
      , title = "ImageNet zero-shot top-1 accuracy as the paper prints it"
      , from = schema.TableSource.Inline printed.imagenet
      , steps =
        [ steps.derive
            "imagenet1k"
            ( schema.Derivation.Quotient
                { numerator = steps.column "percent", denominator = steps.number 100.0 }
            )
        , steps.derive "imagenet_robustness" (schema.Derivation.Text "")
        , steps.product "gmacs_total" "gmacs" "samples_seen"
        , steps.derive
            "name"
            ( schema.Derivation.Joined
                [ schema.TextPart.Column "architecture"
                , schema.TextPart.Text " "
                , schema.TextPart.Column "data"
                , schema.TextPart.Text " "
                , schema.TextPart.Column "samples"
                ]
            )
        , steps.select
            [ "name"
            , "architecture"
            , "data"
            , "samples"
            , "samples_seen"
            , "gmacs_total"
            , "imagenet1k"
            , "imagenet_robustness"
            ]
        ]
      }

let table1 =
      schema.Table::{
      , name = "table1"
      , title = "Table 1: zero-shot classification and image retrieval of the largest models"
      , from = ofZeroShot
      , steps =
        [ steps.keep "target" [ "imagenet1k", "vtab+", "mscoco_captions" ]
        , steps.keep "model" [ "L/14", "H/14" ]
        , steps.keep "data" [ "LAION-2B", "CLIP-WIT" ]
        , steps.derive
            "upstream"
            ( schema.Derivation.Joined
                [ schema.TextPart.Column "data", schema.TextPart.Text " ", schema.TextPart.Column "samples" ]
            )
        , steps.keep "upstream" [ "LAION-2B 34B", "CLIP-WIT 13B" ]
        , inOrder
        , Step.Pivot
            { keys = [ "data", "architecture" ]
            , column = "target"
            , value = "value"
            , texts = [ "imagenet1k", "vtab+", "mscoco_captions" ]
            }
        , Step.Sort
            [ steps.by "data" (schema.SortOrder.Listed [ "CLIP-WIT", "LAION-2B" ])
            , steps.by "architecture" schema.SortOrder.TextDescending
            ]
        , Step.Select
            [ steps.same "data"
            , steps.same "architecture"
            , steps.named "ImageNet" "imagenet1k"
            , steps.named "VTAB+" "vtab+"
            , steps.named "COCO" "mscoco_captions"
            ]
        ]
      , claims = claims.table1
      , printed = steps.map Text schema.PrintedColumn.Type (steps.percent 1) [ "ImageNet", "VTAB+", "COCO" ]
      }

-- One measure of one target: a row for each model and data set, a column for each number of samples seen.
let grid =
      λ(name : Text) →
      λ(title : Text) →
      λ(dataset : Text) →
      λ(measure : Text) →
        schema.Table::{
        , name
        , title
        , from = ofZeroShot
        , steps =
          [ steps.keep "target" [ dataset ]
          , inOrder
          , Step.Pivot
              { keys = [ "model", "data" ], column = "samples", value = measure, texts = [ "3B", "13B", "34B" ] }
          ]
        , printed = steps.map Text schema.PrintedColumn.Type (steps.percent 2) [ "3B", "13B", "34B" ]
        }

let datasetOf = λ(t : targets.Target) → t.dataset

-- Several targets: a row for each model, a column for each target.
let perModel =
      λ(name : Text) →
      λ(title : Text) →
      λ(stated : List schema.Claim.Type) →
      λ(shownTargets : List targets.Target) →
        let names = steps.map targets.Target Text datasetOf shownTargets

        in  schema.Table::{
            , name
            , title
            , from = ofZeroShot
            , steps =
              [ steps.keep "target" names
              , inOrder
              , Step.Pivot
                  { keys = [ "architecture", "data", "samples" ], column = "target", value = "value", texts = names }
              ]
            , claims = stated
            , printed = steps.map Text schema.PrintedColumn.Type (steps.percent 2) names
            }

let meanOf =
      λ(dataset : Text) →
      λ(title : Text) →
        { key = dataset, dataset, title, measure = "top-1 accuracy" }

let robustness =
      perModel
        "table-robustness"
        "Zero-shot top-1 accuracy under distribution shift"
        claims.imagenet
        ([ targets.imagenet ] # targets.robustness # [ meanOf "imagenet_robustness" "mean of 5" ])

let vtabPlus =
      perModel
        "table-vtab-plus"
        "Zero-shot results on VTAB+: mean over 35 data sets, and each"
        ([] : List schema.Claim.Type)
        (   [ meanOf "vtab+" "VTAB+", meanOf "vtab" "VTAB", targets.imagenet ]
          # targets.robustness
          # targets.vtab
          # targets.others
        )

let retrieval =
      λ(name : Text) →
      λ(title : Text) →
      λ(dataset : Text) →
        schema.Table::{
        , name
        , title
        , from = ofZeroShot
        , steps =
          [ steps.keep "target" [ dataset ]
          , inOrder
          , Step.Select
              [ steps.same "model"
              , steps.same "data"
              , steps.same "samples"
              , steps.named "image recall@5" "image_retrieval_recall@5"
              , steps.named "text recall@5" "text_retrieval_recall@5"
              ]
          ]
        , printed =
            steps.map
              Text
              schema.PrintedColumn.Type
              (steps.percent 2)
              [ "image recall@5", "text recall@5" ]
        }

-- The best of nine runs of a linear probe (three learning rates, three numbers of epochs), judged, as the authors judge
-- it, by the test set.
let linearProbe =
      schema.Table::{
      , name = "linear-probe"
      , title = "Linear probe: the best of nine runs for every model, data set and number of shots"
      , from =
          schema.TableSource.JsonRecords
            schema.PublishedTable::{
            , file = sources.linearProbe
            , columns =
              [ "model"
              , "pretrained"
              , "upstream_dataset"
              , "samples_seen_pretty"
              , "gmacs_total"
              , "dataset"
              , "fewshot_k"
              , "lr"
              , "epochs"
              , "lp_acc1"
              ]
            }
      , steps =
        [ steps.keep "dataset" [ "imagenet1k-unverified", "cifar100" ]
        , Step.Aggregate
            { by = [ "model", "pretrained", "upstream_dataset", "samples_seen_pretty", "gmacs_total", "dataset", "fewshot_k" ]
            , columns =
              [ steps.maximum "lp_acc1", steps.atMaximum "lp_acc1" "lr", steps.atMaximum "lp_acc1" "epochs" ]
            }
        , steps.choice "shots" "fewshot_k" [ steps.case "-1" "full", steps.case "10" "10-shot", steps.case "25" "25-shot" ] (None Text)
        ]
      }

let probeOrder =
      Step.Sort
        [ steps.by
            "architecture"
            (schema.SortOrder.Listed [ "ViT-B-32", "ViT-B-16", "ViT-B-16-plus-240", "ViT-L-14", "ViT-H-14", "ViT-g-14" ])
        , steps.by "data" dataOrder
        , steps.by "samples" samplesOrder
        ]

-- One of several models of one architecture, data set and scale: the better one.
let probePoints =
      λ(name : Text) →
      λ(title : Text) →
      λ(from : schema.TableSource) →
      λ(task : List Step) →
        schema.Table::{
        , name
        , title
        , from
        , steps =
              task
            # [ Step.Aggregate
                  { by = [ "samples_seen_pretty", "model", "upstream_dataset", "task" ]
                  , columns =
                    [ steps.maximum "lp_acc1"
                    , steps.atMaximum "lp_acc1" "gmacs_total"
                    , steps.atMaximum "lp_acc1" "pretrained"
                    ]
                  }
              , Step.Select
                  [ steps.named "architecture" "model"
                  , steps.named "data" "upstream_dataset"
                  , steps.named "samples" "samples_seen_pretty"
                  , steps.same "pretrained"
                  , steps.same "task"
                  , steps.same "gmacs_total"
                  , steps.named "value" "lp_acc1"
                  ]
              , probeOrder
              ]
        }

let fig2Points =
      probePoints
        "fig2-points"
        "Linear probe on ImageNet and CIFAR-100"
        (schema.TableSource.Table "linear-probe")
        [ steps.choice
            "set"
            "dataset"
            [ steps.case "imagenet1k-unverified" "ImageNet", steps.case "cifar100" "CIFAR-100" ]
            (None Text)
        , steps.derive
            "task"
            ( schema.Derivation.Joined
                [ schema.TextPart.Column "set", schema.TextPart.Text " ", schema.TextPart.Column "shots" ]
            )
        ]

let fig3Points =
      probePoints
        "fig3-points"
        "Linear probe on VTAB, mean of 19"
        ( schema.TableSource.JsonRecords
            schema.PublishedTable::{
            , file = sources.linearProbeVtab
            , columns =
              [ "model", "pretrained", "upstream_dataset", "samples_seen_pretty", "gmacs_total", "dataset", "lp_acc1" ]
            }
        )
        [ steps.choice "task" "dataset" [ steps.case "vtab" "VTAB" ] (None Text) ]

let probeTasks =
      [ "ImageNet 10-shot"
      , "ImageNet 25-shot"
      , "ImageNet full"
      , "CIFAR-100 10-shot"
      , "CIFAR-100 25-shot"
      , "CIFAR-100 full"
      , "VTAB"
      ]

let tableLinearProbe =
      schema.Table::{
      , name = "table-linear-probe"
      , title = "Linear probe accuracy"
      , from = schema.TableSource.Table "fig2-points"
      , steps =
        [ Step.Union "fig3-points"
        , probeOrder
        , Step.Pivot
            { keys = [ "architecture", "data", "samples" ], column = "task", value = "value", texts = probeTasks }
        ]
      , printed = steps.map Text schema.PrintedColumn.Type (steps.percent 2) probeTasks
      }

let trained =
      schema.Table::{
      , name = "trained-models"
      , title = "The trainings, with what follows from their hyper-parameters"
      , from =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.trainedModels
            , columns =
              [ "name"
              , "arch"
              , "data"
              , "samples_seen_pretty"
              , "lr"
              , "warmup"
              , "epochs"
              , "samples_per_epoch"
              , "gpus"
              , "local_bs"
              , "samples_per_sec"
              ]
            }
      , steps =
        [ steps.choice "model" "arch" models (None Text)
        , steps.derive
            "upstream_dataset"
            ( schema.Derivation.Joined
                [ schema.TextPart.Text "LAION-", schema.TextPart.Column "data" ]
            )
        , steps.product "samples_seen" "epochs" "samples_per_epoch"
        , steps.product "batch_size" "gpus" "local_bs"
        , steps.quotient "steps_exact" "samples_seen" "batch_size"
        , steps.derive
            "steps"
            (schema.Derivation.Rounded { column = "steps_exact", rounding = schema.Rounding.Down })
        , steps.quotient "seconds" "samples_seen" "samples_per_sec"
        , steps.derive
            "hours"
            ( schema.Derivation.Quotient
                { numerator = steps.column "seconds", denominator = steps.number 3600.0 }
            )
        , steps.product "gpu_hours" "hours" "gpus"
        , Step.Join
            { table = "architectures"
            , on = [ schema.JoinKey::{ left = "arch", right = "model" } ]
            , take = [ steps.same "gmacs" ]
            , unmatched = schema.Unmatched.Refused
            }
        , steps.product "gmacs_total" "gmacs" "samples_seen"
        , Step.Select
            [ steps.same "name"
            , steps.same "model"
            , steps.named "data" "upstream_dataset"
            , steps.named "samples" "samples_seen_pretty"
            , steps.same "lr"
            , steps.same "warmup"
            , steps.same "epochs"
            , steps.same "samples_per_epoch"
            , steps.same "gpus"
            , steps.same "local_bs"
            , steps.same "samples_per_sec"
            , steps.same "samples_seen"
            , steps.same "batch_size"
            , steps.same "steps"
            , steps.same "hours"
            , steps.same "gpu_hours"
            , steps.same "gmacs"
            , steps.same "gmacs_total"
            ]
        , inOrder
        ]
      }

let tableHyperParameters =
      schema.Table::{
      , name = "table-hyper-parameters"
      , title = "Training hyper-parameters, with derived steps (whole batches only), time and GPU-hours"
      , from = schema.TableSource.Table "trained-models"
      , steps =
        [ steps.select
            [ "model", "data", "samples", "batch_size", "lr", "warmup", "gpus", "steps", "hours", "gpu_hours" ]
        ]
      , printed = [ steps.decimals 1 "hours", steps.decimals 0 "gpu_hours" ]
      }

let architectures =
      schema.Table::{
      , name = "architectures"
      , title = "The authors' table of architectures: GMACs, activations and parameters in 10⁶"
      , from =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.architectures
            , columns =
              [ "model"
              , "image_size"
              , "image_width"
              , "text_width"
              , "embed_dim"
              , "gmacs"
              , "macts"
              , "mparams"
              , "image_gmacs"
              , "image_macts"
              , "image_mparams"
              , "text_gmacs"
              , "text_macts"
              , "text_mparams"
              ]
            }
      }

-- What is counted from the configurations (architectures.dhall), beside what the authors counted.
let costs =
      let beside =
            λ(of : Text) →
              [ steps.derive
                  "${of}gmacs"
                  ( schema.Derivation.Quotient
                      { numerator = steps.column "${of}macs", denominator = steps.number 1.0e9 }
                  )
              , steps.derive
                  "${of}difference"
                  ( schema.Derivation.Difference
                      { minuend = steps.column "${of}gmacs", subtrahend = steps.column "${of}published" }
                  )
              , steps.derive "${of}off by" (schema.Derivation.Absolute "${of}difference")
              ]

      in  schema.Table::{
          , name = "table-architecture-costs"
          , title = "GMACs of a pair, an image, a text: counted from the configuration, and as published"
          , from = schema.TableSource.Architectures
          , steps =
                [ Step.Join
                    { table = "architectures"
                    , on = [ schema.JoinKey::{ left = "model", right = "model" } ]
                    , take =
                      [ steps.named "published" "gmacs"
                      , steps.named "image_published" "image_gmacs"
                      , steps.named "text_published" "text_gmacs"
                      ]
                    , unmatched = schema.Unmatched.Refused
                    }
                ]
              # beside ""
              # beside "image_"
              # beside "text_"
              # [ steps.select
                    [ "model"
                    , "parameters"
                    , "gmacs"
                    , "published"
                    , "off by"
                    , "image_gmacs"
                    , "image_published"
                    , "image_off by"
                    , "text_gmacs"
                    , "text_published"
                    , "text_off by"
                    ]
                ]
          , printed =
                steps.map Text schema.PrintedColumn.Type (steps.decimals 2) [ "gmacs", "image_gmacs", "text_gmacs" ]
              # steps.map Text schema.PrintedColumn.Type (steps.decimals 4) [ "off by", "image_off by", "text_off by" ]
          , claims = claims.costs
          }

let tableArchitectures =
      schema.Table::{
      , name = "table-architectures"
      , title = "Architectures of the trained models"
      , from = schema.TableSource.Table "architectures"
      , steps =
        [ steps.keep "model" [ "ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-H-14", "ViT-g-14" ]
        , steps.choice "name" "model" models (None Text)
        , Step.Select
            [ steps.named "model" "name"
            , steps.same "image_width"
            , steps.same "text_width"
            , steps.same "embed_dim"
            , steps.named "mparams" "mparams"
            , steps.named "gmacs" "gmacs"
            ]
        , Step.Sort [ steps.by "model" modelOrder ]
        ]
      , printed = [ steps.decimals 2 "mparams", steps.decimals 2 "gmacs" ]
      }

-- Accuracy on ImageNet after every epoch; x is what had been seen by then.
let curvePoints =
      schema.Table::{
      , name = "learning-curve-points"
      , title = "ImageNet zero-shot accuracy in the course of training"
      , from =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.learningCurves
            , columns = [ "name", "epoch", "imagenet-zeroshot-val-top1", "imagenet-zeroshot-val-top5" ]
            }
      , steps =
        [ Step.Join
            { table = "trained-models"
            , on = [ schema.JoinKey::{ left = "name", right = "name" } ]
            , take =
              [ steps.same "model"
              , steps.same "data"
              , steps.same "samples"
              , steps.same "samples_per_epoch"
              , steps.same "batch_size"
              , steps.same "gmacs"
              ]
            , unmatched = schema.Unmatched.Refused
            }
        , steps.product "samples_seen" "epoch" "samples_per_epoch"
        , steps.quotient "steps" "samples_seen" "batch_size"
        , steps.product "gmacs_total" "gmacs" "samples_seen"
        , Step.Select
            [ steps.same "name"
            , steps.same "model"
            , steps.same "data"
            , steps.same "samples"
            , steps.same "epoch"
            , steps.same "samples_seen"
            , steps.same "steps"
            , steps.same "gmacs_total"
            , steps.named "top1" "imagenet-zeroshot-val-top1"
            , steps.named "top5" "imagenet-zeroshot-val-top5"
            ]
        , Step.Sort
            [ steps.by "model" modelOrder
            , steps.by "data" dataOrder
            , steps.by "samples" samplesOrder
            , steps.by "epoch" schema.SortOrder.NumberAscending
            ]
        ]
      }

-- Fig. 8: the lines of Fig. 1 left at nominal scales, beside the best model trained at each.
let nominal =
      schema.Table::{
      , name = "nominal-scales"
      , title = "Nominal numbers of samples seen, and the GMACs of the architectures of Fig. 8"
      , from = schema.TableSource.Inline printed.nominal
      , steps =
        [ Step.Join
            { table = "architectures"
            , on = [ schema.JoinKey::{ left = "architecture", right = "model" } ]
            , take = [ steps.same "gmacs" ]
            , unmatched = schema.Unmatched.Refused
            }
        , steps.product "gmacs_total" "gmacs" "samples_seen"
        ]
      }

let fig8Columns =
      steps.select
        [ "name", "kind", "architecture", "data", "samples", "samples_seen", "gmacs_total", "value" ]

let ours = steps.keep "data" [ "LAION-80M", "LAION-400M", "LAION-2B" ]

let bestAtScale =
      λ(name : Text) →
      λ(title : Text) →
      λ(dataset : Text) →
        schema.Table::{
        , name
        , title
        , from = ofZeroShot
        , steps =
          [ steps.keep "target" [ dataset ]
          , ours
          , Step.Aggregate
              { by = [ "architecture", "samples" ]
              , columns =
                [ steps.maximum "value", steps.atMaximum "value" "data", steps.atMaximum "value" "name" ]
              }
          , Step.Join
              { table = "nominal-scales"
              , on =
                [ schema.JoinKey::{ left = "architecture", right = "architecture" }
                , schema.JoinKey::{ left = "samples", right = "samples" }
                ]
              , take = [ steps.same "samples_seen", steps.same "gmacs_total" ]
              , unmatched = schema.Unmatched.Refused
              }
          , steps.derive "kind" (schema.Derivation.Text "best")
          , fig8Columns
          ]
        }

let fig8Points =
      λ(figure : Text) →
      λ(dataset : Text) →
        schema.Table::{
        , name = "${figure}-points"
        , title = "Trained models, and the best of them at each nominal scale"
        , from = ofZeroShot
        , steps =
          [ steps.keep "target" [ dataset ]
          , ours
          , inOrder
          , steps.derive "kind" (schema.Derivation.Text "trained")
          , fig8Columns
          , Step.Union "${figure}-best"
          ]
        }

-- The line of a figure by which models are extrapolated.
let lineOf =
      λ(figure : Text) →
        schema.Table::{
        , name = "${figure}-line"
        , title = "The fitted line of ${figure}"
        , from = schema.TableSource.Fits [ figure ]
        , steps =
          [ steps.keep "series" [ "OpenCLIP" ]
          , steps.keep "method" [ "binned_minimum" ]
          , steps.derive "key" (schema.Derivation.Text "OpenCLIP")
          ]
        }

-- What that line predicts at every nominal scale, and how far the best model there is from it.
let extrapolation =
      λ(figure : Text) →
      λ(title : Text) →
        schema.Table::{
        , name = "table-${figure}"
        , title
        , from = schema.TableSource.Table "nominal-scales"
        , steps =
          [ steps.derive "key" (schema.Derivation.Text "OpenCLIP")
          , Step.Join
              { table = "${figure}-line"
              , on = [ schema.JoinKey::{ left = "key", right = "key" } ]
              , take = [ steps.same "exponent", steps.same "log10_coefficient" ]
              , unmatched = schema.Unmatched.Refused
              }
          , Step.Join
              { table = "${figure}-best"
              , on =
                [ schema.JoinKey::{ left = "architecture", right = "architecture" }
                , schema.JoinKey::{ left = "samples", right = "samples" }
                ]
              , take = [ steps.named "measured" "value" ]
              , unmatched = schema.Unmatched.Empty
              }
          , steps.derive "log10_x" (schema.Derivation.Log10 "gmacs_total")
          , steps.product "slope" "exponent" "log10_x"
          , steps.derive
              "log10_error"
              (schema.Derivation.Sum [ steps.column "log10_coefficient", steps.column "slope" ])
          , steps.derive "error" (schema.Derivation.Power10 "log10_error")
          , steps.oneMinus "predicted" "error"
          , steps.derive
              "difference"
              ( schema.Derivation.Difference
                  { minuend = steps.column "measured", subtrahend = steps.column "predicted" }
              )
          , steps.derive "off by" (schema.Derivation.Absolute "difference")
          , steps.select [ "architecture", "samples", "samples_seen", "gmacs_total", "predicted", "measured", "off by" ]
          ]
        , printed =
              [ steps.decimals 0 "gmacs_total" ]
            # steps.map Text schema.PrintedColumn.Type (steps.percent 2) [ "predicted", "measured", "off by" ]
        }

let gain =
      schema.Table::{
      , name = "fig8b-gain"
      , title = "What twice the samples would bring H/14 on MS-COCO: predicted at 68B less measured at 34B"
      , from = schema.TableSource.Table "table-fig8b"
      , steps =
        [ steps.keep "architecture" [ "ViT-H-14" ]
        , steps.keep "samples" [ "68B" ]
        , Step.Join
            { table = "fig8b-best"
            , on = [ schema.JoinKey::{ left = "architecture", right = "architecture" } ]
            , take = [ steps.named "measured at 34B" "value" ]
            , unmatched = schema.Unmatched.Refused
            }
        , steps.derive
            "gain"
            ( schema.Derivation.Difference
                { minuend = steps.column "predicted", subtrahend = steps.column "measured at 34B" }
            )
        , steps.select [ "architecture", "predicted", "measured at 34B", "gain" ]
        ]
      , printed =
          steps.map Text schema.PrintedColumn.Type (steps.percent 2) [ "predicted", "measured at 34B", "gain" ]
      , claims = claims.gain
      }

-- Differences of ImageNet top-1 between trainings, as shares. The paper states them; what would show them is not public.
let controls =
      schema.Table::{
      , name = "controls"
      , title = "What the paper's controls found, empty where no public table tells"
      , from =
          schema.TableSource.Inline
            { columns = [ "control", "difference" ], rows = [ [ "trial", "" ], [ "batch", "" ], [ "resampling", "" ] ] }
      , claims = claims.controls
      }

let exponents =
      schema.Table::{
      , name = "exponents"
      , title = "The fitted lines of all 41 targets"
      , from =
          schema.TableSource.Fits
            ( steps.map
                targets.Target
                Text
                (λ(t : targets.Target) → "zero-shot-${t.key}")
                targets.all
            )
      , steps =
        [ steps.select
            [ "panel", "series", "method", "exponent", "coefficient", "r_squared", "points", "interval_low", "interval_high" ]
        ]
      , printed =
          steps.map
            Text
            schema.PrintedColumn.Type
            (steps.decimals 3)
            [ "exponent", "coefficient", "r_squared", "interval_low", "interval_high" ]
      }

in  { pointTables = targetPoints
    , tables =
          [ zeroShot
          , compute
          , points "fig1a-points" "Zero-shot accuracy on ImageNet and its shifts" [ "imagenet1k", "imagenet_robustness" ]
          , points "fig1b-points" "Zero-shot image retrieval recall@5" [ "mscoco_captions", "flickr30k" ]
          , imagenetPrinted
          , linearProbe
          , fig2Points
          , fig3Points
          , architectures
          , trained
          , curvePoints
          , nominal
          , bestAtScale "fig8a-best" "The best model at each nominal scale: ImageNet" "imagenet1k"
          , bestAtScale "fig8b-best" "The best model at each nominal scale: MS-COCO" "mscoco_captions"
          , fig8Points "fig8a" "imagenet1k"
          , fig8Points "fig8b" "mscoco_captions"
          , lineOf "fig8a"
          , lineOf "fig8b"
          , table1
          , grid "table-imagenet" "ImageNet zero-shot top-1 accuracy" "imagenet1k" "value"
          , robustness
          , grid "table-mscoco-image" "MS-COCO zero-shot image retrieval recall@5" "mscoco_captions" "image_retrieval_recall@5"
          , grid "table-mscoco-text" "MS-COCO zero-shot text retrieval recall@5" "mscoco_captions" "text_retrieval_recall@5"
          , grid "table-flickr30k-image" "Flickr30K zero-shot image retrieval recall@5" "flickr30k" "image_retrieval_recall@5"
          , grid "table-flickr30k-text" "Flickr30K zero-shot text retrieval recall@5" "flickr30k" "text_retrieval_recall@5"
          , vtabPlus
          , tableLinearProbe
          , tableHyperParameters
          , costs
          , tableArchitectures
          , extrapolation "fig8a" "ImageNet top-1 accuracy at nominal scales: the line of Fig. 1 and the best models"
          , extrapolation "fig8b" "MS-COCO image recall@5 at nominal scales: the line of Fig. 1 and the best models"
          , gain
          , controls
          , exponents
          ]
        # targetPoints
    }
