--| The authors' files as the checks look at them: every column and row, and what follows from them.
let schema = ../schema/v1/package.dhall

let sources = ./sources.dhall

let steps = ./steps.dhall

let Step = schema.Step

let Derivation = schema.Derivation

let Aggregation = schema.Aggregation

let file =
      { results =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.zeroShotResults
            , columns =
              [ "arch"
              , "samples_seen"
              , "gmacs_total"
              , "gmacs"
              , "upstream_dataset"
              , "downstream_dataset"
              , "acc1"
              , "acc5"
              , "mean_per_class_recall"
              , "image_retrieval_recall@5"
              , "text_retrieval_recall@5"
              , "mean_average_precision"
              , "task"
              , "samples_seen_pretty"
              , "name"
              ]
            }
      , benchmark =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.benchmarkResults
            , columns =
              [ "model_fullname"
              , "arch"
              , "samples_seen"
              , "gmacs_total"
              , "gmacs"
              , "upstream_dataset"
              , "downstream_dataset"
              , "acc1"
              , "acc5"
              , "mean_per_class_recall"
              , "image_retrieval_recall@5"
              , "text_retrieval_recall@5"
              , "task"
              , "samples_seen_pretty"
              ]
            }
      , training =
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
              , "gpus"
              , "samples_per_sec"
              , "samples_per_epoch"
              , "local_bs"
              , "detailed_training_info"
              , "url"
              ]
            }
      , arch =
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
      , curves =
          schema.TableSource.Csv
            schema.PublishedTable::{
            , file = sources.learningCurves
            , columns =
              [ "imagenet-zeroshot-val-top1"
              , "imagenet-zeroshot-val-top5"
              , "name"
              , "epoch"
              ]
            }
      , probes =
          schema.TableSource.JsonRecords
            schema.PublishedTable::{
            , file = sources.linearProbe
            , columns =
              [ "k"
              , "lr"
              , "bs"
              , "epochs"
              , "model"
              , "pretrained"
              , "pretrained_short"
              , "pretrained_clean"
              , "dataset"
              , "macts"
              , "gmacs_total"
              , "samples_seen"
              , "samples_seen_pretty"
              , "model_short"
              , "upstream_dataset"
              , "lp_acc1"
              , "lp_acc5"
              , "lp_mean_per_class_recall"
              , "seed"
              , "fewshot_k"
              ]
            }
      , probesVtab =
          schema.TableSource.JsonRecords
            schema.PublishedTable::{
            , file = sources.linearProbeVtab
            , columns =
              [ "dataset"
              , "lp_acc1"
              , "fewshot_k"
              , "model"
              , "pretrained"
              , "upstream_dataset"
              , "gmacs_total"
              , "samples_seen_pretty"
              ]
            }
      }

let joined =
      λ(name : Text) →
      λ(a : Text) →
      λ(b : Text) →
        steps.derive
          name
          (Derivation.Joined [ schema.TextPart.Column a, schema.TextPart.Text " ", schema.TextPart.Column b ])

let between =
      λ(name : Text) →
      λ(column : Text) →
      λ(after : Text) →
      λ(before : Text) →
        steps.derive name (Derivation.Between { column, after, before })

let aggregated =
      λ(name : Text) → λ(column : Text) → λ(how : Aggregation) → schema.Aggregated::{ name, column, how }

let join =
      λ(table : Text) →
      λ(left : Text) →
      λ(right : Text) →
      λ(take : List schema.Selected.Type) →
        Step.Join
          { table, on = [ schema.JoinKey::{ left, right } ], take, unmatched = schema.Unmatched.Refused }

let table =
      λ(name : Text) →
      λ(title : Text) →
      λ(from : schema.TableSource) →
      λ(steps : List Step) →
        schema.Table::{ name, title, from, steps }

let named = schema.TableSource.Table

let none = [] : List Step

