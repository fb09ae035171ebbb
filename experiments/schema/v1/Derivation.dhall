--| What the cells of a new column hold. Numbers are binary64; sums and products are taken from left to right; where a
--| number that enters is an empty cell, the result is empty.
let Operand = ./Operand.dhall

let TextPart = ./TextPart.dhall

let Case = ./Case.dhall

let Rounding = ./Rounding.dhall

in  < Number : Double
    | Text : Text
    | Sum : List Operand
    | Product : List Operand
    | Difference : { minuend : Operand, subtrahend : Operand }
    | Quotient : { numerator : Operand, denominator : Operand }
    | Absolute : Text
    | Log10 : Text
    | Power10 : Text  -- 10 to the power of the column
    | Rounded : { column : Text, rounding : Rounding }
    | Joined : List TextPart
    | Between : { column : Text, after : Text, before : Text }  -- an empty piece: from the start, to the end
    | Choice : { column : Text, cases : List Case.Type, otherwise : Optional Text }  -- None: the text itself
    | FirstNonEmpty : List Text
    >
