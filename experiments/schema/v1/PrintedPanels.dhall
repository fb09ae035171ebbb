--| The panels of a figure whose numbers a work prints, and the table of those numbers.
{ Type =
    { table : Text
    , panels : List Text
    }
, default = {=}
}
