--| Weights that others released.
{ Type =
    { url : Text
    , sha256 : Optional Text  -- 64 lower-case hexadecimal digits
    , bytes : Optional Natural
    }
, default = { sha256 = None Text, bytes = None Natural }
}
