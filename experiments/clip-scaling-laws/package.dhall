--| arXiv:2212.07143 from what its authors published: every figure and table whose data are public.
--|
--| The authors' files are pinned by SHA-256 (sources.dhall) and not part of this repository:
--|   ibid reproduce clip-scaling-laws/fig1a --mirror DIR    with a folder that holds them, under any names
--|   ibid reproduce clip-scaling-laws/fig1a --from printed  from the numbers that the paper prints, without them
--|   ibid check clip-scaling-laws --mirror DIR              where those files contradict themselves, each other, the paper
let schema = ../schema/v1/package.dhall

let architectures = ./architectures.dhall

let runs = ./runs.dhall

let tables = ./tables.dhall

let figures = ./figures.dhall

let files = ./check-tables.dhall

let checks = ./checks.dhall

let steps = ./steps.dhall

let nameOf = λ(table : schema.Table.Type) → table.name

let read =
      schema.Group::{
      , name = "check-tables"
      , title = "The authors' files as the checks read them"
      , targets = steps.map schema.Table.Type Text nameOf files
      }

in  schema.Experiment::{
    , title = "Reproducible scaling laws for contrastive language–image learning"
    , citation = Some "Cherti et al., Reproducible scaling laws for contrastive language-image learning, arXiv:2212.07143"
    , architectures = architectures.list
    , publishedRuns = runs.all
    , tables = tables.tables # files
    , figures = figures.figures
    , groups = figures.groups # [ read ]
    , checks
    }
