--| What the bundled sets of pictograms consist of, written by `ibid data pin`.
{ version = "1"
, vocabulary =
  { name = "vocabulary.txt"
  , sha256 = "6255d9264ff6d75cfb0bd787c55c105096787dbd5408278a6161e34992161c22"
  , bytes = 44378
  , size = 8129
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
      , sha256 = "dcf003028e5257f4bdc9974245c93b7b566e771429fb8ca340019810786c5540"
      , bytes = 7576576
      , samples = 2300
      , skipped = [] : List Text
      }
    ]
  , glyphs-36k =
    [ { name = "glyphs-36k-00000.tar"
      , sha256 = "cbe26a7487851af38c7822881d16a40664fdf273ba85294cf607b9e463fb7eb5"
      , bytes = 13487104
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00001.tar"
      , sha256 = "cb607ab5cbf90cc87ecae2d8e6683da0a506f7aa08ea57e4a345bbbe9a6bda44"
      , bytes = 13452288
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00002.tar"
      , sha256 = "6c8c8485e941a1881775f102faa3c9a8f2ec4ef5f4b6727c7068c2a70099b8be"
      , bytes = 13497344
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00003.tar"
      , sha256 = "869e434fe5e916d0d28c26e25ffb1e97be297c6893e4d2a8732ac15cd57413da"
      , bytes = 13530112
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00004.tar"
      , sha256 = "fc0a6df0b3aaf1e907bde91ab1c315ca6e0e3930ca75f157ef4e5b05c660bd01"
      , bytes = 13483008
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00005.tar"
      , sha256 = "25f6094bb439d1918b8f852957eba6af019f947ad3a84c2461a45619be7f2104"
      , bytes = 13495296
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00006.tar"
      , sha256 = "4a3c18fa6c946fdcf01a86d20e9e23081f180390f4875bc693f36306bb756e6e"
      , bytes = 13499392
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00007.tar"
      , sha256 = "74553d26395d0e49b32a9b4477108404701e0173bb9060aeefac97dc9345a877"
      , bytes = 13493248
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-36k-00008.tar"
      , sha256 = "4abf787463e05807b5ee0e0a3ffa7baeeac1ef625a6eb738533809a38ca18b28"
      , bytes = 11205632
      , samples = 3406
      , skipped = [] : List Text
      }
    ]
  , glyphs-4k =
    [ { name = "glyphs-4k-00000.tar"
      , sha256 = "cbe26a7487851af38c7822881d16a40664fdf273ba85294cf607b9e463fb7eb5"
      , bytes = 13487104
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-4k-00001.tar"
      , sha256 = "5364b2245b74aac20e737529209bc6f48380117e354265ea260ef834ec0bf281"
      , bytes = 596992
      , samples = 180
      , skipped = [] : List Text
      }
    ]
  , glyphs-9k =
    [ { name = "glyphs-9k-00000.tar"
      , sha256 = "cbe26a7487851af38c7822881d16a40664fdf273ba85294cf607b9e463fb7eb5"
      , bytes = 13487104
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-9k-00001.tar"
      , sha256 = "cb607ab5cbf90cc87ecae2d8e6683da0a506f7aa08ea57e4a345bbbe9a6bda44"
      , bytes = 13452288
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "glyphs-9k-00002.tar"
      , sha256 = "1efb8341862579dbb5c9562faee72ddf34d8ccf8b181d9712398e1405df0a6ee"
      , bytes = 2657280
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
      , sha256 = "9f31ee648727ea8954ab45381031562ed1b8a1257911c3e817dd63250605a39b"
      , bytes = 12583936
      , samples = 4096
      , skipped = [] : List Text
      }
    , { name = "icons-4k-00001.tar"
      , sha256 = "65911d57339a02d9f26138daecde9a7d63c5ea58b51348af7d74c2e4f4fac959"
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
      , sha256 = "14b3418ce590e6b46d18c96948ce24156e2fc274fef04f5de199bd57e3204acc"
      , bytes = 2354176
      , samples = 766
      , skipped = [] : List Text
      }
    ]
  }
}
