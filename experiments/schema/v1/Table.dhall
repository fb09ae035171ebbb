--| A table: a target of the experiment, and what figures and other tables are made from.
let TableSource = ./TableSource.dhall

let Step = ./Step.dhall

let PrintedColumn = ./PrintedColumn.dhall

let Claim = ./Claim.dhall

in  { Type =
        { name : Text  -- unique in the experiment
        , title : Text
        , from : TableSource
        , steps : List Step  -- one after the other
        , printed : List PrintedColumn.Type
        , claims : List Claim.Type
        }
    , default =
        { steps = [] : List Step, printed = [] : List PrintedColumn.Type, claims = [] : List Claim.Type }
    }
