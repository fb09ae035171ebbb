--| What a label says where another column has a text.
{ Type =
    { text : Text
    , label : Text
    }
, default = {=}
}
