--| Something that must hold of tables. The checks of an experiment are its target `checks`; a finding that is not known
--| ends `reproduce` and `check` with exit code 1.
let Severity = ./Severity.dhall

let Rule = ./Rule.dhall

let Known = ./Known.dhall

in  { Type =
        { id : Text  -- unique in the experiment
        , text : Text  -- what is checked, and where it comes from
        , severity : Severity
        , rule : Rule
        , known : List Known.Type
        }
    , default = { known = [] : List Known.Type }
    }
