--| The method of a fitted line, without its settings.
< LeastSquares
| BinnedMinimum
| BinnedMinimumAtPoint
| ParetoFrontier
>
