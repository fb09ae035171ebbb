--| What a careful reader would check in the authors' tables, and what of it is understood. Nothing here is the program's:
--| rules are the schema's, names and numbers are this file's.
--|
--| Test-set sizes are facts of the data sets; the other numbers that a rule needs stand in the tables themselves or in the
--| paper. Where a finding is recorded as known, its reason says what it most likely comes from, and "unexplained" where
--| the public files do not tell.
let schema = ../schema/v1/package.dhall

let map =
      λ(a : Type) →
      λ(b : Type) →
      λ(f : a → b) →
      λ(list : List a) →
        List/fold a list (List b) (λ(x : a) → λ(rest : List b) → [ f x ] # rest) ([] : List b)

let known = ./known.dhall

let Rule = schema.Rule

let Severity = schema.Severity

let within = schema.Tolerance.Absolute

let exact = within 0.0

let relative = schema.Tolerance.Relative

let rounding = relative 1.0e-12

let rows = λ(table : Text) → λ(key : List Text) → schema.Rows::{ table, key }

let keep = λ(column : Text) → λ(oneOf : List Text) → schema.Keep::{ column, oneOf }

let cells =
      λ(table : Text) →
      λ(key : List Text) →
      λ(column : Text) →
        schema.Cells::{ rows = rows table key, column }

let some = λ(cells : schema.Cells.Type) → cells ⫽ { everyRow = False }

let case = λ(text : Text) → λ(label : Text) → schema.LabelCase::{ text, label }

let samplesOf = λ(text : Text) → λ(samples : Natural) → schema.CountOf::{ text, samples }

let axis = λ(column : Text) → schema.GridAxis::{ column }

let -- The rows of the results that name a model, its data set and one target.
    resultKey =
      [ "arch", "name", "downstream_dataset" ]

let ofModels =
      rows "file-results" [ "arch", "name" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ] ] }

let benchmarkKey = [ "model_fullname", "downstream_dataset" ]

let ofBenchmarked =
      rows "file-benchmark" [ "model_fullname" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ] ] }

let -- One linear probe of each model: the settings that all of them have.
    one =
      [ keep "dataset" [ "cifar100" ], keep "fewshot_k" [ "-1" ], keep "lr" [ "0.1" ], keep "epochs" [ "10" ] ]

let ofProbedModels = rows "file-probes" [ "model", "pretrained" ] ⫽ { keep = one }

let ofProbed = λ(key : Text) → rows "file-probes" [ key ] ⫽ { keep = one }

let probeKey = [ "dataset", "fewshot_k", "model", "pretrained", "lr", "epochs" ]

let robustness = [ "imagenetv2", "imagenet-r", "imagenet_sketch", "objectnet", "imagenet-a" ]

let -- VTAB without the one of its members that the tables store under another folder.
    vtabFolder =
      [ "vtab/caltech101"
      , "vtab/cifar100"
      , "vtab/clevr_closest_object_distance"
      , "vtab/clevr_count_all"
      , "vtab/diabetic_retinopathy"
      , "vtab/dmlab"
      , "vtab/dsprites_label_orientation"
      , "vtab/dsprites_label_x_position"
      , "vtab/dtd"
      , "vtab/eurosat"
      , "vtab/flowers"
      , "vtab/kitti_closest_vehicle_distance"
      , "vtab/pcam"
      , "vtab/pets"
      , "vtab/resisc45"
      , "vtab/smallnorb_label_azimuth"
      , "vtab/smallnorb_label_elevation"
      , "vtab/svhn"
      ]

let vtab = vtabFolder # [ "sun397" ]

let vtabPlus =
        vtab
      # [ "vtab/cifar10"
        , "imagenet1k"
        , "imagenetv2"
        , "imagenet-a"
        , "imagenet-r"
        , "imagenet_sketch"
        , "objectnet"
        , "fer2013"
        , "voc2007"
        , "cars"
        , "fgvc_aircraft"
        , "mnist"
        , "stl10"
        , "gtsrb"
        , "country211"
        , "renderedsst2"
        ]

