--| A pair of towers that embed images and texts into one space.
let VisionTower = ./VisionTower.dhall

let TextTower = ./TextTower.dhall

let Activation = ./Activation.dhall

in  { Type =
        { embedDim : Natural
        , vision : VisionTower.Type
        , text : TextTower.Type
        , activation : Activation
        }
    , default = { activation = Activation.Gelu }
    }
