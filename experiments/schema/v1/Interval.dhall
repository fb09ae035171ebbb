--| The interval of a fitted exponent: a percentile bootstrap over points.
{ Type =
    { level : Double  -- 0.95: 95 %
    , resamples : Natural
    , seed : Natural
    }
, default = { level = 0.95, resamples = 1000, seed = 0 }
}
