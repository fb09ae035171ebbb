--| How a power law is fitted: ordinary least squares on decimal logarithms, over different points.
--|
--| LeastSquares: all of them. BinnedMinimum: bin centres and the smallest y of each of equal bins of log10 x over
--| [min, max + marginDecades], as in arXiv:2212.07143. BinnedMinimumAtPoint: the same minima where they truly lie.
--| ParetoFrontier: the points that no other beats in both x and y, those optimal for their compute.
< LeastSquares
| BinnedMinimum : { bins : Natural, marginDecades : Double }
| BinnedMinimumAtPoint : { bins : Natural, marginDecades : Double }
| ParetoFrontier
>
