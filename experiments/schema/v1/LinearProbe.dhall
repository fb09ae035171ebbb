--| A linear layer with bias on frozen image embeddings of length 1, trained by AdamW with a cosine without warm-up, as
--| CLIP_benchmark does. What decides the number is always chosen; the defaults are CLIP_benchmark's constants.
let Classes = ./Classes.dhall

let Split = ./Split.dhall

let Shots = ./Shots.dhall

let WeightDecay = ./WeightDecay.dhall

in  { Type =
        { classes : Classes.Type
        , split : Split
        , shots : Shots
        , seed : Natural  -- of the shots, the validation split, the initial weights and the order
        , weightDecay : WeightDecay  -- of weights and biases
        , learningRate : Double  -- before the first step; the cosine ends at 0
        , epochs : Natural
        , batchSize : Natural  -- the last batch of an epoch may be smaller
        , beta1 : Double
        , beta2 : Double
        , epsilon : Double
        }
    , default = { batchSize = 256, beta1 = 0.9, beta2 = 0.999, epsilon = 1.0e-8 }
    }
