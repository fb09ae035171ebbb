--| Numbers that arXiv:2212.07143 prints: ImageNet zero-shot top-1 accuracy in percent (its table of zero-shot results),
--| GMACs of a pair (its table of architectures), and the samples seen that its hyper-parameters come to.
let rows =
      λ(architecture : Text) →
      λ(gmacs : Text) →
      λ(data : Text) →
      λ(samples : Text) →
      λ(samplesSeen : Text) →
      λ(percent : Text) →
        [ architecture, data, samples, samplesSeen, gmacs, percent ]

let b32 = rows "ViT-B-32" "7.4"

let b16 = rows "ViT-B-16" "20.57"

let l14 = rows "ViT-L-14" "87.73"

let h14 = rows "ViT-H-14" "190.97"

let g14 = rows "ViT-g-14" "290.74"

let imagenet =
      { columns = [ "architecture", "data", "samples", "samples_seen", "gmacs", "percent" ]
      , rows =
        [ b32 "LAION-80M" "3B" "2560013280" "51.94"
        , b32 "LAION-80M" "13B" "12800066400" "56.46"
        , b32 "LAION-80M" "34B" "34240177620" "56.43"
        , b32 "LAION-400M" "3B" "2443992504" "57.12"
        , b32 "LAION-400M" "13B" "13216000000" "63.23"
        , b32 "LAION-400M" "34B" "34215895056" "64.06"
        , b32 "LAION-2B" "3B" "2560013280" "57.36"
        , b32 "LAION-2B" "13B" "13000000000" "62.53"
        , b32 "LAION-2B" "34B" "34725395968" "66.47"
        , b16 "LAION-80M" "3B" "2560013280" "57.55"
        , b16 "LAION-80M" "13B" "13040067645" "60.24"
        , b16 "LAION-80M" "34B" "34240177620" "61.28"
        , b16 "LAION-400M" "3B" "2443992504" "62.68"
        , b16 "LAION-400M" "13B" "13034626688" "67.00"
        , b16 "LAION-400M" "34B" "34215895056" "69.00"
        , b16 "LAION-2B" "3B" "2560013280" "61.82"
        , b16 "LAION-2B" "13B" "13034626670" "68.13"
        , b16 "LAION-2B" "34B" "34215894963" "70.22"
        , l14 "LAION-80M" "3B" "2560013280" "61.14"
        , l14 "LAION-80M" "13B" "13040067645" "63.96"
        , l14 "LAION-80M" "34B" "34240177620" "64.83"
        , l14 "LAION-400M" "3B" "2443992504" "69.31"
        , l14 "LAION-400M" "13B" "13216000000" "73.06"
        , l14 "LAION-400M" "34B" "34692000000" "73.94"
        , l14 "LAION-2B" "3B" "2560013280" "68.93"
        , l14 "LAION-2B" "13B" "12800000000" "73.10"
        , l14 "LAION-2B" "34B" "32000000000" "75.20"
        , h14 "LAION-2B" "34B" "34725395968" "77.97"
        , g14 "LAION-2B" "13B" "12208147020" "76.66"
        , b32 "CLIP-WIT" "13B" "12800000000" "63.33"
        , b16 "CLIP-WIT" "13B" "12800000000" "68.35"
        , l14 "CLIP-WIT" "13B" "12800000000" "75.49"
        ]
      }

-- The scales of Fig. 8, in samples seen: 10⁹; 80,000,415 · 32; 407,332,084 · 32 and · 84; twice the last.
let scales =
      λ(architecture : Text) →
        [ [ architecture, "1B", "1000000000" ]
        , [ architecture, "3B", Natural/show (80000415 * 32) ]
        , [ architecture, "13B", Natural/show (407332084 * 32) ]
        , [ architecture, "34B", Natural/show (407332084 * 84) ]
        , [ architecture, "68B", Natural/show (407332084 * 84 * 2) ]
        ]

let nominal =
      { columns = [ "architecture", "samples", "samples_seen" ]
      , rows =
            scales "ViT-B-32"
          # scales "ViT-B-16"
          # scales "ViT-L-14"
          # scales "ViT-H-14"
          # scales "ViT-g-14"
          # scales "ViT-G-14"
      }

in  { imagenet, nominal }
