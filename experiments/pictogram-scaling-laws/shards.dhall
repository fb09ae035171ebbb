--| What the bundled sets of pictograms consist of, written by `ibid data pin`.
{ version = "1"
, vocabulary =
  { name = "vocabulary.txt"
  , sha256 = "24eb81de02389c3ac64b59815ea97539850e00b7172f24f6b7a14c41bfb5a349"
  , bytes = 44367
  , size = 8127
  }
, classes =
  { emoji1256 =
    { name = "classes.txt"
    , sha256 = "13e87dc40eae8dd80b709e607c64be64ea7e3c4e1ff9466ae44a511c2d7a5980"
    , bytes = 15874
    , count = 1256
    }
  , flags262 =
    { name = "classes.txt"
    , sha256 = "bfaa7edf9a08e5541e354edc72a1f2013654e84f45473aa74076cf01b1ef8c55"
    , bytes = 4111
    , count = 262
    }
  , icon143 =
    { name = "classes.txt"
    , sha256 = "70d89532a7f3c77dc4f3d819ea6d481e820a85b9e145ffbce76fc225682a60bb"
    , bytes = 1141
    , count = 143
    }
  , icon347 =
    { name = "classes.txt"
    , sha256 = "ec89daa8c81ee37d65bdecdaf2e8e47649fa0a25503f5ee146a559497c4fa3c2"
    , bytes = 2881
    , count = 347
    }
  , mono822 =
    { name = "classes.txt"
    , sha256 = "c215103d0c62a47bd2735e8fb7ebe22415dcb226486480ddea05321a0b3e7017"
    , bytes = 11057
    , count = 819
    }
  , tabler41 =
    { name = "classes.txt"
    , sha256 = "0c64bec1695f8b19932938363dddaacc03a1a8809f991bc8fd4b73234cb81a83"
    , bytes = 334
    , count = 41
    }
  , withheld143 =
    { name = "classes.txt"
    , sha256 = "70d89532a7f3c77dc4f3d819ea6d481e820a85b9e145ffbce76fc225682a60bb"
    , bytes = 1141
    , count = 143
    }
  }
, sets =
  { emoji-4k =
    [ { name = "emoji-4k-00000.tar"
      , sha256 = "78c6eb8e88455599977aabda8126effa04a0db183e336e6034afb7a7eed5eb87"
      , bytes = 20253696
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "emoji-4k-00001.tar"
      , sha256 = "498d67138836279c712dd7861c95a1b53e792178956c9dd37be48aa3ff77adf5"
      , bytes = 891904
      , samples = 180
      , skipped = [] : List Text
      }
    ]
  , emoji1256 =
    [ { name = "emoji1256-00000.tar"
      , sha256 = "78209f26f93b9cd3105e50bf80b1805e6e2a5ec4bea5024c534bf1c4c536f44d"
      , bytes = 6368256
      , samples = 1256
      , skipped = [] : List Text
      }
    ]
  , flags262 =
    [ { name = "flags262-00000.tar"
      , sha256 = "df3a9cb8046af58ce939e58ea931590a0ab18037a21a46272d8b7144406744ec"
      , bytes = 1340416
      , samples = 262
      , skipped = [] : List Text
      }
    ]
  , glyphs-2k =
    [ { name = "glyphs-2k-00000.tar"
      , sha256 = "e2262c96d706cdab61f726d80259a6f64932bcdf56994038a4a47d3b83e2890c"
      , bytes = 7568384
      , samples = 2300
      , skipped = [] : List Text
      }
    ]
  , glyphs-36k =
    [ { name = "glyphs-36k-00000.tar"
      , sha256 = "614395a23a91f854311b79b2165f79e745b11ca15883322e28640058c25f398a"
      , bytes = 13474816
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00001.tar"
      , sha256 = "02206ebee991e5aef1535ac5e95ae9b6c887ec62e2c03003e0ef3dfcfa0f831a"
      , bytes = 13452288
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00002.tar"
      , sha256 = "1a0b70afaef57fb9b289167f80ab48e1132d4a186cf9300c684db8fed6c233da"
      , bytes = 13470720
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00003.tar"
      , sha256 = "4c370fe5749049df002450334f89db518593ea1b64c84473890cafe24dc622ff"
      , bytes = 13540352
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00004.tar"
      , sha256 = "7a75488a774d397be54e9d6ce7c49261765f5dd57352d65bd4206a0872ee3d67"
      , bytes = 13487104
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00005.tar"
      , sha256 = "6f1628e2cab604e0614a481c0270bf70c93c404f6f8fd13eb1a295799de2a09f"
      , bytes = 13499392
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00006.tar"
      , sha256 = "ee77c042788054852a1d138538d856bc2978a3960cd548d76bbb9d6bfb988e4e"
      , bytes = 13499392
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00007.tar"
      , sha256 = "3c63e3edd8905b030e40c46fbea1dcd8007a765a353115c279585f451b9891c2"
      , bytes = 13507584
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00008.tar"
      , sha256 = "256efb8993ee72c5e37ec132fedb8e0c2f5c7d472041864cd07588e343941c4e"
      , bytes = 11214848
      , samples = 3407
      , skipped = [] : List Text
      }
    ]
  , glyphs-4k =
    [ { name = "glyphs-4k-00000.tar"
      , sha256 = "614395a23a91f854311b79b2165f79e745b11ca15883322e28640058c25f398a"
      , bytes = 13474816
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-4k-00001.tar"
      , sha256 = "c3e3448f8a3fa475e4d487d6d3088457f6f31fa7194f0259de7f8de8f4134b69"
      , bytes = 596992
      , samples = 180
      , skipped = [] : List Text
      }
    ]
  , glyphs-9k =
    [ { name = "glyphs-9k-00000.tar"
      , sha256 = "614395a23a91f854311b79b2165f79e745b11ca15883322e28640058c25f398a"
      , bytes = 13474816
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-9k-00001.tar"
      , sha256 = "02206ebee991e5aef1535ac5e95ae9b6c887ec62e2c03003e0ef3dfcfa0f831a"
      , bytes = 13452288
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-9k-00002.tar"
      , sha256 = "e4d18bbc439157a7ad098c0aca45680c3f03d8b1729b2233739992f172624b2c"
      , bytes = 2647040
      , samples = 808
      , skipped = [] : List Text
      }
    ]
  , icon143 =
    [ { name = "icon143-00000.tar"
      , sha256 = "b411caedc2075dc8814f83a8cf8f93d41d9aa0882b618795821a2bddcace3588"
      , bytes = 2590720
      , samples = 843
      , skipped = [] : List Text
      }
    ]
  , icon347 =
    [ { name = "icon347-00000.tar"
      , sha256 = "6fe8b8dca393c96e70b15719d76bba067161eaa4b2bec994167e54e3ad2fd61e"
      , bytes = 4040704
      , samples = 1315
      , skipped = [] : List Text
      }
    ]
  , iconoir-1k =
    [ { name = "iconoir-1k-00000.tar"
      , sha256 = "42cf37d3196152fc5606483e2a6fabfbc9148af256001e3f60b0db2f6970a000"
      , bytes = 3073024
      , samples = 1000
      , skipped = [] : List Text
      }
    ]
  , icons-4k =
    [ { name = "icons-4k-00000.tar"
      , sha256 = "cce263f0c0b9725c163fd6a2b0f61ebbca795fa7cbe90fbfee48a5910e65182f"
      , bytes = 12583936
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "icons-4k-00001.tar"
      , sha256 = "23f776dfdc8931720120bc8ad4d2b4754897bc107f9f0604ed3fe3c069e781a2"
      , bytes = 553984
      , samples = 180
      , skipped = [] : List Text
      }
    ]
  , mono822 =
    [ { name = "mono822-00000.tar"
      , sha256 = "2f7afd582104f7b07042c1130fee2613d21b849f9e09e0224a89efdb08b836b9"
      , bytes = 2516992
      , samples = 819
      , skipped = [] : List Text
      }
    ]
  , noto-1k =
    [ { name = "noto-1k-00000.tar"
      , sha256 = "fc0730d2374203b3a7c37d25eabc9def61ff593edbe27419e5cebed33028d8d7"
      , bytes = 5061632
      , samples = 1000
      , skipped = [] : List Text
      }
    ]
  , tabler41 =
    [ { name = "tabler41-00000.tar"
      , sha256 = "e77886153eafa410f259bd4c785e5a6bf13338b411eab7df613a7e6a435aecb3"
      , bytes = 12583936
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "tabler41-00001.tar"
      , sha256 = "e50cd7634f5f7be42e6769dec6c8408829d2aaf01016bdd221c579ddb2c77dbe"
      , bytes = 5595136
      , samples = 1821
      , skipped = [] : List Text
      }
    ]
  , withheld143 =
    [ { name = "withheld143-00000.tar"
      , sha256 = "310534b7404165b11d98a03c29faec8b7da7ff92e131cc8ef1d83e13acaeae21"
      , bytes = 2351104
      , samples = 765
      , skipped = [] : List Text
      }
    ]
  }
}
