--| Cherti et al., Reproducible scaling laws for contrastive language-image learning: its 29 trainings and the three
--| models it compares them with.
let schema = ../schema/v1/package.dhall

let architectures = ./architectures.dhall

let runs = ./runs.dhall

in  schema.Experiment::{
    , title = "Reproducible scaling laws for contrastive language–image learning"
    , citation = Some "Cherti et al., arXiv:2212.07143"
    , architectures = architectures.list
    , publishedRuns = runs.all
    }
