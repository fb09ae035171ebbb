--| A text transformer with pre-norm blocks and causal attention.
let TextPooling = ./TextPooling.dhall

in  { Type =
        { contextLength : Natural  -- tokens, with start, end and padding
        , vocabularySize : Natural  -- that of the vocabulary
        , width : Natural
        , layers : Natural
        , heads : Natural
        , mlpWidth : Natural
        , pooling : TextPooling
        }
    , default = {=}
    }
