--| Joins the points of a series to curves, by ascending x: a curve for each combination of texts in `by`. Its colour is
--| steered by the series' marks; its points are drawn too where a column steers their marker or size.
{ Type =
    { by : List Text  -- columns that tell one curve from another
    , dash : Optional Text  -- the column that steers dashes
    }
, default = { dash = None Text }
}