let testSets =
      [ samplesOf "imagenet1k" 50000
      , samplesOf "imagenetv2" 10000
      , samplesOf "imagenet-a" 7500
      , samplesOf "imagenet-r" 30000
      , samplesOf "imagenet_sketch" 50889
      , samplesOf "objectnet" 18574
      , samplesOf "fer2013" 7178
      , samplesOf "voc2007" 14976
      , samplesOf "sun397" 108754
      , samplesOf "cars" 8041
      , samplesOf "fgvc_aircraft" 3333
      , samplesOf "mnist" 10000
      , samplesOf "stl10" 8000
      , samplesOf "gtsrb" 12630
      , samplesOf "country211" 21100
      , samplesOf "renderedsst2" 1821
      , samplesOf "vtab/caltech101" 6085
      , samplesOf "vtab/cifar10" 10000
      , samplesOf "vtab/cifar100" 10000
      , samplesOf "vtab/clevr_count_all" 15000
      , samplesOf "vtab/clevr_closest_object_distance" 15000
      , samplesOf "vtab/diabetic_retinopathy" 42670
      , samplesOf "vtab/dmlab" 22735
      , samplesOf "vtab/dsprites_label_orientation" 73728
      , samplesOf "vtab/dsprites_label_x_position" 73728
      , samplesOf "vtab/dtd" 1880
      , samplesOf "vtab/eurosat" 5400
      , samplesOf "vtab/kitti_closest_vehicle_distance" 711
      , samplesOf "vtab/flowers" 6149
      , samplesOf "vtab/pets" 3669
      , samplesOf "vtab/pcam" 32768
      , samplesOf "vtab/resisc45" 6300
      , samplesOf "vtab/smallnorb_label_azimuth" 12150
      , samplesOf "vtab/smallnorb_label_elevation" 12150
      , samplesOf "vtab/svhn" 26032
      ]

let probeTestSets =
      [ samplesOf "imagenet1k-unverified" 50000
      , samplesOf "cifar100" 10000
      , samplesOf "vtab_svhn" 26032
      , samplesOf "vtab/caltech101" 6084
      , samplesOf "vtab/cifar10" 10000
      , samplesOf "vtab/cifar100" 10000
      , samplesOf "vtab/clevr_count_all" 15000
      , samplesOf "vtab/clevr_closest_object_distance" 15000
      , samplesOf "vtab/diabetic_retinopathy" 42670
      , samplesOf "vtab/dmlab" 22735
      , samplesOf "vtab/dsprites_label_orientation" 73728
      , samplesOf "vtab/dsprites_label_x_position" 73728
      , samplesOf "vtab/dtd" 1880
      , samplesOf "vtab/eurosat" 5400
      , samplesOf "vtab/kitti_closest_vehicle_distance" 711
      , samplesOf "vtab/flowers" 6149
      , samplesOf "vtab/pets" 3669
      , samplesOf "vtab/pcam" 32768
      , samplesOf "vtab/resisc45" 6300
      , samplesOf "vtab/smallnorb_label_azimuth" 12150
      , samplesOf "vtab/smallnorb_label_elevation" 12150
      ]

let -- The probed sets whose few-shot and full runs train on different images.
    repeatable =
      [ "imagenet1k-unverified"
      , "cifar100"
      , "vtab_svhn"
      , "vtab/caltech101"
      , "vtab/cifar10"
      , "vtab/cifar100"
      , "vtab/clevr_closest_object_distance"
      , "vtab/clevr_count_all"
      , "vtab/diabetic_retinopathy"
      , "vtab/dmlab"
      , "vtab/dsprites_label_orientation"
      , "vtab/dsprites_label_x_position"
      , "vtab/dtd"
      , "vtab/eurosat"
      , "vtab/kitti_closest_vehicle_distance"
      , "vtab/pcam"
      , "vtab/pets"
      , "vtab/resisc45"
      , "vtab/smallnorb_label_azimuth"
      , "vtab/smallnorb_label_elevation"
      ]

let imageQueries = [ samplesOf "mscoco_captions" 25010, samplesOf "flickr30k" 5000, samplesOf "flickr8k" 5000 ]

let textQueries = [ samplesOf "mscoco_captions" 5000, samplesOf "flickr30k" 1000, samplesOf "flickr8k" 1000 ]

let counts =
      λ(table : Text) →
      λ(key : List Text) →
      λ(rate : Text) →
      λ(column : Text) →
      λ(counts : List schema.CountOf.Type) →
      λ(slack : Double) →
        Rule.Counts
          { rows =
                rows table key
              ⫽ { keep = [ keep column (map schema.CountOf.Type Text (λ(c : schema.CountOf.Type) → c.text) counts) ]
                , present = [ rate ]
                }
          , rate
          , of = schema.SampleCount.ByText { column, counts }
          , slack
          }

let mean =
      λ(total : Text) →
      λ(members : List Text) →
      λ(column : Text) →
        Rule.Mean
          { rows = rows "file-results" [ "arch", "name" ], member = "downstream_dataset", total, members, column, tolerance = within 1.0e-12 }

let balanced =
      λ(table : Text) →
      λ(key : List Text) →
      λ(column : Text) →
      λ(sets : List Text) →
      λ(acc1 : Text) →
      λ(recall : Text) →
        Rule.Product
          { rows = rows table key ⫽ { keep = [ keep column sets ] }
          , column = recall
          , constant = 1.0
          , factors = [ acc1 ]
          , divisors = [] : List Text
          , tolerance = within 1.0e-9
          }

let sameAsPaper =
      λ(column : Text) →
        Rule.Equal
          { left = some (cells "file-benchmark" [ "name", "arch", "downstream_dataset" ] column)
          , right = some (cells "file-results" [ "name", "arch", "downstream_dataset" ] column)
          , tolerance = rounding
          }

