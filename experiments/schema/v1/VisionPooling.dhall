--| How the tokens of an image become one vector.
< Mean  -- over patches
| ClassToken  -- a learned token in front
>
