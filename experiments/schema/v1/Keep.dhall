--| Keeps the rows whose text in a column is one of those listed.
{ Type =
    { column : Text
    , oneOf : List Text
    }
, default = {=}
}
