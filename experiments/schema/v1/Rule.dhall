--| What must hold of tables. Numbers are computed in binary64, from left to right; a cell that should hold one and does
--| not is an error, as is a column that is not there. Columns of `within` say which rows belong together; where a rule has
--| none, the key of its rows does.
let Rows = ./Rows.dhall

let Cells = ./Cells.dhall

let GridAxis = ./GridAxis.dhall

let SampleCount = ./SampleCount.dhall

let LabelCase = ./LabelCase.dhall

let Direction = ./Direction.dhall

let Tolerance = ./Tolerance.dhall

in  < UniqueKeys : { rows : Rows.Type }
    | Grid : { rows : Rows.Type, axes : List GridAxis.Type }  -- a row for each combination
    | Sequence : { rows : Rows.Type, column : Text, first : Natural }  -- the integers from there, without a gap
    | Equal : { left : Cells.Type, right : Cells.Type, tolerance : Tolerance }  -- texts that are no numbers: exactly
    | FinalPoint : { curve : Cells.Type, order : Text, table : Cells.Type, tolerance : Tolerance }
    | Product :
        { rows : Rows.Type
        , column : Text
        , constant : Double  -- the first factor
        , factors : List Text
        , divisors : List Text
        , tolerance : Tolerance
        }
    | Sum : { rows : Rows.Type, column : Text, terms : List Text, tolerance : Tolerance }
    | Mean :  -- the row named `total` is the mean of those named as members, as far as these are not empty
        { rows : Rows.Type
        , member : Text  -- the column with those names
        , total : Text
        , members : List Text
        , column : Text
        , tolerance : Tolerance
        }
    | Counts : { rows : Rows.Type, rate : Text, of : SampleCount, slack : Double }  -- rate · samples is a count: an integer from 0 to the samples
    | LabelText :
        { rows : Rows.Type
        , label : Text
        , column : Text
        , cases : List LabelCase.Type  -- a text that is not listed is a finding
        , whole : Bool  -- whether the label is just that, or may say more
        }
    | LabelNumber :  -- the number in the label, times the unit, is the product of the columns
        { rows : Rows.Type
        , label : Text
        , before : Text  -- empty: the number begins the label
        , after : Text  -- empty: it ends the label
        , unit : Double
        , columns : List Text
        , tolerance : Tolerance
        }
    | Range : { rows : Rows.Type, column : Text, least : Optional Double, most : Optional Double }
    | AtMost : { rows : Rows.Type, lesser : Text, greater : Text, slack : Double }
    | Monotonic : { rows : Rows.Type, order : Text, column : Text, direction : Direction, slack : Double }
    | Repeated :  -- no combination of texts stands in more than `most` rows of a group
        { rows : Rows.Type, within : List Text, columns : List Text, most : Natural }
    | Constant : { rows : Rows.Type, within : List Text, column : Text, tolerance : Tolerance }  -- as most of the group
    | OneOf : { rows : Rows.Type, column : Text, texts : List Text }
    | NonEmpty : { rows : Rows.Type, columns : List Text }
    >