let sameAsPaperOnce =
      λ(column : Text) →
        Rule.Equal
          { left = schema.Cells::{
            , rows =
                  rows "file-benchmark" [ "name", "arch" ]
                ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ] ] }
            , column
            , everyRow = False
            }
          , right = schema.Cells::{
            , rows = rows "file-results" [ "name", "arch" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ] ] }
            , column
            , everyRow = False
            }
          , tolerance = rounding
          }

let inName =
      λ(before : Text) →
      λ(after : Text) →
      λ(unit : Double) →
      λ(columns : List Text) →
      λ(tolerance : schema.Tolerance) →
        Rule.LabelNumber { rows = rows "file-training" [ "name" ], label = "name", before, after, unit, columns, tolerance }

let inLink =
      λ(before : Text) →
      λ(after : Text) →
      λ(unit : Double) →
      λ(columns : List Text) →
      λ(tolerance : schema.Tolerance) →
        Rule.LabelNumber
          { rows = rows "file-training" [ "name" ] ⫽ { present = [ "detailed_training_info" ] }
          , label = "detailed_training_info"
          , before
          , after
          , unit
          , columns
          , tolerance
          }

let archSum =
      λ(column : Text) →
        Rule.Sum
          { rows = rows "file-arch-info" [ "model" ]
          , column
          , terms = [ "image_${column}", "text_${column}" ]
          , tolerance = within 1.01e-2
          }

let ofTextTower =
      λ(column : Text) →
        Rule.Constant
          { rows = rows "file-arch-info" [ "model" ]
          , within = [ "text_width", "embed_dim" ]
          , column
          , tolerance = exact
          }

let rising =
      λ(dataset : Text) →
      λ(column : Text) →
        Rule.Monotonic
          { rows =
                rows "file-results" [ "arch", "upstream_dataset" ]
              ⫽ { keep =
                  [ keep "downstream_dataset" [ dataset ]
                  , keep "upstream_dataset" [ "LAION-80M", "LAION-400M", "LAION-2B" ]
                  ]
                }
          , order = "samples_seen"
          , column
          , direction = schema.Direction.Rising
          , slack = 1.0e-3
          }

let check =
      λ(severity : Severity) →
      λ(id : Text) →
      λ(text : Text) →
      λ(rule : Rule) →
        schema.Check::{ id, text, severity, rule }

let error = check Severity.Error

let warning = check Severity.Warning

let note = check Severity.Note

let recorded = λ(check : schema.Check.Type) → λ(known : List schema.Known.Type) → check ⫽ { known }

let share = λ(rows : schema.Rows.Type) → λ(column : Text) → Rule.Range { rows, column, least = Some 0.0, most = Some 1.0 }

let present = λ(columns : List Text) → λ(rows : schema.Rows.Type) → rows ⫽ { present = columns }

let keys =
      [ error "results-keys" "zeroshot_results.csv has one row a model and target" (Rule.UniqueKeys { rows = rows "file-results" resultKey })
      , error "benchmark-keys" "openclip_results.csv has one row a model and target" (Rule.UniqueKeys { rows = rows "file-benchmark" benchmarkKey })
      , error "training-keys" "trained_models_info.csv has one row a model" (Rule.UniqueKeys { rows = rows "file-training" [ "name" ] })
      , error "arch-keys" "arch_info.csv has one row an architecture" (Rule.UniqueKeys { rows = rows "file-arch-info" [ "model" ] })
      , error "curves-keys" "the learning curves have one row a model and epoch" (Rule.UniqueKeys { rows = rows "file-curves" [ "name", "epoch" ] })
      , error "probes-keys" "the linear probes have one row a setting" (Rule.UniqueKeys { rows = rows "file-probes" probeKey })
      ]

let grids =
      [ error "results-grid" "every model of zeroshot_results.csv has every target" (Rule.Grid { rows = rows "file-results" ([] : List Text), axes = [ axis "model", axis "downstream_dataset" ] })
      , error "benchmark-grid" "every model of openclip_results.csv has every target" (Rule.Grid { rows = rows "file-benchmark" ([] : List Text), axes = [ axis "model_fullname", axis "downstream_dataset" ] })
      , error "training-grid"
          "B/32, B/16 and L/14 were trained on three data sets for three numbers of samples (paper, section 3)"
          ( Rule.Grid
              { rows = rows "file-training" ([] : List Text)
              , axes =
                [ schema.GridAxis::{ column = "arch", texts = [ "ViT-B-32", "ViT-B-16", "ViT-L-14" ] }
                , axis "data"
                , axis "samples_seen_pretty"
                ]
              }
          )
      , error "probes-grid"
          "every linear probe was run for three learning rates and three numbers of epochs"
          ( Rule.Grid
              { rows = rows "probes-settings" ([] : List Text), axes = [ axis "task", axis "run", axis "lr", axis "epochs" ] }
          )
      , recorded
          ( warning "vtab-members"
              "Figure 3 averages VTAB: its 19 tasks are among the probed data sets (Zhai et al., arXiv:1910.04867)"
              ( Rule.Grid
                  { rows = rows "probed-sets" ([] : List Text)
                  , axes = [ schema.GridAxis::{ column = "dataset", texts = vtab } ]
                  }
              )
          )
          known.vtabMembers
      , recorded
          ( note "probed-names"
              "the probed data sets bear the names that the zero-shot results have"
              ( Rule.Equal
                  { left = cells "probed-sets" [ "dataset" ] "dataset"
                  , right = some (cells "result-sets" [ "downstream_dataset" ] "downstream_dataset")
                  , tolerance = exact
                  }
              )
          )
          known.probedNames
      , recorded
          ( note "curves-epochs"
              "the learning curves have every epoch from the first"
              (Rule.Sequence { rows = rows "file-curves" [ "name" ], column = "epoch", first = 1 })
          )
          known.curvesEpochs
      ]

