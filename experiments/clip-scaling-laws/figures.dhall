--| The figures of arXiv:2212.07143 whose data are public, and one like Fig. 1 for each of the 41 targets.
let schema = ../schema/v1/package.dhall

let steps = ./steps.dhall

let targets = ./targets.dhall

let claims = ./claims.dhall

let runs = ./runs.dhall

let marks = { colour = Some "architecture", marker = Some "data", size = Some "samples" }

-- One look for one value in all figures: what is listed has its place, whether it occurs or not. Fig. 2 and 3 have a model
-- more than the others, hence the last.
let Model = { architecture : Text, model : Text }

let models
    : List Model
    = [ { architecture = "ViT-B-32", model = "B/32" }
      , { architecture = "ViT-B-16", model = "B/16" }
      , { architecture = "ViT-L-14", model = "L/14" }
      , { architecture = "ViT-H-14", model = "H/14" }
      , { architecture = "ViT-g-14", model = "g/14" }
      , { architecture = "ViT-G-14", model = "G/14" }
      , { architecture = "ViT-B-16-plus-240", model = "B/16+ 240" }
      ]

let value = λ(text : Text) → λ(shown : Text) → schema.LegendValue::{ text, shown }

let asTheyAre = steps.map Text schema.LegendValue.Type (λ(text : Text) → value text text)

let legendsOf =
      λ(column : Text) →
      λ(textOf : Model → Text) →
        let shown = λ(m : Model) → value (textOf m) "ViT ${m.model}"

        in  [ schema.Legend::{
              , column
              , title = "Model"
              , values = steps.map Model schema.LegendValue.Type shown models
              }
            , schema.Legend::{
              , column = "data"
              , title = "Data set"
              , values = asTheyAre [ "LAION-80M", "LAION-400M", "LAION-2B", "CLIP-WIT" ]
              }
            , schema.Legend::{
              , column = "samples"
              , title = "Samples seen"
              , values = asTheyAre [ "3B", "13B", "34B", "68B" ]
              }
            ]

let legends = legendsOf "architecture" (λ(m : Model) → m.architecture)

let compute = schema.Axis::{ label = "Total compute (GMACs per sample × samples seen)" }

let binned =
      schema.Fit::{
      , method = schema.FitMethod.BinnedMinimum { bins = 5, marginDecades = 0.1 }
      , interval = Some schema.Interval.default
      }

let leastSquares = schema.Fit::{ method = schema.FitMethod.LeastSquares }

let only = λ(column : Text) → λ(oneOf : List Text) → schema.Keep::{ column, oneOf }

-- The authors' own models, and the three they compare them with.
let openclip = { name = "OpenCLIP", keep = only "data" [ "LAION-80M", "LAION-400M", "LAION-2B" ] }

let openai = { name = "OpenAI CLIP", keep = only "data" [ "CLIP-WIT" ] }

let Models = { name : Text, keep : schema.Keep.Type }

-- The error of some models: one minus a share.
let series =
      λ(models : Models) →
      λ(column : Text) →
      λ(keep : List schema.Keep.Type) →
      λ(fits : List schema.Fit.Type) →
        schema.Series::{
        , name = models.name
        , points = schema.Selection::{
          , x = "gmacs_total"
          , y = column
          , yTransform = schema.Transform.OneMinus
          , keep = [ models.keep ] # keep
          }
        , marks
        , fits
        }

-- How the exponent moves with the number of bins, the margin and where minima stand.
let tried = { sensitivity = Some schema.Sensitivity.default }

let panelOf =
      λ(name : Text) →
      λ(measure : Text) →
      λ(list : List schema.Series.Type) →
        schema.Panel::{
        , name
        , x = compute
        , y = schema.Axis::{ label = "Error (1 − ${measure})" }
        , series = list
        }

