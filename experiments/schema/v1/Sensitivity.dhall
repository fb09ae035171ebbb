--| How the exponent of a series moves with the choices behind it: binned minima at bin centres and where they truly lie,
--| for every number of bins and every margin, beside all points and the Pareto frontier (sensitivity.csv).
{ Type =
    { binsMin : Natural
    , binsMax : Natural
    , marginsDecades : List Double
    }
, default = { binsMin = 3, binsMax = 12, marginsDecades = [ 0.0, 0.05, 0.1, 0.2, 0.5 ] }
}
