--| One file by its bytes.
let Source = ./Source.dhall

in  { Type =
        { name : Text  -- for messages, and in a bundled set
        , sha256 : Text  -- 64 lower-case hexadecimal digits
        , bytes : Natural
        , source : Source
        }
    , default = {=}
    }
