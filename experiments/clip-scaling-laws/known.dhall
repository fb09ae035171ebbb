--| The findings of `checks.dhall` that are understood, or at least looked at, with what they come from. A finding is named
--| by what its check names rows by, and by what stands there; "unexplained" is said where the public files do not tell.
let schema = ../schema/v1/package.dhall

let Known = schema.Known.Type

let map =
      λ(a : Type) →
      λ(f : a → Known) →
      λ(list : List a) →
        List/fold a list (List Known) (λ(x : a) → λ(rest : List Known) → [ f x ] # rest) ([] : List Known)

let -- Findings in one column, whatever stands there.
    all =
      λ(column : Text) →
      λ(reason : Text) →
        map (List Text) (λ(key : List Text) → schema.Known::{ key, column, reason })

let Valued = { key : List Text, found : Text }

let -- Findings in one column, by what stands there.
    valued =
      λ(column : Text) →
      λ(reason : Text) →
        map Valued (λ(f : Valued) → schema.Known::{ key = f.key, column, reason, found = Some f.found })

in  { archText =
          valued
          "text_gmacs"
          "ViT-e has another text tower of the same width: 55.08 over 48.96 is 36 layers over 32"
          [ { key = [ "ViT-e-14" ], found = "55.08" }
          , { key = [ "ViT-e-14-336" ], found = "55.08" }
          ]
    , balancedRecall =
          all
          "mean_per_class_recall"
          "accuracy is counted by topk and recall by argmax of half-precision scores: the two break ties differently"
          [ [ "ViT-L-14", "openai", "vtab/dtd" ]
          , [ "ViT-L-14", "openai", "imagenetv2" ]
          , [ "ViT-L-14", "openai", "imagenet1k" ]
          , [ "ViT-L-14", "openai", "stl10" ]
          , [ "ViT-L-14", "openai", "vtab/cifar10" ]
          , [ "ViT-L-14", "openai", "country211" ]
          , [ "ViT-L-14", "openai", "vtab/cifar100" ]
          , [ "ViT-B-16", "openai", "vtab/dtd" ]
          , [ "ViT-B-16", "openai", "imagenetv2" ]
          , [ "ViT-B-16", "openai", "imagenet1k" ]
          , [ "ViT-B-16", "openai", "stl10" ]
          , [ "ViT-B-16", "openai", "vtab/cifar10" ]
          , [ "ViT-B-16", "openai", "country211" ]
          , [ "ViT-B-16", "openai", "vtab/cifar100" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "vtab/cifar100" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "imagenet1k" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "imagenetv2" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "stl10" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "vtab/dtd" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "vtab/cifar10" ]
          , [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "country211" ]
          , [ "ViT-B-32", "openai", "imagenet1k" ]
          , [ "ViT-B-32", "openai", "vtab/cifar10" ]
          , [ "ViT-B-32", "openai", "stl10" ]
          , [ "ViT-B-32", "openai", "vtab/dtd" ]
          , [ "ViT-B-32", "openai", "imagenetv2" ]
          , [ "ViT-B-32", "openai", "vtab/cifar100" ]
          , [ "ViT-B-32", "openai", "country211" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "country211" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "vtab/dtd" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "vtab/cifar100" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "vtab/cifar10" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "imagenet1k" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "vtab/cifar100" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "imagenetv2" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "stl10" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "vtab/dtd" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "vtab/cifar10" ]
          , [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "country211" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "vtab/dtd" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "imagenet1k" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "vtab/cifar100" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "country211" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-13B_lr-1e-3_bs-86k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-13B_lr-1e-3_bs-86k.pt", "imagenetv2" ]
          , [ "ViT-B-32", "Model-B-32_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-34B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-16", "Model-B-16_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-32", "Model-B-32_Data-2B_Samples-13B_lr-5e-4_bs-32k.pt", "imagenetv2" ]
          , [ "ViT-B-32", "Model-B-32_Data-2B_Samples-13B_lr-5e-4_bs-32k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-400M_Samples-34B_lr-1e-3_bs-86k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-400M_Samples-34B_lr-1e-3_bs-86k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-80M_Samples-3B_lr-5e-4_bs-32k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-80M_Samples-3B_lr-5e-4_bs-32k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-L-14", "Model-L-14_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-2B_Samples-13B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-2B_Samples-34B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-16", "Model-B-16_Data-2B_Samples-34B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-32", "Model-B-32_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-32", "Model-B-32_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt", "imagenetv2" ]
          , [ "ViT-B-32", "Model-B-32_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-400M_Samples-34B_lr-5e-4_bs-32k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-400M_Samples-34B_lr-5e-4_bs-32k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-80M_Samples-13B_lr-5e-4_bs-32k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-80M_Samples-13B_lr-5e-4_bs-32k.pt", "imagenetv2" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "country211" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "vtab/cifar10" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "vtab/dtd" ]
          , [ "ViT-L-14", "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "country211" ]
          , [ "ViT-B-16", "Model-B-16_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "vtab/dtd" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenetv2" ]
          , [ "ViT-B-16", "Model-B-16_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "imagenet1k" ]
          , [ "ViT-B-32", "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "imagenetv2" ]
          ]
    , benchmarkAccuracies =
          all
          "acc1"
          "not the same checkpoint, by the samples it saw (check benchmark-samples)"
          [ [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "imagenet_robustness" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab+" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/cifar100" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "imagenet1k" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/pets" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "gtsrb" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/eurosat" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "sun397" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "fer2013" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "voc2007" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "imagenetv2" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "imagenet_sketch" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "renderedsst2" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "stl10" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/smallnorb_label_elevation" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/dsprites_label_orientation" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/caltech101" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "mnist" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "cars" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "imagenet-a" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/dsprites_label_x_position" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/dmlab" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/kitti_closest_vehicle_distance" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/diabetic_retinopathy" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/clevr_count_all" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/resisc45" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/clevr_closest_object_distance" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/svhn" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/pcam" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "imagenet-r" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/flowers" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "objectnet" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/dtd" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/smallnorb_label_azimuth" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "vtab/cifar10" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "country211" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "fgvc_aircraft" ]
          ]
    , benchmarkGmacs =
          valued
          "gmacs"
          "these are the GMACs of ViT-B-16-plus at 224 pixels; at the 240 pixels of this model arch_info.csv has 32.05, so the point is drawn 11 % too far left"
          [ { key = [ "ViT-B-16-plus-240" ], found = "28.41" }
          ]
    , benchmarkImageCounts =
          valued
          "image_retrieval_recall@5"
          "this rate is whole for all 8,091 images of Flickr8k and their 40,455 captions: twelve models were evaluated on the whole data set, the others on its test split of 1,000; they cannot be compared"
          [ { key = [ "ViT-L-14 openai", "flickr8k" ], found = "0.5979236364364624" }
          , { key = [ "ViT-B-16-plus-240 laion400m_e32", "flickr8k" ], found = "0.6441478133201599" }
          , { key = [ "ViT-B-16 openai", "flickr8k" ], found = "0.5640835762023926" }
          , { key = [ "ViT-H-14 laion2b_s32b_b79k", "flickr8k" ], found = "0.745371401309967" }
          , { key = [ "ViT-B-32 laion2b_s34b_b79k", "flickr8k" ], found = "0.6287232637405396" }
          , { key = [ "ViT-B-32 laion2b_e16", "flickr8k" ], found = "0.621826708316803" }
          , { key = [ "ViT-B-32 openai", "flickr8k" ], found = "0.5319737792015076" }
          , { key = [ "ViT-L-14 laion2b_s32b_b82k", "flickr8k" ], found = "0.7120504379272461" }
          , { key = [ "ViT-g-14 laion2b_s12b_b42k", "flickr8k" ], found = "0.7296255230903625" }
          , { key = [ "ViT-B-32-quickgelu laion400m_e32", "flickr8k" ], found = "0.5787171125411987" }
          , { key = [ "ViT-B-16 laion400m_e32", "flickr8k" ], found = "0.6204919219017029" }
          , { key = [ "ViT-L-14 laion400m_e32", "flickr8k" ], found = "0.6753677129745483" }
          ]
    , benchmarkMultilabel =
          all
          "acc1"
          "the file has no column of mean average precision, which is all that is measured there"
          [ [ "ViT-L-14 openai", "voc2007_multilabel" ]
          , [ "ViT-B-16-plus-240 laion400m_e32", "voc2007_multilabel" ]
          , [ "ViT-B-16 openai", "voc2007_multilabel" ]
          , [ "ViT-H-14 laion2b_s32b_b79k", "voc2007_multilabel" ]
          , [ "ViT-B-32 laion2b_s34b_b79k", "voc2007_multilabel" ]
          , [ "ViT-B-32 laion2b_e16", "voc2007_multilabel" ]
          , [ "ViT-B-32 openai", "voc2007_multilabel" ]
          , [ "ViT-L-14 laion2b_s32b_b82k", "voc2007_multilabel" ]
          , [ "ViT-g-14 laion2b_s12b_b42k", "voc2007_multilabel" ]
          , [ "ViT-B-32-quickgelu laion400m_e32", "voc2007_multilabel" ]
          , [ "ViT-B-16 laion400m_e32", "voc2007_multilabel" ]
          , [ "ViT-L-14 laion400m_e32", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-80M_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-L-14 Model-L-14_Data-2B_Samples-13B_lr-1e-3_bs-86k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-400M_Samples-34B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-L-14 Model-L-14_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-2B_Samples-13B_lr-5e-4_bs-32k.pt", "voc2007_multilabel" ]
          , [ "ViT-L-14 Model-L-14_Data-400M_Samples-34B_lr-1e-3_bs-86k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-80M_Samples-3B_lr-5e-4_bs-32k.pt", "voc2007_multilabel" ]
          , [ "ViT-L-14 Model-L-14_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-L-14 Model-L-14_Data-80M_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-L-14 Model-L-14_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-2B_Samples-13B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-2B_Samples-34B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-2B_Samples-3B_lr-5e-4_bs-32k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-400M_Samples-34B_lr-5e-4_bs-32k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-80M_Samples-13B_lr-5e-4_bs-32k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-32 Model-B-32_Data-400M_Samples-3B_lr-5e-4_bs-32k.pt", "voc2007_multilabel" ]
          , [ "ViT-B-16 Model-B-16_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt", "voc2007_multilabel" ]
          ]
    , benchmarkRetrieval =
          valued
          "image_retrieval_recall@5"
          "not the same checkpoint, by the samples it saw (check benchmark-samples)"
          [ { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "mscoco_captions" ], found = "0.654218316078186" }
          , { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32", "flickr30k" ], found = "0.8835999965667725" }
          ]
    , benchmarkSamples =
          valued
          "samples_seen"
          "39,337,362,620 is 290 epochs of 135,646,078, and the training table and Figure 1 have 256: the point of Figures 2 and 3 lies 13.3 % to the right of that of Figures 1 and 8, under one name"
          [ { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32" ], found = "39337362620.0" }
          ]
    , benchmarkTextCounts =
          valued
          "text_retrieval_recall@5"
          "this rate is whole for all 8,091 images of Flickr8k and their 40,455 captions: twelve models were evaluated on the whole data set, the others on its test split of 1,000; they cannot be compared"
          [ { key = [ "ViT-L-14 openai", "flickr8k" ], found = "0.766036331653595" }
          , { key = [ "ViT-B-16-plus-240 laion400m_e32", "flickr8k" ], found = "0.7916203141212463" }
          , { key = [ "ViT-B-16 openai", "flickr8k" ], found = "0.7279693484306335" }
          , { key = [ "ViT-H-14 laion2b_s32b_b79k", "flickr8k" ], found = "0.8561364412307739" }
          , { key = [ "ViT-B-32 laion2b_s34b_b79k", "flickr8k" ], found = "0.7776541709899902" }
          , { key = [ "ViT-B-32 laion2b_e16", "flickr8k" ], found = "0.7605981826782227" }
          , { key = [ "ViT-B-32 openai", "flickr8k" ], found = "0.6991719007492065" }
          , { key = [ "ViT-L-14 laion2b_s32b_b82k", "flickr8k" ], found = "0.8223952651023865" }
          , { key = [ "ViT-B-32-quickgelu laion400m_e32", "flickr8k" ], found = "0.7392163872718811" }
          , { key = [ "ViT-B-16 laion400m_e32", "flickr8k" ], found = "0.7667778730392456" }
          , { key = [ "ViT-L-14 laion400m_e32", "flickr8k" ], found = "0.8063279986381531" }
          ]
    , benchmarkTotal =
          valued
          "gmacs_total"
          "39,337,362,620 is 290 epochs of 135,646,078, and the training table and Figure 1 have 256: the point of Figures 2 and 3 lies 13.3 % to the right of that of Figures 1 and 8, under one name"
          [ { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "ViT-B-32" ], found = "291096483388.0" }
          ]
    , curvesCollapse =
          valued
          "imagenet-zeroshot-val-top1"
          "accuracy is at 0.4 % after this epoch, and recovers in the next ones: a loss spike, or another checkpoint's line; unexplained"
          [ { key = [ "Model-B-16_Data-2B_Samples-3B_lr-1e-3_bs-88k.pt", "4" ], found = "0.00406" }
          ]
        # valued
          "imagenet-zeroshot-val-top1"
          "a loss spike early in training, most likely; the accuracy recovers"
          [ { key = [ "Model-B-16_Data-2B_Samples-34B_lr-1e-3_bs-88k.pt", "29" ], found = "0.43096" }
          , { key = [ "Model-B-16_Data-2B_Samples-34B_lr-1e-3_bs-88k.pt", "39" ], found = "0.51792" }
          , { key = [ "Model-L-14_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt", "10" ], found = "0.25816" }
          , { key = [ "Model-L-14_Data-80M_Samples-3B_lr-1e-3_bs-88k.pt", "4" ], found = "0.08468" }
          , { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "32" ], found = "0.4238" }
          , { key = [ "Model-B-32_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "12" ], found = "0.29096" }
          , { key = [ "Model-B-16_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "37" ], found = "0.418" }
          , { key = [ "Model-B-16_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "42" ], found = "0.48178" }
          , { key = [ "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt", "68" ], found = "0.52118" }
          ]
    , curvesEpochs =
          all
          "epoch"
          "the file lacks these epochs; unexplained (logs of a restarted training, most likely)"
          [ [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "21" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "22" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "23" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "24" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "25" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "26" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "27" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "28" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "29" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "30" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "31" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "32" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "33" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "34" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "35" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "36" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "37" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "38" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "39" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "40" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "41" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "42" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "43" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "44" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "45" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "46" ]
          , [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "47" ]
          , [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt", "1" ]
          , [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "14" ]
          , [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "36" ]
          , [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "47" ]
          , [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "78" ]
          , [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "120" ]
          , [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "121" ]
          , [ "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "55" ]
          , [ "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "66" ]
          ]
    , dhall =
          [] : List Known
    , finalTop1 =
          valued
          "imagenet-zeroshot-val-top1"
          "the training-time evaluator and CLIP_benchmark: other precision and preprocessing code, on the same weights as far as the files say"
          [ { key = [ "Model-B-32_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt" ], found = "0.6328" }
          , { key = [ "Model-L-14_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt" ], found = "0.7298" }
          , { key = [ "Model-B-32_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt" ], found = "0.57046" }
          , { key = [ "Model-B-16_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt" ], found = "0.62562" }
          , { key = [ "Model-B-16_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt" ], found = "0.60292" }
          , { key = [ "Model-B-16_Data-2B_Samples-34B_lr-1e-3_bs-88k.pt" ], found = "0.70144" }
          , { key = [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt" ], found = "0.7526999999999999" }
          , { key = [ "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt" ], found = "0.6707" }
          , { key = [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt" ], found = "0.7792" }
          ]
    , finalTop5 =
          valued
          "imagenet-zeroshot-val-top5"
          "the curve has no top-5 accuracy and four decimals of top-1"
          [ { key = [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt" ], found = "" }
          , { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt" ], found = "" }
          , { key = [ "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt" ], found = "" }
          , { key = [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt" ], found = "" }
          , { key = [ "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt" ], found = "" }
          ]
    , flowersShots =
          valued
          "lp_acc1"
          "the first setting (learning rate 0.1, 10 epochs) ran before the features were cached, which consumes random numbers and gives another order: the other eight settings agree to the last bit"
          [ { key = [ "ViT-B-32", "laion400m_e32", "0.1", "10" ], found = "0.9421044072206863" }
          , { key = [ "ViT-B-32", "openai", "0.1", "10" ], found = "0.9128313546918199" }
          , { key = [ "ViT-B-32", "laion2b_s34b_b79k", "0.1", "10" ], found = "0.9471458773784355" }
          , { key = [ "ViT-B-16", "laion400m_e32", "0.1", "10" ], found = "0.9590177264595869" }
          , { key = [ "ViT-B-16-plus-240", "laion400m_e32", "0.1", "10" ], found = "0.963246056269312" }
          , { key = [ "ViT-B-16", "openai", "0.1", "10" ], found = "0.9482842738656693" }
          , { key = [ "ViT-L-14", "openai", "0.1", "10" ], found = "0.9804846316474224" }
          , { key = [ "ViT-B-32", "laion2b_e16", "0.1", "10" ], found = "0.93885184582859" }
          , { key = [ "ViT-L-14", "laion400m_e32", "0.1", "10" ], found = "0.9795088632297935" }
          , { key = [ "ViT-L-14", "laion2b_s32b_b82k", "0.1", "10" ], found = "0.9850382175963571" }
          , { key = [ "ViT-H-14", "laion2b_s32b_b79k", "0.1", "10" ], found = "0.9887786631972678" }
          , { key = [ "ViT-g-14", "laion2b_s12b_b42k", "0.1", "10" ], found = "0.9853634737355668" }
          ]
    , labelArchitecture =
          valued
          "arch"
          "arch drops the image size, and with it the GMACs of the larger images"
          [ { key = [ "ViT-B-16-plus-240 laion400m_e32" ], found = "ViT-B-16-plus" }
          ]
        # valued
          "arch"
          "the same architecture with another activation"
          [ { key = [ "ViT-B-32-quickgelu laion400m_e32" ], found = "ViT-B-32" }
          ]
    , labelBatch =
          valued
          "name"
          "the batch is 176 · 512 = 90,112: 88 times 1,024, where the other names count in thousands"
          [ { key = [ "Model-B-16_Data-2B_Samples-13B_lr-1e-3_bs-88k.pt" ], found = "Model-B-16_Data-2B_Samples-13B_lr-1e-3_bs-88k.pt" }
          , { key = [ "Model-B-16_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt" ], found = "Model-B-16_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt" }
          , { key = [ "Model-B-16_Data-400M_Samples-34B_lr-1e-3_bs-88k.pt" ], found = "Model-B-16_Data-400M_Samples-34B_lr-1e-3_bs-88k.pt" }
          ]
        # valued
          "name"
          "the batch is 89600: neither thousands nor multiples of 1,024 give the name's number, except by rounding 87.5"
          [ { key = [ "Model-L-14_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt" ], found = "Model-L-14_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt" }
          , { key = [ "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt" ], found = "Model-L-14_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt" }
          ]
    , labelClean =
          valued
          "pretrained_clean"
          "the same data set, spelled CLIP-WiT"
          [ { key = [ "ViT-B-32", "openai" ], found = "CLIP-WiT" }
          , { key = [ "ViT-B-16", "openai" ], found = "CLIP-WiT" }
          , { key = [ "ViT-L-14", "openai" ], found = "CLIP-WiT" }
          ]
    , labelSamples =
          valued
          "samples_seen_pretty"
          "256 epochs of 135,646,078 are 34.7 billion, which round to 35B"
          [ { key = [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt" ], found = "34B" }
          , { key = [ "ViT-B-32", "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt" ], found = "34B" }
          ]
        # valued
          "samples_seen_pretty"
          "L/14 on LAION-2B saw 32.0 billion samples, 6 % fewer than the other 34B models; the model card says s32B"
          [ { key = [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt" ], found = "34B" }
          ]
        # valued
          "samples_seen_pretty"
          "12.2 billion round to 12B; the model card says s12B"
          [ { key = [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt" ], found = "13B" }
          ]
        # valued
          "samples_seen_pretty"
          "6 epochs of 407,332,084 are 2.44 billion, which round to 2B: 4.5 % fewer than the 2.56 billion of the other 3B models"
          [ { key = [ "ViT-B-32", "Model-B-32_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt" ], found = "3B" }
          , { key = [ "ViT-L-14", "Model-L-14_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt" ], found = "3B" }
          , { key = [ "ViT-B-16", "Model-B-16_Data-400M_Samples-3B_lr-1e-3_bs-88k.pt" ], found = "3B" }
          ]
    , labelSamplesProbes =
          valued
          "samples_seen_pretty"
          "39.3 billion are labelled 34B: 290 epochs, where trained_models_info.csv has 256"
          [ { key = [ "ViT-B-32", "laion2b_s34b_b79k" ], found = "34B" }
          ]
        # valued
          "samples_seen_pretty"
          "16 epochs of LAION-2B are 34.7 billion, which round to 35B"
          [ { key = [ "ViT-B-32", "laion2b_e16" ], found = "34B" }
          , { key = [ "ViT-H-14", "laion2b_s32b_b79k" ], found = "34B" }
          ]
        # valued
          "samples_seen_pretty"
          "32.0 billion are labelled 34B; the checkpoint's name says s32b"
          [ { key = [ "ViT-L-14", "laion2b_s32b_b82k" ], found = "34B" }
          ]
        # valued
          "samples_seen_pretty"
          "12.2 billion round to 12B; the checkpoint's name says s12b"
          [ { key = [ "ViT-g-14", "laion2b_s12b_b42k" ], found = "13B" }
          ]
    , linkBatch =
          valued
          "detailed_training_info"
          "the model card says b82K, and 384 GPUs of 224 samples are 86,016; unexplained"
          [ { key = [ "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt" ], found = "https://huggingface.co/laion/CLIP-ViT-L-14-laion2B-s32B-b82K" }
          ]
        # valued
          "detailed_training_info"
          "the model card says b42K, and 800 GPUs of 80 samples are 64,000; unexplained"
          [ { key = [ "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt" ], found = "https://huggingface.co/laion/CLIP-ViT-g-14-laion2B-s12B-b42K" }
          ]
    , linkSamples =
          valued
          "detailed_training_info"
          "the model card says s32B; 256 epochs of 135,646,078 are 34.7 billion"
          [ { key = [ "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt" ], found = "https://huggingface.co/laion/CLIP-ViT-H-14-laion2B-s32B-b79K" }
          ]
    , probedNames =
          valued
          "dataset"
          "imagenet1k through a loader that does not verify the archives"
          [ { key = [ "imagenet1k-unverified" ], found = "imagenet1k-unverified" }
          ]
        # valued
          "dataset"
          "the copy of torchvision, with its own split; vtab/cifar100 is probed as well, and the best accuracies of the two differ"
          [ { key = [ "cifar100" ], found = "cifar100" }
          ]
        # valued
          "dataset"
          "vtab/svhn, misspelled"
          [ { key = [ "vtab_svhn" ], found = "vtab_svhn" }
          ]
    , probesEdge =
          valued
          "runs"
          "most best runs have the largest learning rate of the three, so a larger one might be better yet: linear probe numbers are lower bounds"
          [ { key = [ "0.1" ], found = "416" }
          ]
    , probesGmacs =
          valued
          "gmacs"
          "these are the GMACs of ViT-B-16-plus at 224 pixels; at the 240 pixels of this model arch_info.csv has 32.05, so the point is drawn 11 % too far left"
          [ { key = [ "ViT-B-16-plus-240" ], found = "28.41" }
          ]
    , probesMacts =
          valued
          "macts"
          "macts of the probes is image_macts, without the text tower"
          [ { key = [ "ViT-B-32" ], found = "5.01" }
          , { key = [ "ViT-B-16" ], found = "23.9" }
          , { key = [ "ViT-B-16-plus-240" ], found = "33.08" }
          , { key = [ "ViT-L-14" ], found = "88.79" }
          , { key = [ "ViT-H-14" ], found = "139.41" }
          , { key = [ "ViT-g-14" ], found = "192.64" }
          ]
    , probesRepeats =
          valued
          "lp_acc1, lp_mean_per_class_recall"
          "the probe gives every image the most frequent class: recall is 1 in 5, and accuracy that class's share"
          [ { key = [ "vtab/diabetic_retinopathy", "0.7359503163815327", "0.2" ], found = "0.7359503163815327, 0.2" }
          ]
    , resultsCounts =
          valued
          "acc1"
          "this rate is whole for 6,084 images: seven models were evaluated on another version of Caltech-101 than the other 25"
          [ { key = [ "ViT-L-14", "openai", "vtab/caltech101" ], found = "0.8385930309007232" }
          , { key = [ "ViT-B-16", "openai", "vtab/caltech101" ], found = "0.8254437869822485" }
          , { key = [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "vtab/caltech101" ], found = "0.8504273504273504" }
          , { key = [ "ViT-B-32", "openai", "vtab/caltech101" ], found = "0.819197896120973" }
          , { key = [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "vtab/caltech101" ], found = "0.8504273504273504" }
          , { key = [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "vtab/caltech101" ], found = "0.8522353714661407" }
          , { key = [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "vtab/caltech101" ], found = "0.8353057199211046" }
          ]
    , resultsCounts5 =
          valued
          "acc5"
          "this rate is whole for 6,084 images: seven models were evaluated on another version of Caltech-101 than the other 25"
          [ { key = [ "ViT-L-14", "openai", "vtab/caltech101" ], found = "0.9539776462853384" }
          , { key = [ "ViT-B-16", "openai", "vtab/caltech101" ], found = "0.954963839579224" }
          , { key = [ "ViT-H-14", "Model-H-14_Data-2B_Samples-34B_lr-5e-4_bs-79k.pt", "vtab/caltech101" ], found = "0.953155818540434" }
          , { key = [ "ViT-B-32", "openai", "vtab/caltech101" ], found = "0.9465811965811964" }
          , { key = [ "ViT-L-14", "Model-L-14_Data-2B_Samples-34B_lr-1e-3_bs-86k.pt", "vtab/caltech101" ], found = "0.9681130834976988" }
          , { key = [ "ViT-g-14", "Model-g-14_Data-2B_Samples-13B_lr-5e-4_bs-64k.pt", "vtab/caltech101" ], found = "0.963346482577252" }
          , { key = [ "ViT-B-16", "Model-B-16_Data-400M_Samples-13B_lr-5e-4_bs-33k.pt", "vtab/caltech101" ], found = "0.9546351084812624" }
          ]
    , resultsRepeats =
          valued
          "acc1, mean_per_class_recall"
          "a coincidence: both are 1,046 of 1,880 images in 47 classes of 40"
          [ { key = [ "vtab/dtd", "0.5563829787234043", "0.5563829787234043" ], found = "0.5563829787234043, 0.5563829787234043" }
          ]
    , risingFlickr =
          valued
          "image_retrieval_recall@5"
          "the smaller data sets saturate: 80 and 400 million samples are repeated up to 428 times"
          [ { key = [ "ViT-B-16", "LAION-80M", "34240177620.0" ], found = "0.8438000082969666" }
          ]
    , risingVtabPlus =
          valued
          "acc1"
          "the smaller data sets saturate: 80 and 400 million samples are repeated up to 428 times"
          [ { key = [ "ViT-L-14", "LAION-80M", "34240177620.0" ], found = "0.4570237490199424" }
          , { key = [ "ViT-B-32", "LAION-80M", "34240177620.0" ], found = "0.4209687649695788" }
          ]
    , samplesPerEpoch =
          valued
          "samples_per_epoch"
          "these three trainings count LAION-400M as 413,000,000 samples, the others as 407,332,084"
          [ { key = [ "Model-B-32_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt" ], found = "413000000" }
          , { key = [ "Model-L-14_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt" ], found = "413000000" }
          , { key = [ "Model-L-14_Data-400M_Samples-34B_lr-1e-3_bs-86k.pt" ], found = "413000000" }
          ]
    , speedAlike =
          valued
          "each"
          "unexplained: the files do not say which part of a training was timed, and on what machines"
          [ { key = [ "Model-B-32_Data-400M_Samples-13B_lr-1e-3_bs-86k.pt" ], found = "411.906318828125" }
          , { key = [ "Model-L-14_Data-80M_Samples-13B_lr-1e-3_bs-88k.pt" ], found = "177.62411260000002" }
          , { key = [ "Model-B-32_Data-2B_Samples-34B_lr-1e-3_bs-79k.pt" ], found = "228" }
          , { key = [ "Model-B-32_Data-80M_Samples-34B_lr-1e-3_bs-88k.pt" ], found = "288.6321097383721" }
          ]
    , textGain =
          valued
          "predicted"
          "the text gains 1.60 over 34B, and 75.10 less the 73.4 of Table 1 is 1.7"
          [ { key = [ "H/14" ], found = "75.10" }
          ]
    , throughputRepeats =
          valued
          "samples_per_sec"
          "three trainings of B/32 on 128 GPUs: measured once and copied, most likely"
          [ { key = [ "108844.5704" ], found = "108844.5704" }
          ]
    , trainingSamples =
          valued
          "samples_seen"
          "the result counts 84 epochs of LAION-400M's 407,332,084 samples, trained_models_info.csv 84 epochs of 413,000,000: 1.4 % apart, and so is the point of every figure with learning curves"
          [ { key = [ "Model-L-14_Data-400M_Samples-34B_lr-1e-3_bs-86k.pt" ], found = "34215895056.0" }
          ]
    , vtabMembers =
          valued
          "dataset"
          "the file spells it vtab_svhn"
          [ { key = [ "vtab/svhn" ], found = "" }
          ]
        # valued
          "dataset"
          "the probes leave sun397 out, and Figure 3 averages vtab/cifar10 in its place, which is no VTAB task: 18 of its 19 tasks are VTAB's"
          [ { key = [ "sun397" ], found = "" }
          ]
    }
