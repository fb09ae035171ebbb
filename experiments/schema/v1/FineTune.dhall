--| A trained model's vision tower with a linear layer on its embeddings of length 1, trained end to end on classes.
let AdamW = ./AdamW.dhall

let Classes = ./Classes.dhall

let HeadStart = ./HeadStart.dhall

let Schedule = ./Schedule.dhall

let Shots = ./Shots.dhall

let Split = ./Split.dhall

in  { Type =
        { classes : Classes.Type
        , split : Split
        , shots : Shots
        , seed : Natural  -- of the shots, a random layer and the order
        , head : HeadStart
        , samplesSeen : Natural  -- counting repeats; a multiple of batchSize
        , batchSize : Natural  -- a multiple of gradientChunk
        , gradientChunk : Natural  -- samples whose gradients are summed first
        , optimizer : AdamW.Type
        , schedule : Schedule.Type
        }
    , default = { optimizer = AdamW.default }
    }
