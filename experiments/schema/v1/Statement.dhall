--| What a claim says of numbers. AsPrinted: rounded to as many decimals as the text has, it gives the text. Descending:
--| each is greater than the one after it.
let Quantity = ./Quantity.dhall

let FitName = ./FitName.dhall

let Unit = ./Unit.dhall

let Tolerance = ./Tolerance.dhall

in  < AsPrinted : { quantity : Quantity.Type, text : Text, unit : Unit }
    | Near : { quantity : Quantity.Type, published : Double, tolerance : Tolerance }
    | AtLeast : { quantity : Quantity.Type, bound : Double }
    | AtMost : { quantity : Quantity.Type, bound : Double }
    | Descending : { quantities : List Quantity.Type }
    | IntervalExcludes : { fit : FitName.Type, value : Double }  -- of the exponent
    >
