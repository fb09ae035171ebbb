--| Rows typed in the experiment: a number printed in a work is a fact, and can stand here with its source beside it.
{ Type =
    { columns : List Text
    , rows : List (List Text)  -- a cell a column, each
    }
, default = {=}
}
