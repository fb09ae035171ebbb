--| How a power law is fitted. BinnedMinimum: least squares over bin centres and the smallest y of each of
--| equal bins of log10 x over [min, max + marginDecades], as in arXiv:2212.07143.
< LeastSquares
| BinnedMinimum : { bins : Natural, marginDecades : Double }
>