let compute =
      [ error "results-compute"
          "gmacs_total is gmacs times samples_seen"
          ( Rule.Product
              { rows = rows "file-results" resultKey
              , column = "gmacs_total"
              , constant = 1.0
              , factors = [ "gmacs", "samples_seen" ]
              , divisors = [] : List Text
              , tolerance = rounding
              }
          )
      , error "benchmark-compute"
          "gmacs_total is gmacs times samples_seen, in the copy of CLIP_benchmark"
          ( Rule.Product
              { rows = rows "file-benchmark" benchmarkKey
              , column = "gmacs_total"
              , constant = 1.0
              , factors = [ "gmacs", "samples_seen" ]
              , divisors = [] : List Text
              , tolerance = rounding
              }
          )
      , error "results-gmacs"
          "gmacs of a result is that of its architecture in arch_info.csv"
          ( Rule.Equal
              { left = schema.Cells::{ rows = rows "file-results" [ "arch" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ] ] }, column = "gmacs" }
              , right = some (cells "file-arch-info" [ "model" ] "gmacs")
              , tolerance = rounding
              }
          )
      , error "results-constant"
          "a model has the same gmacs_total for every target"
          ( Rule.Constant
              { rows = rows "file-results" resultKey, within = [ "arch", "name" ], column = "gmacs_total", tolerance = rounding }
          )
      , recorded
          ( error "benchmark-gmacs"
              "gmacs in openclip_results.csv is that of the model it names in arch_info.csv"
              ( Rule.Equal
                  { left = schema.Cells::{ rows = rows "file-benchmark" [ "model" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ] ] }, column = "gmacs", everyRow = False }
                  , right = some (cells "file-arch-info" [ "model" ] "gmacs")
                  , tolerance = rounding
                  }
              )
          )
          known.benchmarkGmacs
      , recorded
          ( error "probes-gmacs"
              "gmacs_total over samples_seen of a linear probe is its model's gmacs in arch_info.csv"
              ( Rule.Equal
                  { left = schema.Cells::{ rows = ofProbed "model", column = "gmacs" }
                  , right = some (cells "file-arch-info" [ "model" ] "gmacs")
                  , tolerance = relative 1.0e-9
                  }
              )
          )
          known.probesGmacs
      , recorded
          ( warning "probes-macts"
              "macts of a linear probe is its model's macts in arch_info.csv"
              ( Rule.Equal
                  { left = schema.Cells::{ rows = ofProbed "model", column = "macts" }
                  , right = some (cells "file-arch-info" [ "model" ] "macts")
                  , tolerance = relative 1.0e-9
                  }
              )
          )
          known.probesMacts
      , recorded
          ( error "training-samples"
              "samples_seen of a result is epochs times samples_per_epoch of trained_models_info.csv"
              ( Rule.Equal
                  { left = schema.Cells::{
                    , rows =
                          rows "file-results" [ "name" ]
                        ⫽ { keep =
                            [ keep "downstream_dataset" [ "imagenet1k" ]
                            , keep "upstream_dataset" [ "LAION-80M", "LAION-400M", "LAION-2B" ]
                            ]
                          }
                    , column = "samples_seen"
                    }
                  , right = cells "file-training" [ "name" ] "samples"
                  , tolerance = rounding
                  }
              )
          )
          known.trainingSamples
      , recorded
          ( error "benchmark-samples"
              "samples_seen of a model is the same in both copies of the results"
              (sameAsPaperOnce "samples_seen")
          )
          known.benchmarkSamples
      , recorded
          ( error "benchmark-total"
              "gmacs_total of a model is the same in both copies of the results: Figures 2 and 3 plot the one, Figures 1 and 8 the other"
              (sameAsPaperOnce "gmacs_total")
          )
          known.benchmarkTotal
      , recorded
          ( warning "samples-per-epoch"
              "an epoch of LAION-400M has one number of samples (LAION-2B was resampled in epochs of stated sizes)"
              ( Rule.Constant
                  { rows = rows "file-training" [ "name" ] ⫽ { keep = [ keep "data" [ "80M", "400M" ] ] }
                  , within = [ "data" ]
                  , column = "samples_per_epoch"
                  , tolerance = exact
                  }
              )
          )
          known.samplesPerEpoch
      , error "arch-gmacs" "GMACs are those of the image and the text tower" (archSum "gmacs")
      , error "arch-macts" "activations are those of the image and the text tower" (archSum "macts")
      , error "arch-mparams" "parameters are those of the image and the text tower" (archSum "mparams")
      , recorded
          (note "arch-text" "text towers of equal width and embedding have equal GMACs" (ofTextTower "text_gmacs"))
          known.archText
      ]

