--| The authors' files, by their bytes. None of them is part of this repository: they are found by digest, below a folder
--| that `--mirror` names, or in the commits that are named here.
let schema = ../schema/v1/package.dhall

let pinned =
      λ(url : Text) →
      λ(rev : Text) →
      λ(folder : Text) →
      λ(name : Text) →
      λ(bytes : Natural) →
      λ(sha256 : Text) →
        schema.PinnedFile::{
        , name
        , sha256
        , bytes
        , source = schema.Source.Git { url, rev, path = "${folder}${name}" }
        }

let scalingLaws =
      pinned
        "https://github.com/LAION-AI/scaling-laws-openclip"
        "652b1e7471f7ccf372277f67cb680de5c9fa139d"
        ""

let clipBenchmark =
      pinned
        "https://github.com/LAION-AI/CLIP_benchmark"
        "48de38c1689fa6d8b4dd53e3370c669c3bb18117"

in  { zeroShotResults =
        scalingLaws
          "zeroshot_results.csv"
          252620
          "a04786cfcde5d47436c8ddbca0f0bdbb39cc584c0d0776b4f99145ae430a6568"
    , trainedModels =
        scalingLaws
          "trained_models_info.csv"
          6832
          "6b084d4895ed83c0dc38a8f166b6164e1a70d0bcc42c75e2aae51a86bf9f678d"
    , architectures =
        scalingLaws
          "arch_info.csv"
          2430
          "44189a6d88685eb70a632fcf0db20e9944e7277d58c0a2d343ee9d9d6d5bcc08"
    , learningCurves =
        scalingLaws
          "imagenet_zeroshot_learning_curves.csv"
          225133
          "1ac37cafcf49b7d15c14e1f6d351bcc6d0933ffa357dda4038c43129ba9c86db"
    , linearProbe =
        clipBenchmark
          "probe_benchmark/"
          "scaling_experiment_data2.json"
          2409408
          "b4e7740c39cf09945f9a7c7968c752d489f6b25b1b3688c2a32ceece0c0e10b9"
    , linearProbeVtab =
        clipBenchmark
          "probe_benchmark/"
          "scaling_experiment_data_vtab.json"
          2584
          "dc2552b8185acce5ede880818114bb479553a2fdfe845a71662981178a0bd9e9"
    , benchmarkResults =
        clipBenchmark
          "probe_benchmark/"
          "openclip_results.csv"
          274303
          "f7f0fa01d7a4857f3b352fc8e1313fa63031089de92b7cdb65425677d46016f6"
    }
