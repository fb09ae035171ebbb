--| A number that an evaluation gives.
< Acc1
| Acc5
| MeanPerClassRecall
| ImageRetrievalRecallAt : Natural  -- text → image
| TextRetrievalRecallAt : Natural  -- image → text
| WeightDecay  -- what a linear probe was trained with
>
