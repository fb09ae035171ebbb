--| The activation of a block's perceptron.
< Gelu  -- by the exact error function
| QuickGelu  -- x·σ(1.702 x)
>
