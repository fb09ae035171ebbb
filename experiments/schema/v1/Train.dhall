--| A training from initial weights. Model, data, seed and samples seen are always chosen.
let Clip = ./Clip.dhall

let Preprocessing = ./Preprocessing.dhall

let Dataset = ./Dataset.dhall

let Vocabulary = ./Vocabulary.dhall

let AdamW = ./AdamW.dhall

let Schedule = ./Schedule.dhall

let CaptionChoice = ./CaptionChoice.dhall

let SampleOrder = ./SampleOrder.dhall

let RandomResizedCrop = ./RandomResizedCrop.dhall

in  { Type =
        { model : Clip.Type
        , preprocessing : Preprocessing.Type
        , dataset : Dataset.Type
        , vocabulary : Vocabulary.Type
        , seed : Natural  -- of every random stream of the run
        , samplesSeen : Natural  -- counting repeats; a multiple of batchSize
        , batchSize : Natural  -- a multiple of gradientChunk
        , gradientChunk : Natural  -- samples whose gradients are summed first
        , optimizer : AdamW.Type
        , schedule : Schedule.Type
        , logitScaleInit : Double  -- its logarithm; the default is ln(1 ÷ 0.07)
        , visionPositionsStd : Optional Double  -- of their initial values; None is OpenCLIP's, width to the power of −½
        , captions : CaptionChoice
        , order : SampleOrder
        , crop : Optional RandomResizedCrop.Type  -- what a visit sees; None is what an evaluation sees
        , profile : Optional Text  -- bits of one class of GPUs, such as "bf16/sm_90/1"; None is portable
        , checkpointIntervalSteps : Natural  -- 0: none are published
        }
    , default =
        { optimizer = AdamW.default
        , logitScaleInit = 2.659260036932778
        , visionPositionsStd = None Double
        , captions = CaptionChoice.First
        , order = SampleOrder.Epochs { shuffleShards = 0 }
        , crop = None RandomResizedCrop.Type
        , profile = None Text
        , checkpointIntervalSteps = 0
        }
    }
