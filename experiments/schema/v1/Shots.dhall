--| How many samples of each class a classifier learns from, drawn by the stream "few-shot".
< PerClass : Natural  -- a class that has fewer is an error
| UpTo : Natural  -- all of a class that has fewer
| Full  -- all
>