let labels =
      [ recorded
          ( warning "label-samples"
              "samples_seen_pretty is samples_seen in rounded billions"
              ( Rule.LabelNumber
                  { rows = ofModels
                  , label = "samples_seen_pretty"
                  , before = ""
                  , after = "B"
                  , unit = 1.0e9
                  , columns = [ "samples_seen" ]
                  , tolerance = within 5.0e8
                  }
              )
          )
          known.labelSamples
      , recorded
          ( warning "label-samples-probes"
              "samples_seen_pretty of a linear probe is samples_seen in rounded billions"
              ( Rule.LabelNumber
                  { rows = ofProbedModels
                  , label = "samples_seen_pretty"
                  , before = ""
                  , after = "B"
                  , unit = 1.0e9
                  , columns = [ "samples_seen" ]
                  , tolerance = within 5.0e8
                  }
              )
          )
          known.labelSamplesProbes
      , recorded
          ( warning "label-batch"
              "bs-…k in a model's name is the whole thousands of gpus times local_bs"
              (inName "_bs-" "k.pt" 1000.0 [ "gpus", "local_bs" ] (within 999.0))
          )
          known.labelBatch
      , recorded
          ( warning "link-batch"
              "-b…K in the linked model card's name is the whole thousands of gpus times local_bs"
              (inLink "-b" "K" 1000.0 [ "gpus", "local_bs" ] (within 999.0))
          )
          known.linkBatch
      , recorded
          ( warning "link-samples"
              "-s…B- in the linked model card's name is the samples seen in rounded billions"
              (inLink "-s" "B-" 1.0e9 [ "samples" ] (within 5.0e8))
          )
          known.linkSamples
      , error "label-rate" "lr-… in a model's name is its learning rate" (inName "_lr-" "_" 1.0 [ "lr" ] rounding)
      , error "label-arch"
          "a model's name has its architecture"
          ( Rule.LabelText
              { rows = rows "file-training" [ "name" ]
              , label = "name"
              , column = "arch"
              , cases =
                [ case "ViT-B-32" "Model-B-32_"
                , case "ViT-B-16" "Model-B-16_"
                , case "ViT-L-14" "Model-L-14_"
                , case "ViT-H-14" "Model-H-14_"
                , case "ViT-g-14" "Model-g-14_"
                ]
              , whole = False
              }
          )
      , error "label-data"
          "a model's name has its data set"
          ( Rule.LabelText
              { rows = rows "file-training" [ "name" ]
              , label = "name"
              , column = "data"
              , cases = [ case "80M" "_Data-80M_", case "400M" "_Data-400M_", case "2B" "_Data-2B_" ]
              , whole = False
              }
          )
      , error "label-nominal"
          "a model's name has its nominal number of samples"
          ( Rule.LabelText
              { rows = rows "file-training" [ "name" ]
              , label = "name"
              , column = "samples_seen_pretty"
              , cases = [ case "3B" "_Samples-3B_", case "13B" "_Samples-13B_", case "34B" "_Samples-34B_" ]
              , whole = False
              }
          )
      , error "label-nominal-results"
          "the nominal number of samples is the same in both tables of the repository"
          ( Rule.Equal
              { left = schema.Cells::{
                , rows =
                      rows "file-results" [ "name" ]
                    ⫽ { keep =
                        [ keep "downstream_dataset" [ "imagenet1k" ]
                        , keep "upstream_dataset" [ "LAION-80M", "LAION-400M", "LAION-2B" ]
                        ]
                      }
                , column = "samples_seen_pretty"
                }
              , right = cells "file-training" [ "name" ] "samples_seen_pretty"
              , tolerance = exact
              }
          )
      , error "label-upstream"
          "a result's data set is the one its model's name has"
          ( Rule.LabelText
              { rows =
                    rows "file-results" resultKey
                  ⫽ { keep = [ keep "upstream_dataset" [ "LAION-80M", "LAION-400M", "LAION-2B" ] ] }
              , label = "name"
              , column = "upstream_dataset"
              , cases = [ case "LAION-80M" "_Data-80M_", case "LAION-400M" "_Data-400M_", case "LAION-2B" "_Data-2B_" ]
              , whole = False
              }
          )
      , recorded
          ( note "label-architecture"
              "arch in openclip_results.csv is the model that model_fullname begins with"
              ( Rule.Equal
                  { left = schema.Cells::{ rows = ofBenchmarked, column = "arch" }
                  , right = schema.Cells::{ rows = ofBenchmarked, column = "model" }
                  , tolerance = exact
                  }
              )
          )
          known.labelArchitecture
      , recorded
          ( note "label-clean"
              "pretrained_clean of a linear probe is the kind of data that upstream_dataset names"
              ( Rule.LabelText
                  { rows = ofProbedModels
                  , label = "pretrained_clean"
                  , column = "upstream_dataset"
                  , cases = [ case "LAION-400M" "LAION", case "LAION-2B" "LAION", case "CLIP-WIT" "CLIP-WIT" ]
                  , whole = True
                  }
              )
          )
          known.labelClean
      , error "upstream-known"
          "upstream_dataset is one of four"
          ( Rule.OneOf
              { rows = rows "file-results" resultKey
              , column = "upstream_dataset"
              , texts = [ "LAION-80M", "LAION-400M", "LAION-2B", "CLIP-WIT" ]
              }
          )
      ]

