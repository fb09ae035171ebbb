--| A training that others did. What they did not publish is None; it can be priced, not executed.
let Label = ./Label.dhall

let Clip = ./Clip.dhall

let Dataset = ./Dataset.dhall

let Schedule = ./Schedule.dhall

in  { Type =
        { name : Text
        , labels : List Label.Type
        , model : Optional Clip.Type
        , samplesSeenNominal : Natural
        , batchSize : Optional Natural
        , seed : Optional Natural
        , dataset : Optional Dataset.Type
        , schedule : Optional Schedule.Type
        }
    , default =
        { labels = [] : List Label.Type
        , model = None Clip.Type
        , batchSize = None Natural
        , seed = None Natural
        , dataset = None Dataset.Type
        , schedule = None Schedule.Type
        }
    }
