--| A finding that is understood: it is still shown, and a run is as recorded only while it occurs.
{ Type =
    { key : List Text  -- what names the finding, text by text
    , column : Text  -- the column it names; several are joined by ", "
    , found : Optional Text  -- what it finds there; None: anything
    , reason : Text
    }
, default = { found = None Text }
}