let counted =
      [ recorded
          ( error "results-counts"
              "accuracy times the size of the test set is a number of images"
              (counts "file-results" resultKey "acc1" "downstream_dataset" testSets 1.0e-4)
          )
          known.resultsCounts
      , recorded
          ( error "results-counts-5"
              "top-5 accuracy times the size of the test set is a number of images"
              (counts "file-results" resultKey "acc5" "downstream_dataset" testSets 1.0e-4)
          )
          known.resultsCounts5
      , error "image-retrieval-counts"
          "image retrieval recall times the captions is a number of captions (binary32 in the file)"
          (counts "file-results" resultKey "image_retrieval_recall@5" "downstream_dataset" imageQueries 5.0e-3)
      , error "text-retrieval-counts"
          "text retrieval recall times the images is a number of images (binary32 in the file)"
          (counts "file-results" resultKey "text_retrieval_recall@5" "downstream_dataset" textQueries 5.0e-3)
      , recorded
          ( error "benchmark-image-counts"
              "image retrieval recall in openclip_results.csv times the captions of the test split is a number of captions"
              (counts "file-benchmark" benchmarkKey "image_retrieval_recall@5" "downstream_dataset" imageQueries 5.0e-3)
          )
          known.benchmarkImageCounts
      , recorded
          ( error "benchmark-text-counts"
              "text retrieval recall in openclip_results.csv times the images of the test split is a number of images"
              (counts "file-benchmark" benchmarkKey "text_retrieval_recall@5" "downstream_dataset" textQueries 5.0e-3)
          )
          known.benchmarkTextCounts
      , error "probes-counts"
          "accuracy of a linear probe times the size of the test set is a number of images"
          (counts "file-probes" probeKey "lp_acc1" "dataset" probeTestSets 1.0e-4)
      , error "curves-counts"
          "accuracy of a learning curve times 50,000 is a number of images"
          ( Rule.Counts
              { rows = rows "file-curves" [ "name", "epoch" ]
              , rate = "imagenet-zeroshot-val-top1"
              , of = schema.SampleCount.Constant 50000
              , slack = 1.0e-4
              }
          )
      , recorded
          ( note "balanced-recall"
              "where every class has as many images, mean per class recall is accuracy"
              ( balanced
                  "file-results"
                  resultKey
                  "downstream_dataset"
                  [ "imagenet1k", "imagenetv2", "vtab/cifar10", "vtab/cifar100", "stl10", "vtab/dtd", "country211" ]
                  "acc1"
                  "mean_per_class_recall"
              )
          )
          known.balancedRecall
      ]

