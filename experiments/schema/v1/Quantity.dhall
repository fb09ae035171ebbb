--| A number of a figure.
let QuantityValue = ./QuantityValue.dhall

let Transform = ./Transform.dhall

in  { Type =
        { value : QuantityValue
        , transform : Transform  -- before it is compared
        }
    , default = { transform = Transform.Identity }
    }
