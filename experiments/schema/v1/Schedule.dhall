--| Linear warm-up, then a cosine.
let WarmUp = ./WarmUp.dhall

in  { Type =
        { learningRateMax : Double
        , learningRateFinal : Double  -- what the cosine ends at
        , warmUp : WarmUp
        }
    , default = { learningRateFinal = 0.0 }
    }
