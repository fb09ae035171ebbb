--| Two columns whose texts are equal in rows that belong together.
{ Type =
    { left : Text
    , right : Text
    }
, default = {=}
}
