--| One measurement of a trained model.
let Dataset = ./Dataset.dhall

let Task = ./Task.dhall

in  { Type =
        { name : Text  -- unique in its run
        , dataset : Dataset.Type
        , task : Task
        }
    , default = {=}
    }
