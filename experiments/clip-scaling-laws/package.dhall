--| arXiv:2212.07143 from what its authors published: every figure and table whose data are public.
--|
--| The authors' files are pinned by SHA-256 (sources.dhall) and not part of this repository:
--|   ibid reproduce clip-scaling-laws/fig1a --mirror DIR    with a folder that holds them, under any names
--|   ibid reproduce clip-scaling-laws/fig1a --from printed  from the numbers that the paper prints, without them
let schema = ../schema/v1/package.dhall

let architectures = ./architectures.dhall

let runs = ./runs.dhall

let tables = ./tables.dhall

let figures = ./figures.dhall

in  schema.Experiment::{
    , title = "Reproducible scaling laws for contrastive language–image learning"
    , citation = Some "Cherti et al., Reproducible scaling laws for contrastive language-image learning, arXiv:2212.07143"
    , architectures = architectures.list
    , publishedRuns = runs.all
    , tables = tables.tables
    , figures = figures.figures
    , groups = figures.groups
    }
