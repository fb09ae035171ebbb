--| One condition on a row: its text in a column.
{ Type =
    { column : Text
    , text : Text
    }
, default = {=}
}
