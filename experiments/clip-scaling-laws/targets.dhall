--| The 41 evaluation targets of the authors' table of zero-shot results, and what their tables call them. Two are means:
--| over the five sets of `imagenet_robustness`, and over 19 and 35 sets of `vtab` and `vtab+`.
let Target = { key : Text, dataset : Text, title : Text, measure : Text }

let target =
      λ(measure : Text) →
      λ(key : Text) →
      λ(dataset : Text) →
      λ(title : Text) →
        { key, dataset, title, measure }

let top1 = target "top-1 accuracy"

let recall = target "image recall@5"

let precision = target "mean average precision"

let imagenet
    : Target
    = top1 "imagenet1k" "imagenet1k" "ImageNet"

let headline
    : List Target
    = [ recall "mscoco" "mscoco_captions" "MS-COCO image retrieval"
      , recall "flickr30k" "flickr30k" "Flickr30K image retrieval"
      , top1 "vtab" "vtab" "VTAB, mean of 19"
      , top1 "vtab-plus" "vtab+" "VTAB+, mean of 35"
      , top1 "imagenet-robustness" "imagenet_robustness" "ImageNet robustness, mean of 5"
      ]

let robustness
    : List Target
    = [ top1 "imagenetv2" "imagenetv2" "ImageNet-V2"
      , top1 "imagenet-r" "imagenet-r" "ImageNet-R"
      , top1 "imagenet-sketch" "imagenet_sketch" "ImageNet-Sketch"
      , top1 "objectnet" "objectnet" "ObjectNet"
      , top1 "imagenet-a" "imagenet-a" "ImageNet-A"
      ]

let vtab
    : List Target
    = [ top1 "caltech101" "vtab/caltech101" "Caltech-101"
      , top1 "cifar10" "vtab/cifar10" "CIFAR-10"
      , top1 "cifar100" "vtab/cifar100" "CIFAR-100"
      , top1 "clevr-count" "vtab/clevr_count_all" "CLEVR count"
      , top1 "clevr-distance" "vtab/clevr_closest_object_distance" "CLEVR distance"
      , top1 "diabetic-retinopathy" "vtab/diabetic_retinopathy" "Diabetic retinopathy"
      , top1 "dmlab" "vtab/dmlab" "DMLab"
      , top1 "dsprites-orientation" "vtab/dsprites_label_orientation" "dSprites orientation"
      , top1 "dsprites-position" "vtab/dsprites_label_x_position" "dSprites position"
      , top1 "dtd" "vtab/dtd" "DTD"
      , top1 "eurosat" "vtab/eurosat" "EuroSAT"
      , top1 "flowers" "vtab/flowers" "Flowers"
      , top1 "kitti-distance" "vtab/kitti_closest_vehicle_distance" "KITTI distance"
      , top1 "pcam" "vtab/pcam" "PatchCamelyon"
      , top1 "pets" "vtab/pets" "Pets"
      , top1 "resisc45" "vtab/resisc45" "RESISC45"
      , top1 "smallnorb-azimuth" "vtab/smallnorb_label_azimuth" "SmallNORB azimuth"
      , top1 "smallnorb-elevation" "vtab/smallnorb_label_elevation" "SmallNORB elevation"
      , top1 "svhn" "vtab/svhn" "SVHN"
      ]

let others
    : List Target
    = [ top1 "cars" "cars" "Stanford Cars"
      , top1 "country211" "country211" "Country211"
      , top1 "fer2013" "fer2013" "FER-2013"
      , top1 "fgvc-aircraft" "fgvc_aircraft" "FGVC Aircraft"
      , top1 "gtsrb" "gtsrb" "GTSRB"
      , top1 "mnist" "mnist" "MNIST"
      , top1 "renderedsst2" "renderedsst2" "Rendered SST-2"
      , top1 "stl10" "stl10" "STL-10"
      , top1 "sun397" "sun397" "SUN397"
      , top1 "voc2007" "voc2007" "VOC2007"
      , precision "voc2007-multilabel" "voc2007_multilabel" "VOC2007, many labels"
      ]

let allButImagenet = headline # robustness # vtab # others

let all = [ imagenet ] # allButImagenet

let there_are_41 = assert : List/length Target all ≡ 41

in  { Target, all, imagenet, allButImagenet, robustness, vtab, others }
