--| The 29 trainings of arXiv:2212.07143 and the three models of arXiv:2103.00020 that it compares them with, as far as
--| they are public.
--|
--| Sizes, epochs, GPUs, throughput, learning rate and warm-up are rows of the authors' `trained_models_info.csv`
--| (LAION-AI/scaling-laws-openclip at 652b1e7); `epochs` are theirs, and no pass over the data where they resampled it.
--| β and ε are what the training program sets for a vision transformer unless told otherwise (open_clip at 60534f4,
--| `params.py`), the cosine ends at 0 (`scheduler.py`), the preprocessing is that of the released weights. Unknown, and
--| left None: seeds; precision (the program's default is fp16 mixed, its documentation names bf16 for large models);
--| weight decay (0.2 is the default, 0.1 in the documented command); the revision that ran; the digests of the shards;
--| the order of samples (shuffled epochs or resampling); size and digest of the weights.
let schema = ../schema/v1/package.dhall

let architectures = ./architectures.dhall

let models = architectures.models

let label = λ(name : Text) → λ(text : Text) → schema.Label::{ name, text }

let vocabulary =
      schema.Vocabulary::{
      , file = schema.PinnedFile::{
        , name = "bpe_simple_vocab_16e6.txt.gz"
        , sha256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
        , bytes = 1356917
        , source =
            schema.Source.Git
              { url = "https://github.com/mlfoundations/open_clip"
              , rev = "60534f4774b11a2532536f3f264a666f11fbb6b6"
              , path = "src/open_clip/bpe_simple_vocab_16e6.txt.gz"
              }
        }
      , size = 49408
      }

let Data = { key : Text, dataset : schema.PublishedDataset.Type }

let laion =
      λ(key : Text) →
      λ(samples : Natural) →
        { key, dataset = schema.PublishedDataset::{ name = "LAION-${key}", samples = Some samples } }

let laion80M = laion "80M" 80000415

let laion400M = laion "400M" 407332084

let laion2B = laion "2B" 2170337258

let Model = { key : Text, architecture : Text, clip : schema.Clip.Type }

let b32 = { key = "B-32", architecture = "ViT-B-32", clip = models.ViT-B-32 }

let b16 = { key = "B-16", architecture = "ViT-B-16", clip = models.ViT-B-16 }

let l14 = { key = "L-14", architecture = "ViT-L-14", clip = models.ViT-L-14 }

let h14 = { key = "H-14", architecture = "ViT-H-14", clip = models.ViT-H-14 }

let g14 = { key = "g-14", architecture = "ViT-g-14", clip = models.ViT-g-14 }

let Rate = { key : Text, value : Double }

let rate1e-3 = { key = "1e-3", value = 1.0e-3 }

let rate5e-4 = { key = "5e-4", value = 5.0e-4 }

let billion = 1000000000

let labels =
      λ(architecture : Text) →
      λ(data : Text) →
      λ(samples : Text) →
        [ label "architecture" architecture, label "data" data, label "samples" samples ]

-- What all of them share, so far as it is known.
let known =
      schema.PublishedRun::{
      , name = ""
      , samplesSeenNominal = 0
      , vocabulary = Some vocabulary
      , preprocessing = Some schema.Preprocessing.default
      , optimizer = schema.PublishedAdamW::{ beta1 = Some 0.9, beta2 = Some 0.98, epsilon = Some 1.0e-6 }
      }

-- Samples seen in 10⁹ by name, epochs, samples of an epoch; GPUs, pairs of a step on each, the batch in their name;
-- pairs a second; learning rate, warm-up steps.
let run =
      λ(model : Model) →
      λ(data : Data) →
      λ(billions : Natural) →
      λ(epochs : Natural) →
      λ(samplesPerEpoch : Natural) →
      λ(gpus : Natural) →
      λ(batchSizePerGpu : Natural) →
      λ(batch : Text) →
      λ(samplesPerSecond : Double) →
      λ(rate : Rate) →
      λ(warmUp : Natural) →
        let samples = "${Natural/show billions}B"

        let name = "Model-${model.key}_Data-${data.key}_Samples-${samples}_lr-${rate.key}_bs-${batch}"

        in  known
          //  { name
              , labels =
                    labels model.architecture data.dataset.name samples
                  # [ label "file" "${name}.pt" ]
              , model = Some model.clip
              , dataset = Some data.dataset
              , samplesSeenNominal = billions * billion
              , epochs = Some epochs
              , samplesPerEpoch = Some samplesPerEpoch
              , batchSize = Some (gpus * batchSizePerGpu)
              , batchSizePerGpu = Some batchSizePerGpu
              , gpus = Some gpus
              , samplesPerSecond = Some samplesPerSecond
              , schedule = Some schema.Schedule::{
                , learningRateMax = rate.value
                , warmUp = schema.WarmUp.Steps warmUp
                }
              , weights = Some schema.PublishedWeights::{
                , url = "https://huggingface.co/laion/scaling-laws-openclip/resolve/main/${name}.pt"
                }
              }

-- Its released weights expect images in [−1, 1].
let inception = { preprocessing = Some schema.Preprocessing::{ mean = [ 0.5, 0.5, 0.5 ], std = [ 0.5, 0.5, 0.5 ] } }

