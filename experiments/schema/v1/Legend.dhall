--| What the legend of a column is called, and the order and spelling of its values. Values that do not occur are left
--| out; those that are not listed follow, by the quantity they end in (34B), else by the smallest x they occur at.
let LegendValue = ./LegendValue.dhall

in  { Type =
        { column : Text
        , title : Text
        , values : List LegendValue.Type
        }
    , default = { values = [] : List LegendValue.Type }
    }
