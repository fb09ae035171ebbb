--| A column that spans a grid.
{ Type =
    { column : Text
    , texts : List Text  -- none: those that the rows have
    }
, default = { texts = [] : List Text }
}
