--| Rows of a figure's table, and which of their columns are x and y.
let Transform = ./Transform.dhall

let Keep = ./Keep.dhall

in  { Type =
        { x : Text
        , y : Text
        , yTransform : Transform
        , keep : List Keep.Type  -- a row must meet all of them
        }
    , default = { yTransform = Transform.Identity, keep = [] : List Keep.Type }
    }
