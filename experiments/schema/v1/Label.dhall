--| A text about a run, by name: tables show it, figures select and mark by it.
{ Type =
    { name : Text
    , text : Text
    }
, default = {=}
}
