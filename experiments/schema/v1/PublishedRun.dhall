--| A training that others did. What they did not publish is None: `show` lists it as unknown. It can be priced, not
--| executed; a training whose every pin is known is a Run.
let Label = ./Label.dhall

let Clip = ./Clip.dhall

let PublishedDataset = ./PublishedDataset.dhall

let Vocabulary = ./Vocabulary.dhall

let Preprocessing = ./Preprocessing.dhall

let Precision = ./Precision.dhall

let PublishedAdamW = ./PublishedAdamW.dhall

let Schedule = ./Schedule.dhall

let SampleOrder = ./SampleOrder.dhall

let PublishedWeights = ./PublishedWeights.dhall

in  { Type =
        { name : Text  -- unique in the experiment
        , labels : List Label.Type
        , model : Optional Clip.Type
        , dataset : Optional PublishedDataset.Type
        , vocabulary : Optional Vocabulary.Type
        , preprocessing : Optional Preprocessing.Type
        , samplesSeenNominal : Natural  -- as its name says it: 34 billion
        , epochs : Optional Natural
        , samplesPerEpoch : Optional Natural  -- times epochs: the samples it saw
        , batchSize : Optional Natural  -- of all GPUs together
        , batchSizePerGpu : Optional Natural
        , gpus : Optional Natural
        , samplesPerSecond : Optional Double  -- of all GPUs together
        , seed : Optional Natural
        , precision : Optional Precision
        , optimizer : PublishedAdamW.Type
        , schedule : Optional Schedule.Type
        , order : Optional SampleOrder
        , commit : Optional Text  -- of the program that trained it
        , weights : Optional PublishedWeights.Type
        }
    , default =
        { labels = [] : List Label.Type
        , model = None Clip.Type
        , dataset = None PublishedDataset.Type
        , vocabulary = None Vocabulary.Type
        , preprocessing = None Preprocessing.Type
        , epochs = None Natural
        , samplesPerEpoch = None Natural
        , batchSize = None Natural
        , batchSizePerGpu = None Natural
        , gpus = None Natural
        , samplesPerSecond = None Double
        , seed = None Natural
        , precision = None Precision
        , optimizer = PublishedAdamW.default
        , schedule = None Schedule.Type
        , order = None SampleOrder
        , commit = None Text
        , weights = None PublishedWeights.Type
        }
    }
