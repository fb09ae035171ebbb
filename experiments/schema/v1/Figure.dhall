--| A figure: a target of the experiment. It can be had from the tables that it states.
let PrintedPanels = ./PrintedPanels.dhall

let RunTable = ./RunTable.dhall

let Depth = ./Depth.dhall

let FigureWidth = ./FigureWidth.dhall

let Legend = ./Legend.dhall

let Panel = ./Panel.dhall

let Claim = ./Claim.dhall

in  { Type =
        { name : Text  -- unique in the experiment
        , title : Text  -- above the panels; empty for none
        , caption : Optional Text  -- what it shows: for the report, and for readers who do not see it
        , width : FigureWidth
        , printed : Optional PrintedPanels.Type
        , published : Optional Text  -- the table of its points, made from what was published
        , weights : Optional RunTable.Type  -- of released runs
        , scratch : Optional RunTable.Type  -- of trainings
        , defaultDepth : Depth  -- one of those it can be had from
        , legends : List Legend.Type  -- where a column's own name, texts and order will not do
        , panels : List Panel.Type  -- row by row
        , claims : List Claim.Type
        }
    , default =
        { caption = None Text
        , width = FigureWidth.TwoColumns
        , legends = [] : List Legend.Type
        , printed = None PrintedPanels.Type
        , published = None Text
        , weights = None RunTable.Type
        , scratch = None RunTable.Type
        , defaultDepth = Depth.Scratch
        , claims = [] : List Claim.Type
        }
    }
