--| The length of a warm-up.
< Steps : Natural
| Percent : { percent : Natural, stepsMin : Natural, stepsMax : Natural }  -- of all steps, rounded down, within bounds
>
