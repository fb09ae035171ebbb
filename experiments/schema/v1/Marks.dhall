--| Columns that steer how a point looks.
{ Type =
    { colour : Optional Text
    , marker : Optional Text
    , size : Optional Text
    }
, default = { colour = None Text, marker = None Text, size = None Text }
}