-- The checkpoints that both copies of the results have, by the names of the first.
let renamed =
      [ steps.case "ViT-B-16 laion400m_e32" "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt"
      , steps.case "ViT-B-32 laion2b_s34b_b79k" "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt"
      , steps.case "ViT-L-14 laion2b_s32b_b82k" "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt"
      , steps.case "ViT-H-14 laion2b_s32b_b79k" "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt"
      , steps.case "ViT-g-14 laion2b_s12b_b42k" "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt"
      ]

in  [ table "file-results" "zeroshot_results.csv" file.results [ joined "model" "arch" "name" ]
    , table
        "file-benchmark"
        "openclip_results.csv"
        file.benchmark
        [ between "model" "model_fullname" "" " "
        , between "tag" "model_fullname" " " ""
        , steps.choice "renamed" "model_fullname" renamed (Some "")
        , steps.derive "name" (Derivation.FirstNonEmpty [ "renamed", "tag" ])
        ]
    , table
        "file-training"
        "trained_models_info.csv"
        file.training
        [ steps.product "samples" "epochs" "samples_per_epoch"
        , steps.product "batch" "gpus" "local_bs"
        , steps.quotient "each" "samples_per_sec" "gpus"
        , between "linked" "url" "/main/" ""
        ]
    , table "file-arch-info" "arch_info.csv" file.arch none
    , table "file-curves" "imagenet_zeroshot_learning_curves.csv" file.curves none
    , table
        "file-probes"
        "scaling_experiment_data2.json"
        file.probes
        [ steps.quotient "gmacs" "gmacs_total" "samples_seen" ]
    , table "file-probes-vtab" "scaling_experiment_data_vtab.json" file.probesVtab none
    , table
        "training-speed"
        "What a GPU did in each training: samples and TFLOP a second, at 6 FLOP a multiply–accumulate"
        (named "file-training")
        [ join "file-arch-info" "arch" "model" [ steps.same "gmacs" ]
        , steps.derive
            "tflops"
            (Derivation.Product [ steps.column "each", steps.column "gmacs", steps.number 6.0e-3 ])
        ]
    , table
        "printed-gains"
        "Extrapolations that the text states beside a gain: MS-COCO image recall@5, %"
        ( schema.TableSource.Inline
            { columns = [ "model", "predicted", "measured", "gain" ], rows = [ [ "H/14", "75.10", "73.4", "1.60" ] ] }
        )
        none
    , table
        "probes-settings"
        "Linear probes by task and setting"
        (named "file-probes")
        [ joined "task" "dataset" "fewshot_k", joined "run" "model" "pretrained" ]
    , table
        "probed-sets"
        "Probed data sets"
        (named "file-probes")
        [ Step.Aggregate { by = [ "dataset" ], columns = [ aggregated "runs" "lr" Aggregation.Count ] } ]
    , table
        "result-sets"
        "Targets of the zero-shot results"
        (named "file-results")
        [ Step.Aggregate
            { by = [ "downstream_dataset" ], columns = [ aggregated "models" "name" Aggregation.Count ] }
        ]
    , table
        "probes-best"
        "The best linear probe of each task and model"
        (named "file-probes")
        [ Step.Aggregate
            { by = [ "dataset", "fewshot_k", "model", "pretrained" ]
            , columns =
              [ aggregated "best" "lp_acc1" Aggregation.Maximum
              , aggregated "lr" "lr" (Aggregation.AtMaximum "lp_acc1")
              ]
            }
        , steps.choice "shots" "fewshot_k" [ steps.case "-1" "1000000" ] (None Text)
        ]
    , table
        "probes-rates"
        "Learning rates of the best linear probes"
        (named "probes-best")
        [ Step.Aggregate { by = [ "lr" ], columns = [ aggregated "runs" "best" Aggregation.Count ] } ]
    , table
        "probes-vtab-mean"
        "Means of the best full linear probes of the probed VTAB folder"
        (named "probes-best")
        [ steps.keep "fewshot_k" [ "-1" ]
        , steps.drop "dataset" [ "imagenet1k-unverified", "cifar100" ]
        , Step.Aggregate { by = [ "model", "pretrained" ], columns = [ aggregated "mean" "best" Aggregation.Mean ] }
        ]
    ]
