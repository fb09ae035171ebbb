--| A tar file of samples.
{ Type =
    { name : Text  -- one path component, unique in its data set
    , sha256 : Text
    , bytes : Natural
    , samples : Natural  -- those that can be read
    , skipped : List Text  -- keys of members that cannot
    }
, default = { skipped = [] : List Text }
}
