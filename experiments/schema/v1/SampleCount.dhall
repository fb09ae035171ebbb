--| Of how many samples a rate is a share.
let CountOf = ./CountOf.dhall

in  < Constant : Natural
    | Column : Text
    | ByText : { column : Text, counts : List CountOf.Type }  -- a text that is not listed is a finding
    >
