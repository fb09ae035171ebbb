--| Targets under one name.
{ Type =
    { name : Text  -- unique in the experiment
    , title : Text
    , targets : List Text
    }
, default = {=}
}
