--| How a value of a column is spelled in a figure.
{ Type =
    { text : Text  -- in the table
    , shown : Text  -- in the figure
    }
, default = {=}
}
