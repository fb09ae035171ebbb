--| What the cells of a column hold.
let Metric = ./Metric.dhall

in  < RunName
    | Label : Text  -- the run's label of that name
    | SamplesSeen
    | Seed
    | Parameters  -- of the model
    | MacsPerSample  -- multiply–accumulates of a forward pass of a pair
    | GmacsTotal  -- that, times samples seen, in 10⁹
    | Measurement : { evaluation : Text, metric : Metric }
    >
