--| What the bundled sets of pictograms consist of, written by `ibid data pin`.
{ version = "1"
, vocabulary =
  { name = "vocabulary.txt"
  , sha256 = "2c7aed032938ed79df29c8b01c886397457e3109cb35c689d2789800091a6d9e"
  , bytes = 1
  , size = 1003
  }
, classes =
  { icon143 =
    { name = "classes.txt"
    , sha256 = "b0df2311ab843166110cbf3d685888e5d6f0920f3d1725cd0e0beb4651d87fb7"
    , bytes = 1
    , count = 143
    }
  }
, sets =
  { glyphs-2k =
    [ { name = "000000.tar"
      , sha256 = "6f04c7918a3f6dbd0eb24a2e18a945a46eea7a3a80f3b493870143552a314ce2"
      , bytes = 1
      , samples = 2300
      , skipped = [] : List Text
      }
    ]
  , glyphs-36k =
    [ { name = "000000.tar"
      , sha256 = "6b4cb4e783c18b2c9efca4fe33cfb1d98f0c19516d8cc2d4d5be9f1fc1acd3e1"
      , bytes = 1
      , samples = 36000
      , skipped = [] : List Text
      }
    ]
  , glyphs-9k =
    [ { name = "000000.tar"
      , sha256 = "052cf4b057a415914e5b4e934ba9f972b9dcf048c7a7038efbf4daa8e060edf0"
      , bytes = 1
      , samples = 9000
      , skipped = [] : List Text
      }
    ]
  , icon143 =
    [ { name = "000000.tar"
      , sha256 = "3272cbc005e1d1bd631fa54785aaa2c6ed7c3d07660ee85ccd66a808576eedc5"
      , bytes = 1
      , samples = 840
      , skipped = [] : List Text
      }
    ]
  , iconoir-1k =
    [ { name = "000000.tar"
      , sha256 = "891866998a6a83d1031fe3009131c5aea8b49557b74f05d379093c2ebc006e03"
      , bytes = 1
      , samples = 1000
      , skipped = [] : List Text
      }
    ]
  }
}
