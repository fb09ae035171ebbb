--| A step from a table to the next. A table is ordered; steps that do not say otherwise keep the order of rows.
let Keep = ./Keep.dhall

let Derived = ./Derived.dhall

let Aggregated = ./Aggregated.dhall

let JoinKey = ./JoinKey.dhall

let Unmatched = ./Unmatched.dhall

let SortKey = ./SortKey.dhall

let Selected = ./Selected.dhall

in  < Keep : Keep.Type  -- rows whose text in a column is one of those listed
    | Drop : Keep.Type  -- and the others
    | Within : { column : Text, least : Double, most : Double }  -- rows whose number lies there, both included
    | Derive : Derived.Type
    | Aggregate : { by : List Text, columns : List Aggregated.Type }  -- a row a group, in the order of first rows
    | Join : { table : Text, on : List JoinKey.Type, take : List Selected.Type, unmatched : Unmatched }
    | Union : Text  -- the rows of another table with the same columns
    | Pivot : { keys : List Text, column : Text, value : Text, texts : List Text }  -- a column for each of the texts
    | Sort : List SortKey.Type
    | Select : List Selected.Type
    >
