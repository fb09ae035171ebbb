--| AdamW with the constants of OpenCLIP; nothing is clipped unless asked for.
{ Type =
    { beta1 : Double
    , beta2 : Double
    , epsilon : Double
    , weightDecay : Double  -- of matrices and embeddings
    , decayPositions : Bool  -- learned positions too
    , gradientClipNorm : Optional Double
    }
, default =
    { beta1 = 0.9
    , beta2 = 0.98
    , epsilon = 1.0e-6
    , weightDecay = 0.2
    , decayPositions = True
    , gradientClipNorm = None Double
    }
}
