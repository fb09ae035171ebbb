--| A figure: a target of the experiment. It can be had from the tables that it states.
let PrintedPanels = ./PrintedPanels.dhall

let RunTable = ./RunTable.dhall

let Depth = ./Depth.dhall

let Panel = ./Panel.dhall

let Claim = ./Claim.dhall

in  { Type =
        { name : Text  -- unique in the experiment
        , title : Text
        , printed : Optional PrintedPanels.Type
        , published : Optional Text  -- the table of its points, made from what was published
        , scratch : Optional RunTable.Type
        , defaultDepth : Depth  -- one of those it can be had from
        , panels : List Panel.Type  -- left to right
        , claims : List Claim.Type
        }
    , default =
        { printed = None PrintedPanels.Type
        , published = None Text
        , scratch = None RunTable.Type
        , defaultDepth = Depth.Scratch
        , claims = [] : List Claim.Type
        }
    }
