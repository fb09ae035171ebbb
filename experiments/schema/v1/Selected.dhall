--| A column that is kept, under a name.
{ Type =
    { column : Text
    , name : Text
    }
, default = {=}
}
