--| What becomes of a text.
{ Type =
    { text : Text
    , gives : Text
    }
, default = {=}
}