let openclip =
      [ run b32 laion80M 3 32 80000415 128 256 "32k" 108844.5704 rate5e-4 2000
      , run b32 laion80M 13 160 80000415 128 256 "32k" 108844.5704 rate5e-4 2000
      , run b32 laion80M 34 428 80000415 344 256 "88k" 99289.44575 rate1e-3 10000
      , run b32 laion400M 3 6 407332084 344 256 "88k" 219759.0125 rate1e-3 10000
      , run b32 laion400M 13 32 413000000 128 672 "86k" 52724.00881 rate1e-3 2000
      , run b32 laion400M 34 84 407332084 128 256 "32k" 108844.5704 rate5e-4 2000
      , run b32 laion2B 3 12 213334440 344 256 "88k" 218174.3316 rate1e-3 10000
      , run b32 laion2B 13 65 200000000 128 256 "32k" 93294.30008 rate5e-4 2000
      , run b32 laion2B 34 256 135646078 824 96 "79k" 187872.0 rate1e-3 2000
      , run b16 laion80M 3 32 80000415 344 256 "88k" 128758.0639 rate1e-3 10000
      , run b16 laion80M 13 163 80000415 176 512 "88k" 50927.5668 rate1e-3 10000
      , run b16 laion80M 34 428 80000415 344 256 "88k" 136146.6806 rate1e-3 10000
      , run b16 laion400M 3 6 407332084 344 256 "88k" 136370.9084 rate1e-3 10000
      , run b16 laion400M 13 32 407332084 176 192 "33k" 59356.0 rate5e-4 10000
      , run b16 laion400M 34 84 407332084 176 512 "88k" 64314.37834 rate1e-3 10000
      , run b16 laion2B 3 12 213334440 344 256 "88k" 134239.8261 rate1e-3 10000
      , run b16 laion2B 13 65 200532718 176 512 "88k" 54580.6237 rate1e-3 10000
      , run b16 laion2B 34 171 200092953 344 256 "88k" 78356.07648 rate1e-3 10000
      , run l14 laion80M 3 32 80000415 396 224 "88k" 38878.74478 rate1e-3 10000
      , run l14 laion80M 13 163 80000415 200 448 "88k" 35524.82252 rate1e-3 10000
      , run l14 laion80M 34 428 80000415 400 224 "88k" 41970.05536 rate1e-3 10000
      , run l14 laion400M 3 6 407332084 396 224 "88k" 40026.59493 rate1e-3 10000
      , run l14 laion400M 13 32 413000000 768 112 "86k" 60327.90558 rate1e-3 2000
      , run l14 laion400M 34 84 413000000 1024 84 "86k" 79116.28421 rate1e-3 10000
      , run l14 laion2B 3 12 213334440 396 224 "88k" 39913.2071 rate1e-3 10000
      , run l14 laion2B 13 64 200000000 1024 84 "86k" 67928.46915 rate1e-3 10000
      , run l14 laion2B 34 160 200000000 384 224 "86k" 27861.91926 rate1e-3 10000 // inception
      , run h14 laion2B 34 256 135646078 824 96 "79k" 34608.0 rate5e-4 2000
      , run g14 laion2B 13 90 135646078 800 80 "64k" 24800.0 rate5e-4 2000
      ]

let wit = schema.PublishedDataset::{ name = "WIT", samples = Some 400000000 }

-- arXiv:2103.00020, tables 18 and 20: batch, epochs, constants, learning rates; section 2.5: 400 million pairs, mixed
-- precision, 256 GPUs for the largest vision transformer. The file names of the weights hold their SHA-256.
let openai =
      λ(model : Model) →
      λ(gpus : Optional Natural) →
      λ(learningRateMax : Double) →
      λ(sha256 : Text) →
          known
        //  { name = "openai-${model.architecture}"
            , labels = labels model.architecture "CLIP-WIT" "13B" # [ label "file" "openai" ]
            , model = Some (architectures.quickGelu model.clip)
            , dataset = Some wit
            , samplesSeenNominal = 12800000000
            , epochs = Some 32
            , samplesPerEpoch = Some 400000000
            , batchSize = Some 32768
            , gpus
            , precision = Some schema.Precision.AmpFloat16
            , optimizer = known.optimizer // { weightDecay = Some 0.2 }
            , schedule = Some schema.Schedule::{
              , learningRateMax
              , warmUp = schema.WarmUp.Steps 2000
              }
            , weights = Some schema.PublishedWeights::{
              , url = "https://openaipublic.azureedge.net/clip/models/${sha256}/${model.architecture}.pt"
              , sha256 = Some sha256
              }
            }

let openaiRuns =
      [ openai b32 (None Natural) 5.0e-4 "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
      , openai b16 (None Natural) 5.0e-4 "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"
      , openai l14 (Some 256) 4.0e-4 "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"
      ]

let names =
      λ(runs : List schema.PublishedRun.Type) →
        List/fold
          schema.PublishedRun.Type
          runs
          (List Text)
          (λ(run : schema.PublishedRun.Type) → λ(rest : List Text) → [ run.name ] # rest)
          ([] : List Text)

in  { openclip, openai = openaiRuns, all = openclip # openaiRuns, names = { openclip = names openclip, openai = names openaiRuns } }
