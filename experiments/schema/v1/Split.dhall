--| Which samples a classifier learns from, and which it is measured on.
--|
--| Apart: it learns from these data sets, one after the other, and is measured on all of the evaluation's. Within: the
--| evaluation's data set is cut: of each class of n samples, n · testPercent div 100 are measured on, drawn by the stream
--| "test split" of this seed; it learns from the others.
let Dataset = ./Dataset.dhall

in  < Apart : { train : List Dataset.Type }
    | Within : { testPercent : Natural, seed : Natural }
    >
