--| The constants of AdamW as far as they were published.
{ Type =
    { beta1 : Optional Double
    , beta2 : Optional Double
    , epsilon : Optional Double
    , weightDecay : Optional Double
    }
, default =
    { beta1 = None Double, beta2 = None Double, epsilon = None Double, weightDecay = None Double }
}
