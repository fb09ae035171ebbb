--| The samples behind a text.
{ Type =
    { text : Text
    , samples : Natural
    }
, default = {=}
}