-- A panel as in Fig. 1: the minima of five bins for the authors' models, least squares for the three others.
let panel =
      λ(column : Text) →
      λ(name : Text) →
      λ(measure : Text) →
        let all = [] : List schema.Keep.Type

        in  panelOf name measure [ series openclip column all [ binned ] // tried, series openai column all [ leastSquares ] ]

let figure =
      λ(name : Text) →
      λ(title : Text) →
      λ(table : Text) →
      λ(stated : List schema.Claim.Type) →
      λ(panels : List schema.Panel.Type) →
        schema.Figure::{
        , name
        , title
        , legends
        , published = Some table
        , defaultDepth = schema.Depth.Published
        , panels
        , claims = stated
        }

let lineClaim =
      λ(id : Text) →
      λ(series : Text) →
      λ(method : schema.FitNameMethod) →
      λ(text : Text) →
      λ(statement : schema.Quantity.Type → schema.Statement) →
      λ(value : schema.FitName.Type → schema.QuantityValue) →
        schema.Claim::{
        , id
        , where = "Fig. 1a, left"
        , text
        , statement =
            statement schema.Quantity::{ value = value schema.FitName::{ panel = "ImageNet", series, method } }
        }

let asPrinted =
      λ(text : Text) →
      λ(quantity : schema.Quantity.Type) →
        schema.Statement.AsPrinted { quantity, text, unit = schema.Unit.Plain }

-- From accuracies with two decimals: every digit of the fit over 29 models comes out; three points without bins are less
-- forgiving.
let printedClaims =
      let openclip = schema.FitNameMethod.BinnedMinimum

      let clip = schema.FitNameMethod.LeastSquares

      in  [ lineClaim "printed-fig1a-openclip-coefficient" "OpenCLIP" openclip "E = 5.86 · C^-0.11" (asPrinted "5.86") schema.QuantityValue.Coefficient
          , lineClaim "printed-fig1a-openclip-exponent" "OpenCLIP" openclip "E = 5.86 · C^-0.11" (asPrinted "-0.11") schema.QuantityValue.Exponent
          , lineClaim
              "printed-fig1a-clip-coefficient"
              "OpenAI CLIP"
              clip
              "E = 23.18 · C^-0.16, from accuracies rounded to two decimals"
              ( λ(quantity : schema.Quantity.Type) →
                  schema.Statement.Near
                    { quantity, published = 23.18, tolerance = schema.Tolerance.Relative 5.0e-3 }
              )
              schema.QuantityValue.Coefficient
          , lineClaim "printed-fig1a-clip-exponent" "OpenAI CLIP" clip "E = 23.18 · C^-0.16" (asPrinted "-0.16") schema.QuantityValue.Exponent
          ]

let printedImagenet = schema.PrintedPanels::{ table = "imagenet-printed", panels = [ "ImageNet" ] }

-- What it would take to train the authors' 29 models again; the evaluations are those of the targets. The three models
-- of others saw data that nobody else has.
let fromScratch =
      λ(columns : List Text) →
        let measured =
              λ(name : Text) →
                schema.Column::{
                , name
                , value = schema.ColumnValue.Measurement { evaluation = name, metric = schema.Metric.Acc1 }
                }

        let label = λ(name : Text) → schema.Column::{ name, value = schema.ColumnValue.Label name }

        in  Some
              schema.RunTable::{
              , runs = runs.names.openclip
              , columns =
                    [ schema.Column::{ name = "name", value = schema.ColumnValue.RunName }
                    , label "architecture"
                    , label "data"
                    , label "samples"
                    , schema.Column::{ name = "samples_seen", value = schema.ColumnValue.SamplesSeen }
                    , schema.Column::{ name = "gmacs_total", value = schema.ColumnValue.GmacsTotal }
                    ]
                  # steps.map Text schema.Column.Type measured columns
              }

let fig1a =
          figure
            "fig1a"
            "Zero-shot classification against total compute"
            "fig1a-points"
            claims.fig1a
            [ panel "imagenet1k" "ImageNet" "top-1 accuracy"
            , panel "imagenet_robustness" "ImageNet robustness" "top-1 accuracy, mean of 5 sets"
            ]
      //  { printed = Some (printedImagenet // { claims = printedClaims }), scratch = fromScratch [ "imagenet1k", "imagenet_robustness" ] }

let fig1b =
      figure
        "fig1b"
        "Zero-shot image retrieval against total compute"
        "fig1b-points"
        claims.fig1b
        [ panel "mscoco_captions" "MS-COCO" "image recall@5"
        , panel "flickr30k" "Flickr30K" "image recall@5"
        ]

let probe =
      λ(task : Text) →
        let ofTask = [ only "task" [ task ] ]

        in  panelOf
              task
              "top-1 accuracy"
              [ series openclip "value" ofTask [ leastSquares ], series openai "value" ofTask [ leastSquares ] ]

let fig2 =
      figure
        "fig2"
        "Linear probe against total compute"
        "fig2-points"
        claims.fig2
        ( steps.map
            Text
            schema.Panel.Type
            probe
            [ "ImageNet 10-shot"
            , "ImageNet 25-shot"
            , "ImageNet full"
            , "CIFAR-100 10-shot"
            , "CIFAR-100 25-shot"
            , "CIFAR-100 full"
            ]
        )

let fig3 = figure "fig3" "Linear probe on VTAB against total compute" "fig3-points" claims.fig3 [ probe "VTAB" ]

-- The line of Fig. 1, and the best model at each nominal scale beside it.
let predictions =
      let at =
            λ(name : Text) →
            λ(architecture : Text) →
            λ(samples : Text) →
            λ(x : Double) →
              schema.Prediction::{
              , label = "${name}, ${samples}"
              , x
              , method = schema.FitNameMethod.BinnedMinimum
              , row =
                [ schema.Condition::{ column = "architecture", text = architecture }
                , schema.Condition::{ column = "samples", text = samples }
                ]
              }

      -- GMACs of the architectures times nominal numbers of samples, as in the claims.
      in  [ at "g/14" "ViT-g-14" "34B" 9947929328581.44
          , at "H/14" "ViT-H-14" "68B" 13068418957688.64
          , at "g/14" "ViT-g-14" "68B" 19895858657162.88
          , at "G/14" "ViT-G-14" "68B" 36468669586487.04
          ]

let fig8 =
      λ(name : Text) →
      λ(title : Text) →
      λ(panelName : Text) →
      λ(measure : Text) →
      λ(stated : List schema.Claim.Type) →
        let best = openclip // { name = "best at a nominal scale" }

        in  figure
              name
              title
              "${name}-points"
              stated
              [ panelOf
                  panelName
                  measure
                  [ series openclip "value" [ only "kind" [ "trained" ] ] [ binned ] // { predictions }
                  , series best "value" [ only "kind" [ "best" ] ] ([] : List schema.Fit.Type)
                  ]
              ]

let curves =
      schema.Figure::{
      , name = "learning-curves"
      , title = "ImageNet zero-shot accuracy in the course of training"
      , legends = legendsOf "model" (λ(m : Model) → m.model)
      , published = Some "learning-curve-points"
      , defaultDepth = schema.Depth.Published
      , panels =
        [ schema.Panel::{
          , name = "ImageNet"
          , x = schema.Axis::{ label = "Samples seen", logarithmic = False }
          , y = schema.Axis::{ label = "Top-1 accuracy", logarithmic = False }
          , series =
            [ schema.Series::{
              , name = "trainings"
              , points = schema.Selection::{ x = "samples_seen", y = "top1" }
              , marks = schema.Marks::{ colour = Some "model" }
              , joined = Some schema.Joined::{ by = [ "name" ], dash = Some "data" }
              }
            ]
          }
        ]
      }

let ofTarget =
      λ(t : targets.Target) →
        figure "zero-shot-${t.key}" t.title "points-${t.key}" ([] : List schema.Claim.Type) [ panel t.dataset t.title t.measure ]

-- Of the numbers that the paper prints, printed.dhall has those of ImageNet.
let perTarget =
        [ ofTarget targets.imagenet // { printed = Some printedImagenet } ]
      # steps.map targets.Target schema.Figure.Type ofTarget targets.allButImagenet

let figuresOfTargets =
      schema.Group::{
      , name = "zero-shot-all"
      , title = "All 41 targets against total compute, and the table of their exponents"
      , targets =
            steps.map targets.Target Text (λ(t : targets.Target) → "zero-shot-${t.key}") targets.all
          # [ "exponents" ]
      }

let pointsOfTargets =
      schema.Group::{
      , name = "zero-shot-points"
      , title = "The points of those figures"
      , targets = steps.map targets.Target Text (λ(t : targets.Target) → "points-${t.key}") targets.all
      }

in  { figures =
          [ fig1a
          , fig1b
          , fig2
          , fig3
          , fig8 "fig8a" "Extrapolation: ImageNet" "ImageNet" "top-1 accuracy" claims.fig8a
          , fig8 "fig8b" "Extrapolation: MS-COCO" "MS-COCO" "image recall@5" claims.fig8b
          , curves
          ]
        # perTarget
    , groups = [ figuresOfTargets, pointsOfTargets ]
    }
