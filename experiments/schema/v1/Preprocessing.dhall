--| (u ÷ 255 − mean) ÷ std, three numbers each: red, green, blue. The default is OpenAI's.
{ Type =
    { mean : List Double
    , std : List Double
    }
, default =
    { mean = [ 0.48145466, 0.4578275, 0.40821073 ]
    , std = [ 0.26862954, 0.26130258, 0.27577711 ]
    }
}
