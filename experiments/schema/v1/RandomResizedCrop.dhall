--| A random rectangle of an image at each visit, resized to the square; the default is OpenCLIP's.
{ Type =
    { areaMin : Double  -- shares of the image's area
    , areaMax : Double
    , ratioMin : Double  -- width to height
    , ratioMax : Double
    }
, default =
    { areaMin = 0.9
    , areaMax = 1.0
    , ratioMin = 0.75
    , ratioMax = 1.3333333333333333
    }
}
