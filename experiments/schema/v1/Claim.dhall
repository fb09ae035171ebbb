--| Something that will come out. It is judged from a figure's table and fits; stating another executes nothing.
let Statement = ./Statement.dhall

in  { Type =
        { id : Text  -- unique in the experiment
        , where : Text  -- where it is stated
        , text : Text  -- what it says, for people
        , statement : Statement  -- what it says, to be judged
        , known : Optional Text  -- why it fails, if that is known
        }
    , default = { known = None Text }
    }