let accuracies =
      [ error "acc1-range" "accuracies are shares" (share (present [ "acc1" ] (rows "file-results" resultKey)) "acc1")
      , error "acc1-acc5"
          "top-1 accuracy is at most top-5 accuracy"
          ( Rule.AtMost
              { rows = present [ "acc1", "acc5" ] (rows "file-results" resultKey), lesser = "acc1", greater = "acc5", slack = 0.0 }
          )
      , error "probes-acc1-acc5"
          "top-1 accuracy of a linear probe is at most its top-5 accuracy"
          ( Rule.AtMost
              { rows = present [ "lp_acc5" ] (rows "file-probes" probeKey), lesser = "lp_acc1", greater = "lp_acc5", slack = 0.0 }
          )
      , error "robustness-mean" "imagenet_robustness is the mean of its five sets" (mean "imagenet_robustness" robustness "acc1")
      , error "vtab-mean" "vtab is the mean of VTAB's 19 tasks" (mean "vtab" vtab "acc1")
      , error "vtab-plus-mean" "vtab+ is the mean of its 35 data sets" (mean "vtab+" vtabPlus "acc1")
      , error "vtab-probes-mean"
          "Figure 3's table is the mean of the best full linear probes of the probed VTAB folder"
          ( Rule.Equal
              { left = cells "file-probes-vtab" [ "model", "pretrained" ] "lp_acc1"
              , right = cells "probes-vtab-mean" [ "model", "pretrained" ] "mean"
              , tolerance = within 1.0e-12
              }
          )
      , recorded
          ( note "benchmark-accuracies"
              "accuracies of a model are the same in both copies of the results"
              (sameAsPaper "acc1")
          )
          known.benchmarkAccuracies
      , recorded
          ( note "benchmark-retrieval"
              "image retrieval recall of a model is the same in both copies of the results"
              (sameAsPaper "image_retrieval_recall@5")
          )
          known.benchmarkRetrieval
      , recorded
          ( warning "benchmark-multilabel"
              "openclip_results.csv has a number for every row: the multi-label row as well"
              ( Rule.NonEmpty
                  { rows = rows "file-benchmark" benchmarkKey ⫽ { keep = [ keep "downstream_dataset" [ "voc2007_multilabel" ] ] }
                  , columns = [ "acc1" ]
                  }
              )
          )
          known.benchmarkMultilabel
      ]

let curves =
      [ error "final-epoch"
          "the learning curves end with the last epoch"
          ( Rule.FinalPoint
              { curve = cells "file-curves" [ "name" ] "epoch", order = "epoch", table = cells "file-training" [ "name" ] "epochs", tolerance = exact }
          )
      , recorded
          ( note "final-top1"
              "the last point of a learning curve is the zero-shot result, within the 0.05 points that two harnesses may differ by"
              ( Rule.FinalPoint
                  { curve = cells "file-curves" [ "name" ] "imagenet-zeroshot-val-top1"
                  , order = "epoch"
                  , table = some (schema.Cells::{ rows = rows "file-results" [ "name" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ], keep "upstream_dataset" [ "LAION-80M", "LAION-400M", "LAION-2B" ] ] }, column = "acc1" })
                  , tolerance = within 5.0e-4
                  }
              )
          )
          known.finalTop1
      , recorded
          ( note "final-top5"
              "the last point of a learning curve has top-5 accuracy, within 0.1 points of the zero-shot result"
              ( Rule.FinalPoint
                  { curve = cells "file-curves" [ "name" ] "imagenet-zeroshot-val-top5"
                  , order = "epoch"
                  , table = some (schema.Cells::{ rows = rows "file-results" [ "name" ] ⫽ { keep = [ keep "downstream_dataset" [ "imagenet1k" ], keep "upstream_dataset" [ "LAION-80M", "LAION-400M", "LAION-2B" ] ] }, column = "acc5" })
                  , tolerance = within 1.0e-3
                  }
              )
          )
          known.finalTop5
      , recorded
          ( warning "curves-collapse"
              "accuracy does not fall by more than five points from an epoch to the next"
              ( Rule.Monotonic
                  { rows = rows "file-curves" [ "name" ]
                  , order = "epoch"
                  , column = "imagenet-zeroshot-val-top1"
                  , direction = schema.Direction.Rising
                  , slack = 5.0e-2
                  }
              )
          )
          known.curvesCollapse
      , error "curves-top1-top5"
          "top-1 accuracy of a learning curve is at most its top-5 accuracy"
          ( Rule.AtMost
              { rows = present [ "imagenet-zeroshot-val-top5" ] (rows "file-curves" [ "name", "epoch" ])
              , lesser = "imagenet-zeroshot-val-top1"
              , greater = "imagenet-zeroshot-val-top5"
              , slack = 0.0
              }
          )
      ]

let scaling =
      [ note "rising-imagenet" "more samples seen do not lower ImageNet accuracy by more than the stated variance of trials (0.1 points)" (rising "imagenet1k" "acc1")
      , note "rising-robustness" "more samples seen do not lower robustness by more than 0.1 points" (rising "imagenet_robustness" "acc1")
      , recorded (note "rising-vtab-plus" "more samples seen do not lower VTAB+ by more than 0.1 points" (rising "vtab+" "acc1")) known.risingVtabPlus
      , note "rising-coco" "more samples seen do not lower image retrieval on MS-COCO by more than 0.1 points" (rising "mscoco_captions" "image_retrieval_recall@5")
      , recorded (note "rising-flickr" "more samples seen do not lower image retrieval on Flickr30K by more than 0.1 points" (rising "flickr30k" "image_retrieval_recall@5")) known.risingFlickr
      , error "shots"
          "more examples a class do not lower the best linear probe"
          ( Rule.Monotonic
              { rows = rows "probes-best" [ "dataset", "model", "pretrained" ] ⫽ { keep = [ keep "dataset" [ "imagenet1k-unverified", "cifar100" ] ] }
              , order = "shots"
              , column = "best"
              , direction = schema.Direction.Rising
              , slack = 0.0
              }
          )
      ]

