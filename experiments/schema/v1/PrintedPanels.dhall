--| The panels of a figure whose numbers a work prints, and the table of those numbers. The figure's own claims are about
--| unrounded numbers; these are about what comes of the printed ones.
let Claim = ./Claim.dhall

in  { Type =
        { table : Text
        , panels : List Text
        , claims : List Claim.Type
        }
    , default = { claims = [] : List Claim.Type }
    }
