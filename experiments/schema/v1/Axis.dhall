--| An axis.
{ Type =
    { label : Text  -- unit included
    , logarithmic : Bool
    }
, default = { logarithmic = True }
}