let training =
      [ error "rate-small-batch"
          "models trained at 5e-4 have global batches of 32 to 79 thousand (paper, section 3)"
          ( Rule.Range
              { rows = rows "file-training" [ "name" ] ⫽ { keep = [ keep "lr" [ "0.0005" ] ] }
              , column = "batch"
              , least = Some 32000.0
              , most = Some 79999.0
              }
          )
      , error "rate-large-batch"
          "models trained at 1e-3 have global batches of 79 to 90 thousand (paper, section 3)"
          ( Rule.Range
              { rows = rows "file-training" [ "name" ] ⫽ { keep = [ keep "lr" [ "0.001" ] ] }
              , column = "batch"
              , least = Some 79000.0
              , most = Some 90999.0
              }
          )
      , error "warm-up"
          "the warm-up is 2,000 or 10,000 steps"
          (Rule.OneOf { rows = rows "file-training" [ "name" ], column = "warmup", texts = [ "2000", "10000" ] })
      , error "link-name"
          "the link of a model ends with its name"
          ( Rule.Equal
              { left = cells "file-training" [ "name" ] "linked"
              , right = cells "file-training" [ "name" ] "name"
              , tolerance = exact
              }
          )
      , error "speed-possible"
          "no GPU does more than the 312 TFLOP/s an A100 can: 6 FLOP a multiply–accumulate, forward and backward"
          ( Rule.Range
              { rows = rows "training-speed" [ "name" ], column = "tflops", least = Some 1.0, most = Some 312.0 }
          )
      , recorded
          ( note "speed-alike"
              "a GPU processes one architecture at one speed, within half"
              ( Rule.Constant
                  { rows = rows "file-training" [ "name" ], within = [ "arch" ], column = "each", tolerance = relative 0.5 }
              )
          )
          known.speedAlike
      , recorded
          ( warning "text-gain"
              "the text's gain from 34B to 68B samples is the difference of the numbers it prints (MS-COCO R@5; Table 1, Figure 8)"
              ( Rule.Sum
                  { rows = rows "printed-gains" [ "model" ]
                  , column = "predicted"
                  , terms = [ "measured", "gain" ]
                  , tolerance = within 6.0e-2
                  }
              )
          )
          known.textGain
      ]

let repeats =
      [ recorded
          ( warning "throughput-repeats"
              "samples_per_sec is measured: two trainings do not share ten digits"
              ( Rule.Repeated
                  { rows = rows "file-training" [ "name" ], within = [] : List Text, columns = [ "samples_per_sec" ], most = 1 }
              )
          )
          known.throughputRepeats
      , recorded
          ( note "results-repeats"
              "two models do not share accuracy and recall on a target to the last digit"
              ( Rule.Repeated
                  { rows = present [ "acc1" ] (rows "file-results" [ "name" ])
                  , within = [ "downstream_dataset" ]
                  , columns = [ "acc1", "mean_per_class_recall" ]
                  , most = 1
                  }
              )
          )
          known.resultsRepeats
      , recorded
          ( note "probes-repeats"
              "no more than three linear probes of a data set share accuracy and recall to the last digit"
              ( Rule.Repeated
                  { rows = rows "file-probes" [ "model", "pretrained", "fewshot_k", "lr", "epochs" ] ⫽ { keep = [ keep "dataset" repeatable ] }
                  , within = [ "dataset" ]
                  , columns = [ "lp_acc1", "lp_mean_per_class_recall" ]
                  , most = 3
                  }
              )
          )
          known.probesRepeats
      , recorded
          ( warning "flowers-shots"
              "Flowers-102 has 10 training images a class: 10-shot and full linear probes train on the same images and agree"
              ( Rule.Equal
                  { left = schema.Cells::{
                    , rows = rows "file-probes" [ "model", "pretrained", "lr", "epochs" ] ⫽ { keep = [ keep "dataset" [ "vtab/flowers" ], keep "fewshot_k" [ "10" ] ] }
                    , column = "lp_acc1"
                    }
                  , right = schema.Cells::{
                    , rows = rows "file-probes" [ "model", "pretrained", "lr", "epochs" ] ⫽ { keep = [ keep "dataset" [ "vtab/flowers" ], keep "fewshot_k" [ "-1" ] ] }
                    , column = "lp_acc1"
                    }
                  , tolerance = exact
                  }
              )
          )
          known.flowersShots
      , recorded
          ( note "probes-edge"
              "the best learning rate of a linear probe lies inside the range tried: at most half of the best runs are at its end"
              ( Rule.Range
                  { rows = rows "probes-rates" [ "lr" ], column = "runs", least = None Double, most = Some 262.0 }
              )
          )
          known.probesEdge
      ]

in  keys # grids # compute # labels # counted # accuracies # curves # scaling # training # repeats
