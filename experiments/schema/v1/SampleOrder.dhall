--| How samples are ordered. Epochs: shards permuted, cut into groups of shuffleShards (0: one group), samples permuted
--| within a group.
< Epochs : { shuffleShards : Natural }
| WithReplacement
>
